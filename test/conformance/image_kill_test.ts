/**
 * A process that ends while it receives or adopts an image, and a machine that loses its power: the
 * store is the old one or the new one, and the next process brings it to the new one.
 */

import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { type Files, nodeFiles } from "../../src/storage/directory/files.ts";
import { encodeSnapshotMeta } from "../../src/storage/snapshot_meta.ts";
import { runToEnd, scriptCommand } from "../harness/child.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { imagesIn } from "../harness/kv_images.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { finished, Machine, type Received, writeRest } from "./image_place.ts";
import { describeStore, kvCluster } from "./image_places.ts";
import { openSqliteTables, runtime, sqlitePlace } from "./state_machine_places.ts";

const program = fileURLToPath(new URL("./programs/image_kill.ts", import.meta.url));

let temp: TempDir;
/** A directory whose process was killed: what was committed last stands in the log alone. */
let old: string;
let image: Received;
let [oldState, newState]: readonly unknown[] = [];

before(async () => {
  temp = makeTempDir("image-kill");
  const cluster = kvCluster(sqlitePlace);
  const source = new Machine(cluster);
  const entries = cluster.entries(120);
  source.apply(entries);
  image = await source.imageBytes();
  writeFileSync(join(temp.path, "image"), image.bytes);
  writeFileSync(join(temp.path, "meta"), encodeSnapshotMeta(image.meta));
  newState = source.place.describe();
  cluster.remove();
  const running = join(temp.path, "running");
  mkdirSync(running);
  const machine = new KvStateMachine({ tables: openSqliteTables(running) });
  machine.apply(entries.slice(0, 60));
  machine.makeDurable(() => {});
  oldState = describeStore(machine);
  old = join(temp.path, "old");
  cpSync(running, old, { recursive: true });
  machine.close();
  assert.ok(existsSync(join(old, "kv.db-wal")));
});
after(() => temp.remove());

/** What the next process finds, and what it makes of it. */
async function assertRecovers(
  directory: string,
  { where, isAdopted }: { readonly where: string; readonly isAdopted: boolean },
): Promise<"old" | "staged" | "new"> {
  const tables = openSqliteTables(directory);
  const machine = new KvStateMachine({ tables });
  assertIntact(tables);
  const isNew = machine.applied().position.index === image.meta.position.index;
  assert.deepEqual(describeStore(machine), isNew ? newState : oldState, where);
  assert.ok(isNew || !isAdopted, `${where}: it had been adopted`);
  const staged = machine.staged();
  if (isNew) assert.equal(staged, undefined, where);
  if (staged !== undefined) assert.deepEqual(staged, image.meta, where);
  if (!isNew) {
    const stage = machine.stage(image.meta);
    writeRest(stage, image);
    assert.equal(await finished(stage), "staged", where);
    machine.adopt();
  }
  assert.deepEqual(describeStore(machine), newState, where);
  machine.close();
  const again = new KvStateMachine({ tables: openSqliteTables(directory) });
  assert.deepEqual(describeStore(again), newState, where);
  again.close();
  return isNew ? "new" : staged === undefined ? "old" : "staged";
}

describe(`an image that is received on ${runtime.name}`, () => {
  it("leaves the old store or the new one, whenever the process is killed", {
    timeout: 240_000,
  }, async () => {
    const found = new Set<string>();
    const killAt = async (at: number): Promise<boolean> => {
      const directory = join(temp.path, `killed-${at}`);
      cpSync(old, directory, { recursive: true });
      const command = [...scriptCommand(program), directory, String(at)];
      const { stdout, stderr, signal } = await runToEnd(command);
      const said = stdout.split("\n");
      const isOver = said.includes("over");
      assert.ok(isOver || signal === "SIGKILL", `ended by ${signal}: ${stderr}`);
      const where = `killed at operation ${at}`;
      const isAdopted = said.includes("adopted");
      found.add(await assertRecovers(directory, { where, isAdopted }));
      rmSync(directory, { recursive: true });
      return isOver;
    };
    let at = 0;
    // Two at a time: the machine that runs the gate has two cores.
    while (!(await Promise.all([killAt(at), killAt(at + 1)])).every(Boolean)) at += 2;
    assert.ok(at > 40, `only ${at} operations`);
    assert.deepEqual([...found].sort(), ["new", "old", "staged"]);
  });
});

type NameOperation =
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "sync"; readonly directory: string };

