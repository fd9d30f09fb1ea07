/**
 * One watch: every change of a key or a range behind a revision, in order, without gap or
 * repetition, as fast as its reader takes it. It is pulled: what is not taken is not read, or is
 * forgotten and read again from history.
 */

import { concatBytes } from "../lib/bytes.ts";
import type { RevisionChanges } from "../kv/query.ts";
import type { ChangeNumber } from "../kv/change.ts";
import type { KeyRange, Revision } from "../kv/record.ts";
import { whenGone } from "./gone.ts";
import type { ServedNode } from "./node_port.ts";
import type { Patience, RevisionWait } from "./revision_wait.ts";
import type { Watcher, WatchHub } from "./watch_hub.ts";

/** What is read ahead for a reader that is slower than the store. */
const aheadBytesMax = 1024 * 1024;
const aheadRevisionsMax = 1_024;
/** Changes of the whole store that one look into history goes over. */
const changesPerLook = 1_000;

/** What is to be watched. */
export interface WatchRequest {
  readonly target: Watcher["target"];
  /** Everything behind this revision. */
  readonly after: Revision;
  /** Each change comes with the record before it. */
  readonly prev: boolean;
}

/** What a reader gets. */
export type WatchFrame =
  | { readonly kind: "changes"; readonly changes: RevisionChanges }
  /** Nothing behind this revision has happened yet, or in the given time. */
  | { readonly kind: "progress"; readonly revision: Revision }
  /** The end: what was asked for is given up. */
  | { readonly kind: "compacted"; readonly oldest: Revision }
  /** The end: the node shuts down. */
  | { readonly kind: "closing" };

/** What a watch stands on. */
export interface WatchParts {
  readonly node: Pick<ServedNode, "readNow">;
  readonly hub: WatchHub;
  readonly revisions: RevisionWait;
}

/** See the head of this file. One reader. */
export class Watch {
  readonly #parts: WatchParts;
  readonly #watcher: Watcher;
  readonly #range: KeyRange;
  /** Handed to it and not taken yet. */
  #ahead: RevisionChanges[] = [];
  #aheadBytes = 0;
  /** Where history goes on, while it is not live. */
  #from: { readonly after: Revision } | { readonly number: ChangeNumber };
  /** Everything up to here has been taken, or is ahead. */
  #through: Revision;
  #leaveHub: (() => void) | undefined;
  #wake: () => void = () => {};

  constructor(parts: WatchParts, { target, after, prev }: WatchRequest) {
    this.#parts = parts;
    this.#from = { after };
    this.#through = after;
    this.#range = target.kind === "range"
      ? target
      : { start: target.key, end: concatBytes([target.key, new Uint8Array(1)]) };
    this.#watcher = {
      ...{ target, prev },
      take: (changes) => this.#take(changes),
      reach: (through) => this.#through = Math.max(this.#through, through),
      fallBehind: () => this.#fallBehind(),
    };
  }

  /** Everything that concerns it up to here has been taken. */
  get through(): Revision {
    const next = this.#ahead[0];
    return next === undefined ? this.#through : next.revision - 1;
  }

  /** What comes next; after `ms` without anything how far it has come. */
  async next({ ms, signal }: Patience): Promise<WatchFrame> {
    const endMs = performance.now() + ms;
    for (;;) {
      const ahead = this.#ahead.shift();
      if (ahead !== undefined) {
        this.#aheadBytes -= bytesOf(ahead);
        return { kind: "changes", changes: ahead };
      }
      if (this.#parts.revisions.isClosed) return { kind: "closing" };
      const end = this.#leaveHub === undefined ? this.#look() : undefined;
      if (end !== undefined) return end;
      if (this.#ahead.length > 0) continue;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || signal?.aborted === true) {
        return { kind: "progress", revision: this.#through };
      }
      await this.#wait(leftMs, signal);
    }
  }

  close(): void {
    this.#leave();
    this.#ahead = [];
    this.#wake();
  }

  /** Reads on from history; live from there on when that is all there is. */
  #look(): WatchFrame | undefined {
    const { node, hub } = this.#parts;
    const answer = node.readNow({
      kind: "changes",
      range: this.#range,
      from: this.#from,
      prev: this.#watcher.prev,
      changesMax: changesPerLook,
      bytesMax: aheadBytesMax,
    });
    if (answer?.kind === "compacted") return { kind: "compacted", oldest: answer.oldest };
    if (answer?.kind !== "changes") return undefined;
    for (const changes of answer.revisions) this.#push(changes);
    this.#from = { number: answer.next };
    this.#through = Math.max(this.#through, answer.through);
    if (answer.through === answer.revision) this.#leaveHub = hub.add(this.#watcher, answer.through);
    return undefined;
  }

  #take(changes: RevisionChanges): void {
    if (changes.revision <= this.#through) return;
    const isTooMuch = this.#ahead.length >= aheadRevisionsMax ||
      (this.#ahead.length > 0 && this.#aheadBytes + bytesOf(changes) > aheadBytesMax);
    if (isTooMuch) return this.#fallBehind();
    this.#push(changes);
    this.#through = changes.revision;
    this.#wake();
  }

  #push(changes: RevisionChanges): void {
    this.#ahead.push(changes);
    this.#aheadBytes += bytesOf(changes);
  }

  #fallBehind(): void {
    this.#leave();
    this.#from = { after: this.#through };
    this.#wake();
  }

  #leave(): void {
    this.#leaveHub?.();
    this.#leaveHub = undefined;
  }

  /** Until something is handed to it, the store goes on, the time is up, or the reader goes. */
  async #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { revisions } = this.#parts;
    if (this.#leaveHub === undefined) return await revisions.nextApplied({ ms, signal });
    let forget = (): void => {};
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      forget = whenGone(signal, this.#wake);
    });
    forget();
    this.#wake = () => {};
  }
}

function bytesOf({ events }: RevisionChanges): number {
  let bytes = 64;
  for (const event of events) {
    bytes += event.kind === "put"
      ? event.record.key.length + event.record.value.length
      : event.key.length;
    bytes += event.prev?.value.length ?? 0;
  }
  return bytes;
}
