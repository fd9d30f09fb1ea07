/**
 * A follower that the log cannot help any more gets an image of the store from its leader (paper
 * §7). The node gathers the chunks beside the live store; the core decides what becomes of a whole
 * image, and when:
 *
 * - At or below the commit index nothing of it is needed. Where the log holds the image's position,
 *   everything up to there is committed, and the entries bring the store further.
 * - Otherwise one write replaces the whole log by a boundary at that position. *That write is the
 *   decision*: before it is durable a crash leaves the old log and the old store, after it the
 *   store has to be exchanged, now or at the next start.
 * - A store that is behind its log's boundary (an old copy of it was put back) needs an image even
 *   of what is committed. Its log holds what it has acknowledged, so that stays, and only the
 *   boundary moves.
 *
 * No entry that stands in the log behind the image's position is lost by the replacement: whoever
 * holds such an entry of what is committed holds the position itself (log matching), and what is
 * not committed may go.
 */

import { equalBytes } from "../lib/bytes.ts";
import type { Envelope, InstallSnapshot, InstallSnapshotReply } from "./message.ts";
import type { RaftState } from "./state.ts";
import type { BatchNumber, LogPosition, NodeId, SnapshotMeta } from "./types.ts";

/** A chunk that passed the term gate, and who sent it. */
export interface ReceivedChunk {
  readonly from: NodeId;
  readonly chunk: InstallSnapshot;
}

/** Nothing is installed twice, and one image at a time. */
export class Installation {
  readonly #state: RaftState;
  readonly #chunks: ReceivedChunk[] = [];
  #dropped: LogPosition | undefined;
  /** The image that was decided for, until the store is that image. */
  #adopting: { readonly meta: SnapshotMeta; readonly after: BatchNumber } | undefined;
  #isAdoptionTold = false;
  /** Whole, and its position is in the log but not yet durable there. */
  #early: SnapshotMeta | undefined;

  constructor(state: RaftState) {
    this.#state = state;
  }

  /** A chunk from the leader of the current term. */
  receive({ from, message }: Envelope & { readonly message: InstallSnapshot }): void {
    const { position, digest } = message.meta;
    const early = this.#early;
    // Another image would take the place of the one that was gathered.
    const isOther = early !== undefined &&
      (early.position.index !== position.index || !equalBytes(early.digest, digest));
    if (this.#adopting !== undefined || isOther) {
      return this.#reply(from, { position, nextOffset: 0, refused: "busy" });
    }
    switch (this.#need(position)) {
      case "none":
        return this.#reply(from, { position, nextOffset: 0, refused: "notNeeded" });
      case "newer":
        return this.#reply(from, {
          ...{ position: this.#state.log.boundary.position, nextOffset: 0 },
          refused: "busy",
        });
      case "this":
        this.#chunks.push({ from, chunk: message });
    }
  }

  /** What the node made of a chunk goes back to its sender. */
  chunkStored(peer: NodeId, reply: Omit<InstallSnapshotReply, "kind">): void {
    this.#reply(peer, reply);
  }

  /** The whole image lies beside the live store. `leads`: a leader needs nothing from others. */
  staged(meta: SnapshotMeta, leads: boolean): void {
    const { log, writes } = this.#state;
    const { position } = meta;
    const isWanted = !leads && this.#adopting === undefined && this.#need(position) === "this";
    if (!isWanted) {
      // The one that is being adopted is told again, and stays.
      if (this.#adopting?.meta.position.index !== position.index) this.#dropped = position;
      return;
    }
    if (this.#state.needsSnapshot() && log.matches(position) && position.index > log.stableIndex) {
      this.#early = meta;
      return;
    }
    if (log.matches(position)) {
      log.commitTo(position.index);
      if (!this.#state.needsSnapshot()) {
        this.#dropped = position;
        return;
      }
      const boundary = log.moveBoundary(meta);
      if (boundary !== undefined) writes.markCompacted(boundary);
    } else {
      log.replaceBy(meta);
      writes.markSnapshot(meta);
    }
    this.#adopting = { meta, after: writes.coveringNumber };
  }

  /** The store is the image now. `leader`: whoever waits to hear of it. */
  applied(leader: NodeId | undefined): void {
    if (this.#adopting === undefined || this.#state.needsSnapshot()) return;
    const { position, bytes } = this.#adopting.meta;
    this.#adopting = undefined;
    this.#isAdoptionTold = false;
    if (leader === undefined) return;
    this.#reply(leader, { position, nextOffset: bytes, refused: "notNeeded" });
  }

  /** Looks again at what came too early. */
  look(leads: boolean): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    this.staged(early, leads);
  }

  takeChunks(): readonly ReceivedChunk[] {
    return this.#chunks.length === 0 ? [] : this.#chunks.splice(0);
  }

  takeDropped(): LogPosition | undefined {
    const dropped = this.#dropped;
    this.#dropped = undefined;
    return dropped;
  }

  /** The image to adopt, once its write is durable. */
  takeAdoption(): LogPosition | undefined {
    if (this.#adopting === undefined || this.#isAdoptionTold) return undefined;
    if (this.#state.writes.persistedNumber < this.#adopting.after) return undefined;
    this.#isAdoptionTold = true;
    return this.#adopting.meta.position;
  }

  /** Whether an image of `position` would bring this node further; `newer`: only a newer one. */
  #need(position: LogPosition): "this" | "newer" | "none" {
    const { log } = this.#state;
    if (!this.#state.needsSnapshot()) return position.index > log.commitIndex ? "this" : "none";
    return position.index >= log.boundary.position.index ? "this" : "newer";
  }

  #reply(to: NodeId, reply: Omit<InstallSnapshotReply, "kind">): void {
    this.#state.send(to, { kind: "installSnapshotReply", ...reply });
  }
}
