import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { runCli } from "../../harness/cli.ts";
import { makeTempDir, type TempDir } from "../../harness/temp_dir.ts";
import { after, assert, before, describe, it } from "../../harness/test.ts";

interface Finding {
  readonly name: string;
  readonly verdict: string;
  readonly detail: string;
}

describe("doctor", () => {
  let folder: TempDir;
  before(() => {
    folder = makeTempDir("doctor");
  });
  after(() => folder.remove());

  async function examine(
    words: readonly string[],
  ): Promise<{ readonly code: number; readonly findings: ReadonlyMap<string, Finding> }> {
    const { code, out } = await runCli(["doctor", "-o", "json", ...words]);
    const list: readonly Finding[] = JSON.parse(out);
    return { code, findings: new Map(list.map((finding) => [finding.name, finding])) };
  }

  it("examines the machine and leaves nothing behind", async () => {
    const dataDir = join(folder.path, "data");
    const ports = ["--http-addr", "127.0.0.1:0", "--rpc-addr", "127.0.0.1:0"];
    const { code, findings } = await examine(["--data-dir", dataDir, ...ports]);
    assert.equal(code, 0, JSON.stringify([...findings.values()]));
    assert.deepEqual([...findings.keys()].slice(0, 8), [
      ...["runtime", "port of REST", "port of gRPC", "clock", "open files", "disk", "worker"],
      "fdatasync",
    ]);
    assert.match(findings.get("fdatasync")?.detail ?? "", /^\d+\.\d\d ms in the median/);
    assert.equal(existsSync(dataDir), false);
  });

  it("fails where a port is taken", async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const address = busy.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const listeners = [
      ["port of REST", "http_addr"],
      ["port of gRPC", "rpc_addr"],
      ["port of gRPC for clients", "client_rpc_addr"],
    ] as const;
    const file = join(folder.path, "skein.yaml");
    for (const [name, taken] of listeners) {
      const lines = listeners.map(([, key]) => `${key}: "127.0.0.1:${key === taken ? port : 0}"\n`);
      writeFileSync(file, lines.join(""));
      const { code, findings } = await examine(["--data-dir", folder.path, "--config", file]);
      assert.equal(code, 1);
      assert.deepEqual(findings.get(name), {
        name,
        verdict: "failed",
        detail: `127.0.0.1:${port} cannot be used: the address is in use`,
      });
    }
    busy.close();
  });

  it("shows a table to people", async () => {
    const ports = ["--http-addr", "127.0.0.1:0", "--rpc-addr", "127.0.0.1:0"];
    const { out } = await runCli(["doctor", "--data-dir", folder.path, ...ports]);
    assert.match(out, /^CHECK +VERDICT +DETAIL\nruntime +(ok|warning) +/);
  });
});
