/**
 * Forms the node once the listeners answer: birth where there is no log yet, recovery, the core,
 * its services, chores.
 */

import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import { assertDefined } from "./lib/assert.ts";
import type { Logger } from "./lib/logger.ts";
import { AddressKeeper } from "./node/address_keeper.ts";
import { Birth, firstWrite } from "./node/birth.ts";
import { RaftNode } from "./node/node.ts";
import type { IdentityKeeper } from "./node/identity_keeper.ts";
import { MemberKeeper } from "./node/member_keeper.ts";
import { judgeNames } from "./node/named_members.ts";
import { open } from "./node/opening.ts";
import { PeerLinks } from "./node/peer_links.ts";
import { removalOf } from "./node/peers.ts";
import { notMemberAnswer, type Place } from "./node/place.ts";
import { PlaceKeeper } from "./node/place_keeper.ts";
import { type Clock, type HelloRefusal, type PeerAddress, type Transport } from "./node/ports.ts";
import { allMembers, voterSets } from "./raft/configuration.ts";
import { formatPosition } from "./raft/format.ts";
import type { Rng } from "./raft/ports.ts";
import type { Loss } from "./raft/ready.ts";
import type { MemberAddresses, NodeId, RestoredState } from "./raft/types.ts";
import { introduce, type Introduction } from "./server_introduction.ts";
import { memberOptions, nodeLimits, raftOptions, snapshotOptions } from "./server_options.ts";
import { BackupSchedule } from "./server_backup_schedule.ts";
import type { OpenedStorage } from "./server_storage.ts";
import { NodeServices } from "./server_services.ts";
import { checkState } from "./server_state_check.ts";
import { keepUp } from "./server_upkeep.ts";
import type { Versions } from "./server_versions.ts";
import type { Answer, Query, Result } from "./service/contract.ts";
import type { Forwarder } from "./service/forwarder.ts";
import type { AskHashes } from "./service/state_comparison.ts";
import { identityCheck, StoreChecks } from "./service/store_checks.ts";
import { VersionKeeper } from "./service/version_keeper.ts";
import { whereabouts } from "./service/whereabouts.ts";

/** How often the slow chores run: addresses, lag, free space. */
const choresEveryMs = 1_000;

/** Everything that a node is formed from. */
export interface NodeFormation {
  /** Already with the `starts` of this start. */
  readonly keeper: IdentityKeeper;
  /** Drawn for this start. */
  readonly nonce: number;
  /** Where this node can be reached. */
  readonly addresses: MemberAddresses;
  /** The other nodes that the configuration file names. */
  readonly configured: readonly PeerAddress[];
  readonly config: Config;
  readonly versions: Versions;
  readonly storage: Pick<OpenedStorage, "engine" | "backups">;
  readonly machine: KvStateMachine;
  readonly transport: Transport;
  readonly forwarder: Forwarder;
  readonly askHashes: AskHashes;
  readonly clock: Clock;
  /** For election timeouts. */
  readonly rng: Rng;
  readonly logger: Logger;
  readonly onBirth: (birth: Birth) => void;
  readonly onFatal: (error: unknown) => void;
  readonly done: (node: FormedNode) => void;
}

type Introduced = NodeFormation & Introduction;

/**
 * Calls `done` once the node runs; until then the cluster is being born. `onFatal` when it cannot
 * run on what it finds, or the cluster refuses it, now or later.
 */
export function formNode(formation: NodeFormation): void {
  openNode({ ...formation, ...introduce(formation, idsInFile(formation)) });
}

function refusedError({ config }: NodeFormation, reason: string): Error {
  return new Error(`The cluster refuses node ${config.nodeId} in ${config.dataDir}: ${reason}`);
}

function openNode(formation: Introduced): void {
  const { keeper, storage, machine, nonce, logger, done } = formation;
  open({ keeper, storage: storage.engine, machine, nonce }, (opening) => {
    switch (opening.kind) {
      case "unborn":
        return beBorn(formation);
      case "refused":
        // Not the cluster's word for good: what is wrong with the files may be put right.
        return formation.onFatal(cannotRun(formation, opening.reason));
      case "ready": {
        if (opening.lost !== undefined) {
          logger.warn("The log lost something", { what: opening.lost });
        }
        warnOfOldStore(opening.restored, logger);
        const refusal = refusalOfNames(formation, opening.restored);
        if (refusal !== undefined) return formation.onFatal(cannotRun(formation, refusal));
        const node = new FormedNode(formation, opening.restored);
        node.start();
        done(node);
      }
    }
  });
}

function cannotRun({ config }: NodeFormation, reason: string): Error {
  return new Error(`Node ${config.nodeId} cannot run on ${config.dataDir}: ${reason}`);
}

/** Sorted. */
function idsInFile({ config, configured }: NodeFormation): readonly NodeId[] {
  return [config.nodeId, ...configured.map(({ id }) => id)].sort((a, b) => a - b);
}

