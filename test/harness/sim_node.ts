/**
 * A node of the simulation: the program from its data directory up to its services, put together as
 * src/server.ts does it, over simulated disk, network and clock. The directory outlives the
 * process; every start is a new one.
 */

import type { Operation } from "../../src/kv/command.ts";
import { encodeCommand } from "../../src/kv/command_encoding.ts";
import type { Answer } from "../../src/kv/query.ts";
import type { Result } from "../../src/kv/result.ts";
import type { KvTables } from "../../src/kv/ports.ts";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { hex, lossyText } from "../../src/lib/bytes.ts";
import { createLogger } from "../../src/lib/logger.ts";
import type { Prng } from "../../src/lib/prng.ts";
import type { Birth } from "../../src/node/birth.ts";
import type { NodeStatus } from "../../src/node/parts.ts";
import { identify, type IdentityKeeper } from "../../src/node/identity_keeper.ts";
import type { ProposeOutcome } from "../../src/node/pending.ts";
import type {
  Clock,
  Identity,
  IdentityStore,
  StorageEngine,
  Transport,
} from "../../src/node/ports.ts";
import type { ReadOutcome } from "../../src/node/readers.ts";
import type { TransferOutcome } from "../../src/node/transfers.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { NodeId } from "../../src/raft/types.ts";
import { type FormedNode, formNode } from "../../src/server_node.ts";
import { programVersions } from "../../src/server_versions.ts";
import { get, put } from "./kv_commands.ts";
import { SimClock } from "./sim_clock.ts";
import { noBackups } from "./backups.ts";
import { simConfig } from "./sim_config.ts";
import { SimDisk, type SimDiskImage } from "./sim_disk.ts";
import { comparing } from "./sim_hashes.ts";
import type { SimNetwork } from "./sim_network.ts";
import { type SimObserver, watchedClock, watchedMachine, watchedStorage } from "./sim_observer.ts";
import { SimProcess } from "./sim_process.ts";
import type { SimScheduler } from "./sim_scheduler.ts";
import { SimStore } from "./sim_store.ts";

/** What a node shares with all others of its simulation. */
export interface SimWorld {
  readonly scheduler: SimScheduler;
  readonly prng: Prng;
  readonly network: SimNetwork;
  readonly observer: SimObserver<SimNode>;
  /** Where kv.db keeps its rows. */
  readonly makeTables: () => KvTables;
  /** An image was made; `tell` says so when it has taken its time. */
  readonly tellImage: (process: SimProcess, tell: () => void) => void;
}

/** What stands in a node's configuration file. */
export interface SimNodeOptions {
  readonly id: NodeId;
  /** All nodes that the file names, this one included. */
  readonly ids: readonly NodeId[];
  /** Where the node listens; `n1` for node 1 unless given. */
  readonly address?: string;
  /** Where the file says that another node is; `n2` for node 2 unless given. */
  readonly addressOf?: (id: NodeId) => string;
  readonly clusterId?: string;
  /** Keys of the configuration, by path, as typed. */
  readonly config?: Readonly<Record<string, string>>;
}

/** A directory as it was copied. */
export interface SimDirectory {
  readonly disk: SimDiskImage;
  readonly store: SimStore;
}

/** One start of the program. */
interface Life {
  readonly process: SimProcess;
  readonly clock: SimClock;
  readonly machine: KvStateMachine;
  readonly storage: StorageEngine;
  readonly identities: IdentityStore;
  transport?: Transport;
  birth?: Birth;
  formed?: FormedNode;
}

/** What a client of the node was told, each thing it was told in order. */
export type Told<Outcome> = readonly Outcome[];

export class SimNode {
  readonly id: NodeId;
  /** Where it listens, from its next start on. */
  address: string;
  readonly disk: SimDisk;
  /** kv.db. */
  store: SimStore;
  options: SimNodeOptions;
  /** Why the last process ended by itself. */
  ended: string | undefined;
  /** Lines of the log of all starts. */
  readonly lines: string[] = [];
  /** Everything that any start handed to its disk, newest last. */
  readonly writes: LogWrite[] = [];
  /** Called when the program is about to save an identity: `kill` here to come before it. */
  beforeSave: (identity: Identity) => void = () => {};
  /** Likewise for a write to the log. */
  beforeWrite: (write: LogWrite) => void = () => {};
  readonly #world: SimWorld;
  readonly #prng: Prng;
  #life: Life | undefined;
  /** While it stands still: what its clock has to be told at the end of that. */
  #wakeClock: (() => void) | undefined;

