/**
 * The contract of watches: whoever goes on behind the last id that it has seen, at whatever node,
 * sees every change once and in order, while nodes are killed and stopped, the past is compacted,
 * and connections are cut. Every write is a revision of its own, so a gap shows in the ids.
 */

import { Prng } from "../../src/lib/prng.ts";
import { changesOf, FrameReader, type ReadFrame } from "../../test/harness/frame_reader.ts";
import { type ProcessCluster, withCluster } from "../../test/harness/processes.ts";
import { pause } from "../../test/harness/wait.ts";
import { Adversary, describedMisfortunes } from "./adversary.ts";
import { Caller, type Plan } from "./plan.ts";

const batchItems = 150;
const keys = 1_000;
/** So many revisions are left readable. */
const keptRevisions = 20_000;
const patienceMs = 5_000;
/** A slow watcher stays away so long that its place is compacted now and then. */
const slowMsMax = 60_000;
const firstRevision = 1;

/** What was written, by its revision. */
class Truth {
  readonly #numbers: Uint32Array;
  revision = firstRevision;
  written = 0;

  constructor(count: number) {
    this.#numbers = new Uint32Array(firstRevision + count + 1);
  }

  wrote(revision: number, number: number): void {
    this.#numbers[revision] = number;
    this.revision = Math.max(this.revision, revision);
    this.written++;
  }

  at(revision: number): number | undefined {
    return this.#numbers[revision];
  }
}

/** Reads until it has seen everything; what it sees must be the truth. */
class Watcher {
  readonly #cluster: ProcessCluster;
  readonly #prng: Prng;
  readonly #seen: Uint32Array;
  /** It reads so slowly that it may be told that its place is compacted. */
  readonly #isSlow: boolean;
  last = firstRevision;
  events = 0;
  connections = 0;
  compacted = 0;

  constructor(from: {
    readonly cluster: ProcessCluster;
    readonly prng: Prng;
    readonly count: number;
    readonly isSlow: boolean;
  }) {
    this.#cluster = from.cluster;
    this.#prng = from.prng;
    this.#isSlow = from.isSlow;
    this.#seen = new Uint32Array(firstRevision + from.count + 1);
  }

