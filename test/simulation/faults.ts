/**
 * What is done to a cluster: each kind of fault comes again and again, at times and with victims
 * that it draws from a generator of its own, so that leaving one out moves no other. What a fault
 * does, it undoes after a while; healing undoes the rest.
 */

import type { Prng } from "../../src/lib/prng.ts";
import type { SimNode } from "../harness/sim_node.ts";
import { damageLog, regressLog, runOlderCopy, runWiped } from "./destructive_faults.ts";
import { drawMs, type FaultScene, victim } from "./fault_scene.ts";
import { brokenTransfer, deposeLeader, lateEcho } from "./leader_faults.ts";
import { strainLease } from "./lease_faults.ts";
import { imageCrash, overtakeLeader } from "./image_faults.ts";
import { clog, flap, oneWay, partition, reset, storm } from "./network_faults.ts";
import { type FaultKind, faultKinds } from "./plan.ts";

type Fault = (scene: FaultScene) => void;

const faults: Readonly<Record<FaultKind, Fault>> = {
  crash,
  powerCut,
  pause,
  partition,
  oneWay,
  flap,
  reset,
  clog,
  storm,
  diskStall: (scene) => victim(scene).disk.stall(drawMs(scene, 4_000) * 1_000),
  diskSlow,
  diskFull,
  diskError,
  logDamage: damageLog,
  logRegress: regressLog,
  kvLost: (scene) => {
    const node = victim(scene);
    if (scene.operator.isImpostor(node) || !scene.operator.mayLoseStore(node)) return;
    scene.operator.stop(node, "kill");
    scene.operator.losesStore(node);
    scene.operator.startLater(node, drawMs(scene, 1_000));
  },
  kvDamage,
  wipe: runWiped,
  olderCopy: runOlderCopy,
  stranger,
  deposeLeader,
  brokenTransfer,
  lateEcho,
  imageCrash,
  overtakeLeader,
  suspend,
  strainLease,
  clockRate: (scene) => {
    const node = victim(scene);
    const [slowest, fastest] = scene.plan.clockRates;
    if (node.isRunning) node.clock.setRate(slowest + scene.prng.below(fastest - slowest + 1));
  },
  wallJump: (scene) => {
    const node = victim(scene);
    if (node.isRunning) node.clock.jumpWall(scene.prng.below(7_200_001) - 3_600_000);
  },
};

export class Faults {
  readonly #scene: Omit<FaultScene, "prng">;
  readonly #prngs: ReadonlyMap<FaultKind, Prng>;
  readonly #skipped: ReadonlySet<string>;
  #isOver = false;
  /** Those that were done, in order. */
  readonly done: string[] = [];
  /** To be told of each message that a node sends. */
  readonly onSend: FaultScene["onSend"] = new Set();

  constructor(
    scene: Omit<FaultScene, "prng" | "later" | "copies" | "onSend" | "isOver">,
    prng: Prng,
  ) {
    const later = (afterMs: number, run: () => void): void => {
      scene.cluster.scheduler.after(afterMs * 1_000, () => {
        if (!this.#isOver) run();
      });
    };
    this.#scene = {
      ...scene,
      later,
      copies: new Map(),
      onSend: this.onSend,
      isOver: () => this.#isOver,
    };
    this.#prngs = new Map(faultKinds.map((kind) => [kind, prng.split()]));
    this.#skipped = new Set(scene.plan.skipped);
  }

  start(): void {
    for (const kind of faultKinds) {
      const everyMs = this.#scene.plan.faultEveryMs[kind];
      if (everyMs > 0) this.#schedule(kind, everyMs, 1);
    }
  }

  /** Nothing happens any more, and what was done stays as it is. */
  stop(): void {
    this.#isOver = true;
  }

  #isCalm(): boolean {
    const { plan: { troubleMs, calmMs }, cluster: { scheduler } } = this.#scene;
    return Math.floor(scheduler.nowUs / 1_000) % (troubleMs + calmMs) >= troubleMs;
  }

  #schedule(kind: FaultKind, everyMs: number, number: number): void {
    const prng = this.#prngs.get(kind)!;
    const afterMs = 1 + prng.below(2 * everyMs);
    const own = prng.split();
    this.#scene.later(afterMs, () => {
      this.#schedule(kind, everyMs, number + 1);
      const name = `${kind}.${number}`;
      if (this.#skipped.has(name) || this.#isCalm()) return;
      this.done.push(name);
      this.#scene.cluster.scheduler.trace(`fault ${name}`);
      faults[kind]({ ...this.#scene, prng: own });
    });
  }
}

