/**
 * Forms the node once the listeners answer: birth where there is no log yet, recovery, the core,
 * its services, chores.
 */

import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import type { Logger } from "./lib/logger.ts";
import { AddressKeeper } from "./node/address_keeper.ts";
import { version } from "./lib/version.ts";
import { Birth, firstWrite } from "./node/birth.ts";
import { RaftNode } from "./node/node.ts";
import { open } from "./node/opening.ts";
import type { Peers } from "./node/peers.ts";
import type { Clock, Identity, PeerAddress, Transport } from "./node/ports.ts";
import { allMembers } from "./raft/configuration.ts";
import type { Rng } from "./raft/ports.ts";
import type { NodeId, RestoredState } from "./raft/types.ts";
import { nodeLimits, raftOptions } from "./server_options.ts";
import type { OpenedStorage } from "./server_storage.ts";
import { NodeClusterService } from "./service/cluster_service.ts";
import type { Answer, Query, Result } from "./service/contract.ts";
import type { ForwardAnswer, Forwarder, ForwardRequest } from "./service/forwarder.ts";
import { NodeKvService } from "./service/kv_service.ts";
import { Lag } from "./service/lag.ts";
import { LeaderProxy } from "./service/leader_proxy.ts";
import { LeaderWatch } from "./service/leader_watch.ts";
import { RevisionWait } from "./service/revision_wait.ts";

/** How often the slow chores run: addresses, lag, free space. */
const choresEveryMs = 1_000;
const handOverMs = 1_000;

/** Everything that a node is formed from. */
export interface NodeFormation {
  /** Already with the `starts` of this start. */
  readonly identity: Identity;
  readonly nonce: number;
  readonly peers: Peers;
  /** The other nodes that the configuration file names. */
  readonly configured: readonly PeerAddress[];
  readonly config: Config;
  readonly storage: OpenedStorage;
  readonly machine: KvStateMachine;
  readonly transport: Transport;
  readonly forwarder: Forwarder;
  readonly clock: Clock;
  /** For election timeouts. */
  readonly rng: Rng;
  readonly logger: Logger;
  readonly onBirth: (birth: Birth) => void;
  readonly onIdentity: (identity: Identity) => void;
  readonly onFatal: (error: unknown) => void;
  readonly done: (
    formed:
      | { readonly kind: "formed"; readonly node: FormedNode }
      | { readonly kind: "refused"; readonly identity: Identity; readonly reason: string },
  ) => void;
}

/**
 * Calls `done` once the node runs or the cluster has refused it, `onFatal` when it cannot start on
 * what it finds; until then the cluster is being born.
 */
export function formNode(formation: NodeFormation): void {
  const { storage, machine, nonce, logger, done } = formation;
  const parts = {
    identities: storage.identities,
    identity: formation.identity,
    storage: storage.engine,
    machine,
    nonce,
  };
  open(parts, (opening) => {
    switch (opening.kind) {
      case "unborn":
        return beBorn(formation);
      case "refused": {
        // Not the cluster's word for good: what is wrong with the files may be put right.
        const { nodeId, dataDir } = formation.config;
        const where = `Node ${nodeId} cannot run on ${dataDir}`;
        return formation.onFatal(new Error(`${where}: ${opening.reason}`));
      }
      case "ready": {
        if (opening.lost !== undefined) {
          logger.warn("The log lost something", { what: opening.lost });
        }
        warnOfOldStore(opening.restored, logger);
        formation.onIdentity(opening.identity);
        const node = new FormedNode({ ...formation, identity: opening.identity }, opening.restored);
        node.start();
        done({ kind: "formed", node });
      }
    }
  });
}

function warnOfOldStore({ applied, boundary }: RestoredState, logger: Logger): void {
  const { index } = boundary.position;
  if (applied.index >= index) return;
  logger.error("The store lost what the log does not hold any more: nothing can be read here", {
    applied: applied.index,
    log_begins_behind: index,
    way_out: "put kv.db back from a copy",
  });
}

function beBorn(formation: NodeFormation): void {
  const { identity, configured, transport, peers, clock, storage, logger } = formation;
  const birth = new Birth({
    identity,
    configured,
    transport,
    peers,
    clock,
    waiting: (text) => logger.info("The cluster is not formed yet", { waiting_for: text }),
    done: (outcome) => {
      if (outcome.kind === "refused") {
        return formation.done({ kind: "refused", identity, reason: outcome.reason });
      }
      const members = outcome.configuration.members.map(({ id }) => id);
      logger.info("The cluster is formed", { members });
      // The log first: with a birth on record, an empty log would count as a lost one.
      storage.engine.persist(firstWrite(outcome.configuration), () => {
        const born = { ...identity, birth: outcome.configuration };
        storage.identities.save(born, () => formNode({ ...formation, identity: born }));
      });
    },
  });
  formation.onBirth(birth);
  birth.start();
}

/** A node that runs, with what stands on it. */
export class FormedNode {
  readonly node: RaftNode<Query, Answer, Result>;
  readonly kv: NodeKvService;
  readonly cluster: NodeClusterService;
  readonly #formation: NodeFormation;
  readonly #leaders: LeaderWatch;
  readonly #revisions: RevisionWait;
  readonly #lag = new Lag();
  readonly #keeper: AddressKeeper;
  readonly #stops: (() => void)[] = [];
  #identity: Identity;
  #linked = "";
  /** Who is being asked at the address in the configuration file. */
  readonly #seeking = new Set<NodeId>();
  #outOfSpace: string | undefined;

