/**
 * A cluster of cores in a random world: messages are lost, repeated and reordered, processes crash
 * and stand still, disks are slow, members change. A seed is a run; what must hold is checked at
 * every event (raft_checks.ts). After {@link RaftChaos.heal} the cluster must come to life again.
 */

import { utf8 } from "../../src/lib/bytes.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { Envelope } from "../../src/raft/message.ts";
import type { Outcome } from "../../src/raft/ready.ts";
import type { Configuration, Index, NodeId, ProposalId, ReadId } from "../../src/raft/types.ts";
import { RaftChecks } from "./raft_checks.ts";
import { ChaosImages } from "./raft_chaos_images.ts";
import { configurationOf, firstEntry } from "./raft_cluster.ts";
import { RaftDisk } from "./raft_disk.ts";
import { canHeal, loseDisk, rollBackStore } from "./raft_losses.ts";
import { isWhole, leaderOf, reportOf } from "./raft_liveness.ts";
import { RaftInvariantError, RaftNode } from "./raft_node.ts";
import { drawMembers, drawWeather, noCounts, type RaftWeather } from "./raft_weather.ts";

const underWayMax = 300;
/** Messages of the past that are kept to be replayed. */
const seenMax = 200;

export class RaftChaos {
  readonly #prng: Prng;
  readonly #weather: RaftWeather;
  readonly #nodes = new Map<NodeId, RaftNode>();
  readonly #checks: RaftChecks;
  readonly #first: Configuration;
  #underWay: Envelope[] = [];
  readonly #seen: Envelope[] = [];
  readonly #cut = new Set<string>();
  readonly #paused = new Set<NodeId>();
  /** What was committed when a read was asked for. */
  readonly #reads = new Map<number, Index>();
  /** Changes of members that were asked for. */
  readonly #asked = new Set<ProposalId>();
  #nowMs = 0;
  #lastProposal: ProposalId = 0;
  #lastRead = 0;
  #events = 0;
  #healing = false;
  #trace = 0;
  readonly #counts = noCounts();
  readonly #images: ChaosImages;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.#weather = drawWeather(this.#prng);
    this.#images = new ChaosImages(this.#prng);
    const { voters, learners } = this.#weather;
    this.#first = configurationOf({
      voters: Array.from({ length: voters }, (_, at) => at + 1),
      learners: Array.from({ length: learners }, (_, at) => voters + at + 1),
    });
    this.#checks = new RaftChecks(this.#nodes, firstEntry(this.#first));
    for (const { id } of this.#first.members) this.#make(id);
  }

  /** What happened how often, to show that the seeds reach what they should. */
  get counts(): Readonly<Record<string, number>> {
    const { elections, committedIndex } = this.#checks;
    return { ...this.#counts, elections, committed: committedIndex };
  }

  /** When and in which phase the run is. */
  get place(): string {
    return `${this.#healing ? "healing" : "chaos"} at event ${this.#events}`;
  }

  /** A number over all that was sent, in order: equal for equal runs. */
  get trace(): number {
    return this.#trace;
  }

  #make(id: NodeId): RaftNode {
    const prng = this.#prng.split();
    const disk = new RaftDisk(this.#first, [firstEntry(this.#first)], {
      currentTerm: 1,
      commitIndex: 1,
    });
    const node = new RaftNode({
      ...{ id, disk, rng: prng, options: this.#weather.options },
      writesInflightMax: this.#weather.writesInflightMax,
      observer: {
        sent: (envelope) => this.#sent(envelope),
        began: (_, { truncateFrom }) => {
          if (truncateFrom !== undefined) this.#counts.truncated++;
        },
        finished: (at, write) => this.#checks.finished(at, write),
        applied: (at, entries) => this.#checks.applied(at, entries),
        adopted: (at, position) => {
          this.#counts.adopted++;
          this.#checks.adopted(at, position);
        },
        leadership: () => {},
        lost: (at, { reason }) => {
          throw new RaftInvariantError(`Node ${at.id} is told of a loss that it knows: ${reason}`);
        },
        outcome: (_, outcome) => this.#outcome(outcome),
        stepped: (at, before, after) => {
          if (before.recovering && !after.recovering) {
            at.recovering = false;
            this.#counts.recovered++;
          }
          this.#checks.stepped(at, before, after);
        },
      },
    });
    node.diskIsAutomatic = false;
    node.storeIsAutomatic = this.#prng.chance(1, 2);
    node.stageIsAutomatic = false;
    node.applyBytesMax = 200;
    this.#nodes.set(id, node);
    node.start(this.#nowMs);
    return node;
  }

  // ---- Chaos ----

  run(steps: number): void {
    for (let left = steps; left > 0; left--) {
      this.#events++;
      this.#step();
    }
  }

  #step(): void {
    const { crashPermille, pausePermille, jumpPermille, cutPermille, replayPermille } =
      this.#weather;
    const prng = this.#prng;
    const trouble = prng.below(1000);
    if (trouble < crashPermille) return this.#crash();
    if (trouble >= 100 && trouble < 100 + pausePermille) return this.#pause();
    if (trouble >= 200 && trouble < 200 + jumpPermille) {
      this.#nowMs += prng.below(3000);
      return;
    }
    if (trouble >= 300 && trouble < 300 + cutPermille) return this.#cutOrHeal();
    if (trouble >= 400 && trouble < 400 + replayPermille) return this.#replay();
    const kind = prng.below(100);
    if (this.#weather.compacts && prng.chance(1, 12)) return this.#snapshots();
    if (kind < 45) return this.#deliver();
    if (kind < 65) return this.#persist();
    if (kind < 85) return this.#tick();
    const node = this.#pick();
    if (node === undefined) return;
    if (kind < 88) return node.apply(this.#nowMs, 1 + prng.below(3));
    if (kind < 93) return this.#propose(node);
    if (kind < 96) return this.#read(node);
    if (kind < 99) return this.#rare(node);
    return this.#checkLease(node);
  }

  /** A node that runs and is not paused; half of the time one that leads, or believes so. */
  #pick(): RaftNode | undefined {
    const nodes = [...this.#nodes.values()].filter(({ id, isRunning }) =>
      isRunning && !this.#paused.has(id)
    );
    const leaders = nodes.filter(({ status }) => status.role === "leader");
    const from = leaders.length > 0 && this.#prng.chance(1, 2) ? leaders : nodes;
    return from.length === 0 ? undefined : from[this.#prng.below(from.length)];
  }

  #tick(): void {
    this.#nowMs += this.#prng.below(60);
    for (const node of this.#nodes.values()) {
      if (!node.isRunning || this.#paused.has(node.id) || this.#prng.chance(1, 5)) continue;
      node.step({ kind: "tick" }, this.#nowMs);
    }
  }

  #deliver(): void {
    if (this.#underWay.length === 0) return;
    const { reorders, lossPercent, repeatPercent } = this.#weather;
    const at = reorders ? this.#prng.below(this.#underWay.length) : 0;
    const envelope = this.#underWay[at]!;
    const repeats = this.#prng.chance(repeatPercent, 100);
    if (!repeats) this.#underWay.splice(at, 1);
    if (this.#prng.chance(lossPercent, 100)) return;
    this.#deliverTo(envelope);
  }

  #replay(): void {
    const old = this.#seen[this.#prng.below(seenMax)];
    if (old !== undefined) this.#deliverTo(old);
  }

  #deliverTo(envelope: Envelope): void {
    const node = this.#nodes.get(envelope.to);
    if (node?.isRunning !== true || this.#paused.has(envelope.to)) return;
    if (this.#cut.has(`${envelope.from}>${envelope.to}`)) return;
    node.step({ kind: "receive", envelope }, this.#nowMs);
  }

  #persist(): void {
    for (const node of this.#nodes.values()) {
      if (!node.isRunning || this.#paused.has(node.id)) continue;
      if (this.#weather.slowDisks && this.#prng.chance(3, 4)) continue;
      if (node.disk.underWay.length > 0) node.persistOldest(this.#nowMs);
    }
  }

  /** Whom trouble hits: half of the time the leader, because there it hurts most. */
  #victim(): RaftNode {
    const nodes = [...this.#nodes.values()];
    const running = nodes.filter(({ isRunning }) => isRunning);
    const leader = this.#prng.chance(1, 2) && running.find((each) => each.status.role === "leader");
    return leader || nodes[this.#prng.below(nodes.length)]!;
  }

  #crash(): void {
    const node = this.#victim();
    if (!node.isRunning) return node.start(this.#nowMs);
    node.crash(this.#prng.below(3));
    this.#counts.crashed++;
    // kv.db may have to replay a part: what it held durably is any state it once was in.
    if (this.#prng.chance(1, 2)) {
      // Compaction asks for a durable store; now and then an old copy is put back nevertheless.
      const isOld = this.#mayLose(node) && this.#prng.chance(1, 10);
      rollBackStore(node, this.#prng, isOld);
    }
    if (this.#mayLose(node) && this.#prng.chance(3, 4)) {
      loseDisk(node, this.#prng);
      this.#checks.copiesWereLost = true;
      this.#counts.disksLost++;
    }
    if (this.#prng.chance(1, 2)) node.start(this.#nowMs);
  }

  #mayLose(node: RaftNode): boolean {
    return this.#weather.losesDisks && canHeal(node, [...this.#nodes.values()]);
  }

  #pause(): void {
    const [asleep] = this.#paused;
    if (asleep === undefined || this.#prng.chance(1, 2)) {
      this.#paused.add(this.#victim().id);
      return;
    }
    this.#paused.delete(asleep);
    // What it believes when it wakes is old, and its clients do not know.
    const node = this.#nodes.get(asleep)!;
    if (!node.isRunning) return;
    this.#checkLease(node);
    this.#read(node);
    this.#propose(node);
  }

  #cutOrHeal(): void {
    if (this.#prng.chance(1, 3)) return this.#cut.clear();
    const { id: from } = this.#victim();
    const oneWay = this.#prng.chance(1, 3);
    const all = this.#prng.chance(1, 2);
    for (const to of this.#nodes.keys()) {
      if (!all && this.#prng.chance(1, 2)) continue;
      this.#cut.add(`${from}>${to}`);
      if (!oneWay) this.#cut.add(`${to}>${from}`);
      this.#tell(from, to);
    }
  }

  #tell(from: NodeId, peer: NodeId): void {
    const node = this.#nodes.get(from);
    if (node?.isRunning !== true || this.#paused.has(from)) return;
    node.step({ kind: "peerUnreachable", peer }, this.#nowMs);
  }

  // ---- Compaction and images ----

  #snapshots(): void {
    const node = this.#pick();
    const compacts = node !== undefined && this.#prng.chance(1, 3);
    if (compacts && this.#images.compact(node, this.#nowMs)) this.#counts.compacted++;
    if (!compacts) this.#moveImages();
  }

  #moveImages(): void {
    const awake = [...this.#nodes.values()].filter(({ id }) => !this.#paused.has(id));
    this.#images.move(awake, { nowMs: this.#nowMs, isHealing: this.#healing });
  }

  // ---- Clients ----

  #propose(node: RaftNode): void {
    for (let left = this.#prng.chance(1, 4) ? 4 : 1; left > 0; left--) {
      const data = utf8(`p${++this.#lastProposal}`);
      node.step({ kind: "propose", id: this.#lastProposal, data }, this.#nowMs);
    }
  }

  #read(node: RaftNode): void {
    const id: ReadId = { node: node.id, nonce: node.starts, counter: ++this.#lastRead };
    this.#reads.set(id.counter, this.#checks.committedIndex);
    const level = this.#weather.options.lease && this.#prng.chance(1, 2) ? "lease" : "quorum";
    node.step({ kind: "readIndex", id, level }, this.#nowMs);
  }

  #checkLease(node: RaftNode): void {
    const index = node.core.leaseIndex(this.#nowMs);
    if (index === undefined || index >= this.#checks.committedIndex) return;
    throw new RaftInvariantError(
      `Node ${node.id} reads by lease at ${index}, committed is ${this.#checks.committedIndex}`,
    );
  }

  #rare(node: RaftNode): void {
    if (this.#prng.chance(1, 3)) {
      const ids = [...this.#nodes.keys()];
      const target = ids[this.#prng.below(ids.length)]!;
      const id = ++this.#lastProposal;
      node.step({ kind: "transferLeadership", id, target }, this.#nowMs);
    } else if (this.#weather.changesMembers) {
      this.#changeMembers(node);
    }
  }

  #changeMembers(node: RaftNode): void {
    const { configuration, position } = node.status.configuration;
    const wanted = drawMembers(this.#prng, configuration);
    if (wanted === undefined) return;
    const { members } = configurationOf(wanted);
    for (const { id } of members) if (!this.#nodes.has(id)) this.#make(id);
    const id = ++this.#lastProposal;
    this.#asked.add(id);
    node.step({
      ...{ kind: "changeConfiguration", id, expected: position, change: { members } },
    }, this.#nowMs);
  }

  #outcome(outcome: Outcome): void {
    if (outcome.kind === "accepted") this.#counts.accepted++;
    if (outcome.kind === "transferred") this.#counts.transferred++;
    if (outcome.kind === "accepted" && this.#asked.has(outcome.id)) this.#counts.changed++;
    if (outcome.kind !== "readable") return;
    this.#counts.readable++;
    const committed = this.#reads.get(outcome.id.counter) ?? 0;
    if (outcome.index >= committed) return;
    throw new RaftInvariantError(
      `Read ${outcome.id.counter} at ${outcome.index}: asked when ${committed} was committed`,
    );
  }

  #sent(envelope: Envelope): void {
    const { from, to, term, message } = envelope;
    const word = from * 8191 + to * 127 + term * 31 + message.kind.length;
    this.#trace = Math.imul(this.#trace ^ word, 0x01000193) >>> 0;
    this.#checks.sent(envelope);
    if (this.#prng.chance(1, 4)) this.#seen[this.#prng.below(seenMax)] = envelope;
    this.#underWay.push(envelope);
    if (this.#underWay.length <= underWayMax) return;
    this.#underWay.splice(this.#prng.below(underWayMax), 1);
  }

  // ---- Healing ----

  /**
   * Ends all trouble, then demands within `withinMs` a leader, a new entry committed by it, and the
   * same commit index, applied, on every member.
   */
  heal(withinMs: number): void {
    this.#healing = true;
    this.#cut.clear();
    this.#paused.clear();
    for (const node of this.#nodes.values()) {
      node.diskIsAutomatic = true;
      node.storeIsAutomatic = true;
      if (!node.isRunning) node.start(this.#nowMs);
    }
    let target: Index | undefined;
    for (const endMs = this.#nowMs + withinMs; this.#nowMs < endMs;) {
      this.#nowMs += 50;
      for (const node of this.#nodes.values()) this.#wake(node);
      this.#moveImages();
      this.#deliverAll();
      const leader = leaderOf(this.#nodes);
      if (leader === undefined) continue;
      if (target === undefined || leader.status.lastIndex < target) {
        this.#propose(leader);
        target = leader.status.lastIndex;
      }
      if (isWhole(this.#nodes, leader, target)) return;
    }
    throw new RaftInvariantError(`No life within ${withinMs} ms: ${reportOf(this.#nodes)}`);
  }

  #wake(node: RaftNode): void {
    while (node.disk.underWay.length > 0) node.persistOldest(this.#nowMs);
    node.apply(this.#nowMs);
    node.step({ kind: "tick" }, this.#nowMs);
  }

  #deliverAll(): void {
    for (let left = 5000; left > 0 && this.#underWay.length > 0; left--) {
      this.#deliverTo(this.#underWay.shift()!);
    }
    if (this.#underWay.length > 0) throw new RaftInvariantError("Messages never come to an end");
  }
}