function crash(scene: FaultScene): void {
  const { operator, prng } = scene;
  const node = victim(scene);
  const how = prng.chance(1, 3) ? "cutPower" : "kill";
  operator.stop(node, how);
  if (prng.chance(1, 4)) {
    // Again and again, right after each start.
    for (let again = 1; again <= 4; again++) {
      scene.later(again * 40, () => operator.start(node));
      scene.later(again * 40 + drawMs(scene, 30), () => operator.stop(node, how));
    }
  }
  operator.startLater(node, prng.chance(1, 3) ? 1 : 300 + drawMs(scene, 4_000));
}

function powerCut(scene: FaultScene): void {
  const { cluster, operator } = scene;
  for (const node of cluster.nodes) operator.stop(node, "cutPower");
  for (const node of cluster.nodes) operator.startLater(node, drawMs(scene, 4_000));
}

function pause(scene: FaultScene): void {
  standStill(scene, (node) => node.pause());
}

function suspend(scene: FaultScene): void {
  standStill(scene, (node) => {
    const lease = node.formed?.node.leaseIndex(node.clock.monotonicMs());
    if (lease !== undefined) scene.rare.saw("machine suspended under a lease");
    node.suspend();
  });
}

function standStill(scene: FaultScene, begin: (node: SimNode) => void): void {
  const node = victim(scene);
  if (!node.isRunning || node.isPaused) return;
  const electionMs = 10 * scene.plan.heartbeatMs;
  // Half of them about as long as it takes to elect another leader.
  const forMs = scene.prng.chance(1, 2)
    ? electionMs + scene.prng.below(2 * electionMs)
    : drawMs(scene, 4_000);
  if (forMs > 20 * scene.plan.heartbeatMs) scene.rare.saw("pause longer than an election timeout");
  begin(node);
  const spreadUs = scene.prng.chance(1, 2) ? 30_000 : 0;
  scene.later(forMs, () => {
    if (node.isRunning && node.isPaused) node.resume(spreadUs);
  });
}

function diskSlow(scene: FaultScene): void {
  const { plan, prng } = scene;
  const { disk } = victim(scene);
  const times = 5 + prng.below(50);
  const { latencyMinUs, latencyMaxUs } = plan.disk;
  disk.options = { latencyMinUs: latencyMinUs * times, latencyMaxUs: latencyMaxUs * times };
  scene.later(drawMs(scene, 4_000), () => disk.options = plan.disk);
}

function diskFull(scene: FaultScene): void {
  const node = victim(scene);
  if (node.leads) scene.rare.saw("disk full at a leader");
  if (scene.prng.chance(2, 3)) node.disk.log.freeBytes = 0;
  const isStoreFull = scene.prng.chance(2, 3);
  if (isStoreFull) node.store.isFull = true;
  scene.later(drawMs(scene, 4_000), () => {
    node.disk.log.freeBytes = Infinity;
    node.store.isFull = false;
  });
}

function diskError(scene: FaultScene): void {
  const node = victim(scene);
  if (!node.isRunning) return;
  scene.operator.expect(node, /^Cannot sync the log: EIO$/);
  if (scene.prng.chance(1, 2)) node.disk.failNextWrite();
  else node.disk.breakDown();
}

function kvDamage(scene: FaultScene): void {
  const { operator } = scene;
  const node = victim(scene);
  if (operator.isImpostor(node) || !operator.mayLoseStore(node)) return;
  operator.expect(node, /^kv\.db has a damaged row$/);
  operator.damagesStore(node);
  const damaged = node.store;
  scene.later(drawMs(scene, 4_000), () => {
    if (node.store !== damaged || !damaged.isDamaged) return;
    operator.stop(node, "kill");
    operator.losesStore(node);
    operator.start(node);
  });
}

/** A node of another cluster, whose file names one of ours. */
function stranger(scene: FaultScene): void {
  const { cluster, rare, prng } = scene;
  const { id } = cluster.nodes[prng.below(cluster.nodes.length)]!;
  const own = id === 1 ? 2 : 1;
  const node = cluster.make({ id: own, ids: [own, id], address: "stranger", clusterId: "other" });
  node.start();
  scene.later(2_000, () => {
    if (node.birth?.waitingFor().includes("belongs to") === true) {
      rare.saw("wrong cluster id refused");
    }
    node.kill();
  });
}
