/**
 * How a node with an empty directory becomes a member of a cluster that exists: it asks any node of
 * it over REST, which hands the question on to the leader, and gets an id. The question may be
 * repeated: the cluster knows the asker by its incarnation.
 *
 * Not done here: learning what the cluster has stored. The answer only says who its members are.
 */

import { Connection } from "./client/connection.ts";
import { AnswerError, UnreachableError } from "./client/errors.ts";
import {
  listMember,
  MalformedAnswerError,
  numberMember,
  objectOf,
  parseJson,
  textMember,
} from "./client/records.ts";
import { utf8 } from "./lib/bytes.ts";
import type { PeerAddress } from "./node/ports.ts";
import type { MemberAddresses, NodeId } from "./raft/types.ts";

/** Who wants to be taken in, and by whom. */
export interface JoinWish {
  /** `http://host:port` of nodes of the cluster. */
  readonly urls: readonly string[];
  /** Undefined: that of whoever answers. */
  readonly clusterId: string | undefined;
  /** Undefined: the cluster gives one. */
  readonly nodeId: NodeId | undefined;
  readonly incarnation: string;
  readonly suffrage: "learner" | "read_only";
  /** Where the members will reach this node. */
  readonly addresses: MemberAddresses;
}

export type JoinOutcome =
  | {
    readonly kind: "taken";
    readonly clusterId: string;
    readonly nodeId: NodeId;
    /** The other members, ascending by id. */
    readonly members: readonly PeerAddress[];
  }
  /** Asking again would not help; for a person. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "stopped" }
  /** Nobody has answered in the given number of rounds. */
  | { readonly kind: "unanswered" };

/** What one node of the cluster said. */
type Said =
  | Extract<JoinOutcome, { readonly kind: "taken" | "refused" }>
  | { readonly kind: "again"; readonly problem: string };

const roundEveryMs = 1_000;
/** A change of members waits for a quorum, and for the one before it. */
const answerWithinMs = 10_000;

/** One wish, until it is granted, refused or taken back. */
export class Joining {
  readonly #wish: JoinWish;
  readonly #waiting: (text: string) => void;
  readonly #pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly #fetch: typeof defaultFetch;
  readonly #problems = new Map<string, string>();
  readonly #end = new AbortController();
  #told = "";

  constructor(wish: JoinWish, parts: {
    /** Told whenever what is being waited for has changed. */
    readonly waiting: (text: string) => void;
    /** Ends early when `signal` says so. */
    readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
    /** The runtime's own unless given. */
    readonly fetch?: typeof defaultFetch;
  }) {
    this.#wish = wish;
    this.#waiting = parts.waiting;
    this.#pause = parts.pause;
    this.#fetch = parts.fetch ?? defaultFetch;
  }

  /** What is being waited for, for people. */
  waitingFor(): string {
    return this.#wish.urls.map((url) => {
      const problem = this.#problems.get(url);
      return problem === undefined ? url : `${url} (${problem})`;
    }).join(", ");
  }

  /** Nobody is asked any more, and nobody's answer is waited for. */
  stop(): void {
    this.#end.abort();
  }

  get #isStopped(): boolean {
    return this.#end.signal.aborted;
  }

  /** Asks one node after the other, round after round. */
  async run(rounds: number): Promise<JoinOutcome> {
    for (let round = 1; round <= rounds; round++) {
      for (const url of this.#wish.urls) {
        if (this.#isStopped) return { kind: "stopped" };
        const said = await this.#ask(url);
        if (this.#isStopped) return { kind: "stopped" };
        if (said.kind !== "again") return said;
        this.#problems.set(url, said.problem);
      }
      this.#tell();
      if (round < rounds) await this.#pause(roundEveryMs, this.#end.signal);
    }
    return { kind: "unanswered" };
  }

  #tell(): void {
    const text = this.waitingFor();
    if (this.#isStopped || text === this.#told) return;
    this.#told = text;
    this.#waiting(text);
  }

  async #ask(url: string): Promise<Said> {
    const connection = new Connection({
      endpoints: [url],
      timeoutMs: answerWithinMs,
      fetch: (asked, init) => this.#fetch(asked, { ...init, signal: this.#endWith(init.signal) }),
    });
    try {
      const cluster = parseJson(
        (await connection.request({ kind: "read", method: "GET", target: "/v1/cluster" })).body,
      );
      const clusterId = textMember(cluster, "cluster_id");
      // A node that is being formed, or joins itself, has no members to show.
      if (membersOf(cluster).length === 0) {
        return { kind: "again", problem: "it is no member of a cluster yet" };
      }
      const wanted = this.#wish.clusterId;
      if (wanted !== undefined && wanted !== clusterId) {
        return {
          kind: "refused",
          reason: `cluster_id is "${wanted}", and ${url} belongs to the cluster "${clusterId}"`,
        };
      }
      return await this.#request(connection, { url, clusterId });
    } catch (error) {
      return this.#judge(error, url);
    }
  }

  async #request(
    connection: Connection,
    { url, clusterId }: { readonly url: string; readonly clusterId: string },
  ): Promise<Said> {
    const { nodeId, incarnation, suffrage, addresses } = this.#wish;
    const { rpc, http, clientRpc } = addresses;
    const wish = {
      ...(nodeId === undefined ? {} : { id: nodeId }),
      ...{ incarnation, suffrage, rpc, http },
      ...(clientRpc === undefined ? {} : { client_rpc: clientRpc }),
    };
    const answer = await connection.request({
      ...{ kind: "write", method: "POST", target: "/v1/cluster/members" },
      headers: { "content-type": "application/json", "kv-cluster-id": clusterId },
      body: utf8(JSON.stringify(wish)),
    });
    const taken = parseJson(answer.body);
    const id = numberMember(taken, "id");
    const members = membersOf(taken).filter((member) => member.id !== id);
    if (members.length > 0) return { kind: "taken", clusterId, nodeId: id, members };
    return { kind: "again", problem: `${url} names no other member` };
  }

  #endWith(signal: AbortSignal | null | undefined): AbortSignal {
    return AbortSignal.any([this.#end.signal, ...(signal ? [signal] : [])]);
  }

  #judge(error: unknown, url: string): Said {
    if (error instanceof UnreachableError || error instanceof MalformedAnswerError) {
      return { kind: "again", problem: error.message.replace(`${url}: `, "") };
    }
    if (!(error instanceof AnswerError)) throw error;
    const { status, retryable, outcome, code } = error;
    // What stands between may find the node the next time, and what it says is not the cluster's.
    const isFinal = status < 500 && status !== 408 && status !== 429 && !retryable &&
      outcome !== "unknown" && !code.startsWith("http_");
    return isFinal
      ? { kind: "refused", reason: `${url} says: ${error.message}` }
      : { kind: "again", problem: error.message };
  }
}

/** The members of an answer that can be reached, ascending by id. */
export function membersOf(answer: Readonly<Record<string, unknown>>): readonly PeerAddress[] {
  const members: PeerAddress[] = [];
  for (const item of listMember(answer, "members")) {
    const member = objectOf(item);
    const { rpc } = member;
    if (typeof rpc === "string") members.push({ id: numberMember(member, "id"), address: rpc });
  }
  return members.sort((a, b) => a.id - b.id);
}

function defaultFetch(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, init);
}
