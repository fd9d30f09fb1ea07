import type { Change } from "../../../src/kv/change.ts";
import {
  addHash,
  changeChecksums,
  changeCrc32c,
  emptyStateHash,
  murmur32,
} from "../../../src/kv/checksum.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { assert, describe, it } from "../../harness/test.ts";

type Unchecked = Omit<Change, "crc32c">;

const change: Unchecked = {
  number: 7,
  previous: 5,
  skip: 3,
  depth: 4,
  revision: 6,
  create: 2,
  version: 3,
  timeMs: 10,
  wallMs: 11,
  lease: undefined,
  mediaType: undefined,
  key: utf8("key"),
  value: utf8("value"),
  valueBytes: 5,
};

/** Each differs from `change` in one column that is the same on every member. */
const replicated: Readonly<Record<string, Partial<Unchecked>>> = {
  revision: { revision: 8 },
  "revision, high word": { revision: 6 + 0x1_0000_0000 },
  create: { create: 3 },
  version: { version: 4 },
  "cluster time": { timeMs: 12 },
  "wall time": { wallMs: 10 },
  "an empty lease": { lease: "" },
  lease: { lease: "1" },
  "media type": { mediaType: "1" },
  key: { key: utf8("kez") },
  value: { value: utf8("valuf") },
  "the border of key and value": { key: utf8("keyv"), value: utf8("alue") },
  "an empty value": { value: new Uint8Array(0) },
};

/** The links differ between members that have compacted to different points. */
const local: Readonly<Record<string, Partial<Unchecked>>> = {
  number: { number: 8 },
  previous: { previous: 4 },
  skip: { skip: 0 },
  depth: { depth: 5 },
};

describe("the checksums of a change", () => {
  const original = changeChecksums(change);

  for (const [name, difference] of Object.entries({ ...replicated, ...local })) {
    it(`see a difference in ${name} in the row`, () => {
      const other = changeChecksums({ ...change, ...difference });
      assert.notEqual(other.crc32c, original.crc32c);
      assert.equal(other.crc32c, changeCrc32c({ ...change, ...difference }));
    });
  }

  for (const [name, difference] of Object.entries(replicated)) {
    it(`see a difference in ${name} in both lanes of the state hash`, () => {
      const { hash } = changeChecksums({ ...change, ...difference });
      assert.notEqual(hash.a, original.hash.a);
      assert.notEqual(hash.b, original.hash.b);
    });
  }

  for (const [name, difference] of Object.entries(local)) {
    it(`leave ${name} out of the state hash`, () => {
      assert.deepEqual(changeChecksums({ ...change, ...difference }).hash, original.hash);
    });
  }

  it("tell media type and lease apart", () => {
    const one = changeChecksums({ ...change, lease: "1" });
    const other = changeChecksums({ ...change, mediaType: "1" });
    assert.notEqual(one.crc32c, other.crc32c);
    assert.notDeepEqual(one.hash, other.hash);
  });

  it("are these, for ever", () => {
    assert.deepEqual(original, {
      crc32c: 393_038_139,
      hash: { a: 3_979_580_635, b: 3_415_477_087 },
    });
  });
});

describe("the state hash", () => {
  it("is a sum modulo 2^32 in each lane, whatever the order", () => {
    const high = { a: 0xffff_ffff, b: 0x8000_0000 };
    const low = { a: 2, b: 0x8000_0001 };
    assert.deepEqual(addHash(addHash(emptyStateHash, high), low), { a: 1, b: 1 });
    assert.deepEqual(addHash(low, high), addHash(high, low));
  });
});

describe("murmur32", () => {
  it("gives what the reference implementation gives", () => {
    // Appleby's MurmurHash3_x86_32; the last two are the widely published text vectors.
    const vectors: readonly (readonly [string, number, number])[] = [
      ["", 0, 0],
      ["", 1, 0x514e28b7],
      ["", 0xffffffff, 0x81f16f39],
      ["\xff\xff\xff\xff", 0, 0x76293b50],
      ["!Ce\x87", 0, 0xf55b516b],
      ["!Ce", 0, 0x7e4a8634],
      ["!C", 0, 0xa0f7b07a],
      ["!", 0, 0x72661cf4],
      ["\0\0\0\0", 0, 0x2362f9de],
      ["aaaa", 0x9747b28c, 0x5a97808a],
      ["Hello, world!", 0x9747b28c, 0x24884cba],
    ];
    for (const [text, seed, expected] of vectors) {
      const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      assert.equal(murmur32(bytes, seed), expected, JSON.stringify(text));
    }
  });
});
