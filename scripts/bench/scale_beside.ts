/** What is not keys: watches, and the memory of leases and watches. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { runtimeProgram } from "../gate/run_command.ts";
import type { Address } from "./measurement.ts";
import { processMemory } from "./process_memory.ts";
import { waitUntilQuiet } from "./quiet.ts";
import { root } from "./run_generator.ts";
import type { ScaleCluster } from "./scale_cluster.ts";
import { say, type ScaleOptions } from "./scale_options.ts";
import type { WatchOrder, WatchResult } from "./watchers.ts";

export interface LeaseResult {
  readonly leases: number;
  readonly seconds: number;
  /** Of the server, before and behind, in quiet. */
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

const writesOf = (watchers: number): number => watchers >= 1_000 ? 50 : 500;
const watchTimeoutMs = 10 * 60_000;

/** For each number of watchers, on a node alone. */
export async function measureWatchers(
  cluster: ScaleCluster,
  { watchers }: ScaleOptions,
): Promise<readonly WatchResult[]> {
  const results: WatchResult[] = [];
  for (const count of watchers) {
    const { rest, pid } = await cluster.leader();
    const order = { target: rest, serverPid: pid, watchers: count, writes: writesOf(count) };
    const result = await runWatchers(order);
    results.push(result);
    say(`${count} watchers: the last one is told after ${Math.round(result.last.p50Us)} µs`);
  }
  return results;
}

function runWatchers(order: WatchOrder): Promise<WatchResult> {
  const program = runtimeProgram(root, "bun");
  const args = [join(root, "scripts/bench/watchers.ts"), JSON.stringify(order)];
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: root, timeout: watchTimeoutMs }, (error, stdout, stderr) => {
      if (error !== null) return reject(new Error(`The watchers failed: ${stderr}`));
      const result: WatchResult = JSON.parse(stdout);
      resolve(result);
    });
  });
}

const grantsAtATime = 32;

/** Grants leases of an hour. */
export async function measureLeases(cluster: ScaleCluster, leases: number): Promise<LeaseResult> {
  const { rest, pid } = await cluster.leader();
  await grant(rest, grantsAtATime * 100);
  await waitUntilQuiet([pid], 60);
  const beforeBytes = processMemory(pid).residentBytes;
  const startMs = performance.now();
  await grant(rest, leases);
  const seconds = (performance.now() - startMs) / 1_000;
  await waitUntilQuiet([pid], 60);
  const afterBytes = processMemory(pid).residentBytes;
  say(`${leases} leases: ${Math.round((afterBytes - beforeBytes) / leases)} bytes each`);
  return { leases, seconds, beforeBytes, afterBytes };
}

async function grant({ host, port }: Address, leases: number): Promise<void> {
  let left = leases;
  const grantNext = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await fetch(`http://${host}:${port}/v1/leases`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"ttl":"1h"}',
      });
      const text = await answer.text();
      if (answer.status !== 201) throw new Error(`A lease was answered ${answer.status}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: grantsAtATime }, grantNext));
}
