/**
 * A process that is killed with SIGKILL before every single operation on its files, and in the
 * middle of every write: whatever was reported done is there, and no write is there in part.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../harness/test.ts";
import { runToEnd, scriptCommand } from "../harness/child.ts";
import { viewOf } from "../harness/log_model.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import { openFileEngine, openSqliteEngine } from "./storage_engine_places.ts";
import { killScript, killStates } from "./storage_kill_script.ts";

const program = fileURLToPath(new URL("./programs/storage_kill.ts", import.meta.url));
const states = killStates();

/** Kills at one operation and looks at what is left; true when the script was over before. */
async function killAt(engine: EngineUnderTest, root: string, at: number): Promise<boolean> {
  const directory = join(root, String(at));
  mkdirSync(directory);
  const args = [engine.name, directory, String(at)];
  const { stdout, stderr, signal } = await runToEnd([...scriptCommand(program), ...args]);
  const isOver = stdout.endsWith("over\n");
  assert.ok(isOver || signal === "SIGKILL", `ended by ${signal}: ${stderr}`);
  const doneCount = stdout.split("\n").filter((line) => line.startsWith("done")).length;
  const reopened = engine.open(directory);
  try {
    const view = viewOf(reopened);
    const { firstBad, badMeta, mark } = reopened.stored();
    const where = `killed at operation ${at}, ${doneCount} writes done`;
    assert.deepEqual({ firstBad, badMeta }, { firstBad: undefined, badMeta: false }, where);
    assert.ok(view.batchNumber === doneCount || view.batchNumber === doneCount + 1, where);
    assert.deepEqual(view, states[view.batchNumber]!.view(), where);
    assert.ok((mark?.batchNumber ?? 0) >= doneCount, `${where}, mark ${mark?.batchNumber}`);
    assert.ok((mark?.batchNumber ?? 0) <= view.batchNumber, `${where}, mark ahead`);
  } finally {
    reopened.close();
  }
  return isOver;
}

interface EngineUnderTest {
  readonly name: string;
  readonly open: (directory: string) => StorageEngine;
}

/** Two at a time: the machine that runs the gate has two cores. */
async function killEverywhere(engine: EngineUnderTest): Promise<number> {
  using temp = makeTempDir("kill");
  for (let at = 0;; at += 2) {
    const over = await Promise.all([at, at + 1].map((each) => killAt(engine, temp.path, each)));
    if (over.every(Boolean)) return at;
  }
}

describe("a log whose process is killed", () => {
  const engines = [
    { name: "sqlite", open: openSqliteEngine },
    { name: "file", open: (directory: string) => openFileEngine(directory) },
  ];
  for (const engine of engines) {
    it(`holds the state before or after a write, at every operation of ${engine.name}`, {
      timeout: 240_000,
    }, async () => {
      const operations = await killEverywhere(engine);
      assert.ok(operations > 5 * killScript().length, `only ${operations} operations`);
    });
  }
});
