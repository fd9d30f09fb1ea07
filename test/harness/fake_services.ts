/**
 * KvService and ClusterService over plain memory: what http/ and grpc/ are tested against without a
 * node below them. The store is a real, if slow, multi-version map, so that answers, tags, cursors
 * and past revisions mean what they mean in production; everything that a cluster adds (leaders,
 * staleness, refusals) is set by hand.
 */

import { compareBytes, equalBytes, hex } from "../../src/lib/bytes.ts";
import type {
  Answer,
  Check,
  ClusterService,
  ClusterView,
  Conditions,
  GetQuery,
  Header,
  KvRecord,
  KvService,
  MemberView,
  Operation,
  Query,
  RangeQuery,
  ReadLevel,
  ReadOptions,
  RequestOptions,
  Result,
  Revision,
  VersionView,
  WriteOptions,
} from "../../src/service/contract.ts";
import { changesPerRevisionMax } from "../../src/service/contract.ts";
import { ServiceError } from "../../src/service/errors.ts";

/** One version of a key, deletions included. */
interface Version {
  readonly mod: Revision;
  readonly record: KvRecord | undefined;
}

interface History {
  readonly key: Uint8Array;
  readonly versions: Version[];
}

/** A multi-version map with the semantics of the replicated store. */
export class FakeStore {
  readonly #histories = new Map<string, History>();
  revision: Revision = 1;
  /** The oldest revision that can still be read. */
  oldest: Revision = 1;

  read(query: Query): Answer {
    const revision = query.revision ?? this.revision;
    if (revision > this.revision) return { kind: "future", revision: this.revision };
    if (revision < this.oldest) return { kind: "compacted", oldest: this.oldest };
    return query.kind === "get" ? this.#get(query, revision) : this.#range(query, revision);
  }

  apply(operation: Operation): Result {
    if (operation.kind === "nothing") return { kind: "nothing", revision: this.revision };
    if (operation.kind === "put") return this.#put(operation);
    const target = operation.target;
    const targets = target.kind === "key"
      ? [this.#at(target.key, this.revision)].filter((record) => record !== undefined)
      : this.#records(target.start, target.end, this.revision);
    const current = target.kind === "key" ? targets[0] : undefined;
    const tag = Math.max(0, ...targets.map((record) => record.mod));
    if (!holds(operation.conditions, tag, current)) return this.#conditionFailed(current);
    if (operation.limit === undefined && targets.length > changesPerRevisionMax) {
      return { kind: "rangeTooLarge", revision: this.revision, keys: targets.length };
    }
    const doomed = targets.slice(0, operation.limit);
    if (doomed.length > 0) this.revision += 1;
    for (const record of doomed) this.#write(record.key, undefined);
    return {
      kind: "delete",
      revision: this.revision,
      deleted: doomed.length,
      more: doomed.length < targets.length,
      prev: operation.prev ? doomed : [],
    };
  }

  #put(operation: Extract<Operation, { kind: "put" }>): Result {
    const current = this.#at(operation.key, this.revision);
    if (!holds(operation.conditions, current?.mod ?? 0, current)) {
      return this.#conditionFailed(current);
    }
    this.revision += 1;
    const record: KvRecord = {
      key: operation.key.slice(),
      value: operation.value.slice(),
      create: current?.create ?? this.revision,
      mod: this.revision,
      version: (current?.version ?? 0) + 1,
      ...(operation.lease === undefined ? {} : { lease: operation.lease }),
      ...(operation.mediaType === undefined ? {} : { mediaType: operation.mediaType }),
    };
    this.#write(record.key, record);
    return {
      kind: "put",
      revision: record.mod,
      create: record.create,
      version: record.version,
      ...(operation.prev && current !== undefined ? { prev: current } : {}),
    };
  }

  #conditionFailed(current: KvRecord | undefined): Result {
    return {
      kind: "conditionFailed",
      revision: this.revision,
      ...(current === undefined ? {} : { current }),
    };
  }

  #write(key: Uint8Array, record: KvRecord | undefined): void {
    const name = hex(key);
    const history = this.#histories.get(name) ?? { key, versions: [] };
    history.versions.push({ mod: this.revision, record });
    this.#histories.set(name, history);
  }

  #at(key: Uint8Array, revision: Revision): KvRecord | undefined {
    const versions = this.#histories.get(hex(key))?.versions ?? [];
    return versions.findLast((version) => version.mod <= revision)?.record;
  }

  #get(query: GetQuery, revision: Revision): Answer {
    return { kind: "records", revision, records: query.keys.map((key) => this.#at(key, revision)) };
  }

  #historiesIn(start: Uint8Array, end: Uint8Array | undefined): readonly History[] {
    return [...this.#histories.values()]
      .filter(({ key }) =>
        compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0)
      )
      .sort((a, b) => compareBytes(a.key, b.key));
  }

  #records(
    start: Uint8Array,
    end: Uint8Array | undefined,
    revision: Revision,
  ): readonly KvRecord[] {
    return this.#historiesIn(start, end)
      .map(({ key }) => this.#at(key, revision))
      .filter((record) => record !== undefined);
  }

  #range(query: RangeQuery, revision: Revision): Answer {
    const records = [...this.#records(query.start, query.end, revision)];
    if (query.reverse) records.reverse();
    const page = new Page(query);
    for (const record of records) if (!page.take(record)) break;
    const mods = this.#historiesIn(query.start, query.end)
      .flatMap(({ versions }) => versions.map(({ mod }) => mod))
      .filter((mod) => mod <= revision);
    return {
      kind: "range",
      revision,
      items: query.countOnly ? [] : page.items,
      prefixes: page.prefixes,
      count: page.count,
      ...(page.next === undefined ? {} : { next: page.next }),
      changed: Math.max(0, ...mods),
    };
  }
}

