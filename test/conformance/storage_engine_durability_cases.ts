/** What a power cut may take, which is nothing that was reported done. */

import { assert } from "../harness/test.ts";
import { LogModel, randomWrite, snapshotAt } from "../harness/log_model.ts";
import { Prng } from "../../src/lib/prng.ts";
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

export const durabilityCases: readonly StorageEngineCase[] = [
  {
    name: "flush_persists_all_data: an orderly close keeps everything",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      for (let number = 1; number <= 50; number++) {
        await persistAll(engine, model, [{
          ...{ number, entries: entriesOf(number * 3 - 2, number * 3) },
          hardState: { currentTerm: 1, commitIndex: number },
        }]);
      }
      assertHolds(reopened(place, engine), model);
    },
  },
  {
    name: "persist_entries_durability: done means that no power cut takes it back",
    run: async (place) => {
      const model = new LogModel();
      let engine = place.open();
      for (let number = 1; number <= 8; number++) {
        await persistAll(engine, model, [{ number, entries: entriesOf(number, number) }]);
        engine = afterCrash(place);
        assertHolds(engine, model);
      }
    },
  },
  {
    name: "hard_state_crash_recovery: a vote that was reported durable is never forgotten",
    run: async (place) => {
      const model = new LogModel();
      let engine = place.open();
      for (let term = 1; term <= 5; term++) {
        const hardState = { currentTerm: term, votedFor: term, commitIndex: 0 };
        await persistAll(engine, model, [{ number: term, hardState, entries: [] }]);
        engine = afterCrash(place);
        assert.deepEqual(engine.stored().hardState, hardState);
      }
    },
  },
  {
    name: "truncate_durability: a truncation that was reported durable stays",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [
        { number: 1, entries: entriesOf(1, 10) },
        { number: 2, truncateFrom: 4, entries: [] },
      ]);
      const again = afterCrash(place);
      assertHolds(again, model);
      await persistAll(again, model, [{ number: 3, entries: entriesOf(4, 5, 2) }]);
      assertHolds(afterCrash(place), model);
    },
  },
  {
    name: "purge_durability: a boundary that was reported durable stays",
    run: async (place) => {
      const [engine, model] = [place.open(), new LogModel()];
      await persistAll(engine, model, [{ number: 1, entries: entriesOf(1, 10) }]);
      await persistAll(engine, model, [
        { number: 2, entries: [], compactTo: model.boundaryAt(8) },
      ]);
      const again = afterCrash(place);
      assertHolds(again, model);
      await persistAll(again, model, [{ number: 3, snapshot: snapshotAt(30, 2), entries: [] }]);
      assertHolds(afterCrash(place), model);
    },
  },
  {
    name: "a write that was not reported done is there as a whole or not at all",
    run: async (place) => {
      const model = new LogModel();
      const engine = place.open();
      await persistAll(engine, model, [{ number: 1, entries: entriesOf(1, 5) }]);
      let isDone = false;
      const write = {
        ...{ number: 2, hardState: { currentTerm: 2, votedFor: 2, commitIndex: 3 } },
        ...{ truncateFrom: 4, entries: entriesOf(4, 9, 2) },
      };
      engine.persist(write, () => isDone = true);
      const promised = isDone;
      const again = afterCrash(place);
      const isThere = again.stored().batchNumber === 2;
      assert.ok(isThere || !promised, "a write that was done is gone");
      if (isThere) model.apply(write);
      assertHolds(again, model);
    },
  },
  {
    name: "the mark never runs ahead of an intact log",
    run: async (place) => {
      const model = new LogModel();
      let engine = place.open();
      for (let number = 1; number <= 6; number++) {
        const hardState = { currentTerm: number, commitIndex: 0 };
        await persistAll(engine, model, [
          { number, hardState, entries: entriesOf(number, number, number) },
        ]);
        engine = number % 2 === 0 ? afterCrash(place) : reopened(place, engine);
        const { mark } = engine.stored();
        assert.ok((mark?.batchNumber ?? 0) <= number, `mark ${mark?.batchNumber} of ${number}`);
        assert.ok((mark?.currentTerm ?? 0) <= number);
      }
    },
  },
  ...[1, 2, 3, 4].map((seed) => ({
    name: `random writes, closed and crashed at random, equal a naive log (seed ${seed})`,
    run: (place: StoragePlace) => runRandomly(place, new Prng(seed)),
  })),
];

async function runRandomly(place: StoragePlace, prng: Prng): Promise<void> {
  const model = new LogModel();
  let engine: StorageEngine = place.open();
  for (let step = 0; step < 120; step++) {
    const write = randomWrite(model, prng);
    await persisted(engine, write);
    model.apply(write);
    if (prng.chance(1, 3)) place.tick?.();
    const event = prng.below(10);
    if (event === 0) engine = reopened(place, engine);
    if (event === 1) engine = afterCrash(place);
    if (event > 2) continue;
    assertHolds(engine, model);
    for (let i = model.boundary.position.index; i <= model.lastIndex; i++) {
      const entry = model.entries.find(({ index }) => index === i);
      assert.equal(engine.log.term(i), entry?.term ?? model.boundary.position.term);
    }
  }
  assertHolds(afterCrash(place), model);
}
