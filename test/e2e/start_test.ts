/** `npm start`, from the first line that it prints to the last process that it leaves: none. */

import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { DevProcess, isAlive } from "../harness/dev_process.ts";
import { freeBasePort, isFree } from "../harness/ports.ts";
import { type OnceAnswer, requestOnce } from "../harness/http_once.ts";
import { runtimeName } from "../harness/runtime.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const launcher = join(root, "bin/skein.mjs");

/** What package.json and deno.json say behind the set-up of the dependencies. */
function startLine(): string {
  const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"));
  const line: string = runtimeName === "bun"
    ? read("package.json").scripts.start
    : read("deno.json").tasks.start;
  return line.split("&&").at(-1)?.trim() ?? "";
}

describe(`a local cluster on ${runtimeName}`, { timeout: 240_000 }, () => {
  let folder: TempDir;
  let base: number;
  let dev: DevProcess | undefined;

  beforeEach(async () => {
    folder = makeTempDir("start");
    base = await freeBasePort();
  });
  afterEach(async () => {
    await dev?.kill();
    dev = undefined;
    folder.remove();
  });

  function start(how: "launcher" | "start line", words: readonly string[] = []): DevProcess {
    const dataDir = join(folder.path, "data");
    const options = ["--base-port", String(base), "--data-dir", dataDir, ...words];
    const path = [join(root, "node_modules/.bin"), process.env["PATH"] ?? ""].join(delimiter);
    dev = new DevProcess({
      command: how === "launcher"
        ? ["node", launcher, "dev", ...options]
        : ["sh", "-c", `${startLine()} ${options.join(" ")}`],
      cwd: root,
      dataDir,
      basePort: base,
      env: { PATH: path, SKEIN_RUNTIME: runtimeName },
    });
    return dev;
  }

  /** Asks again as long as the answer says that this may help: an election takes its time. */
  let asked = 0;

  async function ask(node: number, more: string, body?: string): Promise<string> {
    const method = body === undefined ? "GET" : "PUT";
    const url = `http://127.0.0.1:${base + 10 * (node - 1)}/v1/kv/${more}`;
    const sent = { method, url, withinMs: 60_000 };
    // Who asks again after a connection broke to a leader that was killed may not write twice.
    const headers = { "Idempotency-Key": `ask-${++asked}` };
    const answer: OnceAnswer = await until(async () => {
      const last = await requestOnce(body === undefined ? sent : { ...sent, body, headers });
      const isOpen = /"retryable":true|"outcome":"unknown"/;
      return !(last.kind === "answered" && isOpen.test(last.body)) && last;
    }, { what: `an answer of node ${node} that is final` });
    assert.equal(answer.kind, "answered", JSON.stringify(answer));
    return answer.kind === "answered" ? `${answer.status} ${answer.body}` : "";
  }

  async function leavesNothing(running: DevProcess, pids: readonly number[]): Promise<void> {
    await until(() => pids.every((pid) => !isAlive(pid)), { what: "the end of every node" });
    for (const node of [1, 2, 3]) {
      assert.equal(running.pid(node), undefined, "a pid file is left");
      assert.equal(await isFree(base + 10 * (node - 1)), true);
    }
  }

  const pidsOf = (running: DevProcess): readonly number[] =>
    [1, 2, 3].flatMap((node) => running.pid(node) ?? []);

  it("says where it is and when it is ready; what one node takes, all serve", async () => {
    const running = start("launcher");
    await running.says("Ready.");
    for (const node of [1, 2, 3]) assert.ok(running.said.includes(running.url(node)), running.said);
    assert.match(await ask(1, "a", "hello"), /^201 /);
    for (const node of [1, 2, 3]) {
      assert.equal(await ask(node, "a"), "200 hello");
      // The read before it has brought the node so far.
      assert.equal(await ask(node, "a?consistency=eventual"), "200 hello");
    }

    const pids = pidsOf(running);
    assert.equal(pids.length, 3);
    process.kill(pids[1]!, "SIGKILL");
    await running.says("node 2 ended with SIGKILL; it stays down");
    assert.match(await ask(1, "a", "again"), /^200 /);
    assert.equal(await ask(3, "a"), "200 again");

    await running.interrupt();
    assert.deepEqual(running.ended, { code: 0, signal: null });
    await leavesNothing(running, pids);
  });

  it("starts a killed node again with --restart, and keeps the data of earlier runs", async () => {
    const first = start("start line", ["--restart"]);
    await first.says("Ready.");
    assert.match(await ask(2, "a", "kept"), /^201 /);
    const before = first.pid(1) ?? 0;
    process.kill(before, "SIGKILL");
    await first.says("node 1 ended with SIGKILL; restarting");
    await first.says("node 1 is ready again");
    assert.notEqual(first.pid(1), before);
    assert.equal(await ask(1, "a"), "200 kept");
    const pids = pidsOf(first);
    await first.interrupt();
    await leavesNothing(first, pids);

    const second = start("start line");
    await second.says("Ready.");
    assert.equal(await ask(3, "a"), "200 kept");
    await second.interrupt();
  });

  it("names a busy port and starts nothing", async () => {
    const busy = createServer().listen(base + 10, "127.0.0.1");
    await until(() => busy.listening, { what: "the busy port" });
    const running = start("launcher");
    await until(() => running.ended, { what: "its end" });
    busy.close();
    assert.equal(running.ended?.code, 1);
    assert.equal(
      running.said,
      `error: Port ${base + 10} (REST of node 2) cannot be used: the address is in use; ` +
        "choose other ports with --base-port\n",
    );
    assert.equal(running.pid(1), undefined);
  });
});