/** Why the node must not start under this file; what is only odd about it goes to the log. */
function refusalOfNames(
  formation: NodeFormation,
  { configurations }: RestoredState,
): string | undefined {
  const newest = assertDefined(configurations.at(-1), "A log has a configuration");
  const named = { self: formation.config.nodeId, named: idsInFile(formation) };
  const verdict = judgeNames(named, newest.configuration);
  if (verdict?.kind === "refused") return verdict.reason;
  if (verdict !== undefined) formation.logger.warn(verdict.text);
  return undefined;
}

function warnOfOldStore({ applied, boundary }: RestoredState, logger: Logger): void {
  const { index } = boundary.position;
  if (applied.index >= index) return;
  logger.error("The store lost what the log does not hold any more, and nothing can be read here", {
    applied: applied.index,
    log_begins_behind: index,
    until: "an image of the leader's store has come; a node that is alone needs a backup",
  });
}

/** What is thrown in a callback of the transport or of the disk would end the process untold. */
function orFatal<A extends readonly unknown[]>(
  { onFatal }: NodeFormation,
  run: (...given: A) => void,
): (...given: A) => void {
  return (...given) => {
    try {
      run(...given);
    } catch (error) {
      onFatal(error);
    }
  };
}

function beBorn(formation: Introduced): void {
  const { keeper, transport, peers, clock, storage, logger } = formation;
  const { joining } = keeper.identity;
  const waitingText = joining === undefined
    ? "The cluster is not formed yet"
    : "This node looks for the cluster that has taken it in";
  const birth = new Birth({
    identity: keeper.identity,
    configured: joining ?? formation.configured,
    transport,
    peers,
    clock,
    waiting: (text) => logger.info(waitingText, { waiting_for: text }),
    done: orFatal(formation, (outcome) => {
      if (outcome.kind === "refused") {
        return formation.onFatal(refusedError(formation, outcome.reason));
      }
      const members = outcome.configuration.members.map(({ id }) => id);
      if (joining === undefined) logger.info("The cluster is formed", { members });
      else logger.info("The cluster is found", { formed_of: members });
      // The log first: with a birth on record, an empty log would count as a lost one.
      const goOn = orFatal(formation, () => openNode(formation));
      const note = orFatal(formation, () => keeper.change({ birth: outcome.configuration }, goOn));
      storage.engine.persist(firstWrite(outcome.configuration), note);
    }),
  });
  formation.onBirth(birth);
  birth.start();
}

/** A node that runs, with what stands on it. */
export class FormedNode {
  readonly node: RaftNode<Query, Answer, Result>;
  readonly services: NodeServices;
  /** What the node is in its cluster. */
  readonly places: PlaceKeeper;
  /** What its store has found out about itself. */
  readonly checks: StoreChecks;
  readonly #formation: Introduced;
  readonly #addresses: AddressKeeper;
  readonly #members: MemberKeeper;
  readonly #links: PeerLinks;
  readonly #backups: BackupSchedule;
  readonly #stops: (() => void)[] = [];
  #outOfSpace: string | undefined;

