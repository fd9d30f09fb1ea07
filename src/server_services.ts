/** The services of one node: what its interfaces stand on, and what has to end before it does. */

import type { Config } from "./config/schema.ts";
import type { Operation } from "./kv/command.ts";
import { type DataVersion, type SinceVersions, versionOf } from "./kv/data_version.ts";
import type { PositionedHash } from "./kv/past_hashes.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import { version } from "./lib/version.ts";
import type { RaftNode } from "./node/node.ts";
import type { Peers } from "./node/peers.ts";
import type { Clock } from "./node/ports.ts";
import { voterSets } from "./raft/configuration.ts";
import type { MemberAddresses, NodeId } from "./raft/types.ts";
import { backupService } from "./server_backups.ts";
import type { OpenedStorage } from "./server_storage.ts";
import type { NodeBackupService } from "./service/backup_service.ts";
import { NodeClusterService } from "./service/cluster_service.ts";
import { NodeContestService } from "./service/contest_service.ts";
import type { Answer, Check, Query, Result } from "./service/contract.ts";
import { awaitedRestore } from "./service/first_restore.ts";
import type { ForwardAnswer, Forwarder, ForwardRequest } from "./service/forwarder.ts";
import { NodeKvService } from "./service/kv_service.ts";
import { Lag } from "./service/lag.ts";
import { NodeLeaseHoldService } from "./service/lease_holds.ts";
import { LeaseReads } from "./service/lease_reads.ts";
import type { AskHello } from "./service/newcomers.ts";
import { LeaderProxy } from "./service/leader_proxy.ts";
import { LeaderWatch } from "./service/leader_watch.ts";
import { NodeRangeStreamService } from "./service/range_streams.ts";
import { RevisionWait } from "./service/revision_wait.ts";
import { systemStreamClock } from "./service/stream_clock.ts";
import { NodeWatchService } from "./service/watch_service.ts";

/** What they stand on. */
export interface NodeServicesParts {
  readonly node: RaftNode<Query, Answer, Result>;
  readonly machine: KvStateMachine;
  readonly sinceVersions: SinceVersions;
  readonly config: Config;
  readonly storage: Pick<OpenedStorage, "backups">;
  readonly clock: Clock;
  readonly peers: Pick<Peers, "waits" | "versionOf">;
  readonly forwarder: Forwarder;
  /** Asks whoever listens at an address who they are. */
  readonly askHello: AskHello;
  /** Where a node said that it can be reached, this one included. */
  readonly addressesOf: (id: NodeId) => MemberAddresses | undefined;
  /** Where the peers reach a node, as far as this one knows. */
  readonly addressOf: (id: NodeId) => string | undefined;
  /** Undefined, or why nothing but deletions can be written now. */
  readonly outOfSpace: () => string | undefined;
  /** What the store has found out about itself. */
  readonly storeChecks: () => readonly Check[];
}

/** See the head of this file. */
export class NodeServices {
  readonly kv: NodeKvService;
  readonly cluster: NodeClusterService;
  readonly watches: NodeWatchService;
  readonly ranges: NodeRangeStreamService;
  readonly holds: NodeLeaseHoldService;
  readonly contests: NodeContestService;
  readonly backups: NodeBackupService;
  /** Whether reads at level lease may go ahead. */
  readonly leases: LeaseReads;
  readonly #node: NodeServicesParts["node"];
  readonly #leaders: LeaderWatch;
  readonly #revisions: RevisionWait;
  readonly #lag = new Lag();
  readonly #hashes: () => readonly PositionedHash[];

