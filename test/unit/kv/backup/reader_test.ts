/** What is no whole backup is refused, wherever it is wrong, with the place. */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import {
  type BackupBlock,
  backupMagic,
  type BackupRecord,
  type BackupSection,
  decodeBlock,
  encodeBlock,
} from "../../../../src/kv/backup/format.ts";
import { encodeHeader } from "../../../../src/kv/backup/header.ts";
import { BackupFlawError, type WholeBackup } from "../../../../src/kv/backup/reader.ts";
import { ByteWriter, concatBytes, hex, utf8 } from "../../../../src/lib/bytes.ts";
import { crc32c } from "../../../../src/lib/crc32c.ts";
import { newSha256 } from "../../../../src/storage/backup/backup_file.ts";
import { backupOf, blocksOf, randomStore, readBackup } from "../../../harness/backups.ts";
import { put } from "../../../harness/kv_commands.ts";
import { MemoryStore } from "../../../harness/kv_store.ts";
import { assert, describe, it } from "../../../harness/test.ts";

const store = randomStore(7, { operations: 60, purge: false });
const good = backupOf(store.tables);

describe("reading a backup", () => {
  it("gives the same however it arrives", () => {
    const whole = readBackup(good);
    for (const pieceBytes of [1, 2, 7, 100, good.length]) {
      assert.deepEqual(readBackup(good, pieceBytes), whole);
    }
    assert.equal(whole.bytes, good.length);
  });

  it("refuses it with any one bit turned, and names a byte at or before it", () => {
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at]! ^= 1 << (at % 8);
      const flaw = flawOf(bad);
      const place = /at byte (\d+)|after (\d+) bytes|it does not begin like one/.exec(flaw);
      assert.ok(place !== null, `${at}: ${flaw}`);
      if (place[1] !== undefined) assert.ok(Number(place[1]) <= at, `${at}: ${flaw}`);
    }
  });

  it("refuses it cut off anywhere, and with a byte behind its end", () => {
    for (let length = 0; length < good.length; length++) {
      assert.match(flawOf(good.subarray(0, length)), /cut off after|too short/, `${length}`);
    }
    const longer = concatBytes([good, Uint8Array.of(0)]);
    assert.equal(flawOf(longer), `goes on behind its end at byte ${good.length}`);
  });

  it("refuses it with two blocks exchanged, or one twice", () => {
    const [header, ...rest] = blocksOf(storeOf(600).tables);
    const changes = rest.filter((block) => decodeBlock(block).kind === "changes");
    assert.ok(changes.length >= 2, `${changes.length} blocks`);
    assert.ok(header !== undefined);
    const [first, second] = changes;
    assert.ok(first !== undefined && second !== undefined);
    const at = rest.indexOf(first);
    const wrong = {
      exchanged: [...rest.slice(0, at), second, first, ...rest.slice(at + 2)],
      twice: [...rest.slice(0, at), first, first, ...rest.slice(at + 1)],
      "in another place": [...rest.slice(0, at), ...rest.slice(at + 1), first],
    };
    for (const [how, blocks] of Object.entries(wrong)) {
      assert.match(flawOf(sealed([header, ...blocks])), /out of order|stand behind/, how);
    }
  });

  it("refuses it with blocks left out, though its end counts what is left", () => {
    const [header, first, ...rest] = blocksOf(storeOf(600).tables);
    assert.ok(header !== undefined && first !== undefined);
    const counted = (wrong: number) => {
      const { sha256, counts } = readBackup(sealed([header, first, ...rest]));
      const fewer = { ...counts, changes: counts.changes - wrong };
      const end = encodeBlock({ kind: "end", counts: fewer, sha256 });
      return concatBytes([backupMagic, header, ...rest, end]);
    };
    assert.match(flawOf(counted(256)), /the SHA-256 at the end is another one/);
    assert.match(flawOf(counted(0)), /the end counts 600, there are 344 changes/);
  });

  const tables = { ...impossibleChanges(), ...impossibleLeases(), ...impossibleAnswers() };
  for (const [what, { block, flaw }] of Object.entries(tables)) {
    it(`refuses ${what}`, () => {
      const [header] = blocksOf(store.tables);
      assert.ok(header !== undefined);
      assert.match(flawOf(sealed([header, ...block])), flaw);
    });
  }

  it("refuses a header of another format, and one that lacks something", () => {
    const { header } = readBackup(good);
    const later = JSON.stringify({ ...JSON.parse(textOf(header)), format: 2 });
    assert.match(
      flawOf(sealed([headerBlock(later)])),
      /the header has format 2, this program knows 1/,
    );
    for (const member of Object.keys(JSON.parse(textOf(header)))) {
      const { [member]: _, ...rest } = JSON.parse(textOf(header));
      const flaw = flawOf(sealed([headerBlock(JSON.stringify(rest))]));
      assert.match(flaw, new RegExp(`the header has ${member} undefined`), member);
    }
    for (const text of ["", "[]", "null", "{", "7"]) {
      assert.match(flawOf(sealed([headerBlock(text)])), /the header is no JSON object/, text);
    }
  });

  it("refuses a header that leaves a store no room, or tells a time that no date can be", () => {
    const { header } = readBackup(good);
    const most = { revision: 2 ** 52, cluster_time_ms: 2 ** 52, leases_numbered: 2 ** 52 };
    for (const [member, max] of Object.entries({ ...most, created_ms: 8.64e15 })) {
      const json = (value: number) =>
        sealed([
          headerBlock(JSON.stringify({ ...JSON.parse(textOf(header)), [member]: value })),
        ]);
      assert.match(flawOf(json(max)), /is whole/);
      assert.match(
        flawOf(json(max + 1)),
        new RegExp(`the header has ${member} ${max + 1}; allowed is 0 to ${max}$`),
      );
    }
  });

  it("refuses a block of too many records before it reads them", () => {
    const [header] = blocksOf(store.tables);
    assert.ok(header !== undefined);
    const payload = new ByteWriter(8).varint(257).finish();
    const head = new ByteWriter(8).u8(3).u32(payload.length).finish();
    const crc = new ByteWriter(4).u32(crc32c(payload, crc32c(head))).finish();
    assert.match(flawOf(sealed([header, concatBytes([head, payload, crc])])), /of 257 records/);
  });

  it("passes over members of the header that it does not know", () => {
    const { header } = readBackup(good);
    const more = JSON.stringify({ ...JSON.parse(textOf(header)), users: 7 });
    assert.deepEqual(readBackup(sealed([headerBlock(more)])).header, header);
  });

  it("still reads what the first version wrote", () => {
    const path = new URL("../testdata/backup_1.skein", import.meta.url);
    const fixed = randomStore(20, { operations: 250, purge: true });
    const written = backupOf(fixed.tables);
    if (process.env["SKEIN_REWRITE"] === "1") writeFileSync(path, written);
    const kept = new Uint8Array(readFileSync(path));
    assert.equal(hex(written), hex(kept));
    const { counts } = readBackup(kept);
    for (const [section, count] of Object.entries(counts)) assert.ok(count > 0, section);
  });
});

