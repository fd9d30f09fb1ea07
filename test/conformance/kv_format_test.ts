/** The format of kv.db, guarded by a fixture: what stands in the file, and that it is read. */

import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { hex } from "../../src/lib/bytes.ts";
import type { Configuration } from "../../src/raft/types.ts";
import type { SqliteDatabase, SqliteValue } from "../../src/runtime/mod.ts";
import { del, delRange, EntryMaker, get, put, range } from "../harness/kv_commands.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { openSqliteTables, runtime } from "./state_machine_places.ts";

let temp: TempDir;
beforeEach(() => {
  temp = makeTempDir("kv-format");
});
afterEach(() => temp.remove());

const configuration: Configuration = {
  members: [
    { id: 1, incarnation: "00000000000000aa", suffrage: "voter" },
    {
      ...{ id: 2, incarnation: "00000000000000bb", suffrage: "learner" },
      addresses: { rpc: "127.0.0.1:7401", http: "http://127.0.0.1:7400" },
    },
  ],
  nodeIdMax: 7,
};

/** What the fixture was made of: each column has held something, each table a row. */
function fillFixture(machine: KvStateMachine): void {
  const maker = new EntryMaker(0, 3);
  const requestHash = new Uint8Array(32).fill(7);
  machine.apply([
    maker.configuration(configuration),
    ...maker.commands([
      put("a", "one"),
      put("a", "two", { mediaType: "text/plain" }),
      put(Uint8Array.of(0, 255), ""),
      put("gone", "soon"),
      del("gone"),
      put("x/1", "v"),
      put("x/2", "v"),
      delRange("x/", "x0"),
      put("x/1", "again"),
      { kind: "grantLease", id: "-7", ttlMs: 60_000 },
      put("leased", "v", { lease: "-7" }),
      put(Uint8Array.of(255, 255), "for a while", { ttlMs: 5_000 }),
    ]),
    maker.command(put("once", "v"), { identity: "", key: "single", requestHash }),
    maker.command(put("once", "w"), { identity: "me", key: "client;3", requestHash }),
    maker.command({ kind: "compact", revision: 6 }),
  ]);
  while (machine.purge());
}

/** A table's rows as text, in the order of its key. */
function dump(database: SqliteDatabase, table: string): readonly string[] {
  const shown = (value: SqliteValue): string =>
    value instanceof Uint8Array ? `x'${hex(value)}'` : String(value);
  return database.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()
    .map((row) => Object.entries(row).map(([name, value]) => `${name}=${shown(value)}`).join(" "));
}

function contents(path: string): Readonly<Record<string, readonly string[]>> {
  const database = runtime.openSqlite(path);
  try {
    const schema = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").all();
    return {
      schema: schema.map(({ sql }) => String(sql)),
      application: dump(database, "pragma_application_id"),
      version: dump(database, "pragma_user_version"),
      vacuum: dump(database, "pragma_auto_vacuum"),
      ...Object.fromEntries(
        ["change", "live", "dead", "ledger", "meta"].map((table) => [table, dump(database, table)]),
      ),
    };
  } finally {
    database.close();
  }
}

describe(`the format of kv.db on ${runtime.name}`, () => {
  const fixture = new URL("./testdata/kv_v2.db", import.meta.url);

  it("is that of the fixture, table by table and row by row", () => {
    const machine = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    fillFixture(machine);
    machine.close();
    const made = join(temp.path, "kv.db");
    // Made once, on purpose: a file of this format must stay readable for ever.
    if (process.env["SKEIN_REWRITE"] === "1" && !existsSync(fixture)) copyFileSync(made, fixture);
    const copy = join(temp.path, "fixture.db");
    copyFileSync(fixture, copy);
    assert.deepEqual(contents(made), contents(copy));
  });

  it("is read as it was written", () => {
    copyFileSync(fixture, join(temp.path, "kv.db"));
    const tables = openSqliteTables(temp.path);
    assertIntact(tables);
    const machine = new KvStateMachine({ tables });
    assert.deepEqual(machine.applied(), {
      position: { index: 16, term: 3 },
      configuration: { position: { index: 1, term: 3 }, configuration },
    });
    const { revision, oldest, liveKeys, leases, clusterTimeMs, stateHash } = machine.status();
    assert.deepEqual([revision, oldest, liveKeys, leases, clusterTimeMs], [14, 6, 6, 2, 160]);
    const { purgedThrough, deadKeys, leasesNumbered, remembered } = tables.stored();
    assert.deepEqual([purgedThrough, deadKeys, leasesNumbered, remembered], [5, 1, 1, 2]);
    assert.deepEqual(stateHash, { a: 418_115_008, b: 1_010_809_820 });
    const now = machine.read(range());
    assert.deepEqual(now.kind === "range" ? now.items.map(({ key }) => hex(key)) : [], [
      ...["00ff", "61", "6c6561736564", "6f6e6365", "782f31", "ffff"],
    ]);
    const past = machine.read({ ...get("a", "gone", "x/2"), revision: 8 });
    assert.deepEqual(past.kind === "records" ? past.records.map((each) => each?.mod) : [], [
      ...[3, undefined, 8],
    ]);
    assert.deepEqual(machine.leasesDue(Number.MAX_SAFE_INTEGER, 10), [
      { id: "1", deadlineMs: 5_130 },
      { id: "-7", deadlineMs: 60_110 },
    ]);
    machine.close();
  });
});
