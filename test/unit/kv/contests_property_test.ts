/**
 * Random contests against a plain queue for each name: at any time one holder, who came first, with
 * tokens that rise from holder to holder; and what users see of the store is not touched.
 */

import type { Operation } from "../../../src/kv/command.ts";
import type { ContestArea } from "../../../src/kv/contest_command.ts";
import type { ContestDone, Result } from "../../../src/kv/result.ts";
import { bytes, put, range } from "../../harness/kv_commands.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { RandomKv } from "../../harness/random_kv.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Standing {
  readonly token: number;
  readonly lease: string;
  readonly isPrivate: boolean;
  mod: number;
  value: string;
}

const names = ["a", "b", "a/b"];
const areas: readonly ContestArea[] = ["lock", "election"];
const ids = ["1", "2", "3"];

/** What must come of the operations, told by arrays alone. */
class Queues {
  readonly #queues = new Map<string, Standing[]>();
  /** By id: when it ends, and how long it lives. */
  readonly leases = new Map<string, { deadlineMs: number; readonly ttlMs: number }>();
  /** The highest token that has held each name. */
  readonly #held = new Map<string, number>();
  revision = 1;

  of(area: ContestArea, name: string): Standing[] {
    const at = `${area} ${name}`;
    const queue = this.#queues.get(at) ?? [];
    this.#queues.set(at, queue);
    return queue;
  }

  all(): readonly Standing[] {
    return [...this.#queues.values()].flat();
  }

  /** What is changed in one revision. */
  change(run: () => void): void {
    this.revision++;
    run();
  }

  remove(area: ContestArea, name: string, standing: Standing): void {
    const queue = this.of(area, name);
    queue.splice(queue.indexOf(standing), 1);
    if (standing.isPrivate) this.leases.delete(standing.lease);
  }

  endLease(id: string): void {
    this.leases.delete(id);
    if (!this.all().some(({ lease }) => lease === id)) return;
    this.change(() => {
      for (const [at, queue] of this.#queues) {
        this.#queues.set(at, queue.filter(({ lease }) => lease !== id));
      }
    });
  }

  /** Throws where a name has gone to a lower token than it had. */
  assertTokensRise(): void {
    for (const [at, queue] of this.#queues) {
      const first = queue[0];
      if (first === undefined) continue;
      assert.ok(first.token >= (this.#held.get(at) ?? 0), `${at}: ${first.token}`);
      this.#held.set(at, first.token);
    }
  }
}

class Run {
  readonly store = new MemoryStore({ commitEntriesMax: 7 });
  readonly queues = new Queues();
  readonly random: RandomKv;
  #isHeld = 0;
  #waits = 0;

  constructor(seed: number) {
    this.random = new RandomKv(seed);
  }

  /** How often somebody held, and how often somebody waited: a run without them says nothing. */
  get met(): readonly [held: number, waited: number] {
    return [this.#isHeld, this.#waits];
  }

  step(): void {
    const { random, store } = this;
    const nowMs = store.maker.nextTimeMs;
    switch (random.pick(["contend", "contend", "contend", "leave", "leave", "proclaim", "lease"])) {
      case "contend":
        return this.#contend(nowMs);
      case "leave":
        return this.#leave();
      case "proclaim":
        return this.#proclaim();
      case "lease":
        return this.#lease(nowMs);
    }
  }

  #contend(nowMs: number): void {
    const { random, queues } = this;
    const [area, name, value] = [random.pick(areas), random.pick(names), random.pick(["x", "y"])];
    const queue = random.chance(2, 3);
    const life = random.chance(1, 2) ? { ttlMs: 1_000 } : { lease: random.pick(ids) };
    const operation: Operation = {
      ...{ kind: "contend", area, name: bytes(name), value: bytes(value), queue, ...life },
    };
    const line = queues.of(area, name);
    const { lease } = life;
    if (lease !== undefined && !queues.leases.has(lease)) {
      return assert.equal(this.store.codeOf(operation), "lease_not_found");
    }
    const there = line.find((each) => each.lease === lease);
    const isTaken = line.length > 0 && there === undefined;
    const isOthers = lease !== undefined &&
      queues.all().some((each) => each.isPrivate && each.lease === lease);
    if (there === undefined && isOthers && (queue || !isTaken)) {
      return assert.equal(this.store.codeOf(operation), "lease_not_found");
    }
    const result = contestOf(this.store.do(operation));
    if (there !== undefined) {
      const before = line.indexOf(there);
      if (queue || before === 0) {
        queues.change(() => Object.assign(there, { value, mod: queues.revision }));
      }
      return this.#expect(result, line, { own: there, before });
    }
    const before = line.length;
    if (before > 0 && !queue) return this.#expect(result, line, { before });
    const own = assertOwn(result);
    queues.change(() => {
      const isPrivate = lease === undefined;
      const made = { token: queues.revision, lease: own.lease, isPrivate, value };
      line.push({ ...made, mod: queues.revision });
      if (isPrivate) queues.leases.set(own.lease, { ttlMs: 1_000, deadlineMs: nowMs + 1_000 });
      else assert.equal(own.lease, lease);
    });
    this.#expect(result, line, { own: line.at(-1)!, before });
  }

  #leave(): void {
    const { random, queues } = this;
    const [area, name] = [random.pick(areas), random.pick(names)];
    const line = queues.of(area, name);
    const own = line.length > 0 && random.chance(5, 6) ? random.pick(line) : undefined;
    const token = own?.token ?? random.pick([1, queues.revision, queues.revision + 1]);
    const found = line.find((each) => each.token === token);
    const onlyWaiting = random.chance(1, 2);
    const asked = random.chance(1, 2) ? {} : { asked: token };
    const operation: Operation = {
      ...{ kind: "leave", area, name: bytes(name), token, onlyWaiting, ...asked },
    };
    const result = contestOf(this.store.do(operation));
    if (found === undefined) return this.#expect(result, line, { before: 0 });
    const before = line.indexOf(found);
    const stays = (onlyWaiting && before === 0) || ("asked" in asked && found.mod > token);
    if (!stays) queues.change(() => queues.remove(area, name, found));
    this.#expect(result, queues.of(area, name), { own: found, before, hasLeft: !stays });
  }

  #proclaim(): void {
    const { random, queues } = this;
    const name = random.pick(names);
    const line = queues.of("election", name);
    const own = line.length > 0 ? random.pick(line) : undefined;
    const value = random.pick(["p", "q"]);
    const token = own?.token ?? 1;
    const result = contestOf(
      this.store.do({ kind: "proclaim", name: bytes(name), token, value: bytes(value) }),
    );
    if (own === undefined) return this.#expect(result, line, { before: 0 });
    const before = line.indexOf(own);
    if (before === 0) queues.change(() => Object.assign(own, { value, mod: queues.revision }));
    this.#expect(result, line, { own, before });
  }

  #lease(nowMs: number): void {
    const { random, queues, store } = this;
    const id = random.pick([...ids, ...queues.all().map(({ lease }) => lease)]);
    const known = queues.leases.get(id);
    switch (random.pick(["keep", "keep", "grant", "grant", "revoke", "expire"])) {
      case "keep":
        store.do({ kind: "keepLeases", ids: [id] });
        if (known !== undefined) known.deadlineMs = nowMs + known.ttlMs;
        return;
      case "grant":
        if (known !== undefined || !ids.includes(id)) return;
        store.do({ kind: "grantLease", id, ttlMs: 2_000 });
        queues.leases.set(id, { ttlMs: 2_000, deadlineMs: nowMs + 2_000 });
        return;
      case "revoke":
        store.do({ kind: "revokeLease", id });
        if (known !== undefined) queues.endLease(id);
        return;
      case "expire": {
        store.maker.skip(random.pick([100, 500, 1_500]));
        const atMs = store.maker.nextTimeMs;
        const due = [...queues.leases].filter(([, { deadlineMs }]) => deadlineMs <= atMs);
        const leases = store.machine.leasesDue(atMs, 100);
        const sorted = (all: readonly string[]) => [...all].sort();
        assert.deepEqual(sorted(leases.map((each) => each.id)), sorted(due.map(([key]) => key)));
        if (leases.length === 0) return;
        store.do({ kind: "expireLeases", leases });
        for (const each of leases) queues.endLease(each.id);
      }
    }
  }

