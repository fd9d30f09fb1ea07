/**
 * What waits to be sent to one peer. Votes, heartbeats and rounds overtake entries and chunks;
 * within each lane order is kept. Both lanes are bounded: what does not fit is lost, as on any
 * network.
 */

import { Queue } from "../lib/queue.ts";
import type { Envelope, Message } from "../raft/message.ts";
import type { SnapshotMeta } from "../raft/types.ts";

/** How much may wait for one peer. */
export interface SendQueueLimits {
  /** Envelopes in each lane. */
  readonly countMax: number;
  /** Bytes of both lanes together; one envelope always fits into an empty queue. */
  readonly bytesMax: number;
}

interface Item {
  readonly envelope: Envelope;
  readonly bytes: number;
}

/** Two lanes of envelopes that leave in frames. */
export class SendQueue {
  readonly #limits: SendQueueLimits;
  readonly #urgent = new Queue<Item>();
  readonly #bulk = new Queue<Item>();
  #bytes = 0;

  constructor(limits: SendQueueLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#urgent.length + this.#bulk.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when there is no room: the envelope is dropped. */
  push(envelope: Envelope): boolean {
    const bytes = envelopeBytesMax(envelope);
    const lane = isBulk(envelope.message) ? this.#bulk : this.#urgent;
    if (lane.length >= this.#limits.countMax) return false;
    if (this.length > 0 && this.#bytes + bytes > this.#limits.bytesMax) return false;
    lane.push({ envelope, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** The next envelopes, as many as fit into `bytesMax` but at least one; empty if none waits. */
  take(bytesMax: number): readonly Envelope[] {
    const taken: Envelope[] = [];
    let left = bytesMax;
    for (const lane of [this.#urgent, this.#bulk]) {
      for (let next = lane.peek(); next !== undefined; next = lane.peek()) {
        if (taken.length > 0 && next.bytes > left) return taken;
        lane.shift();
        left -= next.bytes;
        this.#bytes -= next.bytes;
        taken.push(next.envelope);
      }
    }
    return taken;
  }

  /** Forgets everything; says whether there was something. */
  clear(): boolean {
    const had = this.length > 0;
    this.#urgent.clear();
    this.#bulk.clear();
    this.#bytes = 0;
    return had;
  }
}

/** Everything else is small, and late news of it is worth little. */
function isBulk(message: Message): boolean {
  return message.kind === "appendEntries" || message.kind === "installSnapshot";
}

// Bytes of the encoded parts at their longest: integers take up to ten, tags and lengths the rest.
const envelopeHeadBytes = 160;
const entryHeadBytes = 64;
const memberBytes = 64;

/** At least as many bytes as the envelope takes when encoded. */
export function envelopeBytesMax(envelope: Envelope): number {
  const message = envelope.message;
  let bytes = envelopeHeadBytes;
  if (message.kind === "appendEntries") {
    for (const entry of message.entries) bytes += entryHeadBytes + entry.data.length;
  } else if (message.kind === "installSnapshot") {
    bytes += 2 * envelopeHeadBytes + message.data.length + metaBytesMax(message.meta);
  }
  return bytes;
}

function metaBytesMax(meta: SnapshotMeta): number {
  const { members, outgoing } = meta.configuration.configuration;
  let bytes = 0;
  for (const { addresses } of [...members, ...(outgoing ?? [])]) {
    const { rpc, http, clientRpc } = addresses ?? { rpc: "", http: "" };
    // A character takes at most three bytes of UTF-8.
    bytes += memberBytes + 3 * (rpc.length + http.length + (clientRpc ?? "").length);
  }
  return bytes;
}
