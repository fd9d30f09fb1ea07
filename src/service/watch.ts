/**
 * One watch: every change of a key or a range behind a revision, in order, without gap or
 * repetition, as fast as its reader takes it. It is pulled: what is not taken is not read, or is
 * forgotten and read again from history.
 */

import { concatBytes } from "../lib/bytes.ts";
import type { ChangeEvent, RevisionChanges } from "../kv/query.ts";
import type { ChangeNumber } from "../kv/change.ts";
import type { KeyRange, Revision } from "../kv/record.ts";
import type { OpenWatch, WatchFrame, WatchRequest } from "./contract.ts";
import type { ServedNode } from "./node_port.ts";
import { type Patience, untilWoken } from "./patience.ts";
import type { RevisionWait } from "./revision_wait.ts";
import type { Watcher, WatchHub } from "./watch_hub.ts";
import type { WatchMemory } from "./watch_memory.ts";
import { WatchQueue } from "./watch_queue.ts";

/** Changes of the whole store that one look into history goes over. */
const changesPerLook = 1_000;
/** Who is further behind the store is told so. */
const lagRevisionsMax = 10_000;

/** Where a watch begins, and of what. */
export interface WatchStart extends Omit<WatchRequest, "after"> {
  readonly after: Revision;
}

/** What a watch stands on. */
export interface WatchParts {
  readonly node: Pick<ServedNode, "readNow">;
  readonly hub: WatchHub;
  readonly revisions: RevisionWait;
  /** What the queues of all watches of the node may hold. */
  readonly memory: WatchMemory;
  /** Calls back after the events that wait now. */
  readonly soon: (run: () => void) => void;
}

/** Why there is no frame now. */
export type Nothing =
  /** Nothing more is there now. */
  | "level"
  /** There is more behind what was read: to be asked again after the events that wait now. */
  | "behind"
  /** The node cannot be read, or has not come so far. */
  | "notThere";

/** What a look into history has found. */
type Look = Extract<WatchFrame, { readonly kind: "compacted" | "lagging" }> | Nothing;

/** See the head of this file. One reader. */
export class Watch implements OpenWatch {
  readonly after: Revision;
  readonly #parts: WatchParts;
  readonly #watcher: Watcher;
  readonly #range: KeyRange;
  readonly #only: ChangeEvent["kind"] | undefined;
  /** Handed to it and not taken yet. */
  readonly #queue: WatchQueue;
  /** The last one that it was handed goes on. */
  #isInside = false;
  /** Where history goes on, while it is not live. */
  #from: { readonly after: Revision } | { readonly number: ChangeNumber };
  /** Everything up to here has been taken, or is in the queue; more of it where it is live. */
  #through: Revision;
  #leaveHub: (() => void) | undefined;
  /** It knows how far behind it is. */
  #isToldOfLag = false;
  #isEnded = false;
  readonly #onClose: () => void;
  #wake: () => void = () => {};

  constructor(
    parts: WatchParts,
    { target, after, prev, only }: WatchStart,
    onClose: () => void = () => {},
  ) {
    this.after = after;
    this.#onClose = onClose;
    this.#parts = parts;
    this.#queue = new WatchQueue(parts.memory);
    this.#only = only;
    this.#from = { after };
    this.#through = after;
    this.#range = target.kind === "range"
      ? target
      : { start: target.key, end: concatBytes([target.key, new Uint8Array(1)]) };
    this.#watcher = {
      ...{ target, prev },
      take: (changes) => this.#take(changes),
      fallBehind: () => this.#fallBehind(),
    };
  }

  async next({ ms, signal }: Patience): Promise<WatchFrame> {
    const endMs = performance.now() + ms;
    for (;;) {
      const now = this.nextNow();
      if (typeof now === "object") return now;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || signal?.aborted === true) return this.progress();
      if (now === "behind") await new Promise<void>((resolve) => this.#parts.soon(resolve));
      else await untilWoken({ ms: leftMs, signal }, (wake) => this.onceMore(wake));
    }
  }

  /** What comes next, or why nothing does now: {@link onceMore} tells when to ask again. */
  nextNow(): WatchFrame | Nothing {
    for (;;) {
      const frame = this.nextAhead();
      if (frame !== undefined) return frame;
      const look = this.#leaveHub === undefined ? this.#look() : "level";
      if (typeof look === "object" || this.#queue.length === 0) return look;
    }
  }

  /** How far it has come: to be told where {@link nextNow} has nothing. */
  progress(): WatchFrame & { readonly kind: "progress" } {
    return { kind: "progress", revision: this.#position };
  }

  /**
   * Calls `run` when there may be more, or the watch is closed. The returned function forgets that.
   * One can wait at a time.
   */
  onceMore(run: () => void): () => void {
    // Thousands may begin in the future: who looks before there is something stops all the others.
    const stopWaiting = this.#leaveHub === undefined
      ? this.#parts.revisions.onceApplied(this.#through, run)
      : () => {};
    this.#wake = run;
    return () => {
      this.#wake = () => {};
      stopWaiting();
    };
  }

  nextAhead(): WatchFrame | undefined {
    if (this.#isEnded) return { kind: "closing" };
    const changes = this.#queue.shift();
    return changes === undefined ? undefined : { kind: "changes", changes };
  }

  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#leave();
    this.#queue.clear();
    this.#wake();
    this.#onClose();
  }

  /** Reads on from history; live from there on when that is all there is. */
  #look(): Look {
    const { node, hub } = this.#parts;
    const answer = node.readNow({
      kind: "changes",
      range: this.#range,
      from: this.#from,
      prev: this.#watcher.prev,
      changesMax: changesPerLook,
      bytesMax: this.#queue.lookBytes,
    });
    if (answer?.kind === "compacted") return { kind: "compacted", oldest: answer.oldest };
    if (answer?.kind !== "changes") return "notThere";
    for (const changes of answer.revisions) this.#push(changes);
    this.#from = { number: answer.next };
    this.#through = Math.max(this.#through, answer.through);
    if (answer.through === answer.revision) {
      this.#isToldOfLag = false;
      this.#leaveHub = hub.add(this.#watcher, answer.next);
      return "level";
    }
    if (this.#isToldOfLag || answer.revision - answer.through <= lagRevisionsMax) return "behind";
    this.#isToldOfLag = true;
    return { kind: "lagging", at: answer.through, revision: answer.revision };
  }

  #take(changes: RevisionChanges): void {
    if (changes.revision <= this.#through) return;
    if (!this.#queue.hasRoomFor(changes)) return this.#fallBehind();
    this.#push(changes);
    this.#through = changes.revision;
    this.#wake();
  }

  #push(changes: RevisionChanges): void {
    const only = this.#only;
    const events = only === undefined
      ? changes.events
      : changes.events.filter(({ kind }) => kind === only);
    // The end of a revision is told even when nothing of that is wanted: its beginning was.
    const isWanted = events.length > 0 || (this.#isInside && !changes.isPartial);
    if (!isWanted) return;
    this.#isInside = changes.isPartial;
    this.#queue.push(events.length === changes.events.length ? changes : { ...changes, events });
  }

  /** Everything up to here has been taken, or is in the queue. */
  get #position(): Revision {
    const { hub } = this.#parts;
    return this.#leaveHub === undefined ? this.#through : Math.max(this.#through, hub.through);
  }

  #fallBehind(): void {
    this.#through = this.#position;
    this.#leave();
    this.#from = { after: this.#through };
    this.#wake();
  }

  #leave(): void {
    this.#leaveHub?.();
    this.#leaveHub = undefined;
  }
}
