/**
 * What waits for the node's next turn, in two lanes. Control: disk completions (never dropped,
 * bounded by what is under way), received envelopes (bounded in bytes; over it they are dropped, as
 * a network may), and one tick. Client: proposals and the like, bounded in count and bytes at the
 * door.
 */

import { Queue } from "../lib/queue.ts";
import type { Input } from "../raft/input.ts";
import type { Envelope } from "../raft/message.ts";

/** Bounds of the lanes; completions have none of their own. */
export interface InboxLimits {
  readonly receivedBytesMax: number;
  /** By count. Reads are no inputs of their own; as many of them may wait beside. */
  readonly clientInputsMax: number;
  readonly clientBytesMax: number;
}

/** Why a client's input is not stepped, and never will be. */
export type QueueRefusal = "overloaded" | "expiredInQueue" | "closing";

/** What a client asks, with what it costs and how long it may wait. */
export interface ClientInput {
  readonly input: Input;
  readonly bytes: number;
  readonly deadlineMs: number;
  /** Called instead of stepping it. */
  readonly refused: (reason: QueueRefusal) => void;
}

/** The lanes of one node. */
export class Inbox {
  readonly #limits: InboxLimits;
  readonly #completions = new Queue<Input>();
  readonly #received = new Queue<{ readonly envelope: Envelope; readonly bytes: number }>();
  readonly #clients = new Queue<ClientInput>();
  #receivedBytes = 0;
  #clientBytes = 0;
  #tickDue = false;
  /** Envelopes dropped because the node could not keep up. */
  receivedDropped = 0;

  constructor(limits: InboxLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return !this.#tickDue && this.#completions.length === 0 && this.#received.length === 0 &&
      this.#clients.length === 0;
  }

  complete(input: Input): void {
    this.#completions.push(input);
  }

  receive(envelope: Envelope): void {
    const bytes = envelopeBytes(envelope);
    if (this.#receivedBytes + bytes > this.#limits.receivedBytesMax && this.#received.length > 0) {
      this.receivedDropped++;
      return;
    }
    this.#receivedBytes += bytes;
    this.#received.push({ envelope, bytes });
  }

  tick(): void {
    this.#tickDue = true;
  }

  /** False when there is no room. */
  offer(client: ClientInput): boolean {
    const { clientInputsMax, clientBytesMax } = this.#limits;
    const full = this.#clients.length >= clientInputsMax ||
      this.#clientBytes + client.bytes > clientBytesMax;
    if (full) return false;
    this.#clientBytes += client.bytes;
    this.#clients.push(client);
    return true;
  }

  takeCompletion(): Input | undefined {
    return this.#completions.shift();
  }

  takeReceived(): Envelope | undefined {
    const taken = this.#received.shift();
    if (taken === undefined) return undefined;
    this.#receivedBytes -= taken.bytes;
    return taken.envelope;
  }

  takeTick(): boolean {
    const due = this.#tickDue;
    this.#tickDue = false;
    return due;
  }

  takeClient(): ClientInput | undefined {
    const taken = this.#clients.shift();
    if (taken !== undefined) this.#clientBytes -= taken.bytes;
    return taken;
  }

  refuseClients(reason: QueueRefusal): void {
    for (let client = this.takeClient(); client; client = this.takeClient()) client.refused(reason);
  }
}

const envelopeOverheadBytes = 128;

/** What an envelope counts in limits. */
export function envelopeBytes({ message }: Envelope): number {
  switch (message.kind) {
    case "appendEntries": {
      let bytes = envelopeOverheadBytes;
      for (const entry of message.entries) bytes += entry.data.length + 64;
      return bytes;
    }
    case "installSnapshot":
      return envelopeOverheadBytes + message.data.length;
    default:
      return envelopeOverheadBytes;
  }
}
