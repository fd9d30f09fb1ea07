/** One node, or three, that are started again and again over the same data. */

import { join } from "node:path";
import { until } from "../../test/harness/wait.ts";
import { freePorts } from "../../test/harness/ports.ts";
import { keyText } from "./calls.ts";
import { Cluster } from "./cluster.ts";
import { type DiskSize, diskSize } from "./disk_size.ts";
import type { Address } from "./measurement.ts";
import { type SkeinOptions, startSkeinOn } from "./skein_cluster.ts";
import { keyBytes } from "./workloads.ts";

export interface Restarts {
  /** From the start of the processes to the first linearizable read that is answered; ms. */
  readonly afterKillMs: number;
  readonly afterStopMs: number;
  /** From SIGTERM to the end of the last process; ms. */
  readonly stopMs: number;
}

/** A start reads the whole log; a stop may have to copy a write-ahead log. */
const patienceMs = 30 * 60_000;
const askAgainMs = 2;

export class ScaleCluster {
  readonly #options: SkeinOptions;
  readonly #ports: readonly number[];
  #cluster: Cluster;

  private constructor(options: SkeinOptions, ports: readonly number[]) {
    this.#options = options;
    this.#ports = ports;
    this.#cluster = startSkeinOn(options, ports);
  }

  static async start(options: SkeinOptions, nodes: number): Promise<ScaleCluster> {
    return new ScaleCluster(options, await freePorts(nodes * 2));
  }

  get version(): string {
    return this.#cluster.facts.version;
  }

  get pids(): readonly number[] {
    return this.#cluster.pids;
  }

  /** Of the first node: they all hold the same. */
  diskSize(): DiskSize {
    return diskSize(join(this.#options.folder, "node-1"));
  }

  async leader(): Promise<{ readonly rest: Address; readonly pid: number }> {
    const leader = await this.#cluster.settledLeader(patienceMs);
    return { rest: leader.rest, pid: leader.process.pid };
  }

  /** Key 0 must be there. */
  async restarts(): Promise<Restarts> {
    await this.#cluster.kill();
    const afterKillMs = await this.#startAgain();
    const stopping = performance.now();
    await this.#cluster.end(patienceMs);
    const stopMs = performance.now() - stopping;
    return { afterKillMs, stopMs, afterStopMs: await this.#startAgain() };
  }

  async end(): Promise<void> {
    await this.#cluster.end(patienceMs);
  }

  async #startAgain(): Promise<number> {
    const startMs = performance.now();
    this.#cluster = startSkeinOn(this.#options, this.#ports);
    const url = `http://127.0.0.1:${this.#ports[0]}/v1/kv/${keyText(0, keyBytes)}`;
    await until(async () => {
      const answer = await fetch(url);
      await answer.arrayBuffer();
      return answer.status === 200;
    }, { what: "a read after the start", withinMs: patienceMs, everyMs: askAgainMs });
    return performance.now() - startMs;
  }
}
