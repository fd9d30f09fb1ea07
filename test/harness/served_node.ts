/** The services of node 1 over a {@link FakeNode}, put together as src/server_node.ts does it. */

import { encodeResult } from "../../src/kv/result_encoding.ts";
import type { Result } from "../../src/kv/result.ts";
import type { HelloAnswer } from "../../src/node/ports.ts";
import type { MemberAddresses, NodeId, PositionedConfiguration } from "../../src/raft/types.ts";
import { NodeClusterService } from "../../src/service/cluster_service.ts";
import type { RequestOptions } from "../../src/service/contract.ts";
import { type ErrorCode, type Outcome, ServiceError } from "../../src/service/errors.ts";
import type { ForwardOutcome, ForwardRequest } from "../../src/service/forwarder.ts";
import { NodeKvService } from "../../src/service/kv_service.ts";
import { Lag } from "../../src/service/lag.ts";
import { LeaderProxy } from "../../src/service/leader_proxy.ts";
import { LeaderWatch } from "../../src/service/leader_watch.ts";
import { RevisionWait } from "../../src/service/revision_wait.ts";
import { FakeNode } from "./fake_node.ts";
import { assert } from "./test.ts";

export interface Forwarded {
  readonly address: string;
  readonly request: ForwardRequest;
}

export class ServedFakeNode {
  readonly node = new FakeNode();
  readonly forwarded: Forwarded[] = [];
  /** What the other end says. */
  onForward: (forwarded: Forwarded) => ForwardOutcome | Promise<ForwardOutcome> = () => ({
    kind: "notSent",
    detail: "nobody listens",
  });
  /** Who listens at an address; nobody unless set. */
  onHello: (address: string) => HelloAnswer | undefined = () => undefined;
  /** Addresses of the members that are known. */
  readonly known = new Map<NodeId, MemberAddresses>();
  revision = 10;
  nowMs = 1_000;
  /** Real time unless set, so that what waits has an end; `nowMs` only shifts it. */
  clockMs: () => number = () => performance.now();
  outOfSpace: string | undefined;
  awaitsRestore: string | undefined;
  isRestoring = false;
  /** What the store has come to; the configuration in effect unless set. */
  appliedConfiguration: PositionedConfiguration | undefined;
  /** Called where reads leave room for others; they go on when it calls back. */
  onRest: (goOn: () => void) => void = (goOn) => goOn();
  readonly leaders: LeaderWatch;
  readonly revisions: RevisionWait;
  readonly lag = new Lag();
  readonly proxy: LeaderProxy;
  readonly kv: NodeKvService;
  readonly cluster: NodeClusterService;

  constructor(leader: NodeId | "nobody" = 1) {
    for (const id of [1, 2, 3]) this.known.set(id, { rpc: `n${id}`, http: `http://n${id}` });
    const { node, lag } = this;
    node.lead(leader === "nobody" ? undefined : leader);
    this.leaders = new LeaderWatch(node, 1);
    this.revisions = new RevisionWait(node, () => this.revision);
    const monotonicMs = () => this.monotonicMs;
    const common = { node, self: 1, clusterId: "c", leaders: this.leaders, monotonicMs };
    const addressesOf = (id: NodeId) => this.known.get(id);
    this.proxy = new LeaderProxy({
      ...common,
      addressOf: (id) => addressesOf(id)?.rpc,
      forwarder: {
        forward: async (address, request) => {
          this.forwarded.push({ address, request });
          return await this.onForward({ address, request });
        },
      },
    });
    const currentRevision = () => this.revision;
    this.kv = new NodeKvService({
      ...common,
      proxy: this.proxy,
      revisions: this.revisions,
      leases: { holds: () => node.leaseIndex() !== undefined },
      currentRevision,
      wallMs: () => 1_700_000_000_000,
      limits: { valueBytesMax: 100 },
      soon: (run) => this.onRest(run),
      outOfSpace: () => this.outOfSpace,
      tooNew: () => undefined,
      awaitsRestore: () => this.awaitsRestore,
    });
    this.cluster = new NodeClusterService({
      ...common,
      proxy: this.proxy,
      currentRevision,
      dataVersion: () => 4,
      lag,
      isRestoring: () => this.isRestoring,
      storeChecks: () => [],
      appliedConfiguration: () => this.appliedConfiguration ?? node.current.configuration,
      addressesOf,
      versionOf: (id) => id === 3 ? undefined : "0.1.0",
      silentMsMax: 60_000,
      askHello: (address, tell) => tell(this.onHello(address)),
    });
  }

  /** As the clock of the services shows it. */
  get monotonicMs(): number {
    return this.nowMs + this.clockMs();
  }

  /** As FormedNode closes them. */
  close(): void {
    this.leaders.close();
    this.revisions.close();
  }
}

export function within(timeoutMs: number): RequestOptions {
  return { timeoutMs, requestId: "r-1" };
}

/** The answer of a leader that has written. */
export function writtenBy(leader: NodeId, result: Result): ForwardOutcome {
  const revision = result.kind === "none" ? 1 : result.revision;
  const header = { revision, servedBy: leader, leader, clusterId: "c" };
  return { kind: "answered", answer: { kind: "written", result: encodeResult(result), header } };
}

export function refusedWith(
  code: ErrorCode,
  outcome: Outcome | undefined,
  retryable = false,
): ForwardOutcome {
  return { kind: "failed", error: new ServiceError(code, "As it says", { outcome, retryable }) };
}

/** Waits for the failure and gives what a client would see of it. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { code, outcome, retryable } = error;
    return [code, outcome ?? "no outcome", retryable ? "retryable" : "final"].join(", ");
  }
  return assert.fail("It did not fail");
}
