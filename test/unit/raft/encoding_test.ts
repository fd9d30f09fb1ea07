/** The bytes here are written to disks and sent between versions: they never change. */

import { hex, MalformedBytesError, utf8 } from "../../../src/lib/bytes.ts";
import {
  decodeConfiguration,
  encodeConfiguration,
  entryCrc32c,
  entryKindNumber,
  entryKindOf,
  isIntact,
  makeEntry,
} from "../../../src/raft/encoding.ts";
import type { Configuration, Entry } from "../../../src/raft/types.ts";
import { assert, describe, it } from "../../harness/test.ts";

const first: Configuration = {
  members: [
    { id: 1, incarnation: "0123456789abcdef", suffrage: "voter" },
    { id: 2, incarnation: "fedcba9876543210", suffrage: "voter" },
  ],
  nodeIdMax: 2,
};

const joint: Configuration = {
  members: [
    {
      ...{ id: 1, incarnation: "0123456789abcdef", suffrage: "voter" },
      addresses: { rpc: "10.0.0.1:7401", http: "http://10.0.0.1:7400", clientRpc: "10.0.0.1:7402" },
    },
    {
      ...{ id: 300, incarnation: "00000000000000ff", suffrage: "learner" },
      addresses: { rpc: "[::1]:7401", http: "https://kv.example" },
    },
    { id: 4294967295, incarnation: "ffffffffffffffff", suffrage: "readOnly" },
  ],
  outgoing: first.members,
  nodeIdMax: 4294967295,
};

const fixtures: readonly (readonly [string, Configuration, readonly string[]])[] = [
  ["first", first, [
    "0102020110303132333435363738396162636465660000021066656463626139383736353433",
    "323130000000",
  ]],
  ["joint", joint, [
    "01ffffffff0f0301103031323334353637383961626364656600010d31302e302e302e313a37",
    "34303114687474703a2f2f31302e302e302e313a373430300d31302e302e302e313a37343032",
    "ac02103030303030303030303030303030666601010a5b3a3a315d3a37343031126874747073",
    "3a2f2f6b762e6578616d706c6500ffffffff0f10666666666666666666666666666666660200",
    "0102011030313233343536373839616263646566000002106665646362613938373635343332",
    "31300000",
  ]],
];

describe("Encoding of configurations", () => {
  for (const [name, configuration, bytes] of fixtures) {
    it(`fixture: ${name}`, () => {
      assert.equal(hex(encodeConfiguration(configuration)), bytes.join(""));
      assert.deepEqual(decodeConfiguration(encodeConfiguration(configuration)), configuration);
    });
  }

  it("bytes that are no configuration are an input error, wherever they are cut or changed", () => {
    const bytes = encodeConfiguration(joint);
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => decodeConfiguration(bytes.subarray(0, end)), MalformedBytesError);
    }
    assert.throws(() => decodeConfiguration(new Uint8Array([...bytes, 0])), MalformedBytesError);
    assert.throws(() => decodeConfiguration(new Uint8Array([2, ...bytes.slice(1)])), /version 2/);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 0xff;
      try {
        decodeConfiguration(changed);
      } catch (error) {
        assert.ok(error instanceof MalformedBytesError, `byte ${at}: ${String(error)}`);
      }
    }
  });

  it("an unknown suffrage is refused", () => {
    const bytes = encodeConfiguration(first).slice();
    bytes[bytes.lastIndexOf(0, bytes.length - 2) - 1] = 9;
    assert.throws(() => decodeConfiguration(bytes), MalformedBytesError);
  });
});

describe("Checksum of entries", () => {
  const entries: readonly (readonly [Omit<Entry, "crc32c">, string])[] = [
    [{ index: 1, term: 1, kind: "noop", timeMs: 0, data: new Uint8Array(0) }, "6c61a842"],
    [{ index: 7, term: 3, kind: "command", timeMs: 1234, data: utf8("put a 1") }, "815f64f0"],
    [
      {
        ...{ index: 2 ** 53 - 1, term: 2 ** 40, timeMs: 2 ** 45 + 1 },
        ...{ kind: "configuration", data: encodeConfiguration(first) },
      },
      "31136234",
    ],
  ];
  for (const [entry, crc] of entries) {
    it(`fixture: ${entry.index}@${entry.term} ${entry.kind}`, () => {
      assert.equal(entryCrc32c(entry).toString(16).padStart(8, "0"), crc);
    });
  }

  it("covers every field, and every byte of the data", () => {
    const entry = makeEntry(entries[1]![0]);
    assert.equal(isIntact(entry), true);
    const changes: readonly Partial<Entry>[] = [
      { index: 8 },
      { index: 7 + 2 ** 32 },
      { term: 4 },
      { timeMs: 1235 },
      { kind: "noop" },
      { data: utf8("put a 2") },
      { data: utf8("put a 1 ") },
    ];
    for (const change of changes) {
      assert.equal(isIntact({ ...entry, ...change }), false, Object.keys(change)[0]);
    }
  });

  it("kinds have fixed numbers", () => {
    assert.deepEqual((["noop", "configuration", "command"] as const).map(entryKindNumber), [
      0,
      1,
      2,
    ]);
    assert.deepEqual([0, 1, 2, 3].map(entryKindOf), [
      "noop",
      "configuration",
      "command",
      undefined,
    ]);
  });
});
