/**
 * A byte of kv.db turned under a running node: the next pass of the scrub names it, or it is one
 * that nobody reads and everything is as it was.
 */

import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Operation } from "../../../src/kv/command.ts";
import { KvStateMachine } from "../../../src/kv/state_machine.ts";
import type { KvTables } from "../../../src/kv/ports.ts";
import { crc32c } from "../../../src/lib/crc32c.ts";
import { FatalStorageError } from "../../../src/node/ports.ts";
import { openSqliteTables, runtime } from "../../conformance/state_machine_places.ts";
import { del, EntryMaker, put } from "../../harness/kv_commands.ts";
import { scrubAll } from "../../harness/scrubbing.ts";
import { makeTempDir, type TempDir } from "../../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";

let temp: TempDir;
beforeEach(() => {
  temp = makeTempDir("kv-damage");
});
afterEach(() => temp.remove());

const pageBytes = 4_096;
/** The entry with which {@link fill} ends. */
const lastIndex = 118;
const longKey = (at: number): string => `${at}`.padStart(4, "0").padEnd(300, "key");

/** Enough for inner pages in every table, pages that overflow, dead keys, and what is purged. */
function fill(machine: KvStateMachine, maker = new EntryMaker()): void {
  const operations: Operation[] = [{ kind: "grantLease", id: "7", ttlMs: 60_000 }];
  for (let at = 0; at < 60; at++) operations.push(put(longKey(at), "v".repeat(40), { lease: "7" }));
  for (let at = 0; at < 30; at++) operations.push(put(longKey(at), "w", { mediaType: "text/x" }));
  for (let at = 20; at < 45; at++) operations.push(del(longKey(at)));
  operations.push(put("long", "a long value ".repeat(800)));
  machine.apply(maker.commands(operations));
  machine.apply([maker.command({ kind: "compact", revision: 40 })]);
  while (machine.purge());
  machine.commit();
}

/** Everything that can be read, by walking and by looking up. */
function contents(tables: KvTables): string {
  tables.audit.reread();
  const all = { start: new Uint8Array(0), reverse: false, rowsMax: 10_000 };
  const changes = tables.audit.changes(0, 10_000);
  const shown = [
    tables.stored(),
    ...[changes, tables.ledgerSlice(all), tables.audit.heads("live", all)],
    tables.audit.heads("dead", all),
    changes.map(({ number }) => tables.change(number)),
    changes.map(({ key }) => tables.head(key)),
    tables.ledgerSlice(all).map(({ key }) => tables.ledgerRow(key)),
  ];
  return JSON.stringify(
    shown,
    (_, value: unknown) => value instanceof Uint8Array ? `${value.length} ${crc32c(value)}` : value,
  );
}

type Verdict = "harmless" | "named";

/** A store that runs, and whose files are changed under it. */
class Victim {
  readonly #directory: string;
  readonly #machine: KvStateMachine;
  readonly #tables: KvTables;
  readonly #before: string;

