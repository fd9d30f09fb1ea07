/** Damage is told, and what is discarded is gone for good. */

import { assert } from "../harness/test.ts";
import { configurationEntry, entryAt, LogModel, snapshotAt } from "../harness/log_model.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import { entriesOf } from "./storage_engine_basic_cases.ts";
import {
  afterCrash,
  assertHolds,
  persistAll,
  persisted,
  reopened,
  type StorageEngineCase,
  type StoragePlace,
} from "./storage_place.ts";

export const discardCases: readonly StorageEngineCase[] = [
  {
    name: "discard drops committed entries, lowers commitIndex and is durable on return",
    run: async (place) => {
      const [first, model] = [place.open(), new LogModel()];
      await persistAll(first, model, [
        { number: 1, entries: [configurationEntry(1, 1, [1]), ...entriesOf(2, 6)] },
        {
          ...{ number: 2, hardState: { currentTerm: 2, votedFor: 1, commitIndex: 9 } },
          entries: [configurationEntry(7, 1, [1, 2]), ...entriesOf(8, 9)],
        },
      ]);
      const engine = reopened(place, first);
      const hardState = { currentTerm: 5, votedFor: 2, commitIndex: 9 };
      engine.discard(6, hardState);
      model.discard(6, hardState);
      assertHolds(engine, model);
      assert.equal(engine.stored().hardState.commitIndex, 5);
      const again = afterCrash(place);
      assertHolds(again, model);
      assert.ok((again.stored().mark?.batchNumber ?? 0) <= 2, "the mark is not ahead");
      await persistAll(again, model, [{ number: 3, entries: entriesOf(6, 8, 4) }]);
      assertHolds(again, model);
      assertHolds(afterCrash(place), model);
    },
  },
  {
    name: "discard of nothing sets the hard state, also to an older vote, and keeps the log",
    run: async (place) => {
      const [first, model] = [place.open(), new LogModel()];
      await persistAll(first, model, [
        { number: 1, snapshot: snapshotAt(20, 2), entries: entriesOf(21, 25, 2) },
      ]);
      const engine = reopened(place, first);
      engine.discard(26, { currentTerm: 9, commitIndex: 20 });
      model.discard(26, { currentTerm: 9, commitIndex: 20 });
      assertHolds(engine, model);
      assertHolds(afterCrash(place), model);
    },
  },
  {
    name: "discard of everything leaves the boundary, and the log goes on from there",
    run: async (place) => {
      const [first, model] = [place.open(), new LogModel()];
      await persistAll(first, model, [
        { number: 1, snapshot: snapshotAt(20, 2), entries: entriesOf(21, 400, 2) },
      ]);
      const engine = reopened(place, first);
      engine.discard(21, { currentTerm: 2, commitIndex: 20 });
      model.discard(21, { currentTerm: 2, commitIndex: 20 });
      const again = afterCrash(place);
      assertHolds(again, model);
      await persistAll(again, model, [{ number: 2, entries: entriesOf(21, 30, 3) }]);
      assertHolds(reopened(place, again), model);
    },
  },
];

export const damageCases: readonly StorageEngineCase[] = [
  ...[1, 2, 5, 9].map((index) => ({
    name: `a bit turned in entry ${index} of 9 is told, and discard heals it`,
    needsDamage: true as const,
    run: (place: StoragePlace) => damageAt(place, index),
  })),
];

async function damageAt(place: StoragePlace, index: number): Promise<void> {
  const [engine, model] = [place.open(), new LogModel()];
  for (let number = 1; number <= 9; number++) {
    const entries = [entryAt(number, 1, `entry ${number} `.repeat(5))];
    const hardState = { currentTerm: 1, commitIndex: number - 1 };
    await persistAll(engine, model, [{ number, hardState, entries }]);
  }
  engine.close();
  place.damage?.(index);
  const damaged = place.open();
  assertTold(damaged, index);
  const { firstBad } = damaged.stored();
  if (firstBad !== undefined) {
    assert.throws(() => damaged.persist({ number: 10, entries: [] }, () => {}), /damaged/);
  }
  const from = Math.min(firstBad ?? Infinity, damaged.log.lastIndex() + 1);
  assert.ok(from <= index, `discard from ${from}`);
  const { batchNumber } = damaged.stored();
  damaged.discard(from, { currentTerm: 1, commitIndex: 9 });
  model.discard(from, { currentTerm: 1, commitIndex: 9 });
  model.batchNumber = batchNumber;
  assertHolds(damaged, model);
  const again = afterCrash(place);
  assertHolds(again, model);
  const { mark } = again.stored();
  assert.ok((mark?.batchNumber ?? 0) <= batchNumber, "a healed log is not behind its mark");
  await persisted(again, { number: batchNumber + 1, entries: [entryAt(from, 2)] });
}

/** Never a silently shorter log: either the place is named, or the mark is ahead. */
function assertTold(engine: StorageEngine, index: number): void {
  const { firstBad, batchNumber, mark } = engine.stored();
  const isBehind = mark !== undefined && mark.batchNumber > batchNumber;
  assert.ok(firstBad !== undefined || isBehind, `damage of entry ${index} is not told`);
  if (firstBad !== undefined) assert.ok(firstBad <= index, `firstBad ${firstBad}`);
  assert.ok(engine.log.lastIndex() < index, `lastIndex ${engine.log.lastIndex()}`);
}
