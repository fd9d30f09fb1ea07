/**
 * The composition root: the only file that knows everything. It opens the data directory, lets the
 * listeners answer, has the cluster born, finds or joins it, starts the node, and takes it all down
 * in the reverse order.
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
import type { IdentityKeeper } from "./node/identity_keeper.ts";
import { removalOf } from "./node/peers.ts";
import type { Place } from "./node/place.ts";
import type { MemberAddresses } from "./raft/types.ts";
import type { HttpServer, Runtime } from "./runtime/mod.ts";
import { systemClock } from "./runtime/system_clock.ts";
import { Admission } from "./server_admission.ts";
import { type FormedNode, formNode } from "./server_node.ts";
import { peerReports } from "./server_peer_reports.ts";
import { type OpenedStorage, openStorage } from "./server_storage.ts";
import { askedHashes } from "./service/asked_hashes.ts";
import {
  AwaitedBackupService,
  AwaitedClusterService,
  AwaitedContestService,
  AwaitedKvService,
  AwaitedLeaseHoldService,
  AwaitedRangeStreamService,
  AwaitedWatchService,
  type Outside,
} from "./service/awaited.ts";
import { programVersions, type Versions } from "./server_versions.ts";
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
export async function startServer(
  options: ServerOptions,
  versions: Versions = programVersions,
): Promise<RunningServer> {
  const server = new SkeinServer(options, versions);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** A node with a name. */
interface Known {
  readonly keeper: IdentityKeeper;
  readonly machine: KvStateMachine;
}

class SkeinServer implements RunningServer {
  readonly #options: ServerOptions;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #versions: Versions;
  readonly #storage: OpenedStorage;
  readonly #admission: Admission;
  readonly #transport: GrpcRaftTransport;
  readonly #forwarder: GrpcForwarder;
  readonly #kv: AwaitedKvService;
  readonly #cluster: AwaitedClusterService;
  readonly #watches: AwaitedWatchService;
  readonly #ranges: AwaitedRangeStreamService;
  readonly #holds: AwaitedLeaseHoldService;
  readonly #contests: AwaitedContestService;
  readonly #backups: AwaitedBackupService;
  /** What requests hold of this node's memory, whichever way they come. */
  readonly #requestMemory: ByteBudget;
  readonly stopped: Promise<{ readonly code: number }>;
  #settleStopped: (ended: { readonly code: number }) => void = () => {};
  #grpc: GrpcServer | undefined;
  #http: HttpServer | undefined;
  /** Undefined while nobody knows which node of which cluster this is. */
  #known: Known | undefined;
  #birth: Birth | undefined;
  #node: FormedNode | undefined;
  #admitting: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #failed = false;

