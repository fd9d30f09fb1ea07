import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { backupOf } from "../../harness/backups.ts";
import { runCli } from "../../harness/cli.ts";
import { put } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

/** A backup of three keys, which `change` may damage. */
function makeFile(directory: string, change: (bytes: Uint8Array) => Uint8Array = (same) => same) {
  const store = new MemoryStore();
  for (const key of ["a", "b", "c"]) store.do(put(key, "v"));
  store.machine.commit();
  const path = join(directory, "backup.skein");
  writeFileSync(path, change(backupOf(store.tables)));
  return path;
}

describe("skein snapshot inspect", () => {
  it("shows what a backup holds", async () => {
    using directory = makeTempDir("backup");
    const { code, out } = await runCli(["snapshot", "inspect", makeFile(directory.path)]);
    assert.equal(code, 0);
    assert.match(out, /^cluster_id +origin$/m);
    assert.match(out, /^revision +4$/m);
    assert.match(out, /^keys +3$/m);
    assert.match(out, /^sha256 +[0-9a-f]{64}$/m);
  });

  it("shows it as JSON", async () => {
    using directory = makeTempDir("backup");
    const path = makeFile(directory.path);
    const { code, out } = await runCli(["snapshot", "inspect", path, "-o", "json"]);
    assert.equal(code, 0);
    const { sha256, bytes, ...facts } = JSON.parse(out);
    assert.match(sha256, /^[0-9a-f]{64}$/);
    assert.ok(bytes > 100);
    assert.deepEqual(facts, {
      ...{ format: 1, program: "0.0.0-test", created: "2023-11-14T22:13:20.000Z" },
      ...{ cluster_id: "origin", applied_index: 3, revision: 4, oldest: 1, keys: 3 },
      ...{ leases: 0, changes: 3, answers: 0 },
    });
  });

  it("names the place where a file is damaged, and a file that is none", async () => {
    using directory = makeTempDir("backup");
    const cut = makeFile(directory.path, (bytes) => bytes.subarray(0, bytes.length - 1));
    const short = await runCli(["snapshot", "inspect", cut]);
    assert.equal(short.code, 1);
    assert.match(short.errors.join(), /error: \S+backup\.skein is cut off after \d+ bytes/);
    const other = makeFile(directory.path, () => new TextEncoder().encode("SQLite format 3"));
    const foreign = await runCli(["snapshot", "inspect", other]);
    assert.match(foreign.errors.join(), /is no backup: it does not begin like one/);
    const missing = await runCli(["snapshot", "inspect", join(directory.path, "none")]);
    assert.equal(missing.code, 1);
    assert.match(missing.errors.join(), /ENOENT/);
  });
});

describe("skein snapshot save", () => {
  it("begins anew where its backup is not kept any more, and leaves no tail of it", async () => {
    using directory = makeTempDir("save");
    const [first, second] = [new Uint8Array(300_000).fill(1), new Uint8Array(1_000).fill(2)];
    let asked = 0;
    const server = createServer((request, response) => {
      const bytes = asked++ === 0 ? first : second;
      const digest = createHash("sha256").update(bytes).digest("base64");
      response.writeHead(200, {
        ...{ "ETag": `"b${asked}"`, "KV-Revision": "9", "Content-Length": bytes.length },
        "Repr-Digest": `sha-256=:${digest}:`,
      });
      if (bytes === second) {
        response.end(bytes);
        return;
      }
      assert.equal(request.headers.range, undefined);
      // The node is gone in the middle of it, when some of it is on the disk.
      response.write(bytes.subarray(0, 200_000));
      const hasSome = (): boolean =>
        readdirSync(directory.path).some((name) => statSync(join(directory.path, name)).size > 0);
      until(hasSome, { what: "a part of the backup" }).finally(() => response.destroy());
    });
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" ? address?.port ?? 0 : 0);
      })
    );
    const path = join(directory.path, "backup.skein");
    const endpoints = `http://127.0.0.1:${port}`;
    const { code } = await runCli(["snapshot", "save", path, "--endpoints", endpoints]);
    server.close();
    assert.deepEqual([code, asked], [0, 2]);
    assert.deepEqual(new Uint8Array(readFileSync(path)), second);
  });
});
