/**
 * What strains the lease of a leader: each of these makes another one lead while the first still
 * believes that nobody can, and hears nothing that tells otherwise, and its clients still reach it.
 * What it answers then is right only because its lease was over before.
 */

import type { Envelope } from "../../src/raft/message.ts";
import type { SimNode } from "../harness/sim_node.ts";
import type { FaultScene } from "./fault_scene.ts";
import { leaderOf, stretchLease } from "./leader_faults.ts";
import { cutFor } from "./network_faults.ts";

/** How often it looks for a leader with a lease before it gives up, once a heartbeat. */
const looksMax = 20;

/**
 * Comes in the next calm spell: there must be a leader whose lease can be strained, and others that
 * can elect another one in time. Does nothing where there are too few of them.
 */
export function strainLease(scene: FaultScene): void {
  const { plan: { calmMs }, cluster, prng } = scene;
  if (cluster.nodes.length < 3) return;
  const strain = strains[prng.below(strains.length)]!;
  const look = (left: number): void => {
    const leader = leaderOf(scene);
    if (leader !== undefined && hasLease(leader)) return strain(scene, leader);
    if (left > 1) scene.later(scene.plan.heartbeatMs, () => look(left - 1));
  };
  scene.later(untilCalmMs(scene) + prng.below(calmMs), () => look(looksMax));
}

function untilCalmMs({ plan: { troubleMs, calmMs }, cluster: { scheduler } }: FaultScene): number {
  const atMs = Math.floor(scheduler.nowUs / 1_000) % (troubleMs + calmMs);
  return Math.max(0, troubleMs - atMs);
}

function hasLease({ formed, clock }: SimNode): boolean {
  return formed?.node.leaseIndex(clock.monotonicMs()) !== undefined;
}

/** Where all hangs on an election that is quick enough, a strain fails more often: two of each. */
const strains = [
  ...[suspended, handingOver],
  ...[cutOff, cutOff, confirmedLate, confirmedLate],
] as const;

/** How long the voters wait for a leader at least, by the clock of the node. */
function electionMinMs({ plan }: FaultScene): number {
  return 10 * plan.heartbeatMs;
}

/** Awake, and with nobody but its clients, for as long as it may believe to lead. */
function cutOff(scene: FaultScene, leader: SimNode): void {
  stretchLease(scene, leader);
  const forMs = 2 * electionMinMs(scene) + scene.prng.below(electionMinMs(scene));
  cutFor(scene, [...waysTo(scene, leader), ...waysFrom(scene, leader)], forMs);
}

/** Its machine sleeps through an election, and wakes with a clock that knows nothing of it. */
function suspended(scene: FaultScene, leader: SimNode): void {
  const { plan, prng, rare } = scene;
  if (prng.chance(1, 2)) stretchLease(scene, leader);
  const asleepMs = electionMinMs(scene) + prng.below(2 * electionMinMs(scene));
  cutFor(scene, waysTo(scene, leader), asleepMs + prng.below(electionMinMs(scene)));
  rare.saw("machine suspended under a lease");
  leader.suspend();
  scene.later(asleepMs, () => {
    if (leader.isRunning && leader.isPaused) leader.resume(prng.below(plan.heartbeatMs) * 1_000);
  });
}

/** It tells another node to campaign, and hears of nothing that comes of it. */
function handingOver(scene: FaultScene, leader: SimNode): void {
  const { cluster: { scheduler }, onSend, prng } = scene;
  if (prng.chance(1, 2)) stretchLease(scene, leader);
  const deafMs = prng.below(2 * electionMinMs(scene));
  const listen = ({ from, message }: Envelope): void => {
    if (from !== leader.id || message.kind !== "timeoutNow") return;
    onSend.delete(listen);
    scene.later(0, () => cutFor(scene, waysTo(scene, leader), deafMs));
  };
  onSend.add(listen);
  // By then it has given up.
  scheduler.after(2 * electionMinMs(scene) * 1_000, () => onSend.delete(listen));
  leader.transfer();
}

/**
 * What confirms a round comes as late as it can come under the lease before it. Nobody has heard of
 * the leader since that round.
 */
function confirmedLate(scene: FaultScene, leader: SimNode): void {
  const { cluster, plan, prng } = scene;
  stretchLease(scene, leader);
  const leaseMs = Math.floor((1_000 * electionMinMs(scene)) / plan.clockRates[1]);
  const lateMs = Math.floor(leaseMs / 2) + prng.below(Math.floor(leaseMs / 2));
  for (const { from, to } of waysTo(scene, leader)) {
    cluster.network.clog(from.address, to.address, lateMs * 1_000);
  }
  const forMs = 2 * electionMinMs(scene);
  // One more round has reached them by then.
  scene.later(
    plan.heartbeatMs + prng.below(plan.heartbeatMs),
    () => cutFor(scene, waysFrom(scene, leader), forMs),
  );
  const { delayMinUs, delaySpreadUs } = plan.network;
  const arrivedMs = lateMs + Math.ceil((delayMinUs + delaySpreadUs) / 1_000) + 5;
  scene.later(arrivedMs, () => cutFor(scene, waysTo(scene, leader), forMs));
}

function waysTo({ cluster }: FaultScene, to: SimNode): { from: SimNode; to: SimNode }[] {
  return cluster.others(to).map((from) => ({ from, to }));
}

function waysFrom({ cluster }: FaultScene, from: SimNode): { from: SimNode; to: SimNode }[] {
  return cluster.others(from).map((to) => ({ from, to }));
}