function storeOf(puts: number): MemoryStore {
  const filled = new MemoryStore();
  for (let number = 0; number < puts; number++) filled.do(put(`key ${number}`, "value"));
  filled.machine.commit();
  return filled;
}

interface Impossible {
  readonly block: readonly Uint8Array[];
  readonly flaw: RegExp;
}

type Table = Readonly<Record<string, Impossible>>;

function blockOf(kind: BackupSection, records: readonly BackupRecord[]): readonly Uint8Array[] {
  return [encodeBlock({ kind, records })];
}

const written = {
  ...{ create: 2, version: 1, value: utf8("v"), lease: undefined, mediaType: undefined },
};
const version = {
  kind: "change",
  ...{ revision: 2, timeMs: 1, wallMs: 1, key: utf8("a"), isNewest: true, written },
} as const;
const changes = (...records: readonly BackupRecord[]) => blockOf("changes", records);

function impossibleChanges(): Table {
  const own = Uint8Array.of(0xff, 1, 1, 0, 1, 97, 0, 0, 0, 0, 0, 0, 0, 2);
  return {
    "a revision above the store's": {
      block: changes({ ...version, revision: 1e9, written: { ...written, create: 1 } }),
      flaw: /a change of revision 1000000000 cannot be/,
    },
    "the revision of the empty store": {
      block: changes({ ...version, revision: 1 }),
      flaw: /a change of revision 1 cannot be/,
    },
    "revisions that fall": {
      block: changes({ ...version, revision: 3 }, version),
      flaw: /a change of revision 2 is out of order/,
    },
    "time that falls": {
      block: changes(version, { ...version, timeMs: 0 }),
      flaw: /out of order/,
    },
    "time above the header's": {
      block: changes({ ...version, timeMs: 1e15 }),
      flaw: /out of order/,
    },
    "an empty key": { block: changes({ ...version, key: utf8("") }), flaw: /a key of 0 bytes/ },
    "a key too long": {
      block: changes({ ...version, key: new Uint8Array(8194) }),
      flaw: /a key of 8194 bytes/,
    },
    "a key that no user's is": {
      block: changes({ ...version, key: Uint8Array.of(0xff, 2) }),
      flaw: /of a key of 2 bytes that cannot be/,
    },
    "a key of the store that is no contestant's": {
      block: changes({ ...version, key: own.slice(0, 12) }),
      flaw: /of a key of 12 bytes that cannot be/,
    },
    "a contestant without a lease": {
      block: changes({ ...version, key: own }),
      flaw: /lacks its lease/,
    },
    "a version before its key was made": {
      block: changes({ ...version, written: { ...written, create: 3 } }),
      flaw: /has version 1 since 3/,
    },
    "a version that leaves no room above it": {
      block: changes({ ...version, written: { ...written, version: 2 ** 52 + 1 } }),
      flaw: /has version 4503599627370497 since 2/,
    },
    "a time that no date can be": {
      block: changes({ ...version, wallMs: 8.64e15 + 1 }),
      flaw: /of revision 2 is of the time 8640000000000001, which no date can be/,
    },
    "version 0 of a key": {
      block: changes({ ...version, written: { ...written, version: 0 } }),
      flaw: /has version 0 since 2/,
    },
    "a value too long": {
      block: changes({ ...version, written: { ...written, value: new Uint8Array(8388609) } }),
      flaw: /has 8388609 bytes/,
    },
    "a media type too long": {
      block: changes({ ...version, written: { ...written, mediaType: "x".repeat(256) } }),
      flaw: /a media type of 256 characters/,
    },
  };
}

