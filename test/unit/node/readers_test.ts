import { Readers, type ReadOutcome } from "../../../src/node/readers.ts";
import type { ReadId } from "../../../src/raft/types.ts";
import { assert, describe, it } from "../../harness/test.ts";

function readers(): {
  readonly readers: Readers;
  readonly told: string[];
  readonly ask: (name: string, deadlineMs?: number) => void;
  readonly take: () => ReadId;
} {
  const made = new Readers({ nodeId: 1, nonce: 7 });
  const told: string[] = [];
  const say = (outcome: ReadOutcome): string =>
    outcome.kind === "readable" ? `at ${outcome.index}` : outcome.reason;
  return {
    readers: made,
    told,
    ask: (name, deadlineMs = 1000) =>
      made.add(deadlineMs, (outcome) => told.push(`${name} ${say(outcome)}`)),
    take: () => {
      const id = made.take();
      assert.ok(id !== undefined);
      return id;
    },
  };
}

describe("Readers", () => {
  it("all that arrive in one turn share one round", () => {
    const { readers: all, ask, take, told } = readers();
    ask("a");
    ask("b");
    const id = take();
    assert.equal(all.take(), undefined);
    all.confirmed(id, 5);
    all.applied(5);
    assert.deepEqual(told, ["a at 5", "b at 5"]);
  });

  it("one that arrives later does not share a round that began before it", () => {
    const { readers: all, ask, take, told } = readers();
    ask("a");
    const first = take();
    ask("b");
    all.confirmed(first, 5);
    all.applied(9);
    assert.deepEqual(told, ["a at 5"]);
    const second = take();
    assert.notEqual(second.counter, first.counter);
    all.confirmed(second, 6);
    all.applied(9);
    assert.deepEqual(told, ["a at 5", "b at 6"]);
  });

  it("nobody reads before the store has applied the index of the round", () => {
    const { readers: all, ask, take, told } = readers();
    ask("a");
    all.confirmed(take(), 5);
    all.applied(4);
    assert.deepEqual(told, []);
    all.applied(5);
    assert.deepEqual(told, ["a at 5"]);
  });

  for (const reason of ["timeout", "leaderChanged"] as const) {
    it(`one dropped for ${reason} is asked for again under a new id; the old one is void`, () => {
      const { readers: all, ask, take, told } = readers();
      ask("a");
      const first = take();
      all.dropped(first, reason);
      ask("b");
      const second = take();
      assert.notEqual(second.counter, first.counter);
      all.confirmed(first, 5);
      all.applied(9);
      assert.deepEqual(told, [], "b arrived after the first round began");
      all.confirmed(second, 6);
      all.applied(9);
      assert.deepEqual(told, ["a at 6", "b at 6"]);
    });
  }

  it("without a leader they wait for one", () => {
    const { readers: all, ask, take, told } = readers();
    ask("a");
    all.dropped(take(), "noLeader");
    assert.deepEqual([all.hasArrived, all.take()], [false, undefined]);
    all.leaderKnown();
    assert.equal(all.hasArrived, true);
    all.confirmed(take(), 3);
    all.applied(3);
    assert.deepEqual(told, ["a at 3"]);
  });

  it("an overloaded leader ends them", () => {
    const { readers: all, ask, take, told } = readers();
    ask("a");
    all.dropped(take(), "overloaded");
    assert.deepEqual(told, ["a overloaded"]);
  });

  it("each gives up at its own deadline, wherever it waits", () => {
    const { readers: all, ask, take, told } = readers();
    ask("leaderless", 100);
    all.dropped(take(), "noLeader");
    ask("confirmed", 200);
    all.confirmed(take(), 9);
    ask("asked", 300);
    const asked = take();
    ask("arrived", 400);
    for (const nowMs of [99, 100, 200, 300, 400]) all.expire(nowMs);
    assert.deepEqual(told, [
      "leaderless noLeader",
      "confirmed timeout",
      "asked timeout",
      "arrived timeout",
    ]);
    all.confirmed(asked, 1);
    all.applied(99);
    assert.equal(told.length, 4, "each is told once");
  });

  it("the others of a round go on when one gives up", () => {
    const { readers: all, ask, take, told } = readers();
    ask("hasty", 100);
    ask("patient", 900);
    const id = take();
    all.expire(100);
    all.confirmed(id, 4);
    all.applied(4);
    assert.deepEqual(told, ["hasty timeout", "patient at 4"]);
  });

  for (const reason of ["closing", "diskFull"] as const) {
    it(`all of them are told at once that they are refused: ${reason}`, () => {
      const { readers: all, ask, take, told } = readers();
      ask("leaderless");
      all.dropped(take(), "noLeader");
      ask("confirmed");
      all.confirmed(take(), 9);
      ask("asked");
      take();
      ask("arrived", Infinity);
      all.refuse(reason);
      assert.deepEqual([...told].sort(), [
        `arrived ${reason}`,
        `asked ${reason}`,
        `confirmed ${reason}`,
        `leaderless ${reason}`,
      ]);
      all.refuse(reason);
      assert.equal(told.length, 4);
    });
  }

  it("who takes its wish back gives up its place at once wherever it waits", () => {
    const { readers: all, take, told } = readers();
    const add = (name: string) => all.add(1000, () => told.push(name));
    const leaderless = add("leaderless");
    all.dropped(take(), "noLeader");
    const confirmed = add("confirmed");
    all.confirmed(take(), 9);
    const asked = add("asked");
    add("another");
    const round = take();
    const dropped = add("dropped");
    all.dropped(take(), "timeout");
    assert.equal(all.size, 5);
    for (const takeBack of [leaderless, confirmed, asked, dropped]) takeBack();
    assert.deepEqual([all.size, all.hasArrived], [1, false]);
    all.leaderKnown();
    assert.equal(all.hasArrived, false);
    all.confirmed(round, 9);
    all.applied(9);
    assert.deepEqual(told, ["another"]);
    for (const takeBack of [leaderless, confirmed, asked, dropped]) takeBack();
    assert.equal(all.size, 0, "nobody leaves twice");
  });

  it("whoever is told may ask again at once", () => {
    const { readers: all, ask } = readers();
    all.add(10, () => ask("again", 99));
    all.expire(10);
    assert.equal(all.hasArrived, true);
    all.take();
    all.add(10, () => ask("again"));
    all.refuse("diskFull");
    assert.equal(all.hasArrived, true);
  });
});
