/**
 * Asking for votes, in two steps: a pre-vote (thesis §9.6) that changes nothing anywhere, and only
 * when a quorum would agree the real one (paper §5.2), so that a node which cannot win does not
 * disturb whoever leads.
 */

import { answerVote } from "./follower.ts";
import type { Envelope, PreVoteReply } from "./message.ts";
import { isQuorum } from "./quorum.ts";
import type { RaftState, Transition } from "./state.ts";
import type { BatchNumber, NodeId, ReadId } from "./types.ts";

/** Asks whether it would win; its term and vote are still those of before. */
export class Precandidate {
  readonly role = "precandidate";
  readonly #state: RaftState;
  readonly #granted: Set<NodeId>;
  readonly #timer: CampaignTimer;

  constructor(state: RaftState) {
    this.#state = state;
    this.#timer = new CampaignTimer(state);
    this.#granted = new Set([state.self]);
    askVoters(state, (to) => state.send(to, { kind: "preVote", lastLog: state.log.last }));
  }

  /** A sole voter has won before it asked. */
  begin(): Transition | undefined {
    return this.#decide();
  }

  tick(): Transition | undefined {
    return this.#timer.fired() ? againOrGiveUp(this.#state) : undefined;
  }

  step(envelope: Envelope): Transition | undefined {
    if (envelope.message.kind !== "requestVote") return undefined;
    return answerVote(this.#state, envelope, envelope.message)
      ? { to: "follower", term: this.#state.currentTerm, reason: "electionLost" }
      : undefined;
  }

  preVoteReply(from: NodeId, message: PreVoteReply): Transition | undefined {
    if (message.requestedTerm !== this.#state.currentTerm + 1 || !message.voteGranted) {
      return undefined;
    }
    this.#granted.add(from);
    return this.#decide();
  }

  readIndex(id: ReadId): void {
    this.#state.outcomes.push({ kind: "readDropped", id, reason: "noLeader" });
  }

  end(): void {}

  #decide(): Transition | undefined {
    return isQuorum(this.#state.voterSets, (voter) => this.#granted.has(voter))
      ? { to: "candidate", transfer: false }
      : undefined;
  }
}

/** Campaigns in a term of its own (paper §5.2). */
export class Candidate {
  readonly role = "candidate";
  readonly #state: RaftState;
  readonly #granted = new Set<NodeId>();
  readonly #timer: CampaignTimer;
  /**
   * The write that makes the vote for itself durable: until then it does not count, and nobody is
   * asked.
   */
  readonly #ownVoteWrite: BatchNumber;

  constructor(state: RaftState, transfer: boolean) {
    this.#state = state;
    this.#timer = new CampaignTimer(state);
    state.enterTerm(state.currentTerm + 1);
    state.voteFor(state.self);
    this.#ownVoteWrite = state.writes.coveringNumber;
    askVoters(state, (to) => {
      state.sendDurable(to, { kind: "requestVote", lastLog: state.log.last, transfer });
    });
  }

  tick(): Transition | undefined {
    return this.#timer.fired() ? againOrGiveUp(this.#state) : undefined;
  }

  persisted(): Transition | undefined {
    if (this.#state.writes.persistedNumber < this.#ownVoteWrite) return undefined;
    return this.#count(this.#state.self);
  }

  step(envelope: Envelope): Transition | undefined {
    const { message } = envelope;
    switch (message.kind) {
      case "requestVote":
        answerVote(this.#state, envelope, message);
        return undefined;
      case "requestVoteReply":
        return message.voteGranted ? this.#count(envelope.from) : undefined;
      default:
        return undefined;
    }
  }

  readIndex(id: ReadId): void {
    this.#state.outcomes.push({ kind: "readDropped", id, reason: "noLeader" });
  }

  end(): void {}

  #count(voter: NodeId): Transition | undefined {
    this.#granted.add(voter);
    return isQuorum(this.#state.voterSets, (id) => this.#granted.has(id))
      ? { to: "leader" }
      : undefined;
  }
}

class CampaignTimer {
  readonly #state: RaftState;
  #fromMs: number;
  readonly #timeoutMs: number;

  constructor(state: RaftState) {
    this.#state = state;
    this.#fromMs = state.nowMs;
    this.#timeoutMs = state.drawElectionTimeoutMs();
  }

  fired(): boolean {
    if (this.#state.stalled) this.#fromMs = this.#state.nowMs;
    return this.#state.nowMs - this.#fromMs >= this.#timeoutMs;
  }
}

function askVoters(state: RaftState, ask: (to: NodeId) => void): void {
  for (const id of new Set(state.voterSets.flat())) if (id !== state.self) ask(id);
}

/**
 * After a round without a winner: another pre-vote, so that terms do not rise while nobody can win.
 */
function againOrGiveUp(state: RaftState): Transition {
  return state.mayCampaign()
    ? { to: "precandidate" }
    : { to: "follower", term: state.currentTerm, reason: "electionLost" };
}