function impossibleLeases(): Table {
  const lease = {
    kind: "lease",
    ...{ id: "7", ttlMs: 10_000, remainingMs: 5_000, isPrivate: false },
  } as const;
  const leases = (...records: readonly BackupRecord[]) => blockOf("leases", records);
  return {
    "a lease twice": { block: leases(lease, lease), flaw: /lease 7 is out of order/ },
    "leases that are not in order": {
      block: leases(lease, { ...lease, id: "-7" }),
      flaw: /lease -7 is out of order/,
    },
    "a lease with more than its time": {
      block: leases({ ...lease, remainingMs: 10_001 }),
      flaw: /lease 7 has 10001 ms of 10000 ms left/,
    },
    "a lease too short": {
      block: leases({ ...lease, ttlMs: 1, remainingMs: 0 }),
      flaw: /lease 7 has 0 ms of 1 ms left/,
    },
    "leases behind changes": {
      block: [...changes(version), ...leases(lease)],
      flaw: /leases stand behind changes/,
    },
    "a block without records": { block: leases(), flaw: /a block of 0 records/ },
  };
}

function impossibleAnswers(): Table {
  const scope = Uint8Array.of(0, 97);
  const answer = {
    kind: "answer",
    ...{ scope, remainingMs: 5, requestHash: utf8("h"), result: resultBytes() },
  } as const;
  const stream = { kind: "stream", scope, idleMs: 5, newest: 300 } as const;
  const numbered = { ...answer, kind: "numbered", seq: 300 } as const;
  const answers = (...records: readonly BackupRecord[]) => blockOf("answers", records);
  return {
    "an answer twice": { block: answers(answer, answer), flaw: /an answer is out of order/ },
    "an answer behind streams": {
      block: answers(stream, { ...answer, scope: Uint8Array.of(0, 98) }),
      flaw: /an answer is out of order/,
    },
    "a stream twice": { block: answers(stream, stream), flaw: /a stream is out of order/ },
    "a stream that is forgotten": {
      block: answers({ ...stream, idleMs: 600_000 }),
      flaw: /a stream was idle for 600000 ms/,
    },
    "an answer without its stream": {
      block: answers(numbered),
      flaw: /a numbered answer is without its stream/,
    },
    "a number above the newest": {
      block: answers(stream, { ...numbered, seq: 301 }),
      flaw: /answer 301 of a stream that is at 300/,
    },
    "a number too old": {
      block: answers(stream, { ...numbered, seq: 44 }),
      flaw: /answer 44 of a stream that is at 300/,
    },
    "an answer that is none": {
      block: answers({ ...answer, result: utf8("?") }),
      flaw: /a remembered answer cannot be read/,
    },
    "an answer kept for too long": {
      block: answers({ ...answer, remainingMs: 600_001 }),
      flaw: /an answer is kept for 600001 ms/,
    },
    "a hash too long": {
      block: answers({ ...answer, requestHash: new Uint8Array(33) }),
      flaw: /the hash of a request has 33 bytes/,
    },
    "a scope too long": {
      block: answers({ ...answer, scope: new Uint8Array(513) }),
      flaw: /the scope of an answer has 513 bytes/,
    },
  };
}

