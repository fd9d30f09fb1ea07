/**
 * KvService and ClusterService over plain memory: what http/ and grpc/ are tested against without a
 * node below them. Everything that a cluster adds to the store (leaders, staleness, refusals) is
 * set by hand.
 */

import {
  type Answer,
  type Check,
  type ClusterOutline,
  type ClusterService,
  type ClusterView,
  type Header,
  type KvService,
  type LogReach,
  type MembershipAnswer,
  type MembershipRequest,
  type MemberView,
  type Operation,
  type PendingConfiguration,
  type Query,
  type ReadOptions,
  type RequestOptions,
  type Result,
  type Revision,
  valueBytesMax,
  type VersionView,
  type WriteOptions,
} from "../../src/service/contract.ts";
import type { FollowedCluster } from "../../src/service/cluster_watch.ts";
import { ServiceError } from "../../src/service/errors.ts";
import { checkOperation, checkQuery, type ServiceLimits } from "../../src/service/limits.ts";
import { readInSlices } from "../../src/service/record_slices.ts";
import type { ReadOutcome } from "../../src/node/readers.ts";
import { RevisionWait } from "../../src/service/revision_wait.ts";
import { NodeLeaseHoldService } from "../../src/service/lease_holds.ts";
import { NodeRangeStreamService } from "../../src/service/range_streams.ts";
import { type StreamClock, systemStreamClock } from "../../src/service/stream_clock.ts";
import { type HttpClock, systemHttpClock } from "../../src/http/services.ts";
import { NodeContestService } from "../../src/service/contest_service.ts";
import { NodeWatchService } from "../../src/service/watch_service.ts";
import { FakeStore } from "./fake_store.ts";

export { FakeStore };

/** The store behind the service interface, with its refusals at the tester's command. */
export class FakeKvService implements KvService {
  readonly store = new FakeStore();
  /** What was asked last, for tests of what a surface passes on. */
  lastRead: { readonly query: Query; readonly options: ReadOptions } | undefined;
  lastWrite: { readonly operation: Operation; readonly options: WriteOptions } | undefined;
  reads = 0;
  writes = 0;
  limits: ServiceLimits = { valueBytesMax };
  leader: number | undefined = 1;
  nodeId = 1;
  clusterId = "test-cluster";
  stalenessMs = 7;
  /** Called before each answer: throw to refuse, await to delay. */
  before: (asked: "read" | "write") => void | Promise<void> = () => {};
  /** Called after a write was applied and before it is answered. */
  after: () => void | Promise<void> = () => {};

  async read(
    query: Query,
    options: ReadOptions,
  ): Promise<{ readonly answer: Answer; readonly header: Header }> {
    checkQuery(query);
    this.reads += 1;
    this.lastRead = { query, options };
    await this.before("read");
    const { level } = options;
    if (options.maxStalenessMs !== undefined && level !== "linearizable") {
      if (this.stalenessMs > options.maxStalenessMs) {
        throw new ServiceError("too_stale", `This node is ${this.stalenessMs} ms behind`, {
          retryable: true,
          retryAfterMs: 1000,
        });
      }
    }
    if (options.minRevision !== undefined) await this.#reach(options.minRevision, options);
    const answer = query.kind === "get"
      ? await readInSlices(query, (slice) => Promise.resolve(this.store.read(slice)))
      : this.store.read(query);
    const local = level === "linearizable" ? {} : { stalenessMs: this.stalenessMs };
    const revision = answer.kind === "compacted" ? this.store.revision : answer.revision;
    return { answer, header: { ...this.header(), revision, level, ...local } };
  }

  async write(
    operation: Operation,
    options: WriteOptions,
  ): Promise<{ readonly result: Result; readonly header: Header }> {
    checkOperation(operation, this.limits);
    this.writes += 1;
    this.lastWrite = { operation, options };
    await this.before("write");
    const result = this.store.apply(operation, options.idempotency);
    const revision = result.kind === "none" ? this.store.revision : result.revision;
    await this.after();
    return { result, header: { ...this.header(), revision } };
  }

