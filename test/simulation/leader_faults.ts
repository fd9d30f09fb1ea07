/**
 * What is aimed at whoever leads: it is cut off, awake or asleep, so that another one leads beside
 * it; or it hands over, and the one who takes over does not get through.
 */

import type { SimNode } from "../harness/sim_node.ts";
import { drawMs, type FaultScene } from "./fault_scene.ts";
import { cutFor } from "./network_faults.ts";

/** Who leads, and is awake. */
export function leaderOf({ cluster }: FaultScene): SimNode | undefined {
  return cluster.nodes.find(({ isPaused, leads }) => leads && !isPaused);
}

/**
 * The leader reaches nobody, and mostly hears nobody, while its clients still reach it. Asleep it
 * does not even notice; when it wakes, another one has led for long.
 */
export function deposeLeader(scene: FaultScene): void {
  const { cluster, operator, plan, prng } = scene;
  const leader = leaderOf(scene);
  if (leader === undefined) return;
  const electionMs = 20 * plan.heartbeatMs;
  const forMs = electionMs + prng.below(3 * electionMs);
  if (plan.leaseReads && prng.chance(1, 2)) stretchLease(scene, leader);
  const ways = cluster.others(leader).flatMap((other) => [
    { from: leader, to: other },
    ...(prng.chance(3, 4) ? [{ from: other, to: leader }] : []),
  ]);
  cutFor(scene, ways, forMs);
  switch (prng.below(4)) {
    case 0:
    case 1: {
      // Long enough for an election, and awake again before the others are heard.
      leader.pause();
      const asleepMs = Math.floor(forMs / 2) + prng.below(Math.ceil(forMs / 2));
      return scene.later(asleepMs, () => {
        if (leader.isRunning && leader.isPaused) leader.resume();
      });
    }
    case 2:
      return scene.later(prng.below(electionMs), () => {
        operator.stop(leader, "kill");
        operator.startLater(leader, drawMs(scene, 2 * electionMs));
      });
  }
}

/** Of all that clocks may do, what makes a lease last longest and another election come soonest. */
export function stretchLease({ cluster, plan }: FaultScene, leader: SimNode): void {
  const [slowest, fastest] = plan.clockRates;
  for (const node of cluster.nodes) {
    if (node.isRunning) node.clock.setRate(node === leader ? slowest : fastest);
  }
}

/** The target of a transfer campaigns, and cannot be heard by the leader, or dies meanwhile. */
export function brokenTransfer(scene: FaultScene): void {
  const { cluster, operator, plan, prng } = scene;
  const leader = leaderOf(scene);
  const others = leader === undefined ? [] : cluster.others(leader);
  const target = others[prng.below(Math.max(1, others.length))];
  if (leader === undefined || target === undefined) return;
  const electionMs = 20 * plan.heartbeatMs;
  // A TimeoutNow that comes after the leader has given up and served on.
  const isLate = prng.chance(1, 3);
  const lateMs = 10 * plan.heartbeatMs + prng.below(9 * plan.heartbeatMs);
  if (isLate) cluster.network.clog(leader.address, target.address, lateMs * 1_000);
  leader.transfer(target.id);
  if (isLate) return;
  const spared = others.filter((other) => other !== target && prng.chance(1, 2));
  const ways = [leader, ...spared].map((to) => ({ from: target, to }));
  cutFor(scene, ways, prng.below(2 * electionMs));
  if (prng.chance(1, 2)) return;
  scene.later(prng.below(100), () => {
    operator.stop(target, "kill");
    operator.startLater(target, drawMs(scene, 2 * electionMs));
  });
}

/**
 * A leader reaches one follower alone, whose answers are long under way. The others elect another
 * leader, which replaces what that follower had acknowledged; then the first one leads again, and
 * the old answers arrive.
 */
export function lateEcho(scene: FaultScene): void {
  const { cluster, plan, prng } = scene;
  const leader = leaderOf(scene);
  if (leader === undefined || cluster.nodes.length < 3) return;
  const others = cluster.others(leader);
  const follower = others[prng.below(others.length)]!;
  const electionMs = 20 * plan.heartbeatMs;
  const cutMs = 2 * electionMs;
  const clogMs = cutMs + electionMs + prng.below(2 * electionMs);
  cluster.network.clog(follower.address, leader.address, clogMs * 1_000);
  const ways = others.filter((other) => other !== follower).map((to) => ({ from: leader, to }));
  cutFor(scene, ways, cutMs);
  scene.later(cutMs + prng.below(electionMs), () => leaderOf(scene)?.transfer(leader.id));
}
