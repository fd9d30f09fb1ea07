/**
 * Hands what happens to the store out to those who watch it from here. Who is level with the store
 * is *live*: each new change is read once, whoever watches it, and the same objects go to all of
 * them. Who is not level reads history by itself (watch.ts) until it is; who does not take what it
 * is handed falls behind, and holds a revision number instead of a queue.
 */

import type { ChangeNumber } from "../kv/change.ts";
import type { Revision } from "../kv/record.ts";
import type { ChangeEvent, RevisionChanges } from "../kv/query.ts";
import type { ServedNode } from "./node_port.ts";
import { type Targeted, WatchIndex } from "./watch_index.ts";

/** Changes that are read and handed out at once. */
const changesMax = 1_000;
const bytesMax = 4 * 1024 * 1024;

/** So many times in one turn: beyond that each reads by itself, and other things come between. */
const pagesMax = 8;

/** Somebody who watches a part of the keys. */
export interface Watcher extends Targeted {
  /** Wants the records before. */
  readonly prev: boolean;
  /** What of one revision concerns it; never out of order, never twice. */
  take(changes: RevisionChanges): void;
  /** It is live no more: it has to read from where it stands. */
  fallBehind(): void;
}

/** All live watchers of one node. */
export class WatchHub {
  readonly #node: Pick<ServedNode, "readNow">;
  readonly #watchers = new WatchIndex<Watcher>();
  readonly #stop: () => void;
  #wantPrev = 0;
  /** Where what has not been handed out begins. */
  #next: ChangeNumber = 1;
  #through: Revision = 0;

  constructor(node: Pick<ServedNode, "readNow" | "onApplied">) {
    this.#node = node;
    this.#stop = node.onApplied(() => this.#handOut());
  }

  /**
   * Whoever is live has been handed everything up to here that concerns it. One number for all of
   * them: to tell each of twenty thousand would take longer than the change that there is to tell.
   */
  get through(): Revision {
    return this.#through;
  }

  /** How many are live. */
  get size(): number {
    return this.#watchers.size;
  }

  /**
   * The watcher has seen everything that there is now, before change `next`, and is handed what
   * comes then. The returned function ends that.
   */
  add(watcher: Watcher, next: ChangeNumber): () => void {
    if (this.size === 0) this.#next = next;
    const takeOut = this.#watchers.add(watcher);
    if (watcher.prev) this.#wantPrev++;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      takeOut();
      if (this.size === 0) this.#through = 0;
      if (watcher.prev) this.#wantPrev--;
    };
  }

  close(): void {
    this.#stop();
  }

  #handOut(): void {
    for (let pages = 0; this.size > 0; pages++) {
      // The store may have gone far at once: an image of another node has taken its place.
      if (pages === pagesMax) return this.#loseAll();
      const answer = this.#node.readNow({
        kind: "changes",
        range: { start: new Uint8Array(0) },
        from: { live: this.#next },
        prev: this.#wantPrev > 0,
        changesMax,
        bytesMax,
      });
      // A store that is catching up tells when it has: nobody has missed anything by then.
      if (answer === undefined || answer.kind === "future") return;
      const isWhole = answer.kind === "changes" && !answer.revisions.some((each) => each.isPartial);
      if (answer.kind !== "changes" || !isWhole) return this.#loseAll();
      // An older store has come in its place: each waits by itself for what it has not seen.
      if (answer.revision < this.#through) return this.#loseAll();
      for (const changes of answer.revisions) this.#tell(changes);
      this.#next = answer.next;
      this.#through = answer.through;
      if (answer.through >= answer.revision) return;
    }
  }

  /** What happened is not to be read for all of them: each reads it by itself. */
  #loseAll(): void {
    for (const watcher of [...this.#watchers.all()]) watcher.fallBehind();
  }

  #tell(changes: RevisionChanges): void {
    const { events, ...facts } = changes;
    const [only] = events;
    if (events.length === 1 && only !== undefined) return this.#tellOne(changes, only);
    const concerned = new Map<Watcher, ChangeEvent[]>();
    for (const event of events) {
      for (const watcher of this.#watchers.of(keyOf(event))) {
        const theirs = concerned.get(watcher);
        const told = watcher.prev ? event : withoutPrev(event);
        if (theirs === undefined) concerned.set(watcher, [told]);
        else theirs.push(told);
      }
    }
    for (const [watcher, theirs] of concerned) watcher.take({ ...facts, events: theirs });
  }

  /** The same object goes to all, so that whoever writes it for one of them has it for all. */
  #tellOne(changes: RevisionChanges, event: ChangeEvent): void {
    const without = withoutPrev(event);
    const plain = without === event ? changes : { ...changes, events: [without] };
    for (const watcher of this.#watchers.of(keyOf(event))) {
      watcher.take(watcher.prev ? changes : plain);
    }
  }
}

function keyOf(event: ChangeEvent): Uint8Array {
  return event.kind === "put" ? event.record.key : event.key;
}

function withoutPrev(event: ChangeEvent): ChangeEvent {
  if (event.prev === undefined) return event;
  const { prev: _prev, ...rest } = event;
  return rest;
}
