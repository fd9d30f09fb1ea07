import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ErrorLines } from "../../../src/cli/error_lines.ts";
import { lossyText } from "../../../src/lib/bytes.ts";
import { scriptCommand, start } from "../../harness/child.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

/** Takes what it is told to, a few bytes at a time. */
class Pipe {
  readonly #chunks: string[] = [];
  failure: string | undefined;

  get text(): string {
    return this.#chunks.join("");
  }

  readonly write = (bytes: Uint8Array): number => {
    if (this.failure !== undefined) {
      throw Object.assign(new Error(this.failure), { code: this.failure });
    }
    const taken = bytes.subarray(0, 3);
    this.#chunks.push(lossyText(taken));
    return taken.length;
  };
}

/** The reader of standard error of a command reads nothing before standard input says so. */
const pipeline = `exec 3>&1 4<&0
"$@" 2>&1 1>&3 </dev/null | { read -r word <&4; echo "$(wc -l) lines" >&3; }`;

describe("lines to standard error", () => {
  it("are written whole, however little is taken at once", () => {
    const pipe = new Pipe();
    const lines = new ErrorLines(pipe.write);
    lines.say("one");
    lines.say("another");
    assert.equal(pipe.text, "one\nanother\n");
  });

  it("are lost where nobody takes them, and come again when somebody does", () => {
    for (const failure of ["EPIPE", "ENOSPC", "EIO"]) {
      const pipe = new Pipe();
      const lines = new ErrorLines(pipe.write);
      pipe.failure = failure;
      lines.say("lost");
      pipe.failure = undefined;
      lines.say("heard");
      assert.equal(pipe.text, "heard\n");
    }
  });

  it("wait in order for a pipe that is full, up to a bound", async () => {
    const pipe = new Pipe();
    const lines = new ErrorLines(pipe.write);
    pipe.failure = "EAGAIN";
    const long = "x".repeat(600 * 1024);
    for (const line of [`1${long}`, `2${long}`, `3${long}`]) lines.say(line);
    pipe.failure = undefined;
    await until(() => pipe.text.length > 2 * long.length, { what: "the rest to be written" });
    lines.say("4");
    assert.equal(pipe.text, `1${long}\n2${long}\n4\n`);
  });

  it("hold nothing up where the reader of a pipe stands still", { timeout: 60_000 }, async () => {
    const program = fileURLToPath(new URL("programs/warnings.ts", import.meta.url));
    // A pipe of the shell: what runtimes make for their children are sockets.
    const shell = start(["sh", "-c", pipeline, "sh", ...scriptCommand(program)]);
    assert.ok(shell.stdout && shell.stdin);
    const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "going on");
    shell.stdin.end("read on\n");
    assert.equal((await lines.next()).value, "300 lines");
  });
});
