import { isOwnKey, ownKey, storedKey, storedRange, userKey } from "../../../src/kv/key_space.ts";
import { compareBytes, hex, utf8 } from "../../../src/lib/bytes.ts";
import { put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** All keys of up to three of these bytes: those that are treated apart, and some around them. */
const bytes = [0x00, 0x01, 0x02, 0x61, 0xfe, 0xff];
const keys = [
  ...bytes.map((a) => Uint8Array.of(a)),
  ...bytes.flatMap((a) => bytes.map((b) => Uint8Array.of(a, b))),
  ...bytes.flatMap((a) => bytes.flatMap((b) => bytes.map((c) => Uint8Array.of(a, b, c)))),
].sort(compareBytes);

describe("where users' keys stand", () => {
  it("is in their order, and each at a place of its own", () => {
    const stored = keys.map(storedKey);
    for (let at = 1; at < stored.length; at++) {
      assert.ok(compareBytes(stored[at - 1]!, stored[at]!) < 0, hex(keys[at]!));
    }
  });

  it("leads back to the key", () => {
    for (const key of keys) assert.equal(hex(userKey(storedKey(key))), hex(key));
    assert.equal(storedKey(new Uint8Array(0)).length, 0);
  });

  it("takes one byte more where the key begins with 0xFF, and nothing elsewhere", () => {
    for (const key of keys) {
      assert.equal(storedKey(key).length - key.length, key[0] === 0xff ? 1 : 0, hex(key));
    }
    assert.equal(hex(storedKey(Uint8Array.of(0xff, 0xff))), "ff00ff");
  });
});

describe("ranges of users' keys", () => {
  it("hold the same keys where they stand", () => {
    const bounds = [new Uint8Array(0), ...keys.filter((_, at) => at % 7 === 0)];
    for (const start of bounds) {
      for (const end of [...bounds, undefined]) {
        const stored = storedRange(end === undefined ? { start } : { start, end });
        const inside = (key: Uint8Array): boolean =>
          compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0);
        const isStoredInside = (key: Uint8Array): boolean =>
          compareBytes(key, stored.start) >= 0 && compareBytes(key, stored.end) < 0;
        assert.deepEqual(
          keys.filter((key) => inside(key) !== isStoredInside(storedKey(key))),
          [],
        );
      }
    }
  });
});

describe("the store's own keys", () => {
  const own = [ownKey(), ownKey(utf8("lock"), Uint8Array.of(0)), ownKey(Uint8Array.of(0xff))];

  it("stand above all of the users', in no range of theirs", () => {
    const highest = storedKey(new Uint8Array(8_192).fill(0xff));
    const { end } = storedRange({ start: new Uint8Array(0) });
    for (const key of own) {
      assert.ok(compareBytes(key, highest) > 0);
      assert.ok(compareBytes(key, end) >= 0);
      assert.ok(isOwnKey(key));
      assert.equal(hex(userKey(key)), hex(key));
    }
    assert.deepEqual(keys.filter((key) => isOwnKey(storedKey(key))), []);
  });
});

describe("keys that begin with 0xFF", () => {
  it("are written, listed, paged through and deleted as any others", () => {
    const store = new MemoryStore();
    for (const key of keys) store.do(put(key, hex(key)));
    for (const reverse of [false, true]) {
      const expected = reverse ? keys.toReversed() : keys;
      const found: string[] = [];
      let bound = {};
      for (;;) {
        const answer = store.read(range({ ...bound, reverse, limit: 4 }));
        assert.ok(answer.kind === "range");
        found.push(...answer.items.map(({ key }) => hex(key)));
        if (answer.next === undefined) break;
        bound = reverse ? { end: answer.next } : { start: answer.next };
      }
      assert.deepEqual(found, expected.map(hex));
    }
    for (const key of keys) assert.equal(store.value(key), hex(key));
    const target = { kind: "range", start: Uint8Array.of(0xff) } as const;
    const gone = store.do({ kind: "delete", target, conditions: {}, prev: true });
    assert.ok(gone.kind === "delete");
    assert.deepEqual(
      gone.prev.map(({ key }) => hex(key)),
      keys.filter((k) => k[0] === 0xff).map(hex),
    );
    store.assertIntact();
  });

  it("are folded into prefixes, whatever bytes the delimiter has", () => {
    const store = new MemoryStore();
    for (const key of keys) store.do(put(key, "v"));
    const delimiters = [[0x00], [0x01], [0xff], [0xff, 0x00], [0xff, 0xff], [0x00, 0x01]];
    for (const delimiter of delimiters.map((each) => Uint8Array.from(each))) {
      for (const prefixLength of [0, 1, 2]) {
        for (const reverse of [false, true]) {
          const query = range({ delimiter: { bytes: delimiter, prefixLength }, reverse });
          const answer = store.read(query);
          assert.ok(answer.kind === "range");
          const folded = keys.map((key) => folderOf(hex(key), hex(delimiter), prefixLength));
          const folders = [...new Set(folded.filter((each) => each !== undefined))];
          const items = keys.filter((_, at) => folded[at] === undefined).map(hex);
          const inOrder = (found: readonly string[]) => reverse ? found.toReversed() : found;
          assert.deepEqual(answer.prefixes.map(hex), inOrder(folders));
          assert.deepEqual(answer.items.map(({ key }) => hex(key)), inOrder(items));
        }
      }
    }
  });
});

/** In hexadecimal text; two digits are a byte. */
function folderOf(key: string, delimiter: string, prefixLength: number): string | undefined {
  for (let at = prefixLength * 2; at < key.length; at += 2) {
    if (key.startsWith(delimiter, at)) return key.slice(0, at + delimiter.length);
  }
  return undefined;
}
