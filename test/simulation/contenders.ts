/**
 * Those who contend for locks and elections of a simulated cluster, as a client would: each takes
 * a place, waits until it is the first, holds while it keeps its lease alive, and leaves, or is
 * silent until its lease has ended. It believes that it holds for as long as its lease lasts at
 * least, from when it asked. The witness judges all that the store answers; invariant I17
 * (invariants/contest_contract.ts) judges what they believe.
 */

import type { Idempotency, Operation } from "../../src/kv/command.ts";
import type { Contested } from "../../src/kv/contest_command.ts";
import type { Answer } from "../../src/kv/query.ts";
import type { LeaseId, Revision } from "../../src/kv/record.ts";
import type { ContestDone, Result } from "../../src/kv/result.ts";
import { lossyText, utf8 } from "../../src/lib/bytes.ts";
import type { Prng } from "../../src/lib/prng.ts";
import type { KeyBook } from "./client_calls.ts";
import { Client, type ClientWorld } from "./clients.ts";
import type { ContestNews } from "./invariant.ts";

/** What clocks may differ by in their last digits. */
const marginUs = 20_000;
/** How often it looks, and how often it does something while it holds, at most. */
const looksMax = 40;
const deedsMax = 8;

/** A contestant of it. */
interface Place extends Contested {
  readonly token: Revision;
  readonly lease: LeaseId;
  readonly ttlMs: number;
  /** When it was asked for, by the store's answer. */
  readonly asked: Revision;
  /** When its lease was asked to live its whole time: it was no earlier that it did. */
  readonly keptUs: number;
}

export class Contender {
  readonly client: Client;
  readonly #world: ClientWorld;
  readonly #name: string;
  readonly #prng: Prng;
  readonly #names: number;
  readonly #calls: () => void;
  readonly #repeats: boolean;
  #number = 0;
  #isOver = false;

  constructor(parts: {
    readonly world: ClientWorld;
    readonly name: string;
    readonly prng: Prng;
    readonly keys: KeyBook;
    /** Told of each call. */
    readonly calls: () => void;
  }) {
    const { world, name, prng, calls } = parts;
    this.#world = world;
    this.#name = name;
    this.#prng = prng;
    this.#calls = calls;
    this.#names = world.plan.contestedNames;
    this.#repeats = prng.chance(1, 2);
    this.client = new Client({
      ...parts,
      prng: prng.split(),
      takeTurn: () => false,
      readsLeases: false,
    });
  }

  start(): void {
    this.#later(this.#prng.below(500_000), () => this.#contend());
  }

  /** It begins nothing new. */
  stop(): void {
    this.#isOver = true;
  }

