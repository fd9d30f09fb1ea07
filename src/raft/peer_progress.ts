/** What a leader knows of all its peers: who they are follows from the configuration in effect. */

import { allMembers } from "./configuration.ts";
import { Progress } from "./progress.ts";
import { quorumReached } from "./quorum.ts";
import type { RaftState } from "./state.ts";
import type { Index, NodeId } from "./types.ts";

/** The progress of each peer, by id. */
export class PeerProgress {
  readonly #state: RaftState;
  readonly #progress = new Map<NodeId, Progress>();

  constructor(state: RaftState) {
    this.#state = state;
  }

  get all(): ReadonlyMap<NodeId, Progress> {
    return this.#progress;
  }

  get(peer: NodeId): Progress | undefined {
    return this.#progress.get(peer);
  }

  /**
   * A configuration is in effect from its append on (thesis §4.1): who is new gets entries, who
   * left keeps its own progress.
   */
  follow(next: Index): void {
    const { options, self, nowMs, configuration } = this.#state;
    const limits = {
      messagesMax: options.inflightMessagesMax,
      bytesMax: options.inflightBytesMax,
    };
    for (const { id } of allMembers(configuration)) {
      if (id === self || this.#progress.has(id)) continue;
      this.#progress.set(id, new Progress({ next, nowMs, limits }));
    }
  }

  /**
   * A removed peer keeps its progress until it was told of its removal, or has been silent for
   * long. `forgotten` is called for each that is forgotten now.
   */
  forgetRemoved(forgotten: (peer: NodeId) => void): void {
    const { nowMs, options, effective, log } = this.#state;
    const { configuration, position: { index: committedAt } } = effective;
    if (committedAt > log.commitIndex) return;
    const stay = new Set(allMembers(configuration).map(({ id }) => id));
    for (const [peer, progress] of this.#progress) {
      if (stay.has(peer)) continue;
      const silent = nowMs - progress.heardMs > 10 * options.electionTimeoutMaxMs;
      if (progress.toldCommit < committedAt && !silent) continue;
      this.#progress.delete(peer);
      forgotten(peer);
    }
  }

  /** The newest time by which a quorum had been heard. */
  quorumHeardMs(): number {
    const { self, voterSets, nowMs } = this.#state;
    return quorumReached(
      voterSets,
      (voter) => voter === self ? nowMs : this.#progress.get(voter)?.heardMs ?? 0,
    );
  }
}
