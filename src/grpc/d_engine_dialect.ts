/**
 * The client services of d-engine over our store: its clients and tools work unchanged
 * (proto/d_engine/).
 */

import {
  answerBytesMax,
  type ClusterService,
  type ClusterView,
  type Conditions,
  type Header,
  type KvService,
  type MemberView,
  type Operation,
  type Put,
  type ReadLevel,
  type RequestOptions,
  type Result,
} from "../service/contract.ts";
import { grpcStatus, ServiceError } from "../service/errors.ts";
import { rejectionError } from "../service/rejection.ts";
import {
  type Answer,
  type CallContext,
  CallError,
  type OfferedMethod,
  offerSource,
  offerUnary,
} from "./call.ts";
import { method, type Wire } from "./codec.ts";
import { dEngineCode, failedResponse, invalidRequest } from "./d_engine_errors.ts";
import { scanMethod } from "./d_engine_scan.ts";
import { membershipSource, type WatchOptions, watchSource } from "./d_engine_watch.ts";
import { answerHeaders, idempotency, minRevision, requestOptions } from "./request_options.ts";
import { withDetails } from "./status_details.ts";

type ClientResponse = Wire["d_engine.client.ClientResponse"];

/** What the dialect stands on. */
export interface DEngineOptions extends WatchOptions {
  readonly cluster: ClusterService;
  /** Clients connect with TLS: the addresses that they are given say so. */
  readonly tls: boolean;
  /** Keys and values of one answer, bytes; {@link answerBytesMax} when absent. */
  readonly answerBytesMax?: number;
}

const clientService = "d_engine.client.RaftClientService";
const clusterService = "d_engine.server.cluster.ClusterManagementService";
const writeMethod = method(clientService, "HandleClientWrite");
const keysMax = 10_000;
/** How long a key may live, s (kv/leases.ts). */
const ttlSecsMax = 366 * 86_400;
/** By policy number: LEASE_READ, LINEARIZABLE_READ, EVENTUAL_CONSISTENCY. */
const levels: readonly ReadLevel[] = ["lease", "linearizable", "eventual"];

/** The methods of both d-engine services. */
export function dEngineMethods(options: DEngineOptions): readonly OfferedMethod[] {
  const { kv, cluster, tls } = options;
  return [
    offerUnary(
      writeMethod,
      (request, call) => answering(call, (options) => write(kv, request, call, options)),
      { refused },
    ),
    offerUnary(
      method(clientService, "HandleClientRead"),
      (request, call) => answering(call, (asked) => read(options, request, call, asked)),
      { refused, isRead: true },
    ),
    scanMethod(options),
    offerSource(
      method(clientService, "Watch"),
      (request, call) => watchSource(options, request, call),
    ),
    offerSource(
      method(clientService, "WatchMembership"),
      (_request, call) => membershipSource(options, call),
    ),
    offerUnary(
      method(clusterService, "GetClusterMetadata"),
      async (_request, call) => ({ message: membership(await viewOf(cluster, call), tls) }),
    ),
    offerUnary(
      method(clusterService, "DiscoverLeader"),
      async (_request, call) => ({ message: discovery(await viewOf(cluster, call), tls) }),
    ),
    offerUnary(
      method(clusterService, "UpdateClusterConf"),
      () => Promise.reject(notOffered("UpdateClusterConf", "skein.cluster.v1.RaftClusterService")),
    ),
    offerUnary(
      method(clusterService, "JoinCluster"),
      () => Promise.reject(notOffered("JoinCluster", "the configuration of the new node")),
    ),
  ];
}

function refused(error: ServiceError): Answer<ClientResponse> {
  return { message: failedResponse(error) };
}

function notOffered(name: string, instead: string): CallError {
  return new CallError(grpcStatus.unimplemented, `${name} is not offered; use ${instead}`);
}

/** The leader's view: only it knows whether it may answer for its term. */
async function viewOf(cluster: ClusterService, call: CallContext): Promise<ClusterView> {
  try {
    return await cluster.fullView(requestOptions(call));
  } catch (error) {
    throw withDetails(error);
  }
}

interface Served {
  readonly response: ClientResponse;
  readonly header?: Header;
  readonly replayed?: boolean;
}

/** Failures of the request are answers of this protocol, not statuses. */
async function answering(
  call: CallContext,
  serve: (options: RequestOptions) => Promise<Served>,
): Promise<Answer<ClientResponse>> {
  const options = requestOptions(call);
  const { requestId } = options;
  try {
    const { response, header, replayed } = await serve(options);
    return { message: response, headers: answerHeaders(requestId, header, replayed) };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return { message: failedResponse(error), headers: answerHeaders(requestId) };
  }
}