/** Of a put. */
function resultBytes(): Uint8Array {
  const { records } = readBackup(
    backupOf(randomStore(20, { operations: 250, purge: true }).tables),
  );
  const kept = records.find((record) => record.kind === "answer");
  assert.ok(kept?.kind === "answer");
  return kept.result;
}

function flawOf(bytes: Uint8Array): string {
  let whole: WholeBackup | undefined;
  try {
    whole = readBackup(bytes);
  } catch (error) {
    if (error instanceof BackupFlawError) return error.message;
    throw error;
  }
  return `is whole: ${JSON.stringify(whole.header)}`;
}

/** The blocks as a file that is right in all that its end says. */
function sealed(blocks: readonly Uint8Array[]): Uint8Array {
  const counts = { leases: 0, changes: 0, answers: 0 };
  const sha256 = newSha256();
  for (const bytes of [backupMagic, ...blocks]) sha256.update(bytes);
  for (const bytes of blocks) {
    const decoded = decodedOrNone(bytes);
    if (decoded !== undefined && "records" in decoded) {
      counts[decoded.kind] += decoded.records.length;
    }
  }
  const end = encodeBlock({ kind: "end", counts, sha256: sha256.digest() });
  return concatBytes([backupMagic, ...blocks, end]);
}

function decodedOrNone(bytes: Uint8Array): BackupBlock | undefined {
  try {
    return decodeBlock(bytes);
  } catch {
    return undefined;
  }
}

function headerBlock(text: string): Uint8Array {
  return encodeBlock({ kind: "header", json: utf8(text) });
}

function textOf(header: WholeBackup["header"]): string {
  return new TextDecoder().decode(encodeHeader(header));
}