  constructor(options: ServerOptions, versions: Versions) {
    this.#options = options;
    this.#versions = versions;
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
      onImageProblem: (why) => logger.warn(why),
    });
    this.#admission = new Admission({ config, storage: this.#storage, logger });
    const credentials = channelCredentials(undefined);
    const timing = { ...config.network, ...config.retry };
    this.#forwarder = new GrpcForwarder(credentials, timing);
    this.#transport = new GrpcRaftTransport({
      credentials,
      currentTerm: () => this.#node?.node.status().term ?? 0,
      ...peerReports(logger),
      monotonicMs: systemClock.monotonicMs,
      random: Math.random,
      queueLimits: { countMax: 4_096, bytesMax: config.network.peerQueueBytesMax },
      timing,
    });
    const outside: Outside = {
      self: () => this.#known?.keeper.identity.nodeId ?? config.named.nodeId ?? 0,
      clusterId: () => this.#known?.keeper.identity.clusterId ?? config.named.clusterId ?? "",
      missing: () => this.#missing(),
      removal: () => this.#removal(),
    };
    this.#kv = new AwaitedKvService(outside);
    this.#cluster = new AwaitedClusterService(outside);
    this.#watches = new AwaitedWatchService(outside);
    this.#ranges = new AwaitedRangeStreamService(outside);
    this.#holds = new AwaitedLeaseHoldService(outside);
    this.#contests = new AwaitedContestService(outside);
    this.#backups = new AwaitedBackupService(outside);
  }

  get httpUrl(): string {
    const { hostname, port } = this.#http ?? { hostname: "", port: 0 };
    return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  get rpcAddress(): string {
    return this.#grpc?.rpcAddress ?? formatHostPort(this.#config.rpcAddr);
  }

  async start(): Promise<void> {
    // Each start is counted before the node says a word to anybody.
    const known = await this.#admission.identify();
    const opened = known && this.#open(known);
    this.#grpc = await this.#listenForGrpc();
    this.#http = await this.#listenForHttp();
    const addresses = this.#addresses();
    if (opened !== undefined) return this.#form(opened, addresses);
    this.#admitting = this.#join(addresses).catch((error: unknown) => this.#fail(error));
  }

  async #join(addresses: MemberAddresses): Promise<void> {
    const keeper = await this.#admission.ask(addresses);
    if (keeper === undefined || this.#stopping !== undefined) return;
    this.#form(this.#open(keeper), addresses);
  }

  stop(): Promise<void> {
    // An end that fails is an end: nobody may wait for ever for the one that was wanted.
    this.#stopping ??= this.#takeDown().catch((error: unknown) => this.#fail(error)).then(
      () => this.#settleStopped({ code: this.#failed ? 1 : 0 }),
    );
    return this.#stopping;
  }

  /** It is known now which node of which cluster this is. */
  #open(keeper: IdentityKeeper): Known {
    const { kvCommitEntriesMax: commitEntriesMax } = this.#config.storage;
    const tables = this.#storage.openTables(keeper.identity.clusterId);
    try {
      const given = { tables, commitEntriesMax, dataVersion: this.#versions.data };
      this.#known = { keeper, machine: new KvStateMachine(given) };
      return this.#known;
    } catch (error) {
      tables.close();
      throw error;
    }
  }

  #form({ keeper, machine }: Known, addresses: MemberAddresses): void {
    const { clusterId, nodeId } = keeper.identity;
    formNode({
      keeper,
      nonce: drawNonce(),
      addresses,
      configured: this.#config.peers.map(({ id, addr }) => ({ id, address: addr })),
      config: { ...this.#config, clusterId, nodeId },
      versions: this.#versions,
      ...{ storage: this.#storage, machine, transport: this.#transport },
      forwarder: this.#forwarder,
      askHashes: askedHashes({ self: nodeId, clusterId, forwarder: this.#forwarder }),
      clock: systemClock,
      rng: new Prng(drawNonce()),
      logger: this.#logger,
      onBirth: (birth) => this.#birth = birth,
      onFatal: (error) => this.#fail(error),
      done: (node) => {
        this.#node = node;
        this.#admit(node, node.places.place);
        node.places.onPlace((place) => this.#admit(node, place));
      },
    });
  }

  /** What its store shows before it is a member is a past that nobody should be shown. */
  #admit({ services }: FormedNode, place: Place): void {
    if (place !== "member") return;
    const { kv, cluster, watches, ranges, holds, contests, backups } = services;
    this.#kv.set(kv);
    this.#cluster.set(cluster);
    this.#watches.set(watches);
    this.#ranges.set(ranges);
    this.#holds.set(holds);
    this.#contests.set(contests);
    this.#backups.set(backups);
  }

  #missing(): ReturnType<Outside["missing"]> {
    const what = "This node is no member of the cluster";
    if (this.#known === undefined) return { what, waitingFor: this.#admission.waitingFor() };
    const { joining, nodeId } = this.#known.keeper.identity;
    if (this.#node !== undefined) {
      const { applied, commitIndex } = this.#node.node.status();
      const behind = `applied up to ${applied} of ${commitIndex}`;
      return { what, waitingFor: `node ${nodeId} to catch up (${behind})` };
    }
    const waitingFor = this.#birth?.waitingFor() ?? "the node to start";
    return { what: joining === undefined ? "The cluster is not formed" : what, waitingFor };
  }

  #removal(): string | undefined {
    const { nodeId } = this.#known?.keeper.identity ?? {};
    if (nodeId === undefined || this.#node?.places.place !== "removed") return undefined;
    return `This node serves no more: ${removalOf(nodeId)}`;
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
    const { rpcAddr, clientRpcAddr } = this.#config;
    const onInternalError = (path: string, error: unknown) => this.#internalError(path, error);
    return startGrpcServer({
      rpcAddress: formatHostPort(rpcAddr),
      ...(clientRpcAddr !== undefined && { clientRpcAddress: formatHostPort(clientRpcAddr) }),
      credentials: serverCredentials(undefined, false),
      peerMethods: [
        ...this.#transport.methods(),
        offerForward({
          clusterId: () => this.#known?.keeper.identity.clusterId ?? "",
          handle: (request) => this.#answerForward(request),
          onInternalError: (error) => onInternalError("Forward", error),
        }),
      ],
      clientMethods: clientMethods({
        kv: this.#kv,
        cluster: this.#cluster,
        watches: this.#watches,
        backups: this.#backups,
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
      backups: this.#backups,
      version: {
        ...{ version, commit },
        runtime: runtime.name,
        runtimeVersion: runtime.version,
        sqlite: runtime.sqliteVersion,
        protocolVersion: this.#versions.protocols.newest,
        dataVersion: this.#versions.data,
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
    this.#admission.stop();
    await this.#admitting;
    this.#birth?.stop();
    if (!this.#failed) await this.#node?.handOver();
    // Streams do not end by themselves: nobody has to wait for them.
    this.#node?.services.closeStreams();
    await this.#http?.close(graceMs);
    await this.#node?.close();
    await new Promise<void>((resolve) => this.#transport.close(resolve));
    this.#forwarder.close();
    await this.#grpc?.close(graceMs);
    if (!this.#failed) this.#known?.machine.makeDurable(() => {});
    this.#known?.machine.close();
    this.#storage.close();
  }
}

/** Below 2^48, so that it stays a safe integer wherever it travels. */
function drawNonce(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 0x1_0000) * 0x1_0000_0000 + low;
}
