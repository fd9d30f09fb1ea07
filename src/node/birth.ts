/**
 * How a cluster comes into the world. Every configured node draws an incarnation and asks all
 * others who they are. When all have answered, the one with the lowest id writes down who they are:
 * the first configuration. The others take it over from whoever has it. One author, so that entry 1
 * cannot have two contents (docs/decisions/0003-one-author-of-the-first-configuration.md).
 *
 * Before that nobody votes. A node whose directory was emptied later finds the cluster already
 * born, with another incarnation under its id, and is turned away for good.
 *
 * A node that a living cluster has taken in (server_join.ts) is born later, into the cluster as it
 * was then: it asks the members for the first configuration, which does not name it, and learns
 * from their log what has become of that. It never founds anything.
 */

import { birthTerm, memberOf } from "../raft/configuration.ts";
import { encodeConfiguration, makeEntry } from "../raft/encoding.ts";
import type { LogWrite } from "../raft/ready.ts";
import type { Configuration, Member, NodeId } from "../raft/types.ts";
import { type Peers, wayBackOf } from "./peers.ts";
import type { Clock, Hello, HelloAnswer, Identity, PeerAddress, Transport } from "./ports.ts";

const askEveryMs = 500;
const noAnswer = "no answer";

export type BirthOutcome =
  | { readonly kind: "born"; readonly configuration: Configuration }
  /** The cluster that exists will not take this directory. */
  | { readonly kind: "refused"; readonly reason: string };

/** The birth of one cluster, as one of its nodes lives through it. */
export class Birth {
  readonly #identity: Identity;
  readonly #configured: readonly PeerAddress[];
  readonly #transport: Pick<Transport, "hello">;
  readonly #peers: Peers;
  readonly #clock: Pick<Clock, "every">;
  readonly #waiting: (text: string) => void;
  readonly #done: (outcome: BirthOutcome) => void;
  readonly #incarnations = new Map<NodeId, string>();
  readonly #problems = new Map<NodeId, string>();
  readonly #asking = new Set<NodeId>();
  #told = "";
  #stop: (() => void) | undefined;
  #over = false;

  constructor(parts: {
    readonly identity: Identity;
    /** The other nodes that the configuration file names, or those that have taken this one in. */
    readonly configured: readonly PeerAddress[];
    readonly transport: Pick<Transport, "hello">;
    readonly peers: Peers;
    readonly clock: Pick<Clock, "every">;
    /** Told whenever what is being waited for has changed. */
    readonly waiting: (text: string) => void;
    readonly done: (outcome: BirthOutcome) => void;
  }) {
    this.#identity = parts.identity;
    this.#configured = parts.configured;
    this.#transport = parts.transport;
    this.#peers = parts.peers;
    this.#clock = parts.clock;
    this.#waiting = parts.waiting;
    this.#done = parts.done;
  }

  start(): void {
    this.#stop = this.#clock.every(askEveryMs, () => this.#ask());
    this.#peers.onGreeted((theirs) => this.#greeted(theirs));
    this.#ask();
  }

  stop(): void {
    this.#over = true;
    this.#peers.onGreeted(() => {});
    this.#stop?.();
  }

  /** What is being waited for, for people. */
  waitingFor(): string {
    const silent = this.#configured.filter(({ id }) => !this.#incarnations.has(id));
    if (silent.length === 0 && this.#isJoining) return "a member to tell of the cluster's birth";
    if (silent.length === 0) return `node ${this.#author()} to found the cluster`;
    return silent.map(({ id, address }) => {
      const problem = this.#problems.get(id) ?? noAnswer;
      return `node ${id} at ${address} (${problem})`;
    }).join(", ");
  }

  get #isJoining(): boolean {
    return this.#identity.joining !== undefined;
  }

  #author(): NodeId {
    return Math.min(this.#identity.nodeId, ...this.#configured.map(({ id }) => id));
  }

