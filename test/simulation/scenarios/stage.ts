/**
 * Where a scenario is played: the watched cluster, who is who in it, the passing of time, and what
 * a failure says. `A` leads when the scenario begins; `B`, `C`, `D` and `E` follow, by their ids.
 */

import type { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert } from "../../harness/test.ts";
import { Asking } from "./asked.ts";
import { WatchedCluster } from "./watched_cluster.ts";

export interface StageOptions {
  /** How many nodes the cluster is born with. */
  readonly nodes: number;
  /** Keys of every node's configuration, by path, as typed. */
  readonly config: Readonly<Record<string, string>>;
  readonly seed: number;
}

/** raft.election_timeout_max_ms where nobody has set it. */
export const electionTimeoutMs = 2_000;
/** Longer than whatever has to come may take. */
const patienceMs = 30_000;
/** So many of the last lines of the trace stand in a failure. */
const traceLinesMax = 15;
const letters = ["A", "B", "C", "D", "E"] as const;

export class Stage {
  readonly watched: WatchedCluster;
  readonly asking: Asking;
  /** By their letters. */
  readonly nodes: readonly SimNode[];
  readonly #seed: number;

  constructor({ nodes, config, seed }: StageOptions) {
    this.#seed = seed;
    const ids = Array.from({ length: nodes }, (_, at) => at + 1);
    this.watched = new WatchedCluster({ ids, seed, config });
    this.asking = new Asking(this.watched);
    const leader = this.cluster.form();
    this.nodes = [leader, ...this.cluster.others(leader)];
    // Else the leader would write them down in the midst of the scenario.
    this.until(() => this.nodes.every(knowsAddresses), "the addresses of all are written down");
  }

  get cluster(): SimCluster {
    return this.watched.cluster;
  }

  get running(): readonly SimNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  /** The node with this letter. */
  node(letter: typeof letters[number]): SimNode {
    return this.nodes[letters.indexOf(letter)] ?? this.fail(`There is a node ${letter}`);
  }

  /** For people: `A (node 2)`. */
  name(...nodes: readonly SimNode[]): string {
    return nodes.map((node) => {
      const letter = letters[this.nodes.indexOf(node)] ?? `what runs at ${node.address}`;
      return `${letter} (node ${node.id})`;
    }).join(" or ");
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.cluster.run(ms);
    this.check();
  }

  /** Lets time pass until the condition holds; fails when it does not. `what`: a noun. */
  until(condition: () => boolean, what: string, withinMs = patienceMs): void {
    if (!this.holdsWithin(condition, withinMs)) this.fail(`${what}, within ${withinMs} ms`);
  }

  /** Whether the condition comes to hold; time passes until then. */
  holdsWithin(condition: () => boolean, withinMs: number): boolean {
    const isOver = (): boolean => this.watched.violation !== undefined || condition();
    const holds = this.cluster.scheduler.runUntil(isOver, withinMs * 1_000);
    this.check();
    return holds;
  }

  /** Waits for one of these to lead, in the highest term in which anybody leads. */
  leader(among: readonly SimNode[]): SimNode {
    let found: SimNode | undefined;
    const isThere = (): boolean => {
      const leaders = this.nodes.filter(({ leads }) => leads);
      const term = Math.max(...leaders.map((node) => node.status().term));
      found = among.find((node) => isReadyIn(node, term));
      return found !== undefined;
    };
    this.until(isThere, `${this.name(...among)} leads`);
    return found ?? this.fail("A leader was found");
  }

  /** `what`: a sentence that ought to be true. */
  must(holds: boolean, what: string): void {
    this.check();
    if (!holds) this.fail(what);
  }

  check(): void {
    const { violation } = this.watched;
    if (violation !== undefined) this.fail(`All invariants hold: ${violation}`);
  }

  fail(expected: string): never {
    const nodes = this.nodes.map((node) => {
      const status = node.formed?.node.status();
      const is = status === undefined
        ? node.isRunning ? "is not formed" : `is down ${node.ended ?? ""}`
        : `is ${status.role} in term ${status.term}, holds ${status.lastIndex} entries, has ` +
          `committed ${status.commitIndex}, applied ${status.applied}`;
      return `\n  ${this.name(node)} ${is}`;
    });
    const lines = this.cluster.scheduler.traceLines.slice(-traceLinesMax).map((line) =>
      `\n  ${line}`
    );
    assert.fail(
      `Expected with seed ${this.#seed}: ${expected}${nodes.join("")}\nIn µs:${lines.join("")}`,
    );
  }
}

/** It leads the term, and knows what is committed: it has applied an entry of the term. */
function isReadyIn(node: SimNode, wanted: number): boolean {
  const status = node.formed?.node.status();
  if (status?.role !== "leader" || status.termStart === undefined) return false;
  return status.term === wanted && status.applied >= status.termStart;
}

function knowsAddresses({ formed }: SimNode): boolean {
  const status = formed?.node.status();
  return status?.configurationCommitted === true && status.applied === status.lastIndex &&
    status.configuration.configuration.members.every(({ addresses }) => addresses !== undefined);
}
