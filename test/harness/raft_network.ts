/**
 * A network between cores that does only what it is told: what was sent waits until the test
 * delivers it, drops it, repeats it or lets it overtake.
 */

import type { Envelope, Message } from "../../src/raft/message.ts";
import type { NodeId } from "../../src/raft/types.ts";

/** Which envelopes a command means; what is absent does not matter. */
export interface EnvelopeFilter {
  readonly from?: NodeId;
  readonly to?: NodeId;
  readonly kind?: Message["kind"];
}

export class RaftNetwork {
  /** In the order of sending. */
  underWay: Envelope[] = [];
  readonly #cut = new Set<string>();

  /** False when the way is cut: the envelope is lost. */
  send(envelope: Envelope): boolean {
    if (!this.reaches(envelope)) return false;
    this.underWay.push(envelope);
    return true;
  }

  reaches({ from, to }: { readonly from: NodeId; readonly to: NodeId }): boolean {
    return !this.#cut.has(`${from}>${to}`);
  }

  /** From now on nothing gets from one to the other; what is under way on it is lost. */
  cut(from: NodeId, to: NodeId): void {
    this.#cut.add(`${from}>${to}`);
    this.take({ from, to });
  }

  heal(): void {
    this.#cut.clear();
  }

  count(filter: EnvelopeFilter): number {
    return this.underWay.filter((envelope) => isMeant(envelope, filter)).length;
  }

  /** Takes what is meant out of the network, oldest first, at most `count`. */
  take(filter: EnvelopeFilter, count = Infinity): readonly Envelope[] {
    const taken: Envelope[] = [];
    const left: Envelope[] = [];
    for (const envelope of this.underWay) {
      if (taken.length < count && isMeant(envelope, filter)) taken.push(envelope);
      else left.push(envelope);
    }
    this.underWay = left;
    return taken;
  }

  /** Takes the newest of what is meant: it overtakes the others. */
  takeNewest(filter: EnvelopeFilter): Envelope | undefined {
    const at = this.underWay.findLastIndex((envelope) => isMeant(envelope, filter));
    return at < 0 ? undefined : this.underWay.splice(at, 1)[0];
  }
}

function isMeant({ from, to, message }: Envelope, filter: EnvelopeFilter): boolean {
  return (filter.from ?? from) === from && (filter.to ?? to) === to &&
    (filter.kind ?? message.kind) === message.kind;
}
