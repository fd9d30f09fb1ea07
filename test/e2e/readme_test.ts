/**
 * The README, walked from top to bottom as a stranger would: its shell lines run as they stand
 * there, but for the ports, and the program is not looked up by npx. What each of them must answer
 * stands here; a line that is new there has to be new here.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { programEnvironment } from "../harness/environment.ts";
import { DevProcess } from "../harness/dev_process.ts";
import { freeBasePort } from "../harness/ports.ts";
import { runtimeName } from "../harness/runtime.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const launcher = join(root, "bin/skein.mjs");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The insides of the README's fenced blocks of a language, in their order. */
function blocks(language: string): readonly string[] {
  const found = readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"));
  return [...found].map(([, inside = ""]) => inside);
}

/** Each line between `npm start` and `npm test`, and what it must print. */
const walk: readonly (readonly [RegExp, RegExp])[] = [
  [/^curl -i -X PUT .*hello /, /^HTTP\/1\.1 201 Created\r$[^]*^ETag: "2"\r$[^]*"revision":2/im],
  [/^curl http\S+:7420\S+greeting$/, /^hello$/],
  [/consistency=eventual"$/, /^HTTP\/1\.1 200[^]*^KV-Staleness-Ms: \d+\r$[^]*hello$/im],
  [/If-Match: "2"/, /^HTTP\/1\.1 200 OK\r$[^]*^ETag: "3"\r$/im],
  [/prefix=gr"$/, /^\{"items":\[\{"key":"greeting","value":"hi",.*"mod":3,/],
  [/v1\/cluster$/, /"leader":\{"id":[123],.*"lag_ms":/],
  [/ skein put colour blue$/, /^created at revision 4\n$/],
  [/ skein get colour$/, /^blue$/],
  [/ skein status$/, /^cluster +skein-dev\n[^]*\nleader +node [123]\n/],
  [/ skein --help$/, /^skein: .*\n[^]*\nExit codes: /],
  [/^kill -9 \$\(cat skein-dev\/node-1\/pid\)$/, /^$/],
  [/^curl -i -X PUT .*hey .*:7410/, /^HTTP\/1\.1 200 OK\r$[^]*"revision":[56]/im],
  [/^curl http\S+:7420\S+greeting$/, /^hey$/],
  [/ skein status --endpoints \S+:7410$/, /\n1 +- +voter +false /],
];

/** Of a node of one's own: it is started by other tests, with files of their own. */
const notWalked =
  /^(?:npm (?:start|test)|npx --no-install skein (?:start --config node|member remove).*)$/;

const needed = ["curl", "node", "sh"].filter((name) =>
  spawnSync(name, name === "sh" ? ["-c", ":"] : ["--version"]).status !== 0
);
const skip = needed.length === 0 ? false : `there is no ${needed.join(", ")} here`;

describe(`the README on ${runtimeName}`, { skip, timeout: 240_000 }, () => {
  let folder: TempDir;
  let base = 0;
  let dev: DevProcess | undefined;

  before(async () => {
    folder = makeTempDir("readme");
    base = await freeBasePort();
    dev = new DevProcess({
      command: ["node", launcher, "dev", "--base-port", String(base)],
      cwd: folder.path,
      dataDir: join(folder.path, "skein-dev"),
      basePort: base,
      env: { SKEIN_RUNTIME: runtimeName },
    });
    await dev.says("Ready.");
  });
  after(async () => {
    await dev?.interrupt();
    folder.remove();
  });

  const lines = blocks("sh").join("").split("\n").filter((line) =>
    line !== "" && !line.startsWith("#") && !notWalked.test(line)
  );

  function run(line: string): { readonly out: string; readonly errors: string } {
    const here = line
      .replace(/127\.0\.0\.1:74(\d\d)/g, (_, offset) => `127.0.0.1:${base + Number(offset)}`)
      .replace("npx --no-install skein", `node ${launcher}`);
    const { stdout, stderr } = spawnSync("sh", ["-c", here], {
      cwd: folder.path,
      encoding: "utf8",
      timeout: 60_000,
      // In the place of the port that the command line asks unless told otherwise.
      env: {
        ...programEnvironment(),
        SKEIN_RUNTIME: runtimeName,
        SKEIN_ENDPOINTS: `127.0.0.1:${base}`,
      },
    });
    return { out: stdout, errors: stderr };
  }

  it("says what its lines do, from the first to the last", async () => {
    assert.equal(lines.length, walk.length, lines.join("\n"));
    for (const [at, [line, answer]] of walk.entries()) {
      assert.match(lines[at] ?? "", line);
      // That a node is gone is told as soon as it has not been heard of for a while.
      const isAnswered = (): boolean => answer.test(run(lines[at] ?? "").out);
      if (line.source.includes("status --endpoints")) {
        await until(isAnswered, { what: "node 1 to be seen as gone", everyMs: 200 });
        continue;
      }
      const { out, errors } = await until(() => {
        const said = run(lines[at] ?? "");
        // The election after node 1 is gone may take longer than a request waits, and what was
        // under way to a leader that was killed may have been done or not.
        return !/"retryable":true|"outcome":"unknown"/.test(said.out) && said;
      }, { what: "an answer" });
      assert.match(out, answer, `${lines[at]}\n${out}\n${errors}`);
    }
    const isTold = (): boolean => /^node 1 ended with SIGKILL/m.test(dev?.said ?? "");
    await until(isTold, { what: "the end of node 1 to be told" });
  });

  it("says of compare-and-set that the same line again is refused", () => {
    const again = run((lines[3] ?? "").replace(":7400", ":7410"));
    assert.match(again.out, /^HTTP\/1\.1 412[^]*"code":"precondition_failed"[^]*"value":"hey"/);
  });

  it("shows a configuration that is one", () => {
    const file = join(folder.path, "node1.yaml");
    writeFileSync(file, blocks("yaml")[0] ?? "");
    assert.equal(
      run("npx --no-install skein config check node1.yaml").out,
      "node1.yaml is valid\n",
    );
  });

  it("names pages that are there and need nobody else", async () => {
    const at = dev?.url(2) ?? "";
    const page = await (await fetch(`${at}/docs`)).text();
    const document = await (await fetch(`${at}/openapi.json`)).text();
    const hosts = [...`${page}${document}`.matchAll(/(?:https?:)?\/\/([a-z0-9.-]+\.[a-z0-9]+)/gi)];
    assert.deepEqual([...new Set(hosts.map(([, host]) => host))], ["127.0.0.1"]);
    for (const [, target = ""] of readme.matchAll(/\]\(([^)#:]+)\)/g)) {
      assert.ok(existsSync(join(root, target)), `${target} is not there`);
    }
  });
});