/** Files that write down what becomes of their names, with paths from `root`. */
function recordedFiles(root: string, operations: NameOperation[]): Files {
  const at = (path: string): string => relative(root, path);
  return {
    ...nodeFiles,
    rename: (from, to) => {
      operations.push({ kind: "rename", from: at(from), to: at(to) });
      nodeFiles.rename(from, to);
    },
    remove: (path) => {
      operations.push({ kind: "remove", path: at(path) });
      nodeFiles.remove(path);
    },
    syncDirectory: (directory) => {
      operations.push({ kind: "sync", directory: at(directory) });
      nodeFiles.syncDirectory(directory);
    },
  };
}

/** What a power cut behind `operations` leaves for certain, and what perhaps. */
function afterPowerCut(operations: readonly NameOperation[]): {
  readonly certain: readonly NameOperation[];
  readonly perhaps: readonly NameOperation[];
} {
  const certain: NameOperation[] = [];
  const perhaps: NameOperation[] = [];
  operations.forEach((operation, at) => {
    if (operation.kind === "sync") return;
    const paths = operation.kind === "rename" ? [operation.from, operation.to] : [operation.path];
    const isSynced = operations.slice(at).some((later) =>
      later.kind === "sync" && paths.some((path) => namesOf(path) === later.directory)
    );
    (isSynced ? certain : perhaps).push(operation);
  });
  return { certain, perhaps };
}

function namesOf(path: string): string {
  const directory = dirname(path);
  return directory === "." ? "" : directory;
}

function doAgain(root: string, operation: NameOperation): void {
  if (operation.kind === "remove") rmSync(join(root, operation.path), { force: true });
  if (operation.kind !== "rename" || !existsSync(join(root, operation.from))) return;
  renameSync(join(root, operation.from), join(root, operation.to));
}

describe(`an image that was received on ${runtime.name}`, () => {
  it("is found by the next process, whatever of the names a power cut takes back", async () => {
    const directory = join(temp.path, "receiving");
    cpSync(old, directory, { recursive: true });
    const operations: NameOperation[] = [];
    const images = imagesIn(directory, { files: recordedFiles(directory, operations) });
    const machine = new KvStateMachine({ tables: openSqliteTables(directory, 1, { images }) });
    const stage = machine.stage(image.meta);
    const { perhaps } = afterPowerCut(operations);
    assert.deepEqual(perhaps, [], "its meta is there before the first chunk");
    writeRest(stage, image);
    assert.equal(await finished(stage), "staged");
    assert.deepEqual(afterPowerCut(operations).perhaps, []);
    machine.close();
  });
});

describe(`an image that is adopted on ${runtime.name}`, () => {
  it("leaves the old store or the new one, whatever of the names a power cut takes back", {
    timeout: 120_000,
  }, async () => {
    const staged = join(temp.path, "staged");
    cpSync(old, staged, { recursive: true });
    const received = new KvStateMachine({ tables: openSqliteTables(staged) });
    const stage = received.stage(image.meta);
    writeRest(stage, image);
    assert.equal(await finished(stage), "staged");
    received.close();
    // The log of the old file is there: its removal by SQLite may be taken back, too.
    cpSync(join(old, "kv.db-wal"), join(staged, "kv.db-wal"));
    cpSync(join(old, "kv.db"), join(staged, "kv.db"));
    const adopting = join(temp.path, "adopting");
    cpSync(staged, adopting, { recursive: true });
    const operations: NameOperation[] = [];
    const images = imagesIn(adopting, { files: recordedFiles(adopting, operations) });
    const machine = new KvStateMachine({ tables: openSqliteTables(adopting, 1, { images }) });
    operations.length = 0;
    machine.adopt();
    const whole = operations.length;
    machine.close();
    // What is written behind it must not meet the old names again.
    assert.deepEqual(afterPowerCut(operations.slice(0, whole)).perhaps, []);
    const found = new Set<string>();
    for (let at = 0; at <= whole; at++) {
      const { certain, perhaps } = afterPowerCut(operations.slice(0, at));
      for (let kept = 0; kept < 2 ** perhaps.length; kept++) {
        const left = [...certain, ...perhaps.filter((_, bit) => (kept >> bit) % 2 === 1)];
        const inOrder = operations.filter((operation) => left.includes(operation));
        const directory = join(temp.path, `cut-${at}-${kept}`);
        cpSync(staged, directory, { recursive: true });
        for (const operation of inOrder) doAgain(directory, operation);
        const where = `power cut behind ${JSON.stringify(inOrder)}`;
        found.add(await assertRecovers(directory, { where, isAdopted: at === whole }));
        rmSync(directory, { recursive: true });
      }
    }
    assert.ok(whole >= 8, `only ${whole} operations`);
    assert.deepEqual([...found].sort(), ["new", "staged"]);
  });
});
