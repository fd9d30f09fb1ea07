/**
 * Those who watch a simulated cluster: each a key, a prefix or a range, on whichever node, through
 * the node's own watch service. Now and then the connection ends, for both or for the client alone,
 * or the node dies; then it goes on at another node from the revision that it saw last. Who is told
 * that this is given up begins anew. Invariant I13 (invariants/watch_contract.ts) hears of all that
 * comes to them.
 */

import type { Revision } from "../../src/kv/record.ts";
import { lossyText, prefixEnd, utf8 } from "../../src/lib/bytes.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { type Clock, FatalStorageError } from "../../src/node/ports.ts";
import type { FormedNode } from "../../src/server_node.ts";
import type { WatchFrame } from "../../src/service/contract.ts";
import { ServiceError } from "../../src/service/errors.ts";
import type { Watch } from "../../src/service/watch.ts";
import type { SimNode } from "../harness/sim_node.ts";
import type { KeyBook } from "./client_calls.ts";
import type { ClientWorld } from "./clients.ts";
import type { WatchedRange, WatchNews } from "./invariant.ts";

/** How long a message between a watcher and a node takes, at most. */
const latencyMaxUs = 500;
const retryUs = 20_000;
/** After so long without a word the connection counts as dead. */
const silenceUs = 6_000_000;
/** Who has nothing new is told how far it has come. */
const progressUs = 700_000;
const openWithinMs = 1_000;

/** One connection to a node. */
interface Connection {
  readonly node: SimNode;
  readonly formed: FormedNode;
  readonly watch: Watch;
}

export class Watcher {
  readonly #world: ClientWorld;
  readonly #prng: Prng;
  readonly #keys: KeyBook;
  readonly #watched: WatchedRange;
  readonly #pauseMaxUs: number;
  readonly #stallMaxUs: number;
  #isCalm = false;
  /** Behind which it has seen nothing; undefined: it begins anew. */
  #seen: Revision | undefined;
  #node: SimNode | undefined;
  #open: Connection | undefined;
  /** Counts connections: what comes from an earlier one comes too late. */
  #tries = 0;
  #unwait: () => void = () => {};
  #cancelSilence: () => void = () => {};
  /** As it was found at the last connection. */
  #known = { oldest: 0, term: 0 };

