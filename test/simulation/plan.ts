/**
 * What a seed draws before its run begins: the cluster, its world, its troubles, its clients. Each
 * trouble is off in half of the seeds and else drawn from a range (swarm testing): a run with
 * everything at once hides what only a calm network, or only a slow disk, brings to light.
 *
 * A plan is plain data. A run is a function of its plan, and whoever wants a smaller run changes
 * the plan (minimize.ts, and the options of scripts/simulate.ts). Each concern draws from a
 * generator of its own, so that a change of one leaves the others as they were.
 */

import { Prng } from "../../src/lib/prng.ts";
import { type SimNetworkOptions } from "../harness/sim_network.ts";
import type { SimDiskOptions } from "../harness/sim_disk.ts";

/** Everything that can be done to a cluster, by the name that options and transcripts use. */
export const faultKinds = [
  ...["crash", "powerCut", "pause", "partition", "oneWay", "flap", "reset", "clog", "storm"],
  ...["diskStall", "diskSlow", "diskFull", "diskError", "logDamage", "logRegress", "kvLost"],
  ...["kvDamage", "wipe", "olderCopy", "stranger", "clockRate", "wallJump"],
  ...["deposeLeader", "brokenTransfer", "lateEcho", "suspend", "strainLease", "imageCrash"],
  "overtakeLeader",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Plan {
  readonly seed: number;
  readonly voters: number;
  readonly learners: number;
  /** The election timeout is drawn from ten to twenty times as long. */
  readonly heartbeatMs: number;
  /** Limits of the nodes, by the path of their key in the configuration. */
  readonly config: Readonly<Record<string, string>>;
  /** Between which clocks may run, in thousandths of true time. */
  readonly clockRates: readonly [number, number];
  /** Reads at level lease are allowed, and asked for. */
  readonly leaseReads: boolean;
  readonly network: SimNetworkOptions;
  readonly disk: SimDiskOptions;
  readonly clients: number;
  readonly keys: number;
  /** How many calls the clients make together before the cluster heals. */
  readonly operations: number;
  /** How long the making of an image takes, at most. */
  readonly imageMsMax: number;
  /** How long a client rests between two calls, at most. */
  readonly thinkMaxUs: number;
  readonly valueBytesMax: number;
  /** A call may take this long, drawn evenly, by the clock of the node that it asks. */
  readonly callWithinMs: readonly [number, number];
  /** Of a thousand answers so many never reach their client. */
  readonly lostAnswersPermille: number;
  /** Of a thousand calls so many are of the store's further operations (store_calls.ts). */
  readonly storeCallsPermille: number;
  /** Of a thousand clients so many ask for their writes under keys, and ask again. */
  readonly repeatingClientsPermille: number;
  /** How many watch all the time (watchers.ts). */
  readonly watchers: number;
  /** How many contend for locks and elections (contenders.ts), and for how many of each. */
  readonly contenders: number;
  readonly contestedNames: number;
  /** Mean times between two, 0 is never: changes of who votes, and of who leads. */
  readonly reconfigureEveryMs: number;
  readonly transferEveryMs: number;
  /** Likewise: members are added, removed, and more (churn.ts). */
  readonly churnEveryMs: number;
  /** Trouble comes in spells: faults for so long, then none for so long. */
  readonly troubleMs: number;
  readonly calmMs: number;
  /** Mean time between two faults of a kind, in a spell; 0 is never. */
  readonly faultEveryMs: Readonly<Record<FaultKind, number>>;
  /** Faults that are left out, by kind and number, as "crash.3". */
  readonly skipped: readonly string[];
  /** The cluster heals after this at the latest. */
  readonly chaosMsMax: number;
}

/** The plan of a seed. */
export function drawPlan(seed: number): Plan {
  const root = new Prng(seed);
  const prngs = Array.from({ length: 13 }, () => root.split());
  const [size, time, net, disk, load, faults, lease, store, waiting, churn, images, slow] = prngs;
  const comparing = prngs[12]!;
  const heartbeatMs = time!.chance(1, 2) ? 50 : 100;
  const config = {
    ...{ ...drawConfig(time!, heartbeatMs), ...drawImages(images!) },
    ...drawComparing(comparing),
  };
  const clocks = drawClocks(lease!, config);
  return {
    seed,
    ...drawSize(size!),
    heartbeatMs,
    ...clocks,
    network: drawNetwork(net!),
    disk: drawDisk(disk!),
    ...drawLoad(load!, heartbeatMs),
    ...drawStoreLoad(store!),
    ...drawWaiting(waiting!),
    imageMsMax: slow!.chance(1, 2) ? 0 : 1 + slow!.below(3_000),
    churnEveryMs: churn!.chance(1, 2) ? 0 : drawChurnEvery(churn!),
    troubleMs: 500 + faults!.below(5_000),
    calmMs: 500 + faults!.below(3_000),
    faultEveryMs: { ...drawFaults(faults!), strainLease: drawStrain(lease!, clocks) },
    skipped: [],
  };
}

function drawSize(prng: Prng): Pick<Plan, "voters" | "learners"> {
  const voters = [1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5, 5, 6, 7, 7][prng.below(20)]!;
  return { voters, learners: prng.chance(1, 3) ? 1 + prng.below(2) : 0 };
}

function drawConfig(prng: Prng, heartbeatMs: number): Plan["config"] {
  const few = (max: number): number => 1 + prng.below(max);
  return {
    "raft.heartbeat_interval_ms": String(heartbeatMs),
    "raft.election_timeout_min_ms": String(10 * heartbeatMs),
    "raft.election_timeout_max_ms": String(20 * heartbeatMs),
    ...(prng.chance(1, 2) && { "raft.inflight_messages_max": String(few(16)) }),
    ...(prng.chance(1, 2) && { "raft.append_bytes_max": "4096" }),
    ...(prng.chance(1, 2) && { "raft.log_cache_bytes_max": String(prng.below(20_000)) }),
    ...(prng.chance(1, 4) && { "raft.reads_pending_max": String(few(8)) }),
    ...(prng.chance(1, 4) && { "raft.turn_inputs_max": String(few(4)) }),
    ...(prng.chance(1, 4) && { "storage.kv_commit_interval_ms": String(few(500)) }),
    ...(prng.chance(1, 6) && { "limits.requests_waiting_max": String(few(8)) }),
  };
}

/** When logs are compacted: by their length, their size, the time, or all of these; or never. */
function drawImages(prng: Prng): Plan["config"] {
  if (prng.chance(1, 2)) return {};
  const by = prng.below(4);
  return {
    "snapshot.log_entries_max": by === 0 || by === 3 ? String(5 + prng.below(500)) : "0",
    "snapshot.log_bytes_max": by === 1 || by === 3 ? String(1_000 + prng.below(50_000)) : "0",
    "snapshot.interval_ms": by === 2 || by === 3 ? String(200 + prng.below(4_000)) : "0",
    "snapshot.cool_down_ms": String(prng.below(1_000)),
    "snapshot.retained_entries_max": String(prng.below(prng.chance(1, 2) ? 5 : 200)),
    ...(prng.chance(1, 2) && { "snapshot.held_bytes_max": String(prng.below(20_000)) }),
    "snapshot.chunk_bytes": String(256 * 1024),
    ...(prng.chance(1, 3) && { "snapshot.bytes_per_second_max": String(256 * 1024) }),
  };
}

/** How often members compare their states, if they do. */
function drawComparing(prng: Prng): Plan["config"] {
  if (prng.chance(1, 2)) return {};
  return { "storage.compare_interval_ms": String(100 + prng.below(4_000)) };
}

/**
 * Leases are bound to hold between clocks that differ by no more than the configuration says: here
 * by all of that.
 */
function drawClocks(
  prng: Prng,
  config: Plan["config"],
): Pick<Plan, "config" | "clockRates" | "leaseReads"> {
  const leaseReads = prng.chance(1, 2);
  const isWild = leaseReads && prng.chance(1, 2);
  const clockRates = isWild ? [750, 1_500] as const : [900, 1_100] as const;
  if (!leaseReads) return { config, clockRates, leaseReads };
  const [slowest, fastest] = clockRates;
  const driftPermille = Math.ceil(1_000 - (1_000 * slowest) / fastest);
  return {
    config: {
      ...config,
      "raft.lease_reads": "true",
      "raft.clock_drift_permille_max": String(driftPermille),
      "raft.lease_margin_ms": String(2 + prng.below(20)),
    },
    ...{ clockRates, leaseReads },
  };
}

/** Most of them come to nothing, for want of a client or of an election that is in time. */
function drawStrain(prng: Prng, { leaseReads }: Pick<Plan, "leaseReads">): number {
  return leaseReads && prng.chance(2, 3) ? 1_500 + prng.below(4_000) : 0;
}

function drawNetwork(prng: Prng): SimNetworkOptions {
  const datagrams = prng.chance(1, 3);
  const lossMax = datagrams ? 200 : 20;
  return {
    datagrams,
    delayMinUs: prng.chance(1, 2) ? 100 : prng.below(prng.chance(1, 2) ? 2_000 : 15_000),
    delaySpreadUs: prng.chance(1, 2) ? 200 : prng.below(20_000),
    lossPermille: prng.chance(1, 2) ? 0 : 1 + prng.below(lossMax),
    repeatPermille: datagrams && prng.chance(2, 3) ? 1 + prng.below(400) : 0,
    repeatDelayMaxUs: prng.chance(1, 3) ? 0 : prng.below(6_000_000),
    capacity: prng.chance(1, 4) ? 2 + prng.below(18) : 10_000,
  };
}

function drawDisk(prng: Prng): SimDiskOptions {
  const latencyMinUs = 50 + prng.below(2_000);
  return {
    latencyMinUs,
    latencyMaxUs: latencyMinUs + prng.below(prng.chance(1, 2) ? 20_000 : 500),
  };
}

type Load = Omit<
  Plan,
  | ("seed" | "voters" | "learners" | "heartbeatMs" | "config" | "clockRates" | "leaseReads")
  | ("storeCallsPermille" | "repeatingClientsPermille")
  | ("watchers" | "contenders" | "contestedNames" | "churnEveryMs" | "imageMsMax")
  | ("network" | "disk" | "troubleMs" | "calmMs" | "faultEveryMs" | "skipped")
>;

function drawLoad(prng: Prng, heartbeatMs: number): Load {
  const clients = 1 + prng.below(16);
  const operations = 2_000 + prng.below(8_000);
  // The calls are spread over this time, if the cluster answers at once.
  const spreadMs = 2_000 + prng.below(10_000);
  const meanThinkUs = Math.floor((spreadMs * 1_000 * clients) / operations);
  const electionMs = 20 * heartbeatMs;
  return {
    clients,
    operations,
    keys: prng.chance(1, 3) ? 1 + prng.below(3) : 1 + prng.below(40),
    thinkMaxUs: 2 * meanThinkUs,
    valueBytesMax: prng.chance(1, 4) ? 4_000 : 24 + prng.below(200),
    callWithinMs: prng.chance(1, 2) ? [electionMs, 4 * electionMs] : [20, 2 * electionMs],
    lostAnswersPermille: prng.chance(1, 2) ? 0 : prng.below(30),
    reconfigureEveryMs: prng.chance(1, 2) ? 0 : drawEvery(prng),
    transferEveryMs: prng.chance(1, 2) ? 0 : drawEvery(prng),
    chaosMsMax: 10_000 + 3 * spreadMs,
  };
}

/** What costs most where it is there is left out of half of the runs, like the troubles. */
function drawStoreLoad(
  prng: Prng,
): Pick<Plan, "storeCallsPermille" | "repeatingClientsPermille"> {
  return {
    storeCallsPermille: prng.chance(1, 2) ? 0 : 50 + prng.below(300),
    repeatingClientsPermille: prng.chance(1, 2) ? 0 : 100 + prng.below(900),
  };
}

/** Those who stay and wait for something. */
function drawWaiting(prng: Prng): Pick<Plan, "watchers" | "contenders" | "contestedNames"> {
  return {
    watchers: prng.chance(1, 2) ? 0 : 1 + prng.below(6),
    contenders: prng.chance(1, 2) ? 0 : 2 + prng.below(4),
    contestedNames: 1 + prng.below(2),
  };
}

/** Between half a second and 16, each power of two as often. */
function drawChurnEvery(prng: Prng): number {
  const octaveMs = 500 * 2 ** prng.below(5);
  return octaveMs + prng.below(octaveMs);
}

/** Between one second and 32, each power of two as often. */
function drawEvery(prng: Prng): number {
  const octaveMs = 1_000 * 2 ** prng.below(5);
  return octaveMs + prng.below(octaveMs);
}

function drawFaults(prng: Prng): Plan["faultEveryMs"] {
  const entries = faultKinds.map((kind) => {
    const everyMs = drawEvery(prng);
    return [kind, prng.chance(1, 2) ? everyMs : 0] as const;
  });
  return Object.fromEntries(entries) as Record<FaultKind, number>;
}
