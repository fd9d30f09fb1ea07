/**
 * The formats on disk, guarded by fixtures: what an earlier build wrote is read, and what this one
 * writes is the same. A difference here is a change of format: it needs a new version number and a
 * way from the old one, not a new fixture. SKEIN_REWRITE=1 writes the fixtures; then read the
 * difference.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../harness/test.ts";
import { entryAt, LogModel, snapshotAt, viewOf } from "../harness/log_model.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { emptyBytes, hex } from "../../src/lib/bytes.ts";
import type { Identity, StorageEngine } from "../../src/node/ports.ts";
import { encodeConfiguration, makeEntry } from "../../src/raft/encoding.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { Configuration, Member } from "../../src/raft/types.ts";
import type { SqliteRow, SqliteValue } from "../../src/runtime/mod.ts";
import { lockDirectory } from "../../src/storage/directory/directory_lock.ts";
import { nodeFiles } from "../../src/storage/directory/files.ts";
import { identityText, parseIdentity } from "../../src/storage/directory/identity_file.ts";
import { MarkFile } from "../../src/storage/directory/mark_file.ts";
import { FileEngine } from "../../src/storage/file/file_engine.ts";
import { allRows } from "../../src/storage/sqlite/raft_schema.ts";
import { engineOptions, openSqliteEngine, runtime } from "./storage_engine_places.ts";

const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url));

/** The text of a fixture; written anew when SKEIN_REWRITE=1 stands in the environment. */
function fixture(name: string, actual: string): string {
  const path = join(fixtures, name);
  if (process.env["SKEIN_REWRITE"] === "1") writeFileSync(path, actual);
  return readFileSync(path, "utf8");
}

function member(id: number, suffrage: Member["suffrage"]): Member {
  const incarnation = (id * 0x1111).toString(16).padStart(16, "0");
  const addresses = { rpc: `node${id}:9081`, http: `http://node${id}:8081` };
  return id === 1 ? { id, incarnation, suffrage } : { id, incarnation, suffrage, addresses };
}

const joint: Configuration = {
  members: [member(1, "voter"), member(2, "voter"), member(4, "learner")],
  outgoing: [member(1, "voter"), member(3, "voter")],
  nodeIdMax: 7,
};

/** Every kind of entry, number and row; the boundary moved twice. */
function script(): { readonly writes: readonly LogWrite[]; readonly model: LogModel } {
  const model = new LogModel();
  const writes: LogWrite[] = [];
  const add = (write: Omit<LogWrite, "number">): void => {
    const numbered = { number: writes.length + 1, ...write };
    model.apply(numbered);
    writes.push(numbered);
  };
  const timeMs = 1_700_000_000_000;
  add({
    hardState: { currentTerm: 3, votedFor: 2, commitIndex: 9 },
    ...{ snapshot: snapshotAt(9, 2, [1, 2]), entries: [entryAt(10, 2)] },
  });
  add({
    entries: [
      makeEntry({ index: 11, term: 3, kind: "noop", timeMs, data: emptyBytes }),
      makeEntry({
        ...{ index: 12, term: 3, kind: "configuration", timeMs },
        data: encodeConfiguration(joint),
      }),
      entryAt(13, 3, "gone with the truncation"),
    ],
  });
  add({
    hardState: { currentTerm: 2 ** 40, commitIndex: 12 },
    ...{ truncateFrom: 13, entries: [entryAt(13, 5, "größer"), entryAt(14, 2 ** 40)] },
  });
  add({
    hardState: { currentTerm: 2 ** 40, votedFor: 4_294_967_295, commitIndex: 13 },
    ...{ entries: [], compactTo: model.boundaryAt(11) },
  });
  return { writes, model };
}

function write(engine: StorageEngine, writes: readonly LogWrite[]): void {
  let done = 0;
  for (const each of writes) engine.persist(each, () => done++);
  assert.equal(done, writes.length);
  engine.close();
}

function assertReads(engine: StorageEngine, model: LogModel): void {
  assert.deepEqual(viewOf(engine), model.view());
  const { firstBad, badMeta } = engine.stored();
  assert.deepEqual({ firstBad, badMeta }, { firstBad: undefined, badMeta: false });
  engine.close();
}

/** A database as SQL that makes it again. */
function dump(path: string): string {
  const database = runtime.openSqlite(path);
  const one = (pragma: string): SqliteValue | undefined =>
    Object.values(allRows(database, `PRAGMA ${pragma}`)[0] ?? {})[0];
  const lines = ["application_id", "user_version"].map((name) => `PRAGMA ${name} = ${one(name)}`);
  for (const { name, sql } of allRows(database, "SELECT name, sql FROM sqlite_schema")) {
    lines.push(String(sql));
    for (const row of allRows(database, `SELECT * FROM ${name} ORDER BY 1`)) {
      lines.push(`INSERT INTO ${name} VALUES (${literals(row)})`);
    }
  }
  database.close();
  return lines.join(";\n") + ";\n";
}

function literals(row: SqliteRow): string {
  return Object.values(row).map((value) =>
    value === null ? "NULL" : value instanceof Uint8Array ? `X'${hex(value)}'` : String(value)
  ).join(", ");
}