/** Collects one page of a range until its limits are reached. */
class Page {
  readonly items: KvRecord[] = [];
  readonly prefixes: Uint8Array[] = [];
  next: Uint8Array | undefined;
  count = 0;
  #bytes = 0;
  #last: Uint8Array | undefined;
  readonly #query: RangeQuery;

  constructor(query: RangeQuery) {
    this.#query = query;
  }

  /** False when the page was full before this record; `next` is set then. */
  take(record: KvRecord): boolean {
    const folder = this.#folder(record.key);
    const known = this.prefixes.at(-1);
    if (folder !== undefined && known !== undefined && equalBytes(folder, known)) {
      this.#last = record.key;
      return true;
    }
    if (this.count >= this.#query.limit || this.#bytes > this.#query.bytesMax) {
      this.next = this.#query.reverse ? this.#last : record.key;
      return false;
    }
    this.count += 1;
    this.#last = record.key;
    this.#bytes += record.key.length + (this.#query.keysOnly ? 0 : record.value.length);
    if (folder !== undefined) this.prefixes.push(folder);
    else this.items.push(this.#query.keysOnly ? { ...record, value: new Uint8Array(0) } : record);
    return true;
  }

  #folder(key: Uint8Array): Uint8Array | undefined {
    const delimiter = this.#query.delimiter;
    if (delimiter === undefined) return undefined;
    for (let at = delimiter.prefixLength; at + delimiter.bytes.length <= key.length; at++) {
      const end = at + delimiter.bytes.length;
      if (equalBytes(key.subarray(at, end), delimiter.bytes)) return key.slice(0, end);
    }
    return undefined;
  }
}

function holds(conditions: Conditions, tag: Revision, current: KvRecord | undefined): boolean {
  const { ifMatch, ifNoneMatch, ifValue } = conditions;
  if (ifMatch === "any" && tag === 0) return false;
  if (Array.isArray(ifMatch) && !ifMatch.includes(tag)) return false;
  if (ifNoneMatch === "any" && tag !== 0) return false;
  if (Array.isArray(ifNoneMatch) && ifNoneMatch.includes(tag)) return false;
  if (ifValue === undefined) return true;
  if (ifValue === "absent") return current === undefined;
  return current !== undefined && equalBytes(current.value, ifValue.equals);
}

/** The store behind the service interface, with its refusals at the tester's command. */
export class FakeKvService implements KvService {
  readonly store = new FakeStore();
  /** What was asked last, for tests of what a surface passes on. */
  lastRead: { readonly query: Query; readonly options: ReadOptions } | undefined;
  lastWrite: { readonly operation: Operation; readonly options: WriteOptions } | undefined;
  reads = 0;
  writes = 0;
  /** The strongest level that is still cheaper than linearizable: lease reads are off by default. */
  leaseAllowed = false;
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
    this.reads += 1;
    this.lastRead = { query, options };
    await this.before("read");
    const level: ReadLevel = options.level === "lease" && !this.leaseAllowed
      ? "linearizable"
      : options.level;
    if (options.maxStalenessMs !== undefined && level !== "linearizable") {
      if (this.stalenessMs > options.maxStalenessMs) {
        throw new ServiceError("too_stale", `This node is ${this.stalenessMs} ms behind`, {
          retryable: true,
          retryAfterMs: 1000,
        });
      }
    }
    if (options.minRevision !== undefined) await this.#reach(options.minRevision, options);
    const answer = this.store.read(query);
    const local = level === "linearizable" ? {} : { stalenessMs: this.stalenessMs };
    const revision = answer.kind === "compacted" ? this.store.revision : answer.revision;
    return { answer, header: { ...this.header(), revision, level, ...local } };
  }

  async write(
    operation: Operation,
    options: WriteOptions,
  ): Promise<{ readonly result: Result; readonly header: Header }> {
    this.writes += 1;
    this.lastWrite = { operation, options };
    await this.before("write");
    const result = this.store.apply(operation);
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
  };
  checks: readonly Check[] = [
    { name: "formed", ok: true, detail: "cluster test-cluster, node 1" },
    { name: "recovered", ok: true, detail: "the log is complete" },
    { name: "replayed", ok: true, detail: "applied 12 of 12" },
    { name: "leader", ok: true, detail: "node 1" },
  ];
  lastTransfer: number | undefined;
  transfers = 0;
  /** Called before each transfer and each full view: throw to refuse. */
  before: () => void | Promise<void> = () => {};
  readonly #handlers = new Set<() => void>();

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
      throw new ServiceError("member_not_found", `Node ${target} is not a voter`, {
        outcome: "not_applied",
      });
    }
    this.setLeader(chosen.id);
    return { leader: chosen.id };
  }

  readiness(): readonly Check[] {
    return this.checks;
  }

  onLeadership(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
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
};
