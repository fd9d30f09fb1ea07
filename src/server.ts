/**
 * The composition root: the only file that knows everything. It opens the data directory, lets the
 * listeners answer, has the cluster born or finds it, starts the node, and takes it all down in the
 * reverse order.
 */

import { allRoutes } from "../routes/mod.ts";
import type { Config } from "./config/schema.ts";
import { clientMethods } from "./grpc/client_methods.ts";
import { channelCredentials, serverCredentials } from "./grpc/credentials.ts";
import { GrpcForwarder, offerForward } from "./grpc/forward.ts";
import { GrpcRaftTransport } from "./grpc/raft_transport.ts";
import { type GrpcServer, startGrpcServer } from "./grpc/server.ts";
import { createHttpApp } from "./http/app.ts";
import { servedHosts } from "./http/host_guard.ts";
import { systemHttpClock } from "./http/services.ts";
import { KvStateMachine } from "./kv/state_machine.ts";
import { ByteBudget } from "./lib/byte_budget.ts";
import { formatHostPort } from "./lib/host_port.ts";
import type { Logger } from "./lib/logger.ts";
import { Prng } from "./lib/prng.ts";
import { commit, version } from "./lib/version.ts";
import type { Birth } from "./node/birth.ts";
import { identify, type IdentityKeeper } from "./node/identity_keeper.ts";
import { protocolVersion } from "./node/peers.ts";
import type { MemberAddresses } from "./raft/types.ts";
import type { HttpServer, Runtime } from "./runtime/mod.ts";
import { systemClock } from "./runtime/system_clock.ts";
import { drawIncarnation } from "./server_incarnation.ts";
import { type FormedNode, formNode } from "./server_node.ts";
import { type OpenedStorage, openStorage } from "./server_storage.ts";
import {
  AwaitedClusterService,
  AwaitedContestService,
  AwaitedKvService,
  AwaitedLeaseHoldService,
  AwaitedRangeStreamService,
  AwaitedWatchService,
} from "./service/awaited.ts";
import { ServiceError } from "./service/errors.ts";
import type { ForwardAnswer, ForwardRequest } from "./service/forwarder.ts";

/** What a server is started with. */
export interface ServerOptions {
  readonly config: Config;
  readonly runtime: Runtime;
  readonly logger: Logger;
}

/** A server whose listeners answer; the cluster may still have to be formed. */
export interface RunningServer {
  readonly httpUrl: string;
  readonly rpcAddress: string;
  /** Hands leadership over, answers what is under way, closes the files. Idempotent. */
  stop(): Promise<void>;
  /** Resolves when the server has ended, by `stop` or by a failure; the code is for the process. */
  readonly stopped: Promise<{ readonly code: number }>;
}