  constructor(formation: NodeFormation, restored: RestoredState) {
    this.#formation = formation;
    this.#identity = formation.identity;
    const { config, storage, machine, transport, clock, rng, peers, forwarder } = formation;
    const { nodeId: self, clusterId } = config;
    this.node = new RaftNode<Query, Answer, Result>({
      raft: raftOptions(config),
      limits: nodeLimits(config),
      restored,
      storage: storage.engine,
      machine,
      transport,
      clock,
      rng,
      onRecovered: () => this.#recovered(),
      onFatal: formation.onFatal,
    });
    peers.judgeBy(() => machine.applied().configuration.configuration);
    const { monotonicMs, wallMs } = clock;
    const currentRevision = () => machine.revision;
    this.#leaders = new LeaderWatch(this.node, self);
    this.#revisions = new RevisionWait(this.node, currentRevision);
    const addressesOf = (id: NodeId) =>
      id === self ? peers.hello(0).addresses : peers.addressesOf(id);
    this.#keeper = new AddressKeeper(this.node, addressesOf);
    const common = { node: this.node, self, clusterId, leaders: this.#leaders, monotonicMs };
    const addressOf = (id: NodeId) => this.#addressOf(id);
    const proxy = new LeaderProxy({ ...common, forwarder, addressOf });
    this.kv = new NodeKvService({
      ...common,
      proxy,
      revisions: this.#revisions,
      currentRevision,
      wallMs,
      outOfSpace: () => this.#outOfSpace,
    });
    this.cluster = new NodeClusterService({
      ...common,
      proxy,
      currentRevision,
      lag: this.#lag,
      addressesOf,
      versionOf: (id) => id === self ? version : peers.versionOf(id),
      silentMsMax: config.raft.electionTimeoutMinMs,
    });
  }

  start(): void {
    const { clock, config, machine, logger } = this.#formation;
    this.#linkPeers();
    this.#stops.push(
      this.node.onLeadership(({ role, term, leader, reason }) =>
        logger.info("Leadership", { role, term, leader, reason })
      ),
      clock.every(config.storage.kvCommitIntervalMs, () => this.#guard(() => machine.commit())),
      clock.every(choresEveryMs, () => this.#guard(() => this.#chores())),
    );
    this.node.start();
  }

  identity(): Identity {
    return this.#identity;
  }

  /** On the node that leads; another one refuses with proof that nothing happened. */
  async answerForward({ body, timeoutMs }: ForwardRequest): Promise<ForwardAnswer> {
    switch (body.kind) {
      case "write":
        return await this.kv.answerForward(body.operation, timeoutMs);
      case "view":
        return { kind: "view", view: this.cluster.view() };
      case "transferLeadership": {
        const { leader } = await this.cluster.transferHere(body.target, timeoutMs);
        return { kind: "transferred", leader };
      }
    }
  }

  /** A leader that ends hands over first, so that nobody has to wait for an election. */
  handOver(): Promise<void> {
    if (!this.#leaders.isSelf || this.#formation.configured.length === 0) return Promise.resolve();
    const deadlineMs = this.#formation.clock.monotonicMs() + handOverMs;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, handOverMs);
      this.node.transferLeadership(undefined, deadlineMs, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#leaders.close();
    this.#revisions.close();
    return new Promise((resolve) => this.node.close(resolve));
  }

  #chores(): void {
    const { clock, config, storage } = this.#formation;
    const nowMs = clock.monotonicMs();
    this.#lag.look(this.node.status(), nowMs);
    this.#keeper.look(nowMs);
    this.#seekPeers();
    this.#linkPeers();
    const { freeBytes } = storage.engine.space();
    const { spaceLowBytes } = config.storage;
    this.#outOfSpace = freeBytes < spaceLowBytes
      ? `${freeBytes} bytes are free in ${config.dataDir}, storage.space_low_bytes is ` +
        `${spaceLowBytes}; deletions still work`
      : undefined;
  }

  /**
   * Streams go to every member and, until the configuration says where they are, to the configured
   * addresses.
   */
  #linkPeers(): void {
    const { config, transport } = this.#formation;
    const { configuration } = this.node.status().configuration;
    const addresses: PeerAddress[] = [];
    for (const { id } of allMembers(configuration)) {
      const address = id === config.nodeId ? undefined : this.#addressOf(id);
      if (address !== undefined) addresses.push({ id, address });
    }
    const linked = JSON.stringify(addresses);
    if (linked === this.#linked) return;
    this.#linked = linked;
    transport.setPeers(addresses);
  }

  /**
   * All may have moved at once, and then nobody is where it is written down: whoever was not met
   * since the start is also asked at the address in the configuration file.
   */
  #seekPeers(): void {
    const { configured, peers, transport } = this.#formation;
    for (const { id, address } of configured) {
      const isMet = peers.addressesOf(id) !== undefined;
      if (isMet || this.#seeking.has(id) || address === this.#addressOf(id)) continue;
      this.#seeking.add(id);
      transport.hello(address, peers.hello(id), (answer) => {
        this.#seeking.delete(id);
        if (answer?.kind === "accepted" && answer.hello.from === id) peers.judge(answer.hello);
      });
    }
  }

  /** What a node said of itself last wins over what is written down, and that over the file. */
  #addressOf(id: NodeId): string | undefined {
    const { peers, configured } = this.#formation;
    const { configuration } = this.node.status().configuration;
    const member = allMembers(configuration).find((candidate) => candidate.id === id);
    return peers.addressesOf(id)?.rpc ?? member?.addresses?.rpc ??
      configured.find((peer) => peer.id === id)?.address;
  }

  #recovered(): void {
    this.#identity = { ...this.#identity, recovering: false };
    this.#formation.onIdentity(this.#identity);
    this.#formation.storage.identities.save(this.#identity, () => {
      this.#formation.logger.info("The log is whole again");
    });
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#formation.onFatal(error);
    }
  }
}
