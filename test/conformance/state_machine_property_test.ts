/**
 * Random operations on the store and on a plain model of it: every result, every revision, every
 * answer now and in the past must agree, through kills and replays. The same operations give the
 * same state hash on every backend and runtime.
 *
 * SKEIN_KV_OPERATIONS sets how many operations a store gets (25,000), SKEIN_SEED which ones.
 */

import process from "node:process";
import type { Operation } from "../../src/kv/command.ts";
import type { Answer, Query } from "../../src/kv/query.ts";
import { KvModel } from "../harness/kv_model.ts";
import { plain } from "../harness/plain.ts";
import { RandomKv } from "../harness/random_kv.ts";
import { assert, describe, it } from "../harness/test.ts";
import { Driver, type KvPlace } from "./state_machine_place.ts";
import { memoryPlace, runtime, sqlitePlace } from "./state_machine_places.ts";

const operationsMax = Number(process.env["SKEIN_KV_OPERATIONS"] ?? 25_000);
const seed = Number(process.env["SKEIN_SEED"] ?? 20_261_120);

const places: Readonly<Record<string, () => KvPlace>> = {
  [`sqlite on ${runtime.name}`]: sqlitePlace,
  memory: memoryPlace,
};

/** The keys are few, so histories get deep; a fresh store every so often keeps the model fast. */
const operationsPerStore = 2_500;

for (const [name, makePlace] of Object.entries(places)) {
  describe(`state machine against a model: ${name}`, () => {
    for (let done = 0; done < operationsMax; done += operationsPerStore) {
      const storeSeed = seed + done / operationsPerStore;
      it(`${operationsPerStore} operations of seed ${storeSeed}`, () => {
        const place = makePlace();
        try {
          compareWithModel(place, storeSeed);
        } finally {
          place.remove();
        }
      });
    }
  });
}

function compareWithModel(place: KvPlace, storeSeed: number): void {
  const driver = new Driver(place, { commitEntriesMax: 64 });
  const model = new KvModel();
  const random = new RandomKv(storeSeed);
  const kinds = new Map<string, number>();
  for (let done = 0; done < operationsPerStore;) {
    const operations: Operation[] = [];
    const pageLength = random.pick([1, 1, 2, 5, 20]);
    while (operations.length < pageLength) operations.push(random.operation(model.revision));
    const results = driver.doAll(operations);
    operations.forEach((operation, at) => {
      const expected = model.apply(operation);
      assertSame(results[at], expected, operation);
      kinds.set(expected.kind, (kinds.get(expected.kind) ?? 0) + 1);
    });
    assert.equal(driver.machine.revision, model.revision);
    for (let queries = random.pick([0, 1, 2]); queries > 0; queries--) {
      compareAnswers(driver, model, random.query(model.revision));
    }
    if (random.chance(1, 30)) driver.machine.commit();
    if (random.chance(1, 60)) {
      driver.crash();
      driver.replay();
    }
    done += operations.length;
  }
  // Everything has happened often enough to mean something.
  for (const kind of ["put", "delete", "conditionFailed", "nothing"]) {
    assert.ok((kinds.get(kind) ?? 0) > 20, `${kinds.get(kind)} results of kind ${kind}`);
  }
}

function compareAnswers(driver: Driver, model: KvModel, query: Query): void {
  const answer = driver.machine.read(query);
  const expected = model.read(query);
  const isWhole = answer.kind === "range" && answer.next === undefined &&
    answer.revision === model.revision;
  // The tag may be left out where the answer is not the newest, or not the end of the range.
  const comparable = answer.kind === "range" && answer.changed === undefined && !isWhole
    ? withoutTag(expected)
    : expected;
  assertSame(answer, comparable, query);
}

/** Names what was asked, and takes the time for it only when there is something to tell. */
function assertSame(actual: unknown, expected: unknown, asked: Operation | Query): void {
  try {
    assert.deepEqual(actual, expected);
  } catch (error) {
    throw new Error(`Wrong answer to ${JSON.stringify(plain(asked))}`, { cause: error });
  }
}

function withoutTag(answer: Answer): Answer {
  if (answer.kind !== "range") return answer;
  const { changed: _, ...rest } = answer;
  return rest;
}

describe("the state hash", () => {
  for (const [name, makePlace] of Object.entries(places)) {
    it(`of one sequence of operations is the same everywhere: ${name}`, () => {
      const place = makePlace();
      try {
        const driver = new Driver(place);
        const random = new RandomKv(1);
        for (let done = 0; done < 2_000; done++) {
          driver.do(random.operation(driver.machine.revision));
          if (done % 700 === 0) {
            driver.crash();
            driver.replay();
          }
        }
        assert.equal(driver.machine.revision, 1_220);
        assert.deepEqual(driver.machine.status().stateHash, { a: 3_430_765_021, b: 1_284_699_193 });
      } finally {
        place.remove();
      }
    });
  }
});
