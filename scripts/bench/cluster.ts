/** The processes of one system, started fresh: what is needed of skein and of etcd alike. */

import { ServerProcess } from "./server_process.ts";
import type { Address, LoadOrder, Surface, SystemName } from "./measurement.ts";
import { runGenerator } from "./run_generator.ts";
import { pause, until } from "../../test/harness/wait.ts";

export interface Member {
  readonly process: ServerProcess;
  readonly rest: Address;
  readonly grpc: Address;
}

/** What differs between the systems. */
export interface SystemFacts {
  readonly name: SystemName;
  /** For the report: what runs, and how. */
  readonly version: string;
  /** Whether this member says of itself that it leads; false also when it does not answer. */
  readonly leads: (member: Member) => Promise<boolean>;
}

export const memberCount = 3;
/** A leader counts as settled when it has not changed for so long: longer than an election. */
const settledMs = 1_500;
const patienceMs = 30_000;
const fillWithinMs = 600_000;

export class Cluster {
  readonly facts: SystemFacts;
  readonly #members: readonly Member[];

  constructor(facts: SystemFacts, members: readonly Member[]) {
    this.facts = facts;
    this.#members = members;
  }

  get pids(): readonly number[] {
    return this.#members.map(({ process }) => process.pid);
  }

  /** Nothing of it runs until `thaw`: the other cluster has the machine for itself. */
  freeze(): void {
    for (const { process } of this.#members) process.freeze();
  }

  thaw(): void {
    for (const { process } of this.#members) process.thaw();
  }

  /** Waits until one member has led for a while, and returns it. */
  async settledLeader(withinMs = patienceMs): Promise<Member> {
    let leader = await this.#findLeader(withinMs);
    for (let sinceMs = performance.now(); performance.now() - sinceMs < settledMs;) {
      await pause(100);
      const now = await this.#findLeader(withinMs);
      if (now === leader) continue;
      leader = now;
      sinceMs = performance.now();
    }
    return leader;
  }

  /** The leader alone, or all members, the leader first. */
  async targets(surface: Surface, spread: boolean): Promise<readonly Address[]> {
    const leader = await this.settledLeader();
    const others = this.#members.filter((member) => member !== leader);
    return (spread ? [leader, ...others] : [leader]).map((member) => member[surface]);
  }

  /** Puts every key, so that reads find what they ask for. */
  async fill(order: Pick<LoadOrder, "keys" | "keyBytes" | "valueBytes" | "seed">): Promise<void> {
    const { latency, errors, firstError } = await runGenerator({
      ...order,
      system: this.facts.name,
      surface: "grpc",
      operation: "fill",
      targets: await this.targets("grpc", false),
      connections: 10,
      clients: 100,
      warmupMs: 0,
      measureMs: fillWithinMs,
      operationsMax: order.keys,
      serverPids: [],
    });
    if (errors > 0) {
      throw new Error(`${errors} of ${order.keys} keys cannot be put: ${firstError ?? ""}`);
    }
    if (latency.count < order.keys) {
      throw new Error(`${latency.count} of ${order.keys} keys were put in ${fillWithinMs} ms`);
    }
  }

  /** What a node does not finish in `graceMs`, it does not finish. */
  async end(graceMs = 5_000): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => process.end(graceMs)));
  }

  /** As a crash ends them: kill -9, all at once. */
  async kill(): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => process.kill()));
  }

  async #findLeader(withinMs: number): Promise<Member> {
    const { name, leads } = this.facts;
    return await until(async () => {
      for (const member of this.#members) {
        if (member.process.hasEnded) {
          throw new Error(`A server of ${name} has ended\n${member.process.logTail()}`);
        }
        if (await leads(member)) return member;
      }
      return undefined;
    }, { what: `a leader of ${name}`, withinMs, everyMs: 50 });
  }
}

/** The JSON that a server answers; undefined when it does not, or not in time. */
export async function askJson(
  { host, port }: Address,
  path: string,
  body?: string,
): Promise<ReadonlyMap<string, unknown> | undefined> {
  try {
    const answer = await fetch(`http://${host}:${port}${path}`, {
      signal: AbortSignal.timeout(1_000),
      ...(body !== undefined && { method: "POST", body }),
    });
    const json: unknown = await answer.json();
    return answer.ok ? membersOf(json) : undefined;
  } catch {
    return undefined;
  }
}

/** The members of a JSON object by name; none for anything else. */
export function membersOf(json: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof json === "object" && json !== null ? Object.entries(json) : []);
}