/** Throws when the node cannot start; the message says what is wrong and where. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const server = new SkeinServer(options);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class SkeinServer implements RunningServer {
  readonly #options: ServerOptions;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #storage: OpenedStorage;
  readonly #machine: KvStateMachine;
  readonly #transport: GrpcRaftTransport;
  readonly #forwarder: GrpcForwarder;
  readonly #kv: AwaitedKvService;
  readonly #cluster: AwaitedClusterService;
  readonly #watches: AwaitedWatchService;
  readonly #ranges: AwaitedRangeStreamService;
  readonly #holds: AwaitedLeaseHoldService;
  readonly #contests: AwaitedContestService;
  /** What requests hold of this node's memory, whichever way they come. */
  readonly #requestMemory: ByteBudget;
  readonly stopped: Promise<{ readonly code: number }>;
  #settleStopped: (ended: { readonly code: number }) => void = () => {};
  #grpc: GrpcServer | undefined;
  #http: HttpServer | undefined;
  #birth: Birth | undefined;
  #node: FormedNode | undefined;
  #stopping: Promise<void> | undefined;
  #failed = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    const { config, logger } = options;
    this.#config = config;
    this.#logger = logger;
    this.#requestMemory = new ByteBudget(config.limits.requestsMemoryBytesMax);
    this.stopped = new Promise((resolve) => this.#settleStopped = resolve);
    this.#storage = openStorage({
      config,
      runtime: options.runtime,
      clock: systemClock,
      onFatal: (error) => this.#fail(error),
      onRefused: (why) => logger.warn(why),
    });
    this.#machine = new KvStateMachine({
      tables: this.#storage.tables,
      commitEntriesMax: config.storage.kvCommitEntriesMax,
    });
    const credentials = channelCredentials(undefined);
    const timing = { ...config.network, ...config.retry };
    this.#forwarder = new GrpcForwarder(credentials, timing);
    this.#transport = new GrpcRaftTransport({
      credentials,
      currentTerm: () => this.#node?.node.status().term ?? 0,
      onFault: ({ kind, source, detail, suppressed }) =>
        this.#logger.warn(detail, { kind, source, suppressed }),
      monotonicMs: systemClock.monotonicMs,
      random: Math.random,
      queueLimits: { countMax: 4_096, bytesMax: config.network.peerQueueBytesMax },
      timing,
    });
    const unformed = {
      self: config.nodeId,
      clusterId: config.clusterId,
      waitingFor: () => this.#birth?.waitingFor() ?? "the node to start",
    };
    this.#kv = new AwaitedKvService(unformed);
    this.#cluster = new AwaitedClusterService(unformed);
    this.#watches = new AwaitedWatchService(unformed);
    this.#ranges = new AwaitedRangeStreamService(unformed);
    this.#holds = new AwaitedLeaseHoldService(unformed);
    this.#contests = new AwaitedContestService(unformed);
  }

  get httpUrl(): string {
    const { hostname, port } = this.#http ?? { hostname: "", port: 0 };
    return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  get rpcAddress(): string {
    return this.#grpc?.rpcAddress ?? formatHostPort(this.#config.rpcAddr);
  }

  async start(): Promise<void> {
    const keeper = await this.#identify();
    this.#grpc = await this.#listenForGrpc();
    this.#http = await this.#listenForHttp();
    this.#form(keeper);
  }

  stop(): Promise<void> {
    // An end that fails is an end: nobody may wait for ever for the one that was wanted.
    this.#stopping ??= this.#takeDown().catch((error: unknown) => this.#fail(error)).then(
      () => this.#settleStopped({ code: this.#failed ? 1 : 0 }),
    );
    return this.#stopping;
  }

  #identify(): Promise<IdentityKeeper> {
    const { clusterId, nodeId } = this.#config;
    const store = this.#storage.identities;
    return new Promise((resolve) =>
      identify({ store, clusterId, nodeId, drawIncarnation }, resolve)
    );
  }

  #form(keeper: IdentityKeeper): void {
    formNode({
      keeper,
      nonce: drawNonce(),
      addresses: this.#addresses(),
      configured: this.#config.peers.map(({ id, addr }) => ({ id, address: addr })),
      config: this.#config,
      storage: this.#storage,
      machine: this.#machine,
      transport: this.#transport,
      forwarder: this.#forwarder,
      clock: systemClock,
      rng: new Prng(drawNonce()),
      logger: this.#logger,
      onBirth: (birth) => this.#birth = birth,
      onFatal: (error) => this.#fail(error),
      done: (node) => {
        this.#node = node;
        const { kv, cluster, watches, ranges, holds, contests } = node.services;
        this.#kv.set(kv);
        this.#cluster.set(cluster);
        this.#watches.set(watches);
        this.#ranges.set(ranges);
        this.#holds.set(holds);
        this.#contests.set(contests);
      },
    });
  }

  /** Nothing may be said or acknowledged any more: no orderly end, only the last words. */
  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#logger.error(error instanceof Error ? error.message : String(error));
    if (error instanceof Error && error.name === "AssertionError") {
      this.#logger.error(error.stack ?? "no stack");
    }
    this.#settleStopped({ code: 1 });
  }

  #listenForGrpc(): Promise<GrpcServer> {
    const { rpcAddr, clientRpcAddr, clusterId } = this.#config;
    const onInternalError = (path: string, error: unknown) => this.#internalError(path, error);
    return startGrpcServer({
      rpcAddress: formatHostPort(rpcAddr),
      ...(clientRpcAddr !== undefined && { clientRpcAddress: formatHostPort(clientRpcAddr) }),
      credentials: serverCredentials(undefined, false),
      peerMethods: [
        ...this.#transport.methods(),
        offerForward({
          clusterId: () => clusterId,
          handle: (request) => this.#answerForward(request),
          onInternalError: (error) => onInternalError("Forward", error),
        }),
      ],
      clientMethods: clientMethods({
        kv: this.#kv,
        cluster: this.#cluster,
        watches: this.#watches,
        tls: false,
        answerBytesMax: this.#config.limits.grpcMessageBytesMax,
      }),
      clientRequestBytesMax: this.#config.limits.grpcMessageBytesMax,
      requestsMax: this.#config.limits.requestsWaitingMax,
      memory: this.#requestMemory,
      onInternalError,
    });
  }

  async #listenForHttp(): Promise<HttpServer> {
    const { runtime } = this.#options;
    const { limits, security, httpAddr, httpAdvertiseAddr } = this.#config;
    const app = createHttpApp(allRoutes(version), {
      kv: this.#kv,
      cluster: this.#cluster,
      watches: this.#watches,
      ranges: this.#ranges,
      holds: this.#holds,
      contests: this.#contests,
      version: {
        version,
        commit,
        runtime: runtime.name,
        runtimeVersion: runtime.version,
        sqlite: runtime.sqliteVersion,
        protocolVersion,
      },
      limits: {
        valueBytesMax: limits.valueBytesMax,
        requestBytesMax: limits.requestBytesMax,
        waitingRequestsMax: limits.requestsWaitingMax,
      },
      memory: this.#requestMemory,
      clock: systemHttpClock,
      hosts: servedHosts({
        boundHost: httpAddr.host,
        advertised: httpAdvertiseAddr,
        configured: security.httpHosts,
      }),
      onInternalError: (error, requestId) => this.#internalError(requestId, error),
    });
    return await runtime.serveHttp({
      hostname: httpAddr.host,
      port: httpAddr.port,
      fetch: (request, connection) => app.fetch(request, { connection }),
      // The application counts for itself, and tells in a problem document what was too large.
      requestBytesMax: Number.MAX_SAFE_INTEGER,
      onError: (error) => {
        this.#internalError("http", error);
        return new Response("Internal error", { status: 500 });
      },
    });
  }

  #answerForward(request: ForwardRequest): Promise<ForwardAnswer> {
    if (this.#node !== undefined) return this.#node.services.answerForward(request);
    throw new ServiceError("leader_changed", "This node is starting", {
      outcome: "not_applied",
      retryable: true,
    });
  }

  #internalError(where: string, error: unknown): void {
    const detail = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#logger.error("A request failed inside", { where, detail });
  }

  #addresses(): MemberAddresses {
    const { rpcAdvertiseAddr, httpAdvertiseAddr, clientRpcAdvertiseAddr, clientRpcAddr } =
      this.#config;
    const clientRpc = clientRpcAdvertiseAddr ??
      (clientRpcAddr === undefined ? undefined : this.#grpc?.clientRpcAddress);
    return {
      rpc: rpcAdvertiseAddr ?? this.rpcAddress,
      http: httpAdvertiseAddr === undefined ? this.httpUrl : `http://${httpAdvertiseAddr}`,
      ...(clientRpc !== undefined && { clientRpc }),
    };
  }

  async #takeDown(): Promise<void> {
    const graceMs = this.#config.network.shutdownGraceMs;
    this.#birth?.stop();
    if (!this.#failed) await this.#node?.handOver();
    // Streams do not end by themselves: nobody has to wait for them.
    this.#node?.services.closeStreams();
    await this.#http?.close(graceMs);
    await this.#node?.close();
    await new Promise<void>((resolve) => this.#transport.close(resolve));
    this.#forwarder.close();
    await this.#grpc?.close(graceMs);
    if (!this.#failed) this.#machine.makeDurable(() => {});
    this.#machine.close();
    this.#storage.close();
  }
}

/** Below 2^48, so that it stays a safe integer wherever it travels. */
function drawNonce(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 0x1_0000) * 0x1_0000_0000 + low;
}