  constructor(formation: Introduced, restored: RestoredState) {
    this.#formation = formation;
    const { config, storage, machine, transport, clock, rng, peers, doubt, forwarder } = formation;
    this.node = new RaftNode<Query, Answer, Result>({
      raft: raftOptions(config),
      limits: nodeLimits(config),
      snapshots: snapshotOptions(config),
      restored,
      storage: storage.engine,
      machine,
      transport,
      clock,
      rng,
      onRecovered: () => this.#recovered(),
      onLost: (loss) => this.#lost(loss),
      onAdopted: ({ index, term }) => {
        formation.logger.info("The store is an image of the leader's now", { index, term });
      },
      onProblem: (what) => formation.logger.warn("A snapshot has to wait", { what }),
      onFatal: formation.onFatal,
    });
    const committed = () => machine.applied().configuration;
    const effective = () => this.node.status().configuration;
    peers.judgeBy(() => committed().configuration, () => effective().configuration);
    doubt.judgeBy(() => effective().configuration);
    this.places = new PlaceKeeper(formation.keeper, () => machine.applied().configuration);
    const addressesOf = (id: NodeId) =>
      id === config.nodeId ? peers.hello(0).addresses : peers.addressesOf(id);
    this.checks = new StoreChecks(() => clock.wallMs());
    this.#addresses = new AddressKeeper(this.node, addressesOf);
    this.#members = new MemberKeeper({
      self: config.nodeId,
      node: this.node,
      ...memberOptions(config),
      onChange: ({ promoted, removed }) =>
        formation.logger.info("Members change", {
          ...(promoted !== undefined && { becomes_voter: promoted }),
          ...(removed !== undefined && { removed_as_dead: removed }),
        }),
    });
    this.#links = new PeerLinks({
      self: config.nodeId,
      ...{ transport, peers, configured: formation.configured },
      status: () => this.node.status(),
      judgedBy: () => `${committed().position.index} ${formatPosition(effective().position)}`,
      joining: () => formation.keeper.identity.joining ?? [],
      askMembers: whereabouts({ self: config.nodeId, clusterId: config.clusterId, forwarder }),
    });
    this.services = new NodeServices({
      storeChecks: () => [
        { name: identityCheck, ...doubt.check() },
        ...this.checks.all(),
        ...this.#backups.checks(),
      ],
      ...{ node: this.node, machine, storage, config, clock, peers, forwarder, addressesOf },
      addressOf: (id) => this.#links.addressOf(id),
      askHello: (address, tell) => transport.hello(address, peers.hello(0), tell),
      sinceVersions: formation.versions.since,
      outOfSpace: () => this.#outOfSpace,
    });
    this.#backups = new BackupSchedule({
      ...{ config, machine, clock, logger: formation.logger, backups: this.services.backups },
      isLeader: () => this.services.isLeader,
    });
  }

  start(): void {
    const { clock, config, machine, transport, logger, askHashes: ask } = this.#formation;
    transport.onRefused((peer, refusal) => this.#refused(peer, refusal));
    this.#links.look();
    this.#stops.push(
      this.node.onLeadership(({ role, term, leader, reason }) =>
        logger.info("Leadership", { role, term, leader, reason })
      ),
      this.node.onApplied(() => this.#guard(() => this.places.applied())),
      this.places.onPlace((place) => this.#moved(place)),
      clock.every(config.storage.kvCommitIntervalMs, () => this.#guard(() => machine.commit())),
      clock.every(choresEveryMs, () => this.#guard(() => this.#chores())),
      this.#backups.start(clock),
      checkState({
        ...{ machine, config, clock, logger, ask, checks: this.checks },
        configuration: () => this.node.status().configuration.configuration,
        addressOf: (id) => this.#links.addressOf(id),
        onFatal: this.#formation.onFatal,
      }),
      keepUp({
        ...{ node: this.node, machine, clock, config, logger, checks: this.checks },
        versions: this.#versionKeeper(),
        guard: (run) => this.#guard(run),
      }),
    );
    this.node.start();
  }

  /** A leader that ends hands over first, so that nobody has to wait for an election. */
  handOver(): Promise<void> {
    const { clock, config } = this.#formation;
    const { configuration } = this.node.status().configuration;
    const isAlone = voterSets(configuration).flat().every((id) => id === config.nodeId);
    if (!this.services.isLeader || isAlone) return Promise.resolve();
    // A transfer takes an election timeout at most (thesis §3.10).
    const handOverMs = Math.min(config.raft.electionTimeoutMinMs, config.network.shutdownGraceMs);
    const deadlineMs = clock.monotonicMs() + handOverMs;
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
    this.services.close();
    return new Promise((resolve) => this.node.close(resolve));
  }

  #chores(): void {
    const { clock, config, storage } = this.#formation;
    const nowMs = clock.monotonicMs();
    this.services.look(nowMs);
    this.#addresses.look(nowMs);
    this.#members.look(nowMs);
    this.#formation.peers.keepStarts(this.#formation.onFatal);
    this.places.look();
    this.#links.look();
    const { freeBytes } = storage.engine.space();
    const { spaceLowBytes } = config.storage;
    this.#outOfSpace = freeBytes < spaceLowBytes
      ? `${freeBytes} bytes are free in ${config.dataDir}, storage.space_low_bytes is ` +
        `${spaceLowBytes}; deletions still work`
      : undefined;
  }

  #moved(place: Place): void {
    const { logger, config: { nodeId } } = this.#formation;
    if (place === "member") logger.info("This node is a member now");
    if (place !== "removed") return;
    logger.error(`The cluster goes on without this node: ${removalOf(nodeId)}`);
    this.#links.cut();
    this.services.closeStreams();
  }

  #refused(peer: NodeId, refusal: HelloRefusal): void {
    const { peers, keeper, onFatal } = this.#formation;
    if (!peers.believes(refusal)) return;
    this.#guard(() => {
      if (refusal.removed) {
        this.node.receive(notMemberAnswer(this.#formation.config.nodeId));
        return this.places.removed();
      }
      const refused = `node ${peer}: ${refusal.reason}`;
      keeper.change({ refused }, () => onFatal(refusedError(this.#formation, refused)));
    });
  }

  #versionKeeper(): VersionKeeper {
    const { machine, config, clock, peers, logger } = this.#formation;
    return new VersionKeeper({
      ...{ node: this.node, self: config.nodeId, own: machine.dataVersions },
      members: () => allMembers(this.node.status().configuration.configuration).map(({ id }) => id),
      newestOf: (id) => peers.dataVersionOf(id),
      monotonicMs: clock.monotonicMs,
      wallMs: clock.wallMs,
      onRaised: (version) =>
        logger.info("All members can apply more: the cluster uses a later data version", {
          version,
        }),
    });
  }

  #recovered(): void {
    const { keeper, logger } = this.#formation;
    keeper.change({ recovering: false }, () => logger.info("The log is whole again"));
  }

  /** The node says nothing any more; what has to outlive it is on disk before the process ends. */
  #lost({ reason, logEpoch }: Loss): void {
    const { keeper, config: { nodeId, dataDir }, onFatal } = this.#formation;
    const what = `Node ${nodeId} in ${dataDir} has lost part of its log: ${reason}`;
    keeper.change({ recovering: true, logEpoch }, () => {
      onFatal(new Error(`${what}; this is noted, and it heals from the others when started again`));
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