  constructor(directory: string, work: (machine: KvStateMachine) => void) {
    this.#directory = directory;
    this.#tables = openSqliteTables(directory);
    this.#machine = new KvStateMachine({ tables: this.#tables });
    work(this.#machine);
    this.#before = contents(this.#tables);
  }

  /** Turns a bit of one byte of the file, lets a pass go over the store, and turns it back. */
  turn(file: string, at: number): Verdict {
    const path = join(this.#directory, file);
    const byte = readByte(path, at);
    try {
      writeByte(path, at, byte ^ (1 << (at % 8)));
      scrubAll(this.#machine);
      assert.equal(contents(this.#tables), this.#before, `byte ${at} of ${file} changed something`);
      return "harmless";
    } catch (error) {
      if (!(error instanceof FatalStorageError)) throw error;
      const what = `byte ${at} of ${file}: ${error.message}`;
      assert.ok(error.message.startsWith(`${join(this.#directory, "kv.db")} `), what);
      const { index } = this.#machine.applied().position;
      this.#machine.apply([new EntryMaker(index).noop()]);
      assert.throws(() => this.#machine.commit(), FatalStorageError, what);
      return "named";
    } finally {
      writeByte(path, at, byte);
    }
  }

  scrub(): void {
    scrubAll(this.#machine);
  }

  stop(): void {
    try {
      this.#machine.close();
    } catch {
      // What is damaged does not close in order.
    }
  }
}

function readByte(path: string, at: number): number {
  const file = openSync(path, "r");
  const byte = new Uint8Array(1);
  readSync(file, byte, 0, 1, at);
  closeSync(file);
  return byte[0]!;
}

function writeByte(path: string, at: number, byte: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Uint8Array.of(byte), 0, 1, at);
  closeSync(file);
}

/** Makes a victim of a copy of `intact` for each turned byte that was named. */
function turnBytes(
  intact: string,
  file: string,
  { work, offsets }: {
    readonly work: (machine: KvStateMachine) => void;
    readonly offsets: (bytes: number) => Iterable<number>;
  },
): ReadonlyMap<number, Verdict> {
  const verdicts = new Map<number, Verdict>();
  let directory = "";
  const makeVictim = (): Victim => {
    directory = mkdtempSync(join(temp.path, "victim-"));
    copyFileSync(join(intact, "kv.db"), join(directory, "kv.db"));
    return new Victim(directory, work);
  };
  let victim = makeVictim();
  const { size } = statSync(join(directory, file));
  for (const at of offsets(size)) {
    const verdict = victim.turn(file, at);
    verdicts.set(at, verdict);
    if (verdict === "harmless") continue;
    victim.stop();
    rmSync(directory, { recursive: true });
    victim = makeVictim();
  }
  victim.stop();
  return verdicts;
}

function makeIntact(): string {
  const intact = join(temp.path, "intact");
  mkdirSync(intact);
  const machine = new KvStateMachine({ tables: openSqliteTables(intact) });
  fill(machine);
  machine.close();
  return intact;
}

/** Of each page some of its head, of its cells, which stand at the end, and of what is between. */
function* inEachPage(bytes: number): Iterable<number> {
  for (let page = 0; page < bytes; page += pageBytes) {
    for (const at of [0, 4, 6, 9, 13, 1_000, 3_001, 4_090]) {
      yield page + at;
    }
  }
}

/** What became of the bytes of each kind of page. */
function byKind(
  pages: Uint8Array,
  verdicts: ReadonlyMap<number, Verdict>,
): Readonly<Record<string, Readonly<Record<Verdict, number>>>> {
  const kinds: Record<string, Record<Verdict, number>> = {};
  for (const [at, verdict] of verdicts) {
    const page = Math.floor(at / pageBytes) * pageBytes;
    const kind = page === 0 ? "first" : pageKinds[pages[page]!] ?? "other";
    const counts = kinds[kind] ??= { harmless: 0, named: 0 };
    counts[verdict]++;
  }
  return kinds;
}

/** By the first byte (SQLite, "Database File Format", §1.6); a long value goes on under 0. */
const pageKinds: Readonly<Record<number, string>> = {
  ...{ 0: "overflow", 1: "pointer map", 2: "inner keys", 5: "inner changes" },
  ...{ 10: "leaf keys", 13: "leaf changes" },
};

describe(`damage under a running store on ${runtime.name}`, () => {
  it("anywhere in kv.db is named by the next pass, or harmless", { timeout: 240_000 }, () => {
    const intact = makeIntact();
    const pages = readFileSync(join(intact, "kv.db"));
    const verdicts = turnBytes(intact, "kv.db", { work: () => {}, offsets: inEachPage });
    const kinds = byKind(pages, verdicts);
    const shown = JSON.stringify(kinds);
    for (const kind of ["inner keys", "inner changes", "leaf keys", "leaf changes", "overflow"]) {
      assert.ok((kinds[kind]?.named ?? 0) > 0, `${kind}: ${shown}`);
    }
  });

  it("in a key, a value or a media type is named, wherever it stands", () => {
    const intact = makeIntact();
    const bytes = readFileSync(join(intact, "kv.db"));
    for (const text of ["vvvvvvvv", longKey(7), longKey(50), "a long value", "text/x"]) {
      // Pages that were split still show what has moved to another one.
      const places: number[] = [];
      for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
      const offsets = (): Iterable<number> => places.slice(-4);
      const verdicts = turnBytes(intact, "kv.db", { work: () => {}, offsets });
      assert.ok([...verdicts.values()].includes("named"), `${text} at ${places.join(" ")}`);
    }
  });

  it("in what stands in the WAL alone is named or harmless", { timeout: 240_000 }, () => {
    const intact = makeIntact();
    const work = (machine: KvStateMachine): void => {
      const values = Array.from(
        { length: 12 },
        (_, at) => put(longKey(at), "in the WAL".repeat(30)),
      );
      machine.apply(new EntryMaker(lastIndex).commands(values));
      machine.commit();
    };
    const frameBytes = pageBytes + 24;
    function* offsets(bytes: number): Iterable<number> {
      for (let frame = 32; frame < bytes; frame += frameBytes) {
        for (const at of [3, 16, 24, 29, 36, 2_000, 3_500, 4_100]) yield frame + at;
      }
    }
    const verdicts = turnBytes(intact, "kv.db-wal", { work, offsets });
    const named = [...verdicts.values()].filter((verdict) => verdict === "named").length;
    assert.ok(named > 10, `${named} of ${verdicts.size}`);
  });

  it("that puts two rows of a page in each other's place is named", () => {
    const intact = makeIntact();
    const file = join(intact, "kv.db");
    const pages = readFileSync(file);
    const swapped = new Set<string>();
    for (let page = pageBytes; page < pages.length; page += pageBytes) {
      const kind = pageKinds[pages[page]!] ?? "";
      const cells = pages.readUInt16BE(page + 3);
      if (!kind.startsWith("leaf") || cells < 2) continue;
      // Behind the head of a leaf: where its rows stand, in their order.
      const pointers = pages.subarray(page + 8, page + 12);
      const directory = mkdtempSync(join(temp.path, "swapped-"));
      copyFileSync(file, join(directory, "kv.db"));
      const victim = new Victim(directory, () => {});
      [2, 3, 0, 1].forEach((from, at) =>
        writeByte(join(directory, "kv.db"), page + 8 + at, pointers[from]!)
      );
      assert.throws(() => victim.scrub(), FatalStorageError, `${kind} at ${page}`);
      victim.stop();
      swapped.add(kind);
    }
    assert.deepEqual([...swapped].sort(), ["leaf changes", "leaf keys"]);
  });

  it("by cutting the file short is named", () => {
    const intact = makeIntact();
    const directory = join(temp.path, "cut");
    mkdirSync(directory);
    copyFileSync(join(intact, "kv.db"), join(directory, "kv.db"));
    const victim = new Victim(directory, () => {});
    truncateSync(join(directory, "kv.db"), 5 * pageBytes);
    assert.throws(() => victim.scrub(), FatalStorageError);
    victim.stop();
  });
});
