/**
 * The contract of leases: no key goes before its lease has lived its time, counted from when its
 * last grant or keepalive was asked for, and all of them go in the end, while nodes are killed and
 * stopped. A deposed leader that ended a lease would end it early.
 */

import { Prng } from "../../src/lib/prng.ts";
import { changesOf, FrameReader } from "../../test/harness/frame_reader.ts";
import { type ProcessCluster, withCluster } from "../../test/harness/processes.ts";
import { pause, until } from "../../test/harness/wait.ts";
import { Adversary, describedMisfortunes } from "./adversary.ts";
import { Caller, type Plan } from "./plan.ts";

const patienceMs = 5_000;

interface Held {
  readonly id: string;
  readonly ttlMs: number;
  /** It must live at least until then. */
  notBeforeMs: number;
  /** Its key has gone. */
  endedMs: number | undefined;
}

/** No lease may end early, and none may be left. */
export async function soakLeases(plan: Plan): Promise<string> {
  const prng = new Prng(plan.seed);
  let told = "";
  await withCluster({ builds: plan.builds }, async (cluster) => {
    await cluster.start();
    const adversary = new Adversary(cluster, prng.split());
    const held = new Map<string, Held>();
    let isOver = false;
    let left = plan.count;
    let keepalives = 0;
    const client = async (own: Prng): Promise<void> => {
      const caller = new Caller(cluster, own);
      const mine: Held[] = [];
      while (left-- > 0) {
        const lease = await grant(caller, own);
        held.set(lease.id, lease);
        mine.push(lease);
        await attach(caller, lease);
        const again = mine[own.below(mine.length)]!;
        if (own.chance(1, 2) && again.endedMs === undefined) {
          if (await keepAlive(caller, again)) keepalives++;
        }
      }
    };
    const clients = Promise.all(
      Array.from({ length: plan.clients }, () => client(prng.split())),
    ).then(async () => {
      await until(() => [...held.values()].every(({ endedMs }) => endedMs !== undefined), {
        what: "all leases to end",
        withinMs: 300_000,
        everyMs: 200,
      });
      isOver = true;
    });
    await Promise.all([
      clients,
      adversary.rage(() => isOver),
      follow(cluster, prng.split(), held, () => isOver),
    ]);
    const late = [...held.values()].map(({ endedMs, notBeforeMs }) => endedMs! - notBeforeMs);
    late.sort((a, b) => a - b);
    const at = (share: number) =>
      Math.round(late[Math.floor((late.length - 1) * share)]! / 100) / 10;
    told =
      `${held.size} leases, ${keepalives} keepalives, none ended early, none was left; ended ` +
      `${at(0.5)} s (median), ${at(0.99)} s (99 %), ${at(1)} s (at most) after their time, times ` +
      `without a leader included; ${describedMisfortunes(adversary.seen)}`;
  });
  return told;
}

async function grant(caller: Caller, prng: Prng): Promise<Held> {
  const askedMs = performance.now();
  const ttlMs = 2_000 + prng.below(18_000);
  const granted = await caller.call({
    method: "POST",
    path: "/v1/leases",
    body: JSON.stringify({ ttl: `${ttlMs}ms` }),
    headers: { "Content-Type": "application/json" },
    withinMs: () => patienceMs,
  });
  if (granted.status !== 201) throw new Error(`A grant: ${granted.status} ${granted.body}`);
  const { id } = JSON.parse(granted.body);
  return { id, ttlMs, notBeforeMs: askedMs + ttlMs, endedMs: undefined };
}

async function attach(caller: Caller, lease: Held): Promise<void> {
  const { id } = lease;
  const put = await caller.call({
    method: "PUT",
    path: `/v1/kv/l/${id}?lease=${id}`,
    body: id,
    withinMs: () => patienceMs,
  });
  // The lease may have ended before its key came: no news will tell of it.
  if (put.status === 404) lease.endedMs = overAt(lease);
  else if (put.status > 201) throw new Error(`A key: ${put.status} ${put.body}`);
}

/** Now, when somebody was told that there is no such lease. */
function overAt(lease: Held): number {
  const endedMs = performance.now();
  if (endedMs < lease.notBeforeMs) throw early({ ...lease, endedMs });
  return endedMs;
}

/** From a keepalive that was done, the lease has its whole time again: counted from the asking. */
async function keepAlive(caller: Caller, lease: Held): Promise<boolean> {
  const askedMs = performance.now();
  const kept = await caller.call({
    method: "POST",
    path: `/v1/leases/${lease.id}/keepalive`,
    withinMs: () => patienceMs,
  });
  if (kept.status === 404) {
    overAt(lease);
    return false;
  }
  if (kept.status !== 200) throw new Error(`A keepalive: ${kept.status} ${kept.body}`);
  lease.notBeforeMs = Math.max(lease.notBeforeMs, askedMs + lease.ttlMs);
  if (lease.endedMs !== undefined && lease.endedMs < lease.notBeforeMs) throw early(lease);
  return true;
}

/** Sees keys go. News takes a while to come, so what seems early is early. */
async function follow(
  cluster: ProcessCluster,
  prng: Prng,
  held: ReadonlyMap<string, Held>,
  isOver: () => boolean,
): Promise<void> {
  let after = 1;
  while (!isOver()) {
    const url = cluster.urls[prng.below(cluster.urls.length)]!;
    const target = `${url}/v1/watch?prefix=l/&filter=delete&after=${after}`;
    const cut = new AbortController();
    const timer = setInterval(() => isOver() && cut.abort(), 100);
    try {
      const reader = new FrameReader(await fetch(target, { signal: cut.signal }));
      for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
        if (frame.id !== undefined) after = Number(frame.id);
        if (frame.event !== "change") continue;
        for (const { key } of changesOf(frame)) ended(held.get(key.slice(2)), key);
      }
    } catch (error) {
      if (error instanceof EarlyError) throw error;
    } finally {
      clearInterval(timer);
    }
    await pause(20);
  }
}

function ended(lease: Held | undefined, key: string): void {
  if (lease === undefined) throw new EarlyError(`Nobody was granted the lease of ${key}`);
  lease.endedMs = performance.now();
  if (lease.endedMs < lease.notBeforeMs) throw early(lease);
}

function early({ id, notBeforeMs, endedMs = 0 }: Held): EarlyError {
  return new EarlyError(`Lease ${id} ended ${Math.ceil(notBeforeMs - endedMs)} ms early`);
}

class EarlyError extends Error {
  override readonly name = "EarlyError";
}
