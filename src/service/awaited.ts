/**
 * The services of a node whose cluster is not formed yet: listeners must answer from the start, if
 * only with what is being waited for. Once the node runs, they pass everything on to it.
 */

import type { NodeId } from "../raft/types.ts";
import type {
  Check,
  ClusterOutline,
  ClusterService,
  ClusterView,
  ContestService,
  Header,
  KvService,
  LeaseHoldService,
  MembershipAnswer,
  MembershipRequest,
  OpenClusterWatch,
  RangeStreamService,
  RequestOptions,
  WatchService,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";

/** What can be said of a node whose cluster is not formed. */
export interface Unformed {
  readonly self: NodeId;
  readonly clusterId: string;
  /** What is being waited for, for people. */
  readonly waitingFor: () => string;
}

/** KvService before and after the cluster is formed. */
export class AwaitedKvService implements KvService {
  readonly #unformed: Unformed;
  #inner: KvService | undefined;

  constructor(unformed: Unformed) {
    this.#unformed = unformed;
  }

  set(inner: KvService): void {
    this.#inner = inner;
  }

  read(...request: Parameters<KvService["read"]>): ReturnType<KvService["read"]> {
    return this.#inner?.read(...request) ?? Promise.reject(notFormed(this.#unformed));
  }

  write(...request: Parameters<KvService["write"]>): ReturnType<KvService["write"]> {
    return this.#inner?.write(...request) ??
      Promise.reject(notFormed(this.#unformed, "not_applied"));
  }

  header(): Header {
    const { self, clusterId } = this.#unformed;
    return this.#inner?.header() ??
      { revision: 0, servedBy: self, leader: undefined, clusterId };
  }
}

/** WatchService before and after the cluster is formed. */
export class AwaitedWatchService implements WatchService {
  readonly #unformed: Unformed;
  #inner: WatchService | undefined;

  constructor(unformed: Unformed) {
    this.#unformed = unformed;
  }

  set(inner: WatchService): void {
    this.#inner = inner;
  }

  watch(...request: Parameters<WatchService["watch"]>): ReturnType<WatchService["watch"]> {
    return this.#inner?.watch(...request) ?? Promise.reject(notFormed(this.#unformed));
  }

  watchCluster(): OpenClusterWatch {
    if (this.#inner === undefined) throw notFormed(this.#unformed);
    return this.#inner.watchCluster();
  }
}

/** RangeStreamService before and after the cluster is formed. */
export class AwaitedRangeStreamService implements RangeStreamService {
  readonly #unformed: Unformed;
  #inner: RangeStreamService | undefined;

  constructor(unformed: Unformed) {
    this.#unformed = unformed;
  }

  set(inner: RangeStreamService): void {
    this.#inner = inner;
  }

  open(...request: Parameters<RangeStreamService["open"]>): ReturnType<RangeStreamService["open"]> {
    return this.#inner?.open(...request) ?? Promise.reject(notFormed(this.#unformed));
  }
}

/** LeaseHoldService before and after the cluster is formed. */
export class AwaitedLeaseHoldService implements LeaseHoldService {
  readonly #unformed: Unformed;
  #inner: LeaseHoldService | undefined;

  constructor(unformed: Unformed) {
    this.#unformed = unformed;
  }

  set(inner: LeaseHoldService): void {
    this.#inner = inner;
  }

  hold(...request: Parameters<LeaseHoldService["hold"]>): ReturnType<LeaseHoldService["hold"]> {
    return this.#inner?.hold(...request) ?? Promise.reject(notFormed(this.#unformed));
  }
}

/** ContestService before and after the cluster is formed. */
export class AwaitedContestService implements ContestService {
  readonly #unformed: Unformed;
  #inner: ContestService | undefined;

  constructor(unformed: Unformed) {
    this.#unformed = unformed;
  }

  set(inner: ContestService): void {
    this.#inner = inner;
  }

  contend(...request: Parameters<ContestService["contend"]>): ReturnType<
    ContestService["contend"]
  > {
    return this.#inner?.contend(...request) ??
      Promise.reject(notFormed(this.#unformed, "not_applied"));
  }

  follow(...request: Parameters<ContestService["follow"]>): ReturnType<ContestService["follow"]> {
    return this.#inner?.follow(...request) ?? Promise.reject(notFormed(this.#unformed));
  }
}

/** ClusterService before and after the cluster is formed. */
export class AwaitedClusterService implements ClusterService {
  readonly #unformed: Unformed;
  readonly #handlers = new Set<() => void>();
  readonly #membershipHandlers = new Set<() => void>();
  #inner: ClusterService | undefined;

  constructor(unformed: Unformed) {
    this.#unformed = unformed;
  }

  set(inner: ClusterService): void {
    this.#inner = inner;
    inner.onLeadership(() => {
      for (const handler of this.#handlers) handler();
    });
    inner.onMembership(() => {
      for (const handler of this.#membershipHandlers) handler();
    });
  }

  view(): ClusterView {
    return this.#inner?.view() ?? {
      clusterId: this.#unformed.clusterId,
      nodeId: this.#unformed.self,
      term: 0,
      role: "follower",
      leader: undefined,
      leaderReady: undefined,
      members: [],
      configuration: { index: 0, joint: false },
      commitIndex: 0,
      applied: 0,
      lastIndex: 0,
      revision: 0,
    };
  }

  fullView(options: RequestOptions): Promise<ClusterView> {
    return this.#inner?.fullView(options) ?? Promise.resolve(this.view());
  }

  transferLeadership(
    ...request: Parameters<ClusterService["transferLeadership"]>
  ): ReturnType<ClusterService["transferLeadership"]> {
    return this.#inner?.transferLeadership(...request) ??
      Promise.reject(notFormed(this.#unformed, "not_applied"));
  }

  changeMembers(request: MembershipRequest, options: RequestOptions): Promise<MembershipAnswer> {
    return this.#inner?.changeMembers(request, options) ??
      Promise.reject(notFormed(this.#unformed, "not_applied"));
  }

  readiness(): readonly Check[] {
    return this.#inner?.readiness() ??
      [{ name: "formed", ok: false, detail: `waiting for ${this.#unformed.waitingFor()}` }];
  }

  outline(): ClusterOutline {
    return this.#inner?.outline() ?? this.view();
  }

  onLeadership(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  onMembership(handler: () => void): () => void {
    this.#membershipHandlers.add(handler);
    return () => this.#membershipHandlers.delete(handler);
  }
}

function notFormed(unformed: Unformed, outcome?: "not_applied"): ServiceError {
  return new ServiceError(
    "not_ready",
    `The cluster is not formed yet: waiting for ${unformed.waitingFor()}`,
    { outcome, retryable: true, retryAfterMs: 1_000 },
  );
}
