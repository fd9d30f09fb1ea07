/**
 * A leader's images on their way to peers that want one (paper §7). One image serves all of them
 * that it helps. Each gets it in order, in chunks, at most a window ahead of what it has confirmed;
 * all together at a limited rate. The receiver says with every answer where it stands, so a broken
 * transfer goes on from there: after a lost message, a cut, a restart of either side of the
 * connection. What goes wrong is tried again after a rest that doubles.
 */

import type { Input } from "../raft/input.ts";
import type { InstallSnapshot, InstallSnapshotReply } from "../raft/message.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { Index, NodeId } from "../raft/types.ts";
import { crc32c } from "../lib/crc32c.ts";
import type { Hold } from "./log_compactor.ts";
import type { SnapshotImage, StateMachine } from "./ports.ts";
import { restMsAfter, SnapshotTransfer } from "./snapshot_transfer.ts";

/** How images are sent. */
export interface SendLimits {
  readonly chunkBytes: number;
  /** Sent to one peer and not confirmed. */
  readonly inflightBytesMax: number;
  /** Of all peers together. */
  readonly bytesPerSecond: number;
}

/** What the sender stands on. */
export interface SnapshotSenderParts {
  readonly machine: Pick<StateMachine<unknown, unknown, unknown>, "image">;
  readonly limits: SendLimits;
  /** A peer that was not heard for so long is not sent anything. */
  readonly silentMsMax: number;
  /** How often `tick` is called. */
  readonly tickMs: number;
  readonly step: (input: Input) => void;
  readonly monotonicMs: () => number;
  /** For people, now and then. */
  readonly onProblem: (what: string) => void;
}

/** An image that nobody has used for so long is given back. */
const imageIdleMs = 60_000;
/** Whoever is not further behind is helped by the tail of the log. */
const caughtUpEntries = 100;

/** The transfers of one node while it leads. */
export class SnapshotSender {
  readonly #parts: SnapshotSenderParts;
  readonly #transfers = new Map<NodeId, SnapshotTransfer>();
  /** Peers that have their image, and what they need now. */
  readonly #followed = new Map<NodeId, Hold>();
  #image: SnapshotImage | undefined;
  /** Of the image that is being made: it stands no further back than this. */
  #makingFrom: Index | undefined;
  /** Where the log began at the last tick, and where the store stood. */
  #boundary: Index = 0;
  #applied: Index = 0;
  /** How often the image was found damaged. */
  #complaints = 0;
  #imageFailures = 0;
  #makeAtMs = 0;
  #imageUsedMs = 0;
  /** Bytes that may leave now. */
  #allowance = 0;
  #allowanceMs: number | undefined;
  #isClosed = false;

  constructor(parts: SnapshotSenderParts) {
    this.#parts = parts;
  }

