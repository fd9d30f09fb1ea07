/**
 * Random operations on the store and on a plain model of it: every result, every revision, every
 * answer now and in the past must agree, through kills and replays. The same operations give the
 * same state hash on every backend and runtime.
 *
 * SKEIN_KV_OPERATIONS sets how many operations a store gets (25,000), SKEIN_SEED which ones.
 */

import process from "node:process";
import type { Operation } from "../../src/kv/command.ts";
import type {
  Answer,
  ContestQuery,
  GetQuery,
  HistoryQuery,
  Query,
  RangeQuery,
} from "../../src/kv/query.ts";
import type { RejectedCode, Result } from "../../src/kv/result.ts";
import type { Entry } from "../../src/raft/types.ts";
import { range, wallMs } from "../harness/kv_commands.ts";
import { assertIntact } from "../harness/kv_invariants.ts";
import { KvModel } from "../harness/kv_model.ts";
import { comparable } from "../harness/kv_model_values.ts";
import { plain } from "../harness/plain.ts";
import type { NamedContestant } from "../harness/random_contests.ts";
import { RandomKv } from "../harness/random_kv.ts";
import { Scrubbing } from "../harness/scrubbing.ts";
import { assert, describe, it } from "../harness/test.ts";
import { compareChanges } from "./state_machine_changes.ts";
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
    const codes = new Set<RejectedCode>();
    const kinds = new Map<string, number>();
    for (let done = 0; done < operationsMax; done += operationsPerStore) {
      const storeSeed = seed + done / operationsPerStore;
      it(`${operationsPerStore} operations of seed ${storeSeed}`, () => {
        const place = makePlace();
        try {
          compareWithModel(place, storeSeed, { codes, kinds });
        } finally {
          place.remove();
        }
      });
    }

    // Fewer operations may not have come to the rare ones.
    if (operationsMax < 25_000) return;
    it("has come to every result often, and to every refusal that random operations can", () => {
      for (const kind of everyKind) {
        assert.ok((kinds.get(kind) ?? 0) > 100, `${kinds.get(kind)} results of kind ${kind}`);
      }
      assert.deepEqual([...codes].sort(), everyCode.toSorted());
    });
  });
}

type ReadQuery = GetQuery | RangeQuery | HistoryQuery | ContestQuery;

/** So few that there is no room for another one now and then. */
const answerLimits = { answersMax: 110, bytesMax: 1_000_000 };

/** What has come of the operations, over all stores. */
interface Seen {
  readonly codes: Set<RejectedCode>;
  readonly kinds: Map<string, number>;
}

function compareWithModel(place: KvPlace, storeSeed: number, { codes, kinds }: Seen): void {
  const driver = new Driver(place, { commitEntriesMax: 64, answerLimits });
  const model = new KvModel(answerLimits.answersMax);
  const random = new RandomKv(storeSeed);
  const scrubbing = new Scrubbing();
  for (let done = 0; done < operationsPerStore;) {
    const asked: Asked[] = [];
    const pageLength = random.pick([1, 1, 2, 5, 20]);
    while (asked.length < pageLength) asked.push(ask(driver, model, random));
    const results = driver.apply(asked.map(({ entry }) => entry));
    asked.forEach(({ operation, expected }, at) => {
      assertSame(comparable(results[at]!), comparable(expected), operation);
      const kind = expected.replayed ? "replayed" : expected.kind;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (expected.kind === "rejected") codes.add(expected.code);
    });
    assert.equal(driver.machine.revision, model.revision);
    for (let queries = random.pick([0, 1, 2]); queries > 0; queries--) {
      compareAnswers(driver, model, random.query(model.revision, model.oldest));
      compareAnswers(driver, model, random.contestQuery(model.contestants()));
    }
    if (random.chance(1, 5)) {
      driver.machine.purge(random.pick([1, 3, 100]));
      compareAnswers(driver, model, range({ revision: model.oldest }));
    }
    for (let steps = random.pick([0, 1, 3]); steps > 0; steps--) scrubbing.step(driver.machine);
    if (random.chance(1, 20)) compareChanges(driver, model, random);
    if (random.chance(1, 30)) driver.machine.commit();
    if (random.chance(1, 60)) {
      driver.crash();
      driver.replay();
    }
    if (random.chance(1, 20)) driver.maker.skip(random.pick([2_000, 20_000, 60_000, 250_000]));
    done += asked.length;
  }
  driver.machine.commit();
  assertIntact(driver.tables);
  assert.ok(scrubbing.ended > 10, `${scrubbing.ended} passes of the scrub`);
}

const everyKind = [
  ...["put", "delete", "conditionFailed", "rejected", "nothing", "txn", "batch", "compacted"],
  ...["granted", "kept", "ended", "contest", "replayed"],
];
/** Those that random operations come to at all: the others are limits, far away. */
const everyCode: readonly RejectedCode[] = [
  ...["bad_request", "duplicate_key", "value_type_mismatch", "lease_not_found"] as const,
  ...["conflict", "idempotency_mismatch", "idempotency_expired", "overloaded"] as const,
];

interface Asked {
  readonly operation: Operation;
  readonly entry: Entry;
  readonly expected: Result;
}

/** The model is asked at once, so that the next operation is drawn around what it holds then. */
function ask({ maker }: Driver, model: KvModel, random: RandomKv): Asked {
  const operation = random.operation({
    revision: model.revision,
    leases: model.leases(),
    contestants: model.contestants(),
  });
  const idempotency = random.idempotency();
  const expected = model.apply(operation, maker.nextTimeMs, idempotency, wallMs);
  return { operation, entry: maker.command(operation, idempotency), expected };
}

function compareAnswers(driver: Driver, model: KvModel, query: ReadQuery): void {
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
        const contestants: NamedContestant[] = [];
        for (let done = 0; done < 2_000; done++) {
          const leases = driver.machine.leasesDue(Number.MAX_SAFE_INTEGER, 10);
          const { revision } = driver.machine;
          const operation = random.operation({ revision, leases, contestants });
          const entry = driver.maker.command(operation, random.idempotency());
          const [result] = driver.apply([entry]);
          if (operation.kind === "contend" && result?.kind === "contest" && result.own) {
            const { area, name } = operation;
            contestants.push({ area, name, token: result.own.token });
          }
          if (done % 100 === 0) driver.maker.skip(60_000);
          // Each place compacts at a pace of its own.
          if (done % 50 === 0) driver.machine.purge(name.length);
          if (done % 700 === 0) {
            driver.crash();
            driver.replay();
          }
        }
        assert.equal(driver.machine.revision, 991);
        assert.deepEqual(driver.machine.status().stateHash, { a: 2_225_521_778, b: 3_786_667_168 });
      } finally {
        place.remove();
      }
    });
  }
});