async function write(
  kv: KvService,
  request: Wire["d_engine.client.ClientWriteRequest"],
  call: CallContext,
  options: RequestOptions,
): Promise<Served> {
  const operation = toOperation(request.command);
  const once = idempotency(call, writeMethod.path, () => writeMethod.request.encode(request));
  try {
    const { result, header } = await kv.write(operation, { ...options, ...once });
    return { response: toResponse(result), header, replayed: result.replayed ?? false };
  } catch (error) {
    // A write without conditions that is applied has succeeded: the answer needs nothing else.
    const applied = error instanceof ServiceError && error.outcome === "applied";
    if (applied && request.command?.operation !== "compareAndSwap") {
      return { response: wrote(true) };
    }
    throw error;
  }
}

function toOperation(command: Wire["d_engine.client.WriteCommand"] | null | undefined): Operation {
  if (command?.insert !== null && command?.insert !== undefined) {
    const { key, value, ttlSecs } = command.insert;
    if (ttlSecs > ttlSecsMax) {
      throw invalidRequest(`ttl_secs is ${ttlSecs}, allowed are 1 … ${ttlSecsMax}, 0 for none`);
    }
    return { ...put(key, value, {}), ...(ttlSecs === 0 ? {} : { ttlMs: ttlSecs * 1_000 }) };
  }
  if (command?.delete !== null && command?.delete !== undefined) {
    const target = { kind: "key", key: command.delete.key } as const;
    return { kind: "delete", target, conditions: {}, prev: false };
  }
  if (command?.compareAndSwap !== null && command?.compareAndSwap !== undefined) {
    const { key, expectedValue, newValue } = command.compareAndSwap;
    const absent = expectedValue === null || expectedValue === undefined;
    return put(key, newValue, { ifValue: absent ? "absent" : { equals: expectedValue } });
  }
  throw invalidRequest("command is missing, allowed are insert, delete and compare_and_swap");
}

function put(key: Uint8Array, value: Uint8Array, conditions: Conditions): Put {
  return { kind: "put", key, value, conditions, prev: false };
}

function toResponse(result: Result): ClientResponse {
  switch (result.kind) {
    case "put":
    case "delete":
      return wrote(true);
    case "conditionFailed":
      return wrote(false);
    case "rejected":
      return failedResponse(rejectionError(result));
    default:
      throw new Error(`A write was answered with ${result.kind}`);
  }
}

function wrote(succeeded: boolean): ClientResponse {
  return { error: dEngineCode.success, writeResult: { succeeded } };
}

async function read(
  { kv, answerBytesMax: bytesMax = answerBytesMax }: DEngineOptions,
  request: Wire["d_engine.client.ClientReadRequest"],
  call: CallContext,
  options: RequestOptions,
): Promise<Served> {
  const { keys, consistencyPolicy } = request;
  if (keys.length === 0 || keys.length > keysMax) {
    throw invalidRequest(`keys has ${keys.length} elements, allowed are 1 … ${keysMax}`);
  }
  const absent = consistencyPolicy === null || consistencyPolicy === undefined;
  const level = absent ? "linearizable" : levels[consistencyPolicy];
  if (level === undefined) {
    throw invalidRequest(`consistency_policy is ${consistencyPolicy}, allowed are 0, 1 and 2`);
  }
  const readOptions = { ...options, level, ...minRevision(call) };
  const { answer, header } = await kv.read({ kind: "get", keys, bytesMax }, readOptions);
  if (answer.kind !== "records") throw new Error(`A get was answered with ${answer.kind}`);
  const results = answer.records.flatMap((record) =>
    record === undefined ? [] : [{ key: record.key, value: record.value }]
  );
  return { response: { error: dEngineCode.success, readData: { results } }, header };
}

const nodeRole = { follower: 1, precandidate: 2, candidate: 2, leader: 3 } as const;
const learnerRole = 4;
const nodeStatus = { learner: 1, readOnly: 2, voter: 3 } as const;

function membership(
  view: ClusterView,
  tls: boolean,
): Wire["d_engine.server.cluster.ClusterMembership"] {
  return {
    version: view.configuration.index,
    nodes: view.members.map((member) => ({
      id: member.id,
      address: clientAddress(member, tls),
      role: roleOf(member, view),
      status: nodeStatus[member.suffrage],
    })),
    currentLeaderId: readyLeader(view)?.id,
  };
}

function discovery(
  view: ClusterView,
  tls: boolean,
): Wire["d_engine.server.cluster.LeaderDiscoveryResponse"] {
  const leader = readyLeader(view);
  return {
    leaderId: leader?.id ?? 0,
    leaderAddress: leader === undefined ? "" : clientAddress(leader, tls),
    term: view.term,
  };
}

/** Clients send their first request there at once: it must be a member that may answer. */
function readyLeader(view: ClusterView): MemberView | undefined {
  if (view.leaderReady !== true) return undefined;
  return view.members.find((member) => member.id === view.leader);
}

function roleOf(member: MemberView, view: ClusterView): number {
  if (member.suffrage !== "voter") return learnerRole;
  if (member.id === view.leader) return nodeRole.leader;
  return member.role === undefined ? nodeRole.follower : nodeRole[member.role];
}

function clientAddress(member: MemberView, tls: boolean): string {
  const address = member.clientRpc ?? member.rpc ?? "";
  return tls && address !== "" ? `https://${address}` : address;
}