  /**
   * What the log has to keep so that an image is not in vain: the entries behind it, all while it
   * is made, then until whoever got it has caught up. But then not more of them than the image
   * itself has, and what is kept for every follower: who is so slow would never catch up. Who is
   * down may be back before the image is given up, and goes on with what it has.
   */
  holds(bytes: number): readonly Hold[] {
    const holds: Hold[] = [...this.#followed.values()];
    if (this.#makingFrom !== undefined) {
      holds.push({ index: this.#makingFrom, bytesMax: Infinity });
    }
    if (this.#image !== undefined && this.#transfers.size > 0) {
      const { position, bytes: imageBytes } = this.#image.meta;
      holds.push({ index: position.index, bytesMax: imageBytes });
    }
    return holds.map(({ index, bytesMax }) => ({ index, bytesMax: bytesMax + bytes }));
  }

  /** These peers want an image, as long as `tick` says so. */
  want(peers: readonly NodeId[]): void {
    const nowMs = this.#parts.monotonicMs();
    for (const peer of peers) this.#transfers.set(peer, new SnapshotTransfer(nowMs));
  }

  /** To be called now and then. */
  tick(
    status: Pick<RaftStatus, "role" | "peers" | "boundary" | "applied" | "commitIndex">,
  ): void {
    const nowMs = this.#parts.monotonicMs();
    this.#boundary = status.boundary;
    this.#applied = status.applied;
    const wanting = status.peers.filter(({ wantsSnapshot }) => wantsSnapshot);
    const heard = new Set(
      wanting.filter(({ heardMs }) => nowMs - heardMs <= this.#parts.silentMsMax)
        .map(({ id }) => id),
    );
    for (const peer of this.#transfers.keys()) {
      if (!wanting.some(({ id }) => id === peer)) this.#transfers.delete(peer);
    }
    if (status.role !== "leader") this.#transfers.clear();
    for (const [peer, transfer] of this.#transfers) transfer.isReachable = heard.has(peer);
    this.#follow(status, nowMs);
    this.#releaseImage(status, nowMs);
    for (const transfer of this.#transfers.values()) transfer.tick(nowMs);
    this.#pumpAll(nowMs);
  }

  /** What a peer answered to a chunk. */
  reply(peer: NodeId, reply: InstallSnapshotReply): void {
    const { nextOffset, refused, position } = reply;
    const transfer = this.#transfers.get(peer);
    const meta = this.#image?.meta;
    if (transfer === undefined || meta === undefined) return;
    if (refused === "busy" && position.index > meta.position.index) {
      return this.#needsNewer(transfer, position.index);
    }
    const isSame = meta.position.index === position.index && meta.position.term === position.term;
    if (!isSame) return;
    const nowMs = this.#parts.monotonicMs();
    switch (refused) {
      case undefined:
        transfer.confirmed(Math.min(nextOffset, meta.bytes), nowMs);
        return this.#pump(peer, transfer, nowMs);
      case "notNeeded":
        this.#transfers.delete(peer);
        this.#followed.set(peer, { index: position.index, bytesMax: meta.bytes });
        this.#imageUsedMs = nowMs;
        return this.#parts.step({ kind: "snapshotInstalled", peer, position });
      case "busy":
        return transfer.rest(nowMs);
      case "corrupt":
        this.#parts.onProblem(`node ${peer} found the image of ${position.index} damaged`);
        transfer.beginAnew();
        transfer.rest(nowMs);
        this.#complaints++;
        // It may have been damaged here.
        if (this.#served === 1 || this.#complaints > 1) this.#dropImage();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#transfers.clear();
    this.#dropImage();
  }

  /** How many want it and answer. Whoever is down is not waited for. */
  get #served(): number {
    return [...this.#transfers.values()].filter(({ isReachable }) => isReachable).length;
  }

  /** The peer's own log begins at `index`, so this image is of no use to it. */
  #needsNewer(transfer: SnapshotTransfer, index: Index): void {
    transfer.rest(this.#parts.monotonicMs());
    if (this.#applied >= index) this.#dropImage();
  }

  /** Until they have caught up, or cannot be helped by entries any more. */
  #follow({ peers, commitIndex }: Pick<RaftStatus, "peers" | "commitIndex">, nowMs: number): void {
    for (const [id, { index, bytesMax }] of this.#followed) {
      const peer = peers.find((each) => each.id === id);
      const isOver = peer === undefined || peer.wantsSnapshot ||
        nowMs - peer.heardMs > this.#parts.silentMsMax ||
        peer.match >= commitIndex - caughtUpEntries;
      if (isOver) this.#followed.delete(id);
      else this.#followed.set(id, { index: Math.max(index, peer.match), bytesMax });
    }
  }

  #releaseImage({ boundary }: Pick<RaftStatus, "boundary">, nowMs: number): void {
    if (this.#image === undefined) return;
    if (this.#served > 0) this.#imageUsedMs = nowMs;
    // Whoever got it would need entries that are not there any more.
    const isOld = this.#image.meta.position.index < boundary;
    if (isOld || nowMs - this.#imageUsedMs > imageIdleMs) this.#dropImage();
  }

  #dropImage(): void {
    this.#image?.release();
    this.#image = undefined;
    for (const transfer of this.#transfers.values()) transfer.beginAnew();
  }

  #pumpAll(nowMs: number): void {
    for (const [peer, transfer] of this.#transfers) this.#pump(peer, transfer, nowMs);
  }

  #pump(peer: NodeId, transfer: SnapshotTransfer, nowMs: number): void {
    if (!transfer.isReady(nowMs)) return;
    const image = this.#image;
    if (image === undefined) return this.#makeImage(nowMs);
    const { limits } = this.#parts;
    this.#earn(nowMs);
    const offset = transfer.take({ bytes: image.meta.bytes, ...limits });
    if (offset === undefined || this.#allowance <= 0) return transfer.giveBack();
    image.read({ offset, bytesMax: limits.chunkBytes }, (data) => {
      transfer.giveBack();
      const isCurrent = this.#image === image && this.#transfers.get(peer) === transfer;
      if (!isCurrent || !transfer.sent(offset, data.length, this.#parts.monotonicMs())) return;
      this.#allowance -= data.length;
      this.#parts.step({ kind: "snapshotChunk", peer, chunk: chunkOf(image, offset, data) });
      this.#pump(peer, transfer, this.#parts.monotonicMs());
    });
  }

  /** What is earned from one tick to the next, not more: a pause is not made up for in one turn. */
  #earn(nowMs: number): void {
    const { tickMs, limits: { bytesPerSecond, chunkBytes } } = this.#parts;
    const sinceMs = nowMs - (this.#allowanceMs ?? nowMs);
    this.#allowanceMs = nowMs;
    const earned = this.#allowance + sinceMs * bytesPerSecond / 1000;
    this.#allowance = Math.min(earned, Math.max(chunkBytes, bytesPerSecond * tickMs / 1000));
  }

  #makeImage(nowMs: number): void {
    if (this.#makingFrom !== undefined || nowMs < this.#makeAtMs) return;
    this.#makingFrom = this.#boundary;
    this.#parts.machine.image((image) => {
      this.#makingFrom = undefined;
      const laterMs = this.#parts.monotonicMs();
      if (image === undefined) {
        const restMs = restMsAfter(++this.#imageFailures);
        this.#makeAtMs = laterMs + restMs;
        const again = `it is tried again in ${restMs} ms`;
        return this.#parts.onProblem(`an image of the store could not be made now; ${again}`);
      }
      this.#imageFailures = 0;
      if (this.#isClosed) return image.release();
      this.#image = image;
      this.#complaints = 0;
      this.#imageUsedMs = laterMs;
      this.#pumpAll(laterMs);
    });
  }
}

function chunkOf({ meta }: SnapshotImage, offset: number, data: Uint8Array): InstallSnapshot {
  const last = offset + data.length === meta.bytes;
  return { kind: "installSnapshot", meta, offset, data, crc32c: crc32c(data), last };
}