  constructor(world: SimWorld, options: SimNodeOptions) {
    this.#world = world;
    this.options = options;
    this.id = options.id;
    this.address = options.address ?? `n${options.id}`;
    const { scheduler, prng } = world;
    this.#prng = prng.split();
    this.store = new SimStore(world.makeTables);
    this.disk = new SimDisk({ scheduler, prng: prng.split() }, {
      latencyMinUs: 200,
      latencyMaxUs: 2_000,
    });
    this.disk.onDurable = (write) => world.observer.persisted(this, write);
  }

  // ---- The process ----

  start(): void {
    if (this.isRunning) throw new Error(`Node ${this.id} is running already`);
    const [{ scheduler }, prng] = [this.#world, this.#prng];
    this.ended = undefined;
    this.#wakeClock = undefined;
    const process = new SimProcess(this.address, { scheduler, prng: prng.split() });
    const clock = new SimClock({ scheduler, process });
    const { storage, identity } = this.disk.open({
      process,
      clock,
      onFatal: (error) => this.#end(error),
    });
    this.store.tellImage = (tell) => this.#world.tellImage(process, tell);
    const machine = watchedMachine(
      new KvStateMachine({ tables: this.store.tables }),
      (entries, results) => this.#world.observer.applied(this, entries, results),
    );
    const identities: IdentityStore = {
      load: () => identity.load(),
      save: (changed, done) => {
        this.beforeSave(changed);
        process.run(() => identity.save(changed, done));
      },
    };
    const life: Life = {
      process,
      clock,
      machine,
      identities,
      storage: watchedStorage(storage, {
        ...{ process, before: (write) => this.beforeWrite(write) },
        handedOver: (write) => {
          this.writes.push(write);
          this.#world.observer.handedOver(this, write);
        },
      }),
    };
    this.#life = life;
    const { id: nodeId, clusterId = "c" } = this.options;
    const drawIncarnation = () => hex(Uint8Array.from({ length: 8 }, () => prng.below(256)));
    identify(
      { store: identities, clusterId, nodeId, drawIncarnation },
      (keeper) => this.#run(life, keeper),
    );
  }

  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  /**
   * kill -9: what was under way to the disk is lost, all but a prefix drawn at random, and so is
   * the open transaction of the store.
   */
  kill(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    life.process.kill();
    life.storage.close();
    this.disk.crash();
    this.store.kill();
  }

  /** The machine loses its power: the store loses what it had committed without a sync, too. */
  cutPower(): void {
    this.kill();
    this.store = this.store.afterPowerCut(this.#prng);
  }

  /** An orderly end. */
  stop(): void {
    const life = this.#life;
    if (life === undefined) return;
    life.birth?.stop();
    void life.formed?.close();
    life.transport?.close(() => {});
    life.machine.makeDurable(() => {});
    this.kill();
  }

  /** The process stands still until {@link resume}. */
  pause(): void {
    this.#running().process.pause();
    this.#wakeClock = () => {};
  }

  /** The machine is suspended until {@link resume}: its monotonic clock stands still as well. */
  suspend(): void {
    this.pause();
    this.#wakeClock = this.#running().clock.suspend();
  }

  get isPaused(): boolean {
    return this.#wakeClock !== undefined;
  }

  resume(spreadUs = 0): void {
    this.#wakeClock?.();
    this.#wakeClock = undefined;
    this.#running().process.resume(spreadUs);
  }

  // ---- The directory ----

  /** Somebody emptied it. */
  wipe(): void {
    this.disk.wipe();
    this.wipeStore();
  }

  /** Somebody deleted kv.db; the log is there. */
  wipeStore(): void {
    this.store = this.store.empty();
  }

  copy(): SimDirectory {
    return { disk: this.disk.image(), store: this.store.copy() };
  }

  restore({ disk, store }: SimDirectory): void {
    this.disk.restore(disk);
    this.store = store.copy();
  }

  identity(): Identity | undefined {
    return this.disk.identityFile().load();
  }

  // ---- What it knows ----

  get formed(): FormedNode | undefined {
    return this.#life?.formed;
  }

  /** The store of the running process, before its next commit. */
  get machine(): KvStateMachine | undefined {
    return this.#life?.machine;
  }

  get birth(): Birth | undefined {
    return this.#life?.birth;
  }

  get clock(): SimClock {
    return this.#running().clock;
  }

  /** Throws where no node runs. */
  status(): NodeStatus {
    const { formed } = this.#running();
    if (formed === undefined) throw new Error(`Node ${this.id} is not formed`);
    return formed.node.status();
  }

  get leads(): boolean {
    return this.formed?.node.status().role === "leader";
  }

  /** The value of a key in the store of this node; undefined when unreadable or absent. */
  value(key: string): string | undefined {
    const answer = this.formed?.node.readNow(get(key));
    return answer === undefined ? undefined : textOf(answer);
  }

  /** How often the key was written since it was made, as this node's store has it; 0 likewise. */
  version(key: string): number {
    const answer = this.formed?.node.readNow(get(key));
    return answer?.kind === "records" ? answer.records[0]?.version ?? 0 : 0;
  }

  // ---- What clients ask ----

  propose(operation: Operation, withinMs = 5_000): Told<ProposeOutcome<Result>> {
    const told: ProposeOutcome<Result>[] = [];
    const { clock, formed } = this.#running();
    const data = encodeCommand({ wallMs: clock.wallMs(), operation });
    formed?.node.propose(data, clock.monotonicMs() + withinMs, (outcome) => told.push(outcome));
    return told;
  }

  put(key: string, value: string, withinMs = 5_000): Told<ProposeOutcome<Result>> {
    return this.propose(put(key, value), withinMs);
  }

  readIndex(withinMs = 5_000): Told<ReadOutcome> {
    const told: ReadOutcome[] = [];
    const { clock, formed } = this.#running();
    const deadlineMs = clock.monotonicMs() + withinMs;
    formed?.node.readIndex(deadlineMs, (outcome) => told.push(outcome));
    return told;
  }

  transfer(target?: NodeId, withinMs = 5_000): Told<TransferOutcome> {
    const told: TransferOutcome[] = [];
    const { clock, formed } = this.#running();
    const deadlineMs = clock.monotonicMs() + withinMs;
    formed?.node.transferLeadership(target, deadlineMs, (outcome) => told.push(outcome));
    return told;
  }

  /**
   * Somebody talks to the process: now, after its pause, or never, when it dies before or is not
   * that far yet. False where no process runs.
   */
  run(ask: (formed: FormedNode, clock: Clock) => void): boolean {
    const life = this.#life;
    life?.process.run(() => {
      if (life.formed !== undefined) ask(life.formed, life.clock);
    });
    return life !== undefined;
  }

  #running(): Life {
    if (this.#life === undefined) throw new Error(`Node ${this.id} is not running`);
    return this.#life;
  }

  #run(life: Life, keeper: IdentityKeeper): void {
    const { network, observer } = this.#world;
    const prng = this.#prng;
    const { ids, addressOf = (id: NodeId) => `n${id}` } = this.options;
    const transport = network.open(this.address, life.process);
    life.transport = transport;
    const configured = ids.filter((id) => id !== this.id);
    formNode({
      keeper,
      nonce: prng.below(0x1_0000_0000),
      addresses: { rpc: this.address, http: `http://${this.address}` },
      configured: configured.map((id) => ({ id, address: addressOf(id) })),
      config: simConfig(this.options),
      versions: programVersions,
      storage: { engine: life.storage, backups: noBackups },
      machine: life.machine,
      transport,
      askHashes: comparing({
        ...{ network, transport, clusterId: this.options.clusterId ?? "c" },
        formed: () => life.formed,
        hashes: () => life.machine.audit.hashes(),
        compared: (verdict) => observer.compared(this, verdict),
      }),
      forwarder: { forward: () => Promise.resolve({ kind: "notSent", detail: "not simulated" }) },
      clock: watchedClock(life.clock, () => observer.turned(this)),
      rng: prng.split(),
      logger: createLogger({
        level: "debug",
        format: "text",
        write: (line) => this.lines.push(line),
        timestamp: () => String(life.clock.monotonicMs()),
      }),
      onBirth: (birth) => life.birth = birth,
      onFatal: (error) => this.#end(error),
      done: (formed) => life.formed = formed,
    });
  }

  #end(error: unknown): void {
    this.ended = error instanceof Error ? error.message : String(error);
    this.kill();
    this.#world.observer.ended(this, error);
  }
}

function textOf(answer: Answer): string | undefined {
  const record = answer.kind === "records" ? answer.records[0] : undefined;
  return record && lossyText(record.value);
}
