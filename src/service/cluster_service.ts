/**
 * What can be asked about the cluster and done to it: the view of the members, readiness, handing
 * leadership over.
 */

import { quorumsOf } from "../node/judge_change.ts";
import type { NodeStatus } from "../node/parts.ts";
import type { TransferOutcome } from "../node/transfers.ts";
import type { NodeId, PositionedConfiguration } from "../raft/types.ts";
import type {
  Check,
  ClusterOutline,
  ClusterService,
  ClusterView,
  LogReach,
  MembershipAnswer,
  MembershipRequest,
  RequestOptions,
  Revision,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { unlessGone, type Waited } from "./gone.ts";
import type { ForwardAnswer } from "./forwarder.ts";
import type { LeaderProxy, Try } from "./leader_proxy.ts";
import type { LeaderWatch } from "./leader_watch.ts";
import { MemberViews, type MemberViewsParts } from "./member_views.ts";
import { Membership } from "./membership.ts";
import { configurationView } from "./membership_standing.ts";
import type { MembershipAttempt } from "./membership_run.ts";
import type { AskHello } from "./newcomers.ts";
import type { ServedNode } from "./node_port.ts";
import { judgeTransfer, type Transferred } from "./transfer_outcomes.ts";

/** What the service stands on. */
export interface NodeClusterServiceParts extends MemberViewsParts {
  readonly node: ServedNode;
  readonly clusterId: string;
  readonly askHello: AskHello;
  /** A backup takes the place of what the store held. */
  readonly isRestoring: () => boolean;
  /** The configuration that the store has come to. */
  readonly appliedConfiguration: () => PositionedConfiguration;
  readonly leaders: LeaderWatch;
  readonly proxy: LeaderProxy;
  /** Of the readiness: what the store has found out about itself. */
  readonly storeChecks: () => readonly Check[];
  readonly currentRevision: () => Revision;
  readonly dataVersion: () => number;
}

/** ClusterService over one node. */
export class NodeClusterService implements ClusterService {
  readonly #parts: NodeClusterServiceParts;
  readonly #members: MemberViews;
  readonly #membership: Membership;

  constructor(parts: NodeClusterServiceParts) {
    this.#parts = parts;
    this.#members = new MemberViews(parts);
    this.#membership = new Membership({ ...parts, viewOf: (member) => this.#members.of(member) });
  }

  view(): ClusterView {
    const { self, clusterId, currentRevision, lag, monotonicMs } = this.#parts;
    const status = this.#parts.node.status();
    const committed = this.#committed(status);
    // A node that has only just been elected has not looked yet.
    lag.look(status, monotonicMs());
    return {
      clusterId,
      nodeId: self,
      term: status.term,
      role: status.role,
      leader: status.leader,
      leaderReady: status.termStart === undefined
        ? undefined
        : status.commitIndex >= status.termStart,
      members: committed.configuration.members.map((member) => this.#members.of(member)),
      configuration: configurationView(committed, status),
      commitIndex: status.commitIndex,
      applied: status.applied,
      lastIndex: status.lastIndex,
      revision: currentRevision(),
      dataVersion: this.#parts.dataVersion(),
    };
  }

  /**
   * The index of a configuration is its tag, and must stand for its members for ever: one that is
   * not committed may be taken back, and another one come at its index.
   */
  #committed({ configuration, configurationCommitted }: NodeStatus): PositionedConfiguration {
    return configurationCommitted ? configuration : this.#parts.appliedConfiguration();
  }

  async fullView(options: RequestOptions): Promise<ClusterView> {
    if (this.#parts.leaders.isSelf) return this.view();
    try {
      const seen = await this.#parts.proxy.run<ClusterView>({
        options: { ...options, timeoutMs: Math.min(options.timeoutMs, 1_000) },
        here: () => Promise.resolve({ kind: "answered", value: this.view() }),
        body: { kind: "view" },
        accept: acceptView,
      });
      return this.#over(seen);
    } catch (error) {
      // Without a leader the own view is the best there is, and says so by what is missing in it.
      if (error instanceof ServiceError) return this.view();
      throw error;
    }
  }

  /** What the leader sees, with what this node knows better: itself. */
  #over(seen: ClusterView): ClusterView {
    const { nodeId, role, applied, lastIndex, revision, commitIndex, dataVersion } = this.view();
    const members = seen.members.map((member) =>
      member.id === nodeId ? { ...member, role, applied } : member
    );
    const own = { nodeId, role, applied, lastIndex, revision, commitIndex, dataVersion };
    return { ...seen, members, ...own };
  }

  transferLeadership(
    target: NodeId | undefined,
    options: RequestOptions,
  ): Promise<Transferred> {
    return this.#parts.proxy.run<Transferred>({
      options,
      here: (deadlineMs) => this.#transfer(target, { deadlineMs, signal: options.signal }),
      body: { kind: "transferLeadership", ...(target !== undefined && { target }) },
      accept: acceptTransferred,
    });
  }

  /** A forwarded transfer, on the node that leads: it goes no further. */
  async transferHere(target: NodeId | undefined, timeoutMs: number): Promise<Transferred> {
    const deadlineMs = this.#parts.monotonicMs() + timeoutMs;
    const tried = await this.#transfer(target, { deadlineMs, signal: undefined });
    if (tried.kind === "answered") return tried.value;
    throw tried.error;
  }

  changeMembers(
    request: MembershipRequest,
    options: RequestOptions,
  ): Promise<MembershipAnswer> {
    return this.#membership.change(request, options);
  }

  /** A forwarded change of members, on the node that leads: it goes no further. */
  changeMembersHere(attempt: MembershipAttempt, timeoutMs: number): Promise<MembershipAnswer> {
    return this.#membership.changeHere(attempt, timeoutMs);
  }

  compactLog(): LogReach {
    const { node } = this.#parts;
    if (!node.requestCompaction()) {
      const what = "The log of this node is the only copy of what its store holds";
      throw new ServiceError("conflict", `${what}: with storage.engine file it is not compacted`);
    }
    const { boundary, applied, lastIndex } = node.status();
    return { boundary, applied, lastIndex };
  }

  #restored(): Check {
    const ok = !this.#parts.isRestoring();
    const detail = ok ? "no backup is being restored" : "a backup is being restored";
    return { name: "restored", ok, detail };
  }

  readiness(): readonly Check[] {
    const status = this.#parts.node.status();
    const { leaders } = this.#parts;
    const leader = leaders.leader;
    return [
      { name: "formed", ok: true, detail: "the cluster is formed" },
      {
        name: "recovered",
        ok: !status.recovering,
        detail: status.recovering
          ? "the log lost something and is being healed from the leader"
          : "the log is whole",
      },
      {
        name: "replayed",
        ok: status.replayed && status.storeIsWhole,
        detail: status.replayed && status.storeIsWhole
          ? `applied up to ${status.applied}`
          : `applied up to ${status.applied} of ${status.commitIndex}` +
            (status.storeIsWhole ? "" : ", the disk is full"),
      },
      this.#restored(),
      {
        name: "disk",
        ok: status.hung === undefined,
        detail: hungDetail(status.hung),
      },
      {
        name: "leader",
        ok: leader !== undefined,
        detail: leader === undefined ? noLeaderDetail(status) : `node ${leader} leads`,
      },
      ...this.#parts.storeChecks(),
    ];
  }

  outline(): ClusterOutline {
    const { node, appliedConfiguration } = this.#parts;
    const status = node.status();
    const { term, leader } = status;
    const applied = appliedConfiguration();
    return {
      ...{ term, leader },
      members: applied.configuration.members.map((member) => this.#members.place(member)),
      configuration: configurationView(applied, status),
    };
  }

  onLeadership(handler: () => void): () => void {
    return this.#parts.node.onLeadership(handler);
  }

  onMembership(handler: () => void): () => void {
    const { node, appliedConfiguration } = this.#parts;
    const present = (): string => {
      const { index, pending } = configurationView(appliedConfiguration(), node.status());
      return `${index} ${pending?.index}`;
    };
    let known = present();
    return node.onApplied(() => {
      const now = present();
      if (now === known) return;
      known = now;
      handler();
    });
  }

  /** One that was asked for goes on when the client goes. */
  async #transfer(
    target: NodeId | undefined,
    { deadlineMs, signal }: Waited,
  ): Promise<Try<Transferred>> {
    const { node, self } = this.#parts;
    const outcome = await unlessGone<TransferOutcome>({ signal, outcome: "unknown" }, (tell) => {
      node.transferLeadership(target, deadlineMs, tell);
      return () => {};
    });
    const { members } = node.status().configuration.configuration;
    const tried = judgeTransfer(outcome, { target, self, members });
    if (tried instanceof ServiceError) throw tried;
    return tried;
  }
}

function acceptView(answer: ForwardAnswer): ClusterView {
  if (answer.kind === "view") return answer.view;
  throw new ServiceError("internal", `The leader answered a view with ${answer.kind}`);
}

function acceptTransferred(answer: ForwardAnswer): Transferred {
  if (answer.kind === "transferred") return { leader: answer.leader };
  throw new ServiceError("internal", `The leader answered a transfer with ${answer.kind}`, {
    outcome: "unknown",
  });
}

/** Where nobody leads, the voters of what the log holds last have to elect somebody. */
function noLeaderDetail({ configuration: { position, configuration } }: NodeStatus): string {
  const [present, before] = quorumsOf(configuration).map(({ quorum, voters }) =>
    `${quorum} of ${voters.length} voters`
  );
  const also = before === undefined ? "" : ` and ${before} before it`;
  return `no leader is known: ${present} of configuration ${position.index}${also} must agree`;
}

function hungDetail(hung: NodeStatus["hung"]): string {
  switch (hung) {
    case undefined:
      return "writes are finished";
    case "diskHung":
      return "the disk has not finished a write to the log for long: it hangs, or it is full";
    case "applyHung":
      return "the store has not taken a committed entry for long: its disk hangs, or it is full";
  }
}
