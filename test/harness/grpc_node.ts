/** One node's end of the peer protocol, on a port that the system chose: transport and listener. */

import { channelCredentials, serverCredentials } from "../../src/grpc/credentials.ts";
import type { OfferedMethod } from "../../src/grpc/call.ts";
import { defaultPeerTiming, type PeerTiming } from "../../src/grpc/peer_connection.ts";
import { GrpcRaftTransport } from "../../src/grpc/raft_transport.ts";
import type { ReachReport } from "../../src/grpc/reach.ts";
import type { FaultReport } from "../../src/grpc/refusal.ts";
import type { SendQueueLimits } from "../../src/grpc/send_queue.ts";
import { type GrpcServer, startGrpcServer } from "../../src/grpc/server.ts";
import type { Hello, HelloAnswer, HelloRefusal } from "../../src/node/ports.ts";
import type { Envelope } from "../../src/raft/message.ts";

/** What a busy machine does late must not be taken for the silence of a peer. */
const patientTiming: PeerTiming = { ...defaultPeerTiming, keepaliveTimeoutMs: 60_000 };

export interface GrpcNodeOptions {
  readonly id: number;
  /** The program's own but for its keepalive when absent, so that what stands stays. */
  readonly timing?: PeerTiming;
  readonly clusterId?: string;
  readonly rpcAddress?: string;
  readonly judge?: (theirs: Hello, standing: Hello | undefined) => HelloAnswer | undefined;
  readonly queueLimits?: SendQueueLimits;
  readonly clientMethods?: readonly OfferedMethod[];
  readonly peerMethods?: readonly OfferedMethod[];
}

export interface GrpcNode {
  readonly id: number;
  readonly address: string;
  readonly transport: GrpcRaftTransport;
  readonly server: GrpcServer;
  readonly received: Envelope[];
  readonly unreachable: number[];
  readonly refusals: string[];
  readonly faults: FaultReport[];
  readonly reaches: ReachReport[];
  readonly hello: Hello;
  /** What is open on the listener after `graceMs`, a second when absent, is cut. */
  close(graceMs?: number): Promise<void>;
}

/** What a node of the test cluster says of itself. */
export function testHello(options: {
  readonly id: number;
  readonly address: string;
  readonly clusterId?: string;
}): Hello {
  return {
    clusterId: options.clusterId ?? "test-cluster",
    from: options.id,
    to: 0,
    incarnation: options.id.toString(16).padStart(16, "0"),
    logEpoch: 0,
    starts: 1,
    nonce: 1,
    protocolVersion: 1,
    protocolVersionMin: 1,
    dataVersion: 1,
    electionTimeoutMinMs: 1_000,
    programVersion: "0.1.0",
    addresses: { rpc: options.address, http: "http://127.0.0.1:1" },
    bootstrapIds: [],
  };
}

export async function startGrpcNode(options: GrpcNodeOptions): Promise<GrpcNode> {
  const received: Envelope[] = [];
  const unreachable: number[] = [];
  const refusals: string[] = [];
  const faults: FaultReport[] = [];
  const reaches: ReachReport[] = [];
  const transport = new GrpcRaftTransport({
    credentials: channelCredentials(undefined),
    currentTerm: () => 1,
    onFault: (report) => faults.push(report),
    onReach: (report) => reaches.push(report),
    monotonicMs: () => Math.floor(performance.now()),
    random: () => 0.5,
    timing: options.timing ?? patientTiming,
    ...(options.queueLimits === undefined ? {} : { queueLimits: options.queueLimits }),
  });
  const server = await startGrpcServer({
    rpcAddress: options.rpcAddress ?? "127.0.0.1:0",
    credentials: serverCredentials(undefined, false),
    peerMethods: [...transport.methods(), ...(options.peerMethods ?? [])],
    clientMethods: options.clientMethods ?? [],
    onInternalError: (path, error) => console.error(path, error),
  });
  const address = server.rpcAddress;
  const hello = testHello({ ...options, address });
  transport.onHello((theirs, standing) =>
    options.judge?.(theirs, standing) ?? judgeCluster(hello, theirs)
  );
  transport.setHello((to) => ({ ...hello, to }));
  transport.onReceive((envelope) => received.push(envelope));
  transport.onUnreachable((peer) => unreachable.push(peer));
  transport.onRefused((_peer, refusal) => refusals.push(refusal.reason));
  const close = async (graceMs = 1_000): Promise<void> => {
    await new Promise<void>((resolve) => transport.close(resolve));
    await server.close(graceMs);
  };
  return {
    ...{ id: options.id, address, transport, server, received, unreachable, refusals, faults },
    ...{ reaches, hello, close },
  };
}

/** A refusal by a node that is nobody's member. */
export function refusalFor(reason: string, final = false): HelloRefusal {
  return {
    kind: "refused",
    reason,
    final,
    removed: false,
    by: { id: 1, incarnation: "0123456789abcdef" },
  };
}

/** Accepts who belongs to the same cluster and means this node. */
export function judgeCluster(mine: Hello, theirs: Hello): HelloAnswer {
  if (theirs.clusterId !== mine.clusterId) {
    return refusalFor(`cluster ${theirs.clusterId}, this is ${mine.clusterId}`);
  }
  if (theirs.to !== 0 && theirs.to !== mine.from) {
    return refusalFor(`this is node ${mine.from}`);
  }
  return { kind: "accepted", hello: { ...mine, to: theirs.from } };
}
