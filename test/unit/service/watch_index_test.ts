/** Who is found by a key, against going through all of them. */

import { compareBytes, prefixEnd } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { type Targeted, WatchIndex } from "../../../src/service/watch_index.ts";
import { assert, describe, it } from "../../harness/test.ts";

const letters = [0x00, 0x2f, 0x61, 0xfe, 0xff];

function randomKey(random: Prng, leastLength: number): Uint8Array {
  const length = leastLength + random.below(4);
  return Uint8Array.from({ length }, () => letters[random.below(letters.length)]!);
}

function randomTarget(random: Prng): Targeted["target"] {
  const start = randomKey(random, 0);
  switch (random.below(4)) {
    case 0:
      return { kind: "key", key: randomKey(random, 1) };
    case 1:
      return { kind: "range", start };
    case 2:
      return { kind: "range", start, end: randomKey(random, 1) };
    default: {
      const end = prefixEnd(start);
      return end === undefined ? { kind: "range", start } : { kind: "range", start, end };
    }
  }
}

function concerns({ target }: Targeted, key: Uint8Array): boolean {
  if (target.kind === "key") return compareBytes(key, target.key) === 0;
  const { start, end } = target;
  const isBefore = end === undefined || compareBytes(key, end) < 0;
  return isBefore && compareBytes(key, start) >= 0;
}

describe("The index of watches", () => {
  it("finds those whom a key concerns, each once, and nobody else", () => {
    const random = new Prng(7);
    const index = new WatchIndex<Targeted>();
    const there = new Map<Targeted, () => void>();
    let found = 0;
    for (let step = 0; step < 4_000; step++) {
      const [first] = there;
      if (first !== undefined && (there.size > 60 || random.below(3) === 0)) {
        const [watcher, takeOut] = first;
        takeOut();
        takeOut();
        there.delete(watcher);
      } else {
        const watcher = { target: randomTarget(random) };
        there.set(watcher, index.add(watcher));
      }
      assert.equal(index.size, there.size);
      const key = randomKey(random, 1);
      const concerned = [...index.of(key)];
      assert.equal(new Set(concerned).size, concerned.length);
      assert.deepEqual(
        new Set(concerned),
        new Set([...there.keys()].filter((watcher) => concerns(watcher, key))),
      );
      found += concerned.length;
    }
    assert.ok(found > 4_000, `${found} were found`);
    assert.deepEqual(new Set(index.all()), new Set(there.keys()));
  });

  it("goes on where somebody leaves while it is gone through", () => {
    const index = new WatchIndex<Targeted>();
    const key = Uint8Array.of(97);
    const targets: readonly Targeted["target"][] = [
      { kind: "key", key },
      { kind: "range", start: key, end: Uint8Array.of(98) },
      { kind: "range", start: key },
    ];
    const leave = new Map<Targeted, () => void>();
    for (const target of [...targets, ...targets]) {
      const watcher = { target };
      leave.set(watcher, index.add(watcher));
    }
    let found = 0;
    for (const watcher of index.of(key)) {
      leave.get(watcher)?.();
      found++;
    }
    assert.deepEqual([found, index.size, [...index.of(key)].length], [6, 0, 0]);
  });
});