  #later(afterUs: number, run: () => void): void {
    this.#world.scheduler.after(afterUs, () => {
      if (!this.#isOver) run();
    });
  }

  #again(): void {
    this.#later(this.#prng.below(300_000), () => this.#contend());
  }

  // ---- Calls ----

  /** `then` hears nothing where nobody knows what became of it. */
  #write(operation: Operation, then: (result: Result | undefined) => void): void {
    const key = `${this.#name};${++this.#number}`;
    const once: Idempotency = { identity: "", key, requestHash: utf8(key) };
    let heard: Result | undefined;
    this.#calls();
    this.#world.scheduler.trace(`${this.#name} calls ${operation.kind}`);
    this.client.call({
      kind: "write",
      operation,
      text: `${operation.kind} ${key}`,
      ...(this.#repeats && { idempotency: once }),
      hears: (result) => heard = result,
    }, () => then(heard));
  }

  #contestWrite(operation: Operation, then: (done: ContestDone | undefined) => void): void {
    this.#write(operation, (result) => then(result?.kind === "contest" ? result : undefined));
  }

  /** Calls `then` with when it was asked for, and whether it has its whole time from there on. */
  #keep(place: Place, then: (place: Place | undefined | "unknown") => void): void {
    const keptUs = this.#world.nowUs;
    this.#write({ kind: "keepLeases", ids: [place.lease] }, (result) => {
      if (result?.kind !== "kept") return then("unknown");
      then(result.leases[0] === undefined ? undefined : { ...place, keptUs });
    });
  }

  // ---- Taking a place ----

  #contend(): void {
    const area = this.#prng.chance(1, 2) ? "lock" : "election";
    const contested = { area, name: utf8(`x${this.#prng.below(this.#names)}`) } as const;
    const ttlMs = 1_000 + this.#prng.below(3_000);
    if (this.#prng.chance(2, 3)) return this.#take(contested, { ttlMs }, ttlMs);
    const id = String(1_000_000 + this.#prng.below(1_000_000));
    this.#write({ kind: "grantLease", id, ttlMs }, (result) => {
      if (result?.kind !== "granted") return this.#again();
      this.#take(contested, { lease: id }, ttlMs);
    });
  }

  #take(
    contested: Contested,
    life: { readonly ttlMs: number } | { readonly lease: LeaseId },
    ttlMs: number,
  ): void {
    const keptUs = this.#world.nowUs;
    const queue = this.#prng.chance(4, 5);
    const value = utf8(this.#name);
    this.#contestWrite({ kind: "contend", ...contested, value, queue, ...life }, (done) => {
      if (done?.own === undefined) return this.#again();
      // Whose lease is its own began at the earliest when it asked; another one is kept first.
      const place = { ...contested, ...done.own, ttlMs, asked: done.revision, keptUs };
      // Others revoke leases with such ids (store_calls.ts).
      if (Number(place.lease) <= 6) return this.#leave(place);
      if (done.before > 0) {
        return this.#wait(place, this.#prng.below(this.#prng.chance(1, 2) ? 3 : looksMax));
      }
      if ("ttlMs" in life) this.#holds(place, this.#prng.below(deedsMax));
      else this.#settle(place);
    });
  }

  #wait(place: Place, looksLeft: number): void {
    const ttlUs = place.ttlMs * 1_000;
    const waitUs = 20_000 + this.#prng.below(Math.floor(ttlUs / 6));
    this.#later(waitUs, () => {
      if (this.#world.nowUs - place.keptUs > ttlUs / 3) {
        return this.#keep(place, (kept) => {
          if (kept === undefined) return this.#gone(place);
          this.#wait(kept === "unknown" ? place : kept, looksLeft);
        });
      }
      if (looksLeft <= 0) return this.#giveUp(place);
      this.#look(place, (standing) => {
        if (standing === "first") return this.#settle(place);
        if (standing === "gone") return this.#gone(place);
        this.#wait(place, looksLeft - 1);
      });
    });
  }

  #look(
    { area, name, token, asked }: Place,
    then: (standing: "waits" | "first" | "gone") => void,
  ): void {
    let heard: Answer | undefined;
    this.#calls();
    this.client.call({
      kind: "read",
      query: { kind: "contest", area, name, token, counts: false },
      level: this.#prng.chance(3, 4) ? "eventual" : "linearizable",
      text: "look",
      hears: (answer) => heard = answer,
    }, () => {
      // A node that lags has not heard of the contestant yet.
      if (heard?.kind !== "contest" || heard.revision < asked) return then("waits");
      if (heard.own === undefined) return then("gone");
      then(heard.holder?.token === token ? "first" : "waits");
    });
  }

  /** It has waited long enough: the store decides whether it was given it in the end. */
  #giveUp(place: Place): void {
    const { area, name, token, asked } = place;
    this.#contestWrite({ kind: "leave", area, name, token, onlyWaiting: true, asked }, (done) => {
      const holds = done?.own !== undefined && !done.hasLeft && done.before === 0;
      if (holds) this.#settle(place);
      else this.#again();
    });
  }

  /** Who is told that it holds has its whole time to live from then on. */
  #settle(place: Place): void {
    this.#keep(place, (kept) => {
      if (kept === undefined) return this.#gone(place);
      if (kept === "unknown") return this.#leave(place);
      this.#holds(kept, this.#prng.below(deedsMax));
    });
  }

  // ---- Holding ----

  #holds(place: Place, deedsLeft: number): void {
    const { nowUs, plan: { clockRates: [, fastest] } } = this.#world;
    const untilUs = place.keptUs - marginUs + Math.floor((place.ttlMs * 1_000_000) / fastest);
    // The answer came too late to be of use.
    if (untilUs <= nowUs) return this.#leave(place);
    this.#tell(place, { kind: "holds", untilUs });
    if (deedsLeft <= 0) return this.#end(place, untilUs);
    this.#later(this.#prng.below(Math.floor(place.ttlMs * 500)), () => {
      const again = (kept: Place): void => this.#holds(kept, deedsLeft - 1);
      const deed = this.#prng.below(4);
      if (deed < 2) return this.#keepHolding(place, again);
      if (deed < 3 && place.area === "election") return this.#proclaim(place, again);
      this.#askAgain(place, again);
    });
  }

  #keepHolding(place: Place, again: (kept: Place) => void): void {
    this.#keep(place, (kept) => {
      if (kept === undefined) return this.#gone(place);
      again(kept === "unknown" ? place : kept);
    });
  }

  #proclaim(place: Place, again: (kept: Place) => void): void {
    const { name, token } = place;
    const value = utf8(`${this.#name}.${this.#number}`);
    this.#contestWrite({ kind: "proclaim", name, token, value }, (done) => {
      if (done !== undefined && done.own === undefined) return this.#gone(place);
      again(place);
    });
  }

  /** As one that has forgotten that it holds. */
  #askAgain(place: Place, again: (kept: Place) => void): void {
    const { area, name, lease } = place;
    const value = utf8(this.#name);
    const contend = { kind: "contend", area, name, value, queue: false, lease } as const;
    this.#write(contend, (result) => {
      if (result?.kind === "rejected") return this.#gone(place);
      again(place);
    });
  }

  /** It leaves, or says nothing more, and its lease ends. */
  #end(place: Place, untilUs: number): void {
    if (this.#prng.chance(1, 2)) return this.#leave(place);
    this.#later(Math.max(0, untilUs - this.#world.nowUs), () => this.#again());
  }

  #leave(place: Place): void {
    this.#tell(place, { kind: "letsGo" });
    const { area, name, token } = place;
    this.#contestWrite({ kind: "leave", area, name, token, onlyWaiting: false }, () => {
      this.#again();
    });
  }

  #gone(place: Place): void {
    this.#tell(place, { kind: "gone" });
    this.#again();
  }

  #tell({ area, name, token }: Place, news: ContestNews["news"]): void {
    const who = this.#name;
    this.#world.scheduler.tell(() => `${who} ${news.kind} ${area} ${lossyText(name)} ${token}`);
    this.#world.watch.contested({ who, area, name, token, news });
  }
}
