/**
 * What must hold, as the simulation asks it: an invariant is told of everything that happens and
 * says when it is broken. One file each in invariants/.
 */

import type { NodeStatus } from "../../src/node/parts.ts";
import type { Answer, ContestQuery, GetQuery, RangeQuery } from "../../src/kv/query.ts";
import type { Contested } from "../../src/kv/contest_command.ts";
import type { Revision } from "../../src/kv/record.ts";
import type { Result } from "../../src/kv/result.ts";
import type { Envelope } from "../../src/raft/message.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { Entry, Index, LogPosition } from "../../src/raft/types.ts";
import type { WatchFrame, WatchRequest } from "../../src/service/contract.ts";
import type { StateVerdict } from "../../src/service/state_comparison.ts";
import type { SimNode } from "../harness/sim_node.ts";
import type { ClusterLog } from "./cluster_log.ts";
import type { Witness } from "./witness.ts";

/** A read of a client, at the moment of its answer. */
export interface AnsweredRead {
  readonly node: SimNode;
  readonly query: GetQuery | RangeQuery | ContestQuery;
  readonly answer: Answer;
  /** What the node had applied. */
  readonly applied: Index;
  /** What was committed when the client asked; undefined for a read that promises nothing. */
  readonly committedBefore: Index | undefined;
}

/** A write of a client that the node calls applied. */
export interface AppliedWrite {
  readonly node: SimNode;
  readonly position: LogPosition;
  readonly result: Result;
}

/** Who watches what. */
export interface WatchedRange extends Required<Pick<WatchRequest, "target" | "prev">> {
  /** For people, and unlike all others. */
  readonly name: string;
  /** Nothing but changes of this kind. */
  readonly kind: WatchRequest["only"];
}

/** What a watcher is told. */
export interface WatchNews {
  readonly watcher: WatchedRange;
  readonly node: SimNode;
  /** Of everything that was committed when the node said so. */
  readonly committed: Revision;
  readonly news:
    /** What it saw before counts no more. `floor`: at least from there, where it asked for now. */
    | { readonly kind: "begins"; readonly after: Revision; readonly floor: Revision | undefined }
    /** It goes on behind what it saw last. */
    | { readonly kind: "resumes"; readonly after: Revision }
    | Exclude<WatchFrame, { readonly kind: "closing" }>;
}

/** What somebody who contends believes. */
export interface ContestNews extends Contested {
  /** Unlike all others. */
  readonly who: string;
  readonly token: Revision;
  readonly news:
    /** It holds until then, if it does not keep its lease alive. */
    | { readonly kind: "holds"; readonly untilUs: number }
    /** It is about to give it up. */
    | { readonly kind: "letsGo" }
    /** It is told that its contestant is gone. */
    | { readonly kind: "gone" };
}

/** What an invariant may look at. */
export interface Scene {
  /** Virtual time. */
  readonly nowUs: number;
  /** All of them, running or not. */
  readonly nodes: readonly SimNode[];
  readonly log: ClusterLog;
  readonly witness: Witness;
  /** A directory that does not belong to the cluster runs in the place of this node. */
  isImpostor(node: SimNode): boolean;
}

/** All that can be watched. */
export interface Watch {
  sent(node: SimNode, envelope: Envelope): void;
  delivered(envelope: Envelope): void;
  handedOver(node: SimNode, write: LogWrite): void;
  persisted(node: SimNode, write: LogWrite): void;
  applied(node: SimNode, entries: readonly Entry[]): void;
  /** `before`: as it was seen last in this life of the node. */
  turned(node: SimNode, before: NodeStatus, after: NodeStatus): void;
  /** The node has come to the end of a turn. `turned` may be told of the midst of one as well. */
  rested(node: SimNode, status: NodeStatus): void;
  /** A new life of the node has begun. */
  formed(node: SimNode, status: NodeStatus): void;
  read(read: AnsweredRead): void;
  written(write: AppliedWrite): void;
  /** A watcher is told something, in the order in which it is. */
  watched(news: WatchNews): void;
  /** Somebody who contends for a lock or an election has come to believe something of it. */
  contested(news: ContestNews): void;
  /** The node has compared its state with that of the other members. */
  compared(node: SimNode, verdict: StateVerdict): void;
  /** All is healed and done. */
  finished(): void;
}

export interface Invariant extends Watch {
  /** As in the plan, and I17 to I19: one file each. */
  readonly id: string;
}

/** To be told, in words, what is wrong. */
export type Broken = (text: string) => void;

export type MakeInvariant = (scene: Scene, broken: Broken) => Invariant;

const nothing = (): void => {};

/** Watches nothing: what an invariant does not look at. */
export const unwatched: Watch = {
  sent: nothing,
  delivered: nothing,
  handedOver: nothing,
  persisted: nothing,
  applied: nothing,
  turned: nothing,
  rested: nothing,
  formed: nothing,
  read: nothing,
  written: nothing,
  watched: nothing,
  contested: nothing,
  compared: nothing,
  finished: nothing,
};

/** Calls every member of `watches` that does something. */
export function together(watches: readonly Watch[]): Watch {
  const doing = <Name extends keyof Watch>(name: Name): readonly Watch[] =>
    watches.filter((watch) => watch[name] !== nothing);
  const lists = {
    sent: doing("sent"),
    delivered: doing("delivered"),
    handedOver: doing("handedOver"),
    persisted: doing("persisted"),
    applied: doing("applied"),
    turned: doing("turned"),
    rested: doing("rested"),
    formed: doing("formed"),
    read: doing("read"),
    written: doing("written"),
    watched: doing("watched"),
    contested: doing("contested"),
    compared: doing("compared"),
    finished: doing("finished"),
  };
  return {
    sent: (node, envelope) => lists.sent.forEach((each) => each.sent(node, envelope)),
    delivered: (envelope) => lists.delivered.forEach((each) => each.delivered(envelope)),
    handedOver: (node, write) => lists.handedOver.forEach((each) => each.handedOver(node, write)),
    persisted: (node, write) => lists.persisted.forEach((each) => each.persisted(node, write)),
    applied: (node, entries) => lists.applied.forEach((each) => each.applied(node, entries)),
    turned: (node, before, after) =>
      lists.turned.forEach((each) => each.turned(node, before, after)),
    rested: (node, status) => lists.rested.forEach((each) => each.rested(node, status)),
    formed: (node, status) => lists.formed.forEach((each) => each.formed(node, status)),
    read: (read) => lists.read.forEach((each) => each.read(read)),
    written: (write) => lists.written.forEach((each) => each.written(write)),
    watched: (news) => lists.watched.forEach((each) => each.watched(news)),
    contested: (news) => lists.contested.forEach((each) => each.contested(news)),
    compared: (node, verdict) => lists.compared.forEach((each) => each.compared(node, verdict)),
    finished: () => lists.finished.forEach((each) => each.finished()),
  };
}