  header(): Header {
    return {
      revision: this.store.revision,
      servedBy: this.nodeId,
      leader: this.leader,
      clusterId: this.clusterId,
    };
  }

  /** Waits until the store has that revision, as a node waits until it has applied it. */
  async #reach(revision: Revision, options: RequestOptions): Promise<void> {
    const deadline = performance.now() + options.timeoutMs;
    while (this.store.revision < revision) {
      if (performance.now() >= deadline || options.signal?.aborted === true) {
        throw new ServiceError(
          "timeout",
          `Revision ${revision} was not reached within ${options.timeoutMs} ms`,
          { retryable: true },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

/** The real watches, over the store of `kv`. */
export function watchesOf(
  kv: FakeKvService,
  watchesMax = 1_000,
  cluster: FollowedCluster = new FakeClusterService(),
): NodeWatchService {
  const { store } = kv;
  const node = {
    readNow: (query: Query) => store.read(query),
    readIndex: (_deadlineMs: number, settle: (outcome: ReadOutcome) => void) => {
      settle({ kind: "readable", index: 0 });
      return () => {};
    },
    onApplied: (handler: () => void) => store.onApplied(handler),
  };
  return new NodeWatchService({
    node,
    cluster,
    self: kv.nodeId,
    revisions: new RevisionWait(node, () => store.revision),
    store: () => store.machine.status(),
    header: () => kv.header(),
    monotonicMs: () => performance.now(),
    soon: (run) => setImmediate(run),
    limits: { watchesMax },
  });
}

const systemClock = systemStreamClock(() => Math.floor(performance.now()));

/** The real streams of ranges, over the store of `kv`. */
export function rangesOf(
  kv: FakeKvService,
  clock: StreamClock = systemClock,
  rangeStreamsMax = 100,
): NodeRangeStreamService {
  const { store: { machine: store }, nodeId: self } = kv;
  return new NodeRangeStreamService({ kv, store, self, clock, limits: { rangeStreamsMax } });
}

/** The real holds, over the store of `kv`. */
export function holdsOf(
  kv: FakeKvService,
  clock: StreamClock = systemClock,
  leaseHoldsMax = 100,
): NodeLeaseHoldService {
  return new NodeLeaseHoldService({ kv, self: kv.nodeId, clock, limits: { leaseHoldsMax } });
}

/** Locks and elections over the store of `kv`, with real timers unless told otherwise. */
export function contestsOf(
  kv: FakeKvService,
  watches: NodeWatchService,
  clock: Pick<HttpClock, "monotonicMs" | "after"> = systemHttpClock,
): NodeContestService {
  return new NodeContestService({
    kv,
    node: kv.store,
    store: kv.store.machine,
    self: kv.nodeId,
    takePlace: () => watches.takePlace(),
    monotonicMs: () => clock.monotonicMs(),
    after: (ms, run) => clock.after(ms, run),
  });
}

export function fakeMember(id: number, more: Partial<MemberView> = {}): MemberView {
  return {
    id,
    suffrage: "voter",
    role: id === 1 ? "leader" : "follower",
    http: `http://127.0.0.1:${7400 + 10 * (id - 1)}`,
    rpc: `127.0.0.1:${7401 + 10 * (id - 1)}`,
    clientRpc: undefined,
    match: 12,
    applied: 12,
    lagMs: 0,
    healthy: true,
    version: "0.1.0",
    ...more,
  };
}

/** Three voters of which node 1 leads; every field of the view may be replaced. */
export class FakeClusterService implements ClusterService {
  current: ClusterView = {
    clusterId: "test-cluster",
    nodeId: 1,
    term: 2,
    role: "leader",
    leader: 1,
    leaderReady: true,
    members: [fakeMember(1), fakeMember(2), fakeMember(3)],
    configuration: { index: 1, joint: false },
    commitIndex: 12,
    applied: 12,
    lastIndex: 12,
    revision: 1,
    dataVersion: 4,
  };
  checks: readonly Check[] = [
    { name: "formed", ok: true, detail: "cluster test-cluster, node 1" },
    { name: "recovered", ok: true, detail: "the log is complete" },
    { name: "replayed", ok: true, detail: "applied 12 of 12" },
    { name: "leader", ok: true, detail: "node 1" },
  ];
  lastChange: MembershipRequest | undefined;
  /** What a change of members is answered; nothing changes unless set. */
  onChange: (request: MembershipRequest) => MembershipAnswer = () => ({
    ...{ id: 1, added: false, quorum: 2, voters: 3, healthyVoters: 3 },
    ...{ members: this.current.members, configuration: this.current.configuration },
  });
  lastTransfer: number | undefined;
  transfers = 0;
  /** Called before each transfer and each full view: throw to refuse. */
  before: () => void | Promise<void> = () => {};
  readonly #handlers = new Set<() => void>();
  readonly #membershipHandlers = new Set<() => void>();

  view(): ClusterView {
    return this.current;
  }

  async fullView(_options: RequestOptions): Promise<ClusterView> {
    await this.before();
    return this.current;
  }

  async transferLeadership(
    target: number | undefined,
    _options: RequestOptions,
  ): Promise<{ readonly leader: number }> {
    await this.before();
    this.transfers += 1;
    this.lastTransfer = target;
    const voters = this.current.members.filter((member) => member.suffrage === "voter");
    const chosen = target === undefined
      ? voters.find((member) => member.id !== this.current.leader)
      : voters.find((member) => member.id === target);
    if (chosen === undefined) {
      const code = this.current.members.some(({ id }) => id === target)
        ? "conflict"
        : "member_not_found";
      throw new ServiceError(code, `Node ${target} is not a voter`, { outcome: "not_applied" });
    }
    this.setLeader(chosen.id);
    return { leader: chosen.id };
  }

  async changeMembers(
    request: MembershipRequest,
    _options: RequestOptions,
  ): Promise<MembershipAnswer> {
    await this.before();
    this.lastChange = request;
    return this.onChange(request);
  }

  compactLog(): LogReach {
    const { applied, lastIndex } = this.current;
    return { boundary: 4, applied, lastIndex };
  }

  readiness(): readonly Check[] {
    return this.checks;
  }

  onLeadership(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  outline(): ClusterOutline {
    const { term, leader, members, configuration } = this.current;
    const places = members.map(({ id, suffrage, http, rpc, clientRpc }) => {
      return { id, suffrage, http, rpc, clientRpc };
    });
    return { term, leader, members: places, configuration };
  }

  onMembership(handler: () => void): () => void {
    this.#membershipHandlers.add(handler);
    return () => this.#membershipHandlers.delete(handler);
  }

  /** How many listen, for tests of what is left behind. */
  get listeners(): number {
    return this.#handlers.size + this.#membershipHandlers.size;
  }

  /** The next configuration, with these members, and tells whoever listens. */
  setMembers(members: readonly MemberView[]): void {
    const { configuration, commitIndex } = this.current;
    const index = Math.max(configuration.index, commitIndex) + 1;
    this.current = {
      ...this.current,
      members,
      configuration: { index, joint: false },
      commitIndex: index,
    };
    for (const handler of this.#membershipHandlers) handler();
  }

  /** The log holds another configuration, which is not committed; tells whoever listens. */
  setPending(pending: PendingConfiguration): void {
    const { configuration } = this.current;
    this.current = { ...this.current, configuration: { ...configuration, pending } };
    for (const handler of this.#membershipHandlers) handler();
  }

  /** Makes that node the leader and tells whoever listens. */
  setLeader(leader: number | undefined): void {
    const role = this.current.nodeId === leader ? "leader" : "follower";
    const members = this.current.members.map((member) => ({
      ...member,
      role: member.id === leader ? "leader" as const : "follower" as const,
    }));
    this.current = { ...this.current, leader, role, members, term: this.current.term + 1 };
    for (const handler of this.#handlers) handler();
  }
}

export const fakeVersion: VersionView = {
  version: "0.1.0",
  commit: "0000000",
  runtime: "bun",
  runtimeVersion: "1.4.5",
  sqlite: "3.54.1",
  protocolVersion: 1,
  dataVersion: 4,
};
