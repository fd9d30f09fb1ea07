/** One node with locks and elections, and requests that wait on it: for tests of waiting. */

import type { Contending, ContestDone } from "../../src/service/contract.ts";
import type { Contend, Operation } from "../../src/kv/command.ts";
import { ServiceError } from "../../src/service/errors.ts";
import { contestsOf, FakeKvService, watchesOf } from "./fake_services.ts";
import { HandClock } from "./http_probe.ts";
import { bytes } from "./kv_commands.ts";
import { assert } from "./test.ts";
import { standstill } from "./wait.ts";

export const options = { timeoutMs: 5_000, requestId: "r" };
export const longMs = 60_000;

/** One node with its store, its locks and elections, and a clock that the test moves. */
export class Contested {
  readonly kv = new FakeKvService();
  readonly clock = new HandClock();
  readonly watches = watchesOf(this.kv, 10);
  readonly contests = contestsOf(this.kv, this.watches, this.clock);
  /** What was written for the service, in order. */
  readonly written: string[] = [];

  constructor() {
    const write = this.kv.write.bind(this.kv);
    this.kv.write = async (operation, asked) => {
      this.written.push(operation.kind);
      return await write(operation, asked);
    };
  }

  apply(operation: Operation): ContestDone {
    const result = this.kv.store.apply(operation);
    assert.ok(result.kind === "contest", result.kind);
    return result;
  }

  hold(name: string, more: Partial<Contend> = {}): number {
    return this.apply(contend(name, { queue: false, ...more })).own!.token;
  }

  release(name: string, token: number): void {
    this.apply({ kind: "leave", area: "lock", name: bytes(name), token, onlyWaiting: false });
  }

  count(name: string): number {
    const answer = this.kv.store.read({
      ...{ kind: "contest", area: "lock", name: bytes(name), counts: true },
    });
    return answer.kind === "contest" ? answer.contestants ?? -1 : -1;
  }

  async queue(name: string, more: Partial<Contend> = {}, asked = {}): Promise<Waiter> {
    return new Waiter(await this.contests.contend(contend(name, more), { ...options, ...asked }));
  }

  grant(id: string): void {
    this.kv.store.apply({ kind: "grantLease", id, ttlMs: 60_000 });
  }

  /** Lets time pass, and everything that follows from it. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await standstill();
    await standstill();
  }

  assertNobodyIsLeft(): void {
    assert.equal(this.contests.size, 0);
    assert.equal(this.watches.size, 0);
  }
}

/** A request that waits. */
export class Waiter {
  readonly first: Contending;
  isWoken = false;

  constructor(first: Contending) {
    this.first = first;
  }

  /** `holds` or what else it is told in the end. */
  async end(ms = longMs): Promise<string> {
    const { place } = this.first;
    assert.ok(place, "it waits");
    await place.wait({ ms });
    this.isWoken = true;
    return await this.settle();
  }

  /** What it is told when it has waited. */
  async settle(): Promise<string> {
    const { place } = this.first;
    assert.ok(place, "it waits");
    try {
      const { own, before, hasLeft, holder } = (await place.settle(options)).result;
      if (hasLeft) return `left, ${holder?.token} holds`;
      if (own === undefined) return `lost, ${holder?.token} holds`;
      return before === 0 ? `holds ${own.token}` : `behind ${before}`;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return `${error.code}, ${error.outcome}`;
    } finally {
      await place.close();
    }
  }
}

export function contend(name: string, more: Partial<Contend> = {}): Contend {
  const life = more.lease === undefined ? { ttlMs: 30_000 } : {};
  return {
    ...{ kind: "contend", area: "lock", name: bytes(name), value: bytes("me"), queue: true },
    ...life,
    ...more,
  };
}