  constructor(parts: {
    readonly world: ClientWorld;
    readonly name: string;
    readonly prng: Prng;
    readonly keys: KeyBook;
  }) {
    const { prng } = parts;
    this.#world = parts.world;
    this.#prng = prng;
    this.#keys = parts.keys;
    this.#watched = {
      ...{ name: parts.name, target: drawTarget(prng), prev: prng.chance(1, 3) },
      kind: prng.chance(1, 6) ? (prng.chance(1, 2) ? "put" : "delete") : undefined,
    };
    this.#pauseMaxUs = prng.chance(1, 2) ? 20_000 : 200_000;
    this.#stallMaxUs = prng.chance(1, 2) ? 0 : 10_000_000;
  }

  /** Has seen everything up to there that it wants. */
  hasSeen(revision: Revision): boolean {
    return this.#seen !== undefined && this.#seen >= revision;
  }

  /** For people. */
  get standing(): string {
    return `${this.#watched.name} at ${this.#seen} with n${this.#node?.id}`;
  }

  start(): void {
    this.#connectLater(this.#prng.below(1_000_000));
  }

  /** From now on it stays where it is, and reads at once. */
  calmDown(): void {
    this.#isCalm = true;
  }

  nodeEnded(node: SimNode): void {
    if (this.#node === node) this.#connectLater(this.#awayUs());
  }

  /** A broken connection is noticed and made anew at once, mostly. */
  #awayUs(): number {
    return this.#prng.chance(3, 4) || this.#isCalm
      ? this.#prng.below(retryUs)
      : this.#prng.below(3_000_000);
  }

  // ---- Connections ----

  #connectLater(afterUs: number): void {
    this.#end();
    this.#node = undefined;
    const attempt = ++this.#tries;
    this.#world.scheduler.after(afterUs, () => {
      if (attempt === this.#tries) this.#connect(attempt);
    });
  }

  /** Nothing of the present connection counts any more. The node may not know yet. */
  #end(): void {
    this.#tries++;
    this.#unwait();
    this.#unwait = () => {};
    this.#cancelSilence();
    this.#open = undefined;
  }

  /** The client goes; the node hears of it now, or only when it has long tried to write. */
  #cut(): void {
    const { scheduler } = this.#world;
    scheduler.trace(`${this.#watched.name} is cut off`);
    // Now and then somebody else comes in its place.
    if (!this.#isCalm && this.#prng.chance(1, 4)) this.#seen = undefined;
    const open = this.#open;
    if (open !== undefined) {
      const afterUs = this.#prng.chance(3, 4) ? this.#latencyUs() : 5_000_000;
      scheduler.after(afterUs, () => open.node.run(() => open.watch.close()));
    }
    this.#connectLater(this.#awayUs());
  }

  #latencyUs(): number {
    return 50 + this.#prng.below(latencyMaxUs);
  }

  #connect(attempt: number): void {
    const { nodes, scheduler } = this.#world;
    const node = nodes[this.#prng.below(nodes.length)]!;
    this.#node = node;
    this.#awaitWord();
    const floor = this.#world.witness.revision;
    scheduler.after(this.#latencyUs(), () => {
      const ask = (formed: FormedNode, clock: Clock): void => {
        const from = this.#seen ?? this.#drawBeginning();
        if (from !== undefined) return this.#begin({ node, formed }, { attempt, after: from });
        formed.node.readIndex(clock.monotonicMs() + openWithinMs, ({ kind }) => {
          if (attempt !== this.#tries) return;
          if (kind !== "readable" || node.formed !== formed) return this.#connectLater(retryUs);
          const after = node.machine?.revision ?? 0;
          this.#begin({ node, formed }, { attempt, after, floor });
        });
      };
      if (attempt !== this.#tries) return;
      if (node.formed === undefined || !node.run(ask)) this.#connectLater(retryUs);
    });
  }

  /** Undefined: from now on. */
  #drawBeginning(): Revision | undefined {
    if (this.#prng.chance(1, 3)) return undefined;
    const { revision } = this.#keys;
    const back = this.#prng.below(this.#prng.chance(1, 3) ? 50 : revision + 1);
    return Math.max(1, revision + this.#prng.below(10) - back);
  }

  #begin(
    at: Pick<Connection, "node" | "formed">,
    { attempt, after, floor }: {
      readonly attempt: number;
      readonly after: Revision;
      readonly floor?: Revision;
    },
  ): void {
    if (attempt !== this.#tries) return;
    const { target, prev, kind: only } = this.#watched;
    try {
      const { watch, oldest } = at.formed.services.watches.watchBehind({
        ...{ target, prev, after },
        ...(only === undefined ? {} : { only }),
      });
      this.#open = { ...at, watch };
      const kind = this.#seen === undefined ? "begins" : "resumes";
      this.#note(at, { oldest, isResumed: kind === "resumes" });
      this.#world.scheduler.trace(`${this.#watched.name} ${kind} at n${at.node.id} ${after}`);
      this.#world.watch.watched({
        ...this.#told(at.node),
        news: kind === "resumes" ? { kind, after } : { kind, after, floor },
      });
      this.#seen = after;
      this.#readLater(0);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const { oldest } = error.extra;
      if (error.code !== "revision_compacted" || typeof oldest !== "number") {
        return this.#connectLater(retryUs);
      }
      // Who begins somewhere has not stood anywhere before.
      if (this.#seen !== undefined) this.#isGivenUp(at.node, oldest);
      this.#connectLater(this.#latencyUs());
    }
  }

  #told(node: SimNode): Omit<WatchNews, "news"> {
    return { watcher: this.#watched, node, committed: this.#world.witness.revision };
  }

  #note(
    { node, formed }: Pick<Connection, "node" | "formed">,
    { oldest, isResumed }: { readonly oldest: Revision; readonly isResumed: boolean },
  ): void {
    const { term } = formed.node.status();
    const { rare } = this.#world;
    if (isResumed && oldest > this.#known.oldest) rare.saw("watch resumed across a compaction");
    if (isResumed && term > this.#known.term) rare.saw("watch resumed under another leader");
    this.#known = { oldest, term };
    this.#node = node;
  }

  #isGivenUp(node: SimNode, oldest: Revision): void {
    this.#world.rare.saw("watch overtaken by a compaction");
    this.#world.watch.watched({ ...this.#told(node), news: { kind: "compacted", oldest } });
    this.#seen = undefined;
  }

  // ---- Reading ----

  #readLater(afterUs: number): void {
    const attempt = this.#tries;
    this.#unwait();
    this.#unwait = this.#world.scheduler.after(afterUs, () => {
      const open = this.#open;
      if (open === undefined || attempt !== this.#tries) return;
      this.#awaitWord();
      open.node.run(() => {
        if (attempt === this.#tries && open.node.formed === open.formed) this.#read(open);
      });
    });
  }

  /**
   * What is there now, on its way to the client; or waits for more. `isLate`: the client is told
   * how far it has come when there is nothing else.
   */
  #read(open: Connection, isLate = false): void {
    const framesMax = 1 + this.#prng.below(this.#isCalm ? 1_000 : 64);
    const frames: WatchFrame[] = [];
    while (frames.length < framesMax) {
      const frame = nextOf(open.watch);
      if (frame === "behind" && frames.length === 0) return this.#readLater(1);
      if (frame === undefined || typeof frame === "string") break;
      frames.push(frame);
    }
    if (frames.length > 0) return this.#deliver(open, frames);
    if (isLate) return this.#deliver(open, [open.watch.progress()]);
    const forget = open.watch.onceMore(() => this.#readLater(this.#latencyUs()));
    const cancel = this.#world.scheduler.after(progressUs, () => {
      this.#unwait();
      open.node.run(() => {
        if (this.#open !== open || open.node.formed !== open.formed) return;
        this.#read(open, true);
      });
    });
    this.#unwait = () => {
      forget();
      cancel();
    };
  }

  /** They are lost with the connection when that ends first. */
  #deliver({ node }: Connection, frames: readonly WatchFrame[]): void {
    const attempt = this.#tries;
    const told = this.#told(node);
    this.#unwait();
    this.#unwait = this.#world.scheduler.after(this.#latencyUs(), () => {
      if (attempt !== this.#tries) return;
      this.#cancelSilence();
      for (const frame of frames) if (!this.#take(frame, told)) return;
      if (!this.#isCalm && this.#prng.chance(1, 60)) this.#cut();
      else this.#readLater(this.#pauseUs());
    });
  }

  #pauseUs(): number {
    if (this.#isCalm) return 0;
    const isStalled = this.#stallMaxUs > 0 && this.#prng.chance(1, 30);
    return this.#prng.below(isStalled ? this.#stallMaxUs : this.#pauseMaxUs);
  }

  /** False where nothing more comes. */
  #take(frame: WatchFrame, told: Omit<WatchNews, "news">): boolean {
    const { scheduler, watch } = this.#world;
    scheduler.tell(() => `${this.#watched.name} is told ${described(frame)}`);
    switch (frame.kind) {
      case "closing":
        this.#connectLater(this.#awayUs());
        return false;
      case "compacted": {
        const open = this.#open;
        open?.node.run(() => open.watch.close());
        this.#isGivenUp(told.node, frame.oldest);
        this.#connectLater(this.#latencyUs());
        return false;
      }
      case "changes":
        scheduler.mix(frame.changes.revision);
        if (!frame.changes.isPartial) this.#seen = frame.changes.revision;
        break;
      case "progress":
        this.#seen = frame.revision;
    }
    watch.watched({ ...told, news: frame });
    return true;
  }

  /** A node that stands still, or is cut off, does not say that it is. */
  #awaitWord(): void {
    this.#cancelSilence();
    this.#cancelSilence = this.#world.scheduler.after(silenceUs, () => this.#cut());
  }
}

