/**
 * Writes that are repeated are done once: clients count one key up, throw many of the answers away
 * before they have come, and ask again at another node, while nodes are killed and stopped.
 */

import { Prng } from "../../src/lib/prng.ts";
import { requestOnce } from "../../test/harness/http_once.ts";
import { withCluster } from "../../test/harness/processes.ts";
import { Adversary, describedMisfortunes } from "./adversary.ts";
import { Caller, type Plan } from "./plan.ts";

const patienceMs = 2_000;

/** The counter must be exact at the end, and no increment be answered the same number twice. */
export async function soakIncrements(plan: Plan): Promise<string> {
  const prng = new Prng(plan.seed);
  let told = "";
  await withCluster({ builds: plan.builds }, async (cluster) => {
    await cluster.start();
    const adversary = new Adversary(cluster, prng.split());
    let left = plan.count;
    let underWay = plan.clients;
    let attempts = 0;
    const answers = new Set<string>();
    const client = async (own: Prng): Promise<void> => {
      const caller = new Caller(cluster, own);
      while (left > 0) {
        left--;
        const answer = await caller.call({
          method: "POST",
          path: "/v1/kv/counter",
          body: JSON.stringify({ op: "add", value: 1 }),
          headers: { "Content-Type": "application/json" },
          // One in five gives up after a moment in which the write may well have been done.
          withinMs: () => own.chance(1, 5) ? own.below(8) : patienceMs,
        });
        if (answer.status > 201) throw new Error(`An increment: ${answer.status} ${answer.body}`);
        const { value } = JSON.parse(answer.body);
        if (answers.has(value)) throw new Error(`Two increments were answered ${value}`);
        answers.add(value);
      }
      attempts += caller.attempts;
      underWay--;
    };
    await Promise.all([
      ...Array.from({ length: plan.clients }, () => client(prng.split())),
      adversary.rage(() => underWay === 0),
    ]);
    const url = `${cluster.urls[0]!}/v1/kv/counter`;
    const read = await requestOnce({ method: "GET", url, withinMs: 60_000 });
    const counted = read.kind === "answered" ? read.body : read.reason;
    if (counted !== String(plan.count)) {
      throw new Error(`The counter is ${counted} after ${plan.count} increments`);
    }
    told = `${plan.count} increments, ${attempts} attempts, the counter is exact; ` +
      describedMisfortunes(adversary.seen);
  });
  return told;
}