  #expect(
    result: ContestDone,
    line: readonly Standing[],
    { own, before, hasLeft = false }: {
      readonly own?: Standing;
      readonly before: number;
      readonly hasLeft?: boolean;
    },
  ): void {
    const holder = line[0];
    assert.equal(result.revision, this.queues.revision);
    assert.equal(result.holder?.token, holder?.token);
    assert.equal(result.holder?.lease, holder?.lease);
    assert.deepEqual(result.holder?.value, holder && bytes(holder.value));
    assert.equal(result.own?.token, own?.token);
    assert.equal(result.own?.lease, own?.lease);
    assert.equal(result.before, before);
    assert.equal(result.hasLeft, hasLeft);
    if (holder !== undefined) this.#isHeld++;
    if (before > 0) this.#waits++;
  }

  assertAgrees(): void {
    const { store, queues } = this;
    queues.assertTokensRise();
    for (const area of areas) {
      for (const name of names) {
        const line = queues.of(area, name);
        for (const token of [undefined, ...line.map((each) => each.token)]) {
          const asked = { kind: "contest", area, name: bytes(name), counts: true } as const;
          const answer = store.read(token === undefined ? asked : { ...asked, token });
          assert.ok(answer.kind === "contest");
          assert.equal(answer.holder?.token, line[0]?.token);
          assert.equal(answer.holder?.mod, line[0]?.mod);
          assert.equal(answer.contestants, line.length);
          const before = line.findIndex((each) => each.token === token);
          assert.equal(answer.own?.before ?? -1, before);
        }
      }
    }
    assert.equal(store.machine.status().leases, queues.leases.size);
    const listed = store.read(range());
    assert.equal(listed.kind === "range" && listed.count, 1);
  }
}

function contestOf(result: Result): ContestDone {
  assert.ok(result.kind === "contest", result.kind);
  return result;
}

function assertOwn({ own }: ContestDone): NonNullable<ContestDone["own"]> {
  assert.ok(own, "it has a place");
  return own;
}

describe("random contests", () => {
  for (let seed = 1; seed <= 10; seed++) {
    it(`go as plain queues do: seed ${seed}`, () => {
      const run = new Run(seed);
      run.store.do(put("user", "1"));
      run.queues.change(() => {});
      for (let step = 0; step < 400; step++) {
        run.step();
        if (step % 10 === 0) run.assertAgrees();
        if (step % 100 === 0) {
          const before = run.store.machine.status();
          run.store.crash();
          assert.deepEqual(run.store.machine.status(), before);
          run.store.assertIntact();
        }
      }
      run.assertAgrees();
      const [held, waited] = run.met;
      assert.ok(held > 100 && waited > 30, `${held} held, ${waited} waited`);
    });
  }
});
