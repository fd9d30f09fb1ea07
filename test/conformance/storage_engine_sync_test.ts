/**
 * Watches the system calls: between two writes reported done stands a sync of the log, and SQLite,
 * killed inside its own commit, leaves the state before or after it. Needs strace.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../harness/test.ts";
import { runToEnd, scriptCommand } from "../harness/child.ts";
import { viewOf } from "../harness/log_model.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { openSqliteEngine } from "./storage_engine_places.ts";
import { killStates } from "./storage_kill_script.ts";

const canTrace = spawnSync("strace", ["-f", "-e", "trace=none", "true"]).status === 0;
const skip = canTrace ? false : "strace is not there, or may not trace";

function program(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url));
}

/** For each of the twenty writes: the files that were synced on its way, by their path. */
async function syncsOf(engine: string, mode: string): Promise<readonly (readonly string[])[]> {
  using temp = makeTempDir("sync");
  const trace = join(temp.path, "trace");
  const strace = ["strace", "-f", "-y", "-e", "trace=fdatasync,fsync,write", "-o", trace];
  const command = [...scriptCommand(program("storage_sync")), engine, temp.path, mode];
  const { code, stderr } = await runToEnd([...strace, ...command]);
  assert.equal(code, 0, stderr);
  const syncs: string[][] = [];
  for (const line of readFileSync(trace, "utf8").split("\n")) {
    if (/write\(1<.*"done \d+/.test(line)) syncs.push([]);
    const synced = /f(?:data)?sync\(\d+<([^>]*)>/.exec(line)?.[1];
    if (synced !== undefined) syncs.at(-1)?.push(synced);
  }
  return syncs.slice(0, 20);
}

describe("a write that is reported done", { skip, timeout: 240_000 }, () => {
  it("was synced to the WAL of raft.db, once, and raft.mark was not", async () => {
    const writes = await syncsOf("sqlite", "full");
    assert.equal(writes.length, 20);
    for (const synced of writes) {
      assert.equal(synced.filter((path) => path.endsWith("/raft.db-wal")).length, 1, synced.join());
      assert.deepEqual(synced.filter((path) => path.endsWith("/raft.mark")), []);
    }
  });

  it("was synced to a segment of the file engine, once, and raft.mark was not", async () => {
    const writes = await syncsOf("file", "full");
    assert.equal(writes.length, 20);
    for (const synced of writes) {
      assert.equal(synced.length, 1, synced.join());
      assert.match(synced[0]!, /\/raft\/\d+\.seg$/);
    }
  });

  it("would not pass here with synchronous=NORMAL", async () => {
    const writes = await syncsOf("sqlite", "normal");
    assert.equal(writes.length, 20);
    assert.deepEqual(writes.flat(), []);
  });
});

describe("raft.db killed inside a commit", { skip }, () => {
  it("holds the state before or after it, at every third system call that changes a file", {
    timeout: 240_000,
  }, async () => {
    using temp = makeTempDir("kill-call");
    const states = killStates();
    let kills = 0;
    for (let call = 1;; call += 3) {
      const directory = join(temp.path, String(call));
      mkdirSync(directory);
      const calls = "pwrite64,fdatasync,fsync,ftruncate";
      const inject = `inject=${calls}:signal=SIGKILL:when=${call}`;
      const strace = ["strace", "-f", "-o", "/dev/null", "-e", `trace=${calls}`, "-e", inject];
      const command = [...scriptCommand(program("storage_kill")), "sqlite", directory, "-1"];
      const { stdout } = await runToEnd([...strace, ...command]);
      const doneCount = stdout.split("\n").filter((line) => line.startsWith("done")).length;
      const engine = openSqliteEngine(directory);
      const view = viewOf(engine);
      engine.close();
      const where = `killed at call ${call}, ${doneCount} writes done`;
      assert.ok(view.batchNumber === doneCount || view.batchNumber === doneCount + 1, where);
      assert.deepEqual(view, states[view.batchNumber]!.view(), where);
      if (stdout.endsWith("over\n")) break;
      kills++;
    }
    assert.ok(kills > 10, `only ${kills} kills`);
  });
});