/** Bytes as lines of 32, each behind its offset; lines of zeros are left out. */
function hexDump(bytes: Uint8Array): string {
  const lines = [`length ${bytes.length}`];
  for (let at = 0; at < bytes.length; at += 32) {
    const line = bytes.subarray(at, at + 32);
    if (line.some((byte) => byte !== 0)) lines.push(`${at}: ${hex(line)}`);
  }
  return lines.join("\n") + "\n";
}

function fromHexDump(text: string): Uint8Array {
  const [length, ...lines] = text.trim().split("\n");
  const bytes = new Uint8Array(Number(length?.replace("length ", "")));
  for (const line of lines) {
    const [at, digits] = line.split(": ");
    bytes.set(Uint8Array.from(digits!.match(/../g)!, (pair) => Number.parseInt(pair, 16)), +at!);
  }
  return bytes;
}

function restore(path: string, sql: string): void {
  const database = runtime.openSqlite(path);
  database.exec(sql);
  database.close();
}

describe("the format of raft.db", () => {
  it("is written and read as it always was", () => {
    using temp = makeTempDir("format");
    const { writes, model } = script();
    const [written, read] = [join(temp.path, "written"), join(temp.path, "read")];
    for (const directory of [written, read]) mkdirSync(directory);
    write(openSqliteEngine(written), writes);
    const actual = dump(join(written, "raft.db"));
    const expected = fixture("raft_db.sql", actual);
    restore(join(read, "raft.db"), expected);
    assertReads(openSqliteEngine(read), model);
    assert.equal(actual, expected);
  });
});

describe("the format of the file engine", () => {
  it("is written and read as it always was", () => {
    using temp = makeTempDir("format");
    const { writes, model } = script();
    const open = (directory: string): StorageEngine =>
      new FileEngine({ ...engineOptions(directory), segmentBytesMax: 300, drawSalt: () => 123 });
    const [written, read] = [join(temp.path, "written"), join(temp.path, "read")];
    for (const directory of [written, join(read, "raft")]) {
      mkdirSync(directory, { recursive: true });
    }
    write(open(written), writes);
    const names = readdirSync(join(written, "raft")).sort();
    assert.ok(names.length > 2, names.join());
    const actual = names.map((name) => {
      return `file ${name}\n${hexDump(readFileSync(join(written, "raft", name)))}`;
    }).join("");
    const expected = fixture("file_engine.hex", actual);
    for (const part of expected.split(/^file /m).slice(1)) {
      const [name, ...lines] = part.split("\n");
      writeFileSync(join(read, "raft", name!), fromHexDump(lines.join("\n")));
    }
    assertReads(open(read), model);
    assert.equal(actual, expected);
  });
});

describe("the format of raft.mark", () => {
  it("is written and read as it always was", () => {
    using temp = makeTempDir("format");
    const [written, read] = [join(temp.path, "written"), join(temp.path, "read")];
    const marks = [[2 ** 33, 4], [2 ** 33 + 1, 2 ** 40]] as const;
    const mark = new MarkFile(nodeFiles, written);
    for (const [batchNumber, currentTerm] of marks) mark.write({ batchNumber, currentTerm });
    mark.close();
    const actual = hexDump(readFileSync(written));
    const expected = fixture("raft_mark.hex", actual);
    writeFileSync(read, fromHexDump(expected));
    const again = new MarkFile(nodeFiles, read);
    assert.deepEqual(again.read(), { batchNumber: 2 ** 33 + 1, currentTerm: 2 ** 40 });
    again.close();
    assert.equal(actual, expected);
  });
});

describe("the format of identity.json", () => {
  const plain: Identity = {
    ...{ clusterId: "größer", nodeId: 3, incarnation: "00c0ffee00c0ffee", starts: 12 },
    ...{ logEpoch: 2, recovering: true },
  };
  const peerStarts = [
    { id: 1, incarnation: "0000000000001111", starts: 7, nonce: 2 ** 48 - 1 },
    { id: 2 ** 32 - 1, incarnation: "0000000000002222", starts: 2 ** 40, nonce: 0 },
  ];
  const full = { ...plain, birth: joint, peerStarts, refused: "Node 3 was removed" };
  for (
    const [name, identity] of [["identity.json", plain], ["identity_full.json", full]] as const
  ) {
    it(`is written and read as it always was (${name})`, () => {
      const actual = new TextDecoder().decode(identityText(identity));
      const expected = fixture(name, actual);
      assert.deepEqual(parseIdentity(new TextEncoder().encode(expected), name), identity);
      assert.equal(actual, expected);
    });
  }
});

describe("the format of lock.db", () => {
  it("is written and read as it always was", () => {
    using temp = makeTempDir("format");
    const path = join(temp.path, "lock.db");
    lockDirectory(nodeFiles, runtime.openSqlite, dirname(path)).release();
    const actual = dump(path);
    const expected = fixture("lock_db.sql", actual);
    const other = join(temp.path, "other");
    mkdirSync(other);
    restore(join(other, "lock.db"), expected);
    lockDirectory(nodeFiles, runtime.openSqlite, other).release();
    assert.equal(dump(join(other, "lock.db")), expected);
    assert.equal(actual, expected);
  });
});