  /** Until it has seen what the last write made. */
  async run(end: () => number | undefined): Promise<void> {
    while (this.last !== end()) {
      const cut = new AbortController();
      const timer = setTimeout(() => cut.abort(), 300 + this.#prng.below(8_000));
      try {
        await this.#connection(cut.signal, end);
      } catch (error) {
        if (error instanceof ContractError) throw error;
      } finally {
        clearTimeout(timer);
        cut.abort();
      }
      await pause(this.#prng.below(this.#isSlow ? slowMsMax : 50));
    }
  }

  async #connection(signal: AbortSignal, end: () => number | undefined): Promise<void> {
    const url = this.#cluster.urls[this.#prng.below(this.#cluster.urls.length)]!;
    const form = this.#prng.chance(1, 2) ? "sse" : "ndjson";
    const target = `${url}/v1/watch?prefix=e/&after=${this.last}&format=${form}`;
    const response = await fetch(target, { signal });
    if (response.status === 410) return this.#goOnFrom((await response.json()).oldest);
    if (response.status !== 200) return void await response.body?.cancel();
    this.connections++;
    const reader = new FrameReader(response);
    while (this.last !== end()) {
      const frame = await reader.next();
      if (frame === undefined) return;
      if (frame.event === "compacted") return this.#goOnFrom(Number(frame.data["oldest"]));
      this.#take(frame);
      if (this.#isSlow && this.#prng.chance(1, 500)) await pause(this.#prng.below(200));
    }
  }

  #take(frame: ReadFrame): void {
    const { event, id } = frame;
    if (event === "progress" && Number(id) < this.last) {
      throw new ContractError(`progress ${id} behind ${this.last}`);
    }
    if (event !== "change") return;
    const revision = Number(id);
    if (revision !== this.last + 1) throw new ContractError(`${revision} behind ${this.last}`);
    const [change, ...more] = changesOf(frame);
    const number = Number(change?.value);
    if (more.length > 0 || change?.key !== keyOf(number)) {
      throw new ContractError(`${revision} is told as ${JSON.stringify(frame.data)}`);
    }
    this.#seen[revision] = number;
    this.last = revision;
    this.events++;
  }

  #goOnFrom(oldest: number): void {
    if (!this.#isSlow) throw new ContractError(`compacted up to ${oldest} at ${this.last}`);
    this.compacted++;
    this.last = oldest;
  }

  /** What it saw is what was written. */
  judge(truth: Truth): void {
    for (let revision = firstRevision + 1; revision <= truth.revision; revision++) {
      const seen = this.#seen[revision];
      if (seen === 0 && this.#isSlow) continue;
      if (seen === truth.at(revision)) continue;
      throw new ContractError(`revision ${revision} was ${truth.at(revision)}, seen is ${seen}`);
    }
  }
}

class ContractError extends Error {
  override readonly name = "ContractError";
}

/** Under which a number is written. */
function keyOf(number: number): string {
  return `e/${number % keys}`;
}

/** Every watcher must have seen every write, once and in order. */
export async function soakWatches(plan: Plan): Promise<string> {
  const prng = new Prng(plan.seed);
  let told = "";
  await withCluster({ builds: plan.builds }, async (cluster) => {
    await cluster.start();
    const truth = new Truth(plan.count);
    const adversary = new Adversary(cluster, prng.split());
    const end = () => truth.written === plan.count ? truth.revision : undefined;
    const watchers = Array.from(
      { length: plan.clients },
      (_, at) => {
        const isSlow = at === plan.clients - 1;
        return new Watcher({ cluster, prng: prng.split(), count: plan.count, isSlow });
      },
    );
    let watching = watchers.length;
    await Promise.all([
      write(new Caller(cluster, prng.split()), truth, plan.count),
      compact(new Caller(cluster, prng.split()), truth, () => end() !== undefined),
      adversary.rage(() => watching === 0),
      ...watchers.map((watcher) => watcher.run(end).finally(() => watching--)),
    ]);
    for (const watcher of watchers) watcher.judge(truth);
    const sum = (of: (watcher: Watcher) => number) =>
      watchers.reduce((total, watcher) => total + of(watcher), 0);
    told = `${plan.count} writes, ${sum(({ events }) => events)} events seen by ` +
      `${watchers.length} watchers over ${sum(({ connections }) => connections)} connections, ` +
      `no gap, no repetition, all in order; ${sum(({ compacted }) => compacted)} times told of ` +
      `compaction; ${describedMisfortunes(adversary.seen)}`;
  });
  return told;
}

async function write(caller: Caller, truth: Truth, count: number): Promise<void> {
  for (let number = 1; number <= count;) {
    const numbers = Array.from(
      { length: Math.min(batchItems, count - number + 1) },
      (_, at) => number + at,
    );
    const items = numbers.map((n) => ({ put: { key: keyOf(n), value: String(n) } }));
    const answer = await caller.call({
      method: "POST",
      path: "/v1/batch",
      body: JSON.stringify(items),
      headers: { "Content-Type": "application/json" },
      withinMs: () => patienceMs,
    });
    if (answer.status !== 200) throw new Error(`A batch: ${answer.status} ${answer.body}`);
    const { items: done } = JSON.parse(answer.body);
    for (const [at, n] of numbers.entries()) truth.wrote(done[at].revision, n);
    number += numbers.length;
  }
}

async function compact(caller: Caller, truth: Truth, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await pause(500);
    if (truth.revision <= keptRevisions + firstRevision) continue;
    await caller.call({
      method: "POST",
      path: "/v1/compactions",
      body: JSON.stringify({ revision: truth.revision - keptRevisions }),
      headers: { "Content-Type": "application/json" },
      withinMs: () => patienceMs,
    });
  }
}