  constructor(parts: NodeServicesParts) {
    const { node, machine, config, clock, peers, forwarder, addressesOf, addressOf } = parts;
    const { nodeId: self, clusterId, limits, raft } = config;
    const { monotonicMs, wallMs, soon } = clock;
    const currentRevision = () => machine.revision;
    this.#node = node;
    this.#hashes = () => machine.audit.hashes();
    this.#leaders = new LeaderWatch(node, self);
    this.#revisions = new RevisionWait(node, currentRevision);
    this.leases = leaseReadsOf(parts);
    const common = {
      ...{ node, self, clusterId, monotonicMs, soon, limits, currentRevision },
      ...{ leaders: this.#leaders, revisions: this.#revisions },
    };
    const proxy = new LeaderProxy({ ...common, forwarder, addressOf });
    const { outOfSpace, sinceVersions } = parts;
    const tooNew = (operation: Operation) =>
      tooNewFor(machine, versionOf(operation, sinceVersions));
    const awaitsRestore = () => awaitedRestore(config.backup.restoreOnFirstStart, machine);
    const kv = new NodeKvService({
      ...{ ...common, proxy, leases: this.leases, wallMs, outOfSpace, tooNew, awaitsRestore },
    });
    const cluster = new NodeClusterService({
      ...common,
      ...{ proxy, lag: this.#lag, addressesOf, askHello: parts.askHello },
      isRestoring: () => machine.isRestoring,
      dataVersion: () => machine.dataVersions.inUse,
      storeChecks: parts.storeChecks,
      appliedConfiguration: () => machine.applied().configuration,
      versionOf: (id) => id === self ? version : peers.versionOf(id),
      silentMsMax: raft.electionTimeoutMinMs,
    });
    this.watches = new NodeWatchService({
      ...common,
      cluster,
      store: () => machine.status(),
      header: () => kv.header(),
    });
    const streams = { kv, self, clock: systemStreamClock(monotonicMs), limits };
    this.ranges = new NodeRangeStreamService({ ...streams, store: machine });
    this.holds = new NodeLeaseHoldService(streams);
    this.contests = new NodeContestService({
      ...{ kv, node, self, monotonicMs, after: streams.clock.after, store: machine },
      // What waits for a lock waits as long as a watch does.
      takePlace: () => this.watches.takePlace(),
    });
    this.backups = backupService({
      ...{ kv, self, machine, clusterId, clock, limits, outOfSpace },
      storage: parts.storage.backups,
    });
    this.kv = kv;
    this.cluster = cluster;
  }

  get isLeader(): boolean {
    return this.#leaders.isSelf;
  }

  /** On the node that leads; another one refuses with proof that nothing happened. */
  async answerForward({ body, timeoutMs }: ForwardRequest): Promise<ForwardAnswer> {
    switch (body.kind) {
      case "write":
        return await this.kv.answerForward(body, timeoutMs);
      case "view":
        return { kind: "view", view: this.cluster.view() };
      case "transferLeadership": {
        const { leader } = await this.cluster.transferHere(body.target, timeoutMs);
        return { kind: "transferred", leader };
      }
      case "stateHashes":
        return { kind: "stateHashes", hashes: this.#hashes() };
      case "changeMembers": {
        const changed = await this.cluster.changeMembersHere(body, timeoutMs);
        return { kind: "membersChanged", changed };
      }
    }
  }

  /** To be called now and then. */
  look(nowMs: number): void {
    this.#lag.look(this.#node.status(), nowMs);
  }

  /** Ends the answers that do not end by themselves, or not soon. */
  closeStreams(): void {
    this.watches.close();
    this.contests.close();
    this.ranges.close();
    this.holds.close();
    this.backups.close();
  }

  close(): void {
    this.closeStreams();
    this.#leaders.close();
    this.#revisions.close();
  }
}

/** Why not every member could apply what needs that version; undefined where they all can. */
function tooNewFor({ dataVersions }: KvStateMachine, needed: DataVersion): string | undefined {
  return needed <= dataVersions.inUse
    ? undefined
    : `This request needs data version ${needed}, and the cluster uses ${dataVersions.inUse} ` +
      "until all its members run a program that can apply more";
}

/** A lease rests on all that may vote: none of them may stand for election sooner. */
function leaseReadsOf({ node, machine, config, clock, peers }: NodeServicesParts): LeaseReads {
  const { electionTimeoutMinMs, leaseMarginMs } = config.raft;
  const peersAgree = (): boolean =>
    voterSets(node.status().configuration.configuration).every((voters) =>
      voters.every((id) => id === config.nodeId || peers.waits(id, electionTimeoutMinMs))
    );
  return new LeaseReads({
    ...{ node, clock, peersAgree },
    applied: () => machine.applied().position.index,
    leaseMsMax: electionTimeoutMinMs,
    marginMs: leaseMarginMs,
  });
}
