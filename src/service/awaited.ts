/**
 * The services of a node before it is a member of its cluster, and after: listeners must answer
 * from the start, if only with what is being waited for. Once the node is a member they pass
 * everything on to it. Of a node that was removed they show its last state to who asks for no more
 * (eventual reads, the view), and refuse the rest.
 */

import type { NodeId } from "../raft/types.ts";
import type {
  BackupService,
  Check,
  ClusterOutline,
  ClusterService,
  ClusterView,
  ContestService,
  Header,
  KeptBackup,
  KvService,
  LeaseHoldService,
  LogReach,
  MembershipAnswer,
  MembershipRequest,
  OpenClusterWatch,
  RangeStreamService,
  RequestOptions,
  WatchService,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";

/** What can be said of a node that is no member yet, or no more. */
export interface Outside {
  /** 0 while the cluster has not given it an id. */
  readonly self: () => NodeId;
  /** Empty while it is not known. */
  readonly clusterId: () => string;
  /** What is not so yet, as a sentence, and what is being waited for. */
  readonly missing: () => { readonly what: string; readonly waitingFor: string };
  /** Why it serves no more; undefined unless it was removed. */
  readonly removal: () => string | undefined;
}

/** KvService before and after the cluster is formed. */
export class AwaitedKvService implements KvService {
  readonly #outside: Outside;
  #inner: KvService | undefined;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  set(inner: KvService): void {
    this.#inner = inner;
  }

  read(...request: Parameters<KvService["read"]>): ReturnType<KvService["read"]> {
    const [, { level }] = request;
    const inner = level === "eventual" ? this.#inner : inside(this.#outside, this.#inner);
    return inner?.read(...request) ?? Promise.reject(refusal(this.#outside));
  }

  write(...request: Parameters<KvService["write"]>): ReturnType<KvService["write"]> {
    return inside(this.#outside, this.#inner)?.write(...request) ??
      Promise.reject(refusal(this.#outside, "not_applied"));
  }

  header(): Header {
    const { self, clusterId } = this.#outside;
    return this.#inner?.header() ??
      { revision: 0, servedBy: self(), leader: undefined, clusterId: clusterId() };
  }
}

/** WatchService before and after the cluster is formed. */
export class AwaitedWatchService implements WatchService {
  readonly #outside: Outside;
  #inner: WatchService | undefined;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  set(inner: WatchService): void {
    this.#inner = inner;
  }

  watch(...request: Parameters<WatchService["watch"]>): ReturnType<WatchService["watch"]> {
    return inside(this.#outside, this.#inner)?.watch(...request) ??
      Promise.reject(refusal(this.#outside));
  }

  watchCluster(): OpenClusterWatch {
    const inner = inside(this.#outside, this.#inner);
    if (inner === undefined) throw refusal(this.#outside);
    return inner.watchCluster();
  }
}

/** RangeStreamService before and after the cluster is formed. */
export class AwaitedRangeStreamService implements RangeStreamService {
  readonly #outside: Outside;
  #inner: RangeStreamService | undefined;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  set(inner: RangeStreamService): void {
    this.#inner = inner;
  }

  open(...request: Parameters<RangeStreamService["open"]>): ReturnType<RangeStreamService["open"]> {
    return inside(this.#outside, this.#inner)?.open(...request) ??
      Promise.reject(refusal(this.#outside));
  }
}

/** LeaseHoldService before and after the cluster is formed. */
export class AwaitedLeaseHoldService implements LeaseHoldService {
  readonly #outside: Outside;
  #inner: LeaseHoldService | undefined;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  set(inner: LeaseHoldService): void {
    this.#inner = inner;
  }

  hold(...request: Parameters<LeaseHoldService["hold"]>): ReturnType<LeaseHoldService["hold"]> {
    return inside(this.#outside, this.#inner)?.hold(...request) ??
      Promise.reject(refusal(this.#outside));
  }
}

/** ContestService before and after the cluster is formed. */
export class AwaitedContestService implements ContestService {
  readonly #outside: Outside;
  #inner: ContestService | undefined;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  set(inner: ContestService): void {
    this.#inner = inner;
  }

  contend(...request: Parameters<ContestService["contend"]>): ReturnType<
    ContestService["contend"]
  > {
    return inside(this.#outside, this.#inner)?.contend(...request) ??
      Promise.reject(refusal(this.#outside, "not_applied"));
  }

  follow(...request: Parameters<ContestService["follow"]>): ReturnType<ContestService["follow"]> {
    return inside(this.#outside, this.#inner)?.follow(...request) ??
      Promise.reject(refusal(this.#outside));
  }
}

/** BackupService before and after the cluster is formed. */
export class AwaitedBackupService implements BackupService {
  readonly #outside: Outside;
  #inner: BackupService | undefined;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  set(inner: BackupService): void {
    this.#inner = inner;
  }

  make(...request: Parameters<BackupService["make"]>): ReturnType<BackupService["make"]> {
    return inside(this.#outside, this.#inner)?.make(...request) ??
      Promise.reject(refusal(this.#outside));
  }

  kept(tag: string | undefined): KeptBackup | undefined {
    return inside(this.#outside, this.#inner)?.kept(tag);
  }

  restore(...request: Parameters<BackupService["restore"]>): ReturnType<BackupService["restore"]> {
    return inside(this.#outside, this.#inner)?.restore(...request) ??
      Promise.reject(refusal(this.#outside, "not_applied"));
  }
}

/** ClusterService before and after the cluster is formed. */
export class AwaitedClusterService implements ClusterService {
  readonly #outside: Outside;
  readonly #handlers = new Set<() => void>();
  readonly #membershipHandlers = new Set<() => void>();
  #inner: ClusterService | undefined;

  constructor(outside: Outside) {
    this.#outside = outside;
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
      clusterId: this.#outside.clusterId(),
      nodeId: this.#outside.self(),
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
      dataVersion: undefined,
    };
  }

  fullView(options: RequestOptions): Promise<ClusterView> {
    // Nobody who leads answers a node that was removed.
    return inside(this.#outside, this.#inner)?.fullView(options) ?? Promise.resolve(this.view());
  }

  transferLeadership(
    ...request: Parameters<ClusterService["transferLeadership"]>
  ): ReturnType<ClusterService["transferLeadership"]> {
    return inside(this.#outside, this.#inner)?.transferLeadership(...request) ??
      Promise.reject(refusal(this.#outside, "not_applied"));
  }

  changeMembers(request: MembershipRequest, options: RequestOptions): Promise<MembershipAnswer> {
    return inside(this.#outside, this.#inner)?.changeMembers(request, options) ??
      Promise.reject(refusal(this.#outside, "not_applied"));
  }

  compactLog(): LogReach {
    const inner = inside(this.#outside, this.#inner);
    if (inner === undefined) throw refusal(this.#outside);
    return inner.compactLog();
  }

  readiness(): readonly Check[] {
    const removal = this.#outside.removal();
    if (removal !== undefined) return [{ name: "member", ok: false, detail: removal }];
    const { waitingFor } = this.#outside.missing();
    return this.#inner?.readiness() ??
      [{ name: "formed", ok: false, detail: `waiting for ${waitingFor}` }];
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

/** Undefined where the node is no member: nothing may be asked of it then. */
function inside<Service>(outside: Outside, inner: Service | undefined): Service | undefined {
  return outside.removal() === undefined ? inner : undefined;
}

function refusal(outside: Outside, outcome?: "not_applied"): ServiceError {
  const { what, waitingFor } = outside.missing();
  const detail = outside.removal() ?? `${what} yet: waiting for ${waitingFor}`;
  return new ServiceError("not_ready", detail, { outcome, retryable: true, retryAfterMs: 1_000 });
}