function described(frame: WatchFrame): string {
  if (frame.kind !== "changes") return JSON.stringify(frame);
  const { revision, events } = frame.changes;
  const keys = events.map((event) =>
    event.kind === "put" ? lossyText(event.record.key) : `-${lossyText(event.key)}`
  );
  return `${revision}: ${keys.join(" ")}`;
}

/** Undefined where the node ends because of what it finds. */
function nextOf(watch: Watch): ReturnType<Watch["nextNow"]> | undefined {
  try {
    return watch.nextNow();
  } catch (error) {
    if (error instanceof FatalStorageError) return undefined;
    throw error;
  }
}

/** Of the keys that clients use (client_calls.ts, store_calls.ts). */
function drawTarget(prng: Prng): WatchedRange["target"] {
  const kind = prng.below(6);
  if (kind < 1) return { kind: "key", key: utf8(`k${prng.below(3)}`) };
  if (kind < 2) return { kind: "key", key: utf8(prng.chance(1, 2) ? "m/count" : "r/3") };
  if (kind < 3) return { kind: "range", start: utf8("r/1"), end: utf8("r/4") };
  const start = utf8(["", "k", "r/", "m/"][prng.below(4)]!);
  const end = prefixEnd(start);
  return { kind: "range", start, ...(end === undefined ? {} : { end }) };
}