  #ask(): void {
    if (this.#configured.length === 0) return this.#found();
    for (const peer of this.#configured) this.#askOne(peer);
  }

  #askOne(peer: PeerAddress): void {
    if (this.#asking.has(peer.id)) return;
    this.#asking.add(peer.id);
    this.#transport.hello(peer.address, this.#peers.hello(peer.id), (answer) => {
      this.#asking.delete(peer.id);
      if (this.#over) return;
      this.#answered(peer, answer);
      this.#tell();
    });
  }

  /**
   * Whoever asks is there, and is asked at once where that may tell something new: that it is
   * there, or that it was born. Whoever has refused is not, or both would ask for ever.
   */
  #greeted({ from, bootstrapIds }: Hello): void {
    const peer = this.#configured.find(({ id }) => id === from);
    const hasRefused = (this.#problems.get(from) ?? noAnswer) !== noAnswer;
    if (this.#over || peer === undefined || hasRefused) return;
    const isBorn = bootstrapIds.length === 0;
    if (isBorn || !this.#incarnations.has(from)) this.#askOne(peer);
  }

  #tell(): void {
    const text = this.waitingFor();
    if (this.#over || text === this.#told) return;
    this.#told = text;
    this.#waiting(text);
  }

  #answered(peer: PeerAddress, answer: HelloAnswer | undefined): void {
    // Only who answers still: a directory may be emptied before the cluster is there.
    this.#incarnations.delete(peer.id);
    if (answer === undefined) {
      this.#problems.set(peer.id, noAnswer);
    } else if (answer.kind === "refused") {
      this.#problems.set(peer.id, `it refuses: ${answer.reason}`);
      if (answer.final) this.#end({ kind: "refused", reason: answer.reason });
    } else if (answer.hello.from !== peer.id) {
      this.#problems.set(peer.id, `it is node ${answer.hello.from}`);
    } else {
      this.#problems.delete(peer.id);
      this.#peers.note(answer.hello);
      this.#incarnations.set(peer.id, answer.hello.incarnation);
      if (answer.cluster !== undefined) this.#join(answer.cluster);
      else if (this.#incarnations.size === this.#configured.length) this.#found();
    }
  }

  #join(cluster: Configuration): void {
    const { nodeId, incarnation } = this.#identity;
    const named = memberOf(cluster, nodeId);
    if (named?.incarnation === incarnation) {
      return this.#end({ kind: "born", configuration: cluster });
    }
    if (named === undefined && this.#isJoining) {
      return this.#end({ kind: "born", configuration: cluster });
    }
    const ids = cluster.members.map(({ id }) => id).join(", ");
    this.#end({
      kind: "refused",
      reason: named === undefined
        ? `the cluster exists already, and was formed of the nodes ${ids}: to become a member of ` +
          "it, start with --join and without peers"
        : `the cluster exists already and knows node ${nodeId} with another data directory ` +
          `(incarnation ${named.incarnation}, not ${incarnation}): ${wayBackOf(nodeId)}`,
    });
  }

  #found(): void {
    if (this.#isJoining || this.#author() !== this.#identity.nodeId) return;
    const { nodeId, incarnation } = this.#identity;
    const voter = (id: NodeId, its: string): Member => ({
      id,
      incarnation: its,
      suffrage: "voter",
    });
    const members = [voter(nodeId, incarnation)];
    for (const [id, its] of this.#incarnations) members.push(voter(id, its));
    members.sort((a, b) => a.id - b.id);
    const nodeIdMax = members.at(-1)?.id ?? nodeId;
    this.#end({ kind: "born", configuration: { members, nodeIdMax } });
  }

  #end(outcome: BirthOutcome): void {
    if (this.#over) return;
    this.stop();
    this.#done(outcome);
  }
}

/** What a newborn node writes: entry 1, the same bytes everywhere, committed from the start. */
export function firstWrite(configuration: Configuration): LogWrite {
  const data = encodeConfiguration(configuration);
  return {
    number: 1,
    hardState: { currentTerm: birthTerm, commitIndex: 1 },
    entries: [makeEntry({ index: 1, term: birthTerm, kind: "configuration", timeMs: 0, data })],
  };
}
