/** A node that `skein dev` started ends with it: when the pipe to its standard input closes. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const programs = {
  bun: [join(root, "node_modules/.bin/bun"), join(root, "src/main_bun.ts")],
  deno: [join(root, "node_modules/.bin/deno"), "run", "-A", join(root, "src/main_deno.ts")],
};

describe("a supervised node", () => {
  for (const [runtime, [program = "", ...words]] of Object.entries(programs)) {
    it(
      `ends in order on ${runtime} when nobody holds its input`,
      { timeout: 240_000 },
      async () => {
        using folder = makeTempDir("supervised");
        const child = spawn(program, [
          ...[...words, "start", "--data-dir", join(folder.path, "data")],
          ...["--http-addr", "127.0.0.1:0", "--rpc-addr", "127.0.0.1:0"],
        ], {
          env: { ...process.env, SKEIN_SUPERVISED: "1" },
          stdio: ["pipe", "ignore", "pipe"],
        });
        let log = "";
        let code: number | null | undefined;
        child.stderr.on("data", (chunk) => log += String(chunk));
        child.once("exit", (status) => code = status);
        await until(() => log.includes("Listening"), { what: "the node to listen" });
        assert.equal(code, undefined);
        child.stdin.end();
        await until(() => code !== undefined, { what: "the end of the node" });
        assert.equal(code, 0, log);
        assert.match(log, /Stopping reason="supervisor gone"/);
      },
    );
  }
});
