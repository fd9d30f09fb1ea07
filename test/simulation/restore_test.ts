/**
 * A backup is restored over what there is, through the log in steps (docs/decisions/0019), while
 * somebody writes and nodes crash in the midst of it, lose their power, lead by turns and become
 * images of half a restore: all members come to hold what the backup held, and nothing from before.
 */

import type { Result } from "../../src/kv/result.ts";
import type { Operation } from "../../src/kv/command.ts";
import type { Restore } from "../../src/kv/restores.ts";
import { lossyText } from "../../src/lib/bytes.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { Index } from "../../src/raft/types.ts";
import { backupOf } from "../harness/backups.ts";
import { del, get, put, range } from "../harness/kv_commands.ts";
import { ownHalf } from "../harness/runtime.ts";
import { scrubAll } from "../harness/scrubbing.ts";
import { restoreCommands } from "../harness/restoring.ts";
import { SimCluster } from "../harness/sim_cluster.ts";
import type { SimNode } from "../harness/sim_node.ts";
import { noObserver } from "../harness/sim_observer.ts";
import { assert, describe, it } from "../harness/test.ts";
import { withoutAmbient } from "./ambient.ts";

const seeds = 8;
const firstSeed = ownHalf * seeds + 1;
const keys = 1_500;
const troubleMs = 10_000;
const config = {
  "snapshot.log_entries_max": "4",
  "snapshot.cool_down_ms": "50",
  "snapshot.retained_entries_max": "1",
  "snapshot.held_bytes_max": "0",
  "snapshot.chunk_bytes": "262144",
  "storage.compare_interval_ms": "300",
};

/** So that much can happen between two steps. */
const slowDisk = { latencyMinUs: 5_000, latencyMaxUs: 60_000 };

type Phase = Restore["phase"];

/** A write of which the answer came. */
interface Written {
  readonly key: string;
  readonly revision: number;
}

class RestoreRun {
  readonly cluster: SimCluster;
  readonly faults: string[] = [];
  /** In which phases of the restore a node was stopped, and one became an image. */
  readonly stoppedIn = new Set<Phase>();
  readonly adoptedIn = new Set<Phase>();
  readonly written: Written[] = [];
  /** Keys of which nobody knows. */
  readonly unknown = new Set<string>();
  readonly #prng: Prng;
  readonly #states = new Map<Index, string>();
  readonly #revisions: number[] = [];
  #isTroubled = false;
  #writes = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    const observer = {
      ...noObserver,
      applied: (node: SimNode) => this.#applied(node),
      ended: (node: SimNode, error: unknown) => void this.#broken(`${node.id} ends: ${error}`),
      persisted: (node: SimNode, { snapshot }: { readonly snapshot?: unknown }) => {
        const phase = this.#phase();
        if (snapshot !== undefined && phase !== undefined) this.adoptedIn.add(phase);
        if (snapshot !== undefined && this.#prng.chance(1, 3)) this.#stop(node);
      },
    };
    const network = { lossPermille: this.#prng.below(10) };
    this.cluster = new SimCluster({ seed, config, network, imageMsMax: 50, observer });
  }

  #broken(text: string): void {
    this.faults.push(text);
  }

  /** Who has applied the same is in the same state; revisions never fall; nobody sees a half. */
  #applied(node: SimNode): void {
    const { id, machine } = node;
    if (machine === undefined) return;
    const { applied: { index }, revision, stateHash } = machine.status();
    const { phase, next, target } = machine.restore ?? {};
    const state = JSON.stringify([revision, stateHash, phase, next, target]);
    const known = this.#states.get(index) ?? state;
    if (known !== state) this.#broken(`node ${id} at ${index}: ${state}, others ${known}`);
    this.#states.set(index, state);
    this.#revisions[index] = revision;
    const later = this.#revisions.slice(0, index).find((before) => before > revision);
    if (later !== undefined) this.#broken(`node ${id} falls to ${revision} from ${later}`);
    if (phase === "staging" && this.#prng.chance(1, 16)) this.#stop(node);
    if (!machine.isRestoring) return;
    if (this.#prng.chance(1, 6)) this.#stop(node);
    const { kind } = machine.read(get("k1"));
    if (kind !== "future") this.#broken(`node ${id} shows ${kind} in the midst of a restore`);
  }

  /** As the node has it that has come furthest. */
  #phase(): Phase | undefined {
    const machines = this.cluster.nodes.flatMap(({ machine }) => machine ?? []);
    const [first] = machines.sort((a, b) =>
      b.applied().position.index - a.applied().position.index
    );
    return first?.restore?.phase;
  }

  // ---- Clients ----

  /** Asks one node after the other until the operation is applied; `told` of its last answer. */
  ask(operation: Operation, told: (result: Result) => void, tries = 1): void {
    const { scheduler, nodes } = this.cluster;
    const node = nodes.find(({ leads }) => leads && this.#prng.chance(3, 4)) ??
      nodes[this.#prng.below(nodes.length)]!;
    const again = () => scheduler.after(30_000, () => this.ask(operation, told, tries + 1));
    if (node.formed === undefined || node.isPaused) return void again();
    const { formed } = node;
    const outcomes = node.propose(operation, 800);
    const look = (left: number): void => {
      const outcome = outcomes[0];
      if (outcome?.kind === "applied") return told(outcome.result);
      const isOver = outcome !== undefined || node.formed !== formed || left === 0;
      if (isOver) again();
      else scheduler.after(10_000, () => look(left - 1));
    };
    look(200);
  }

  /** Asks once for a write after the other, to the end. */
  writeOn(isOver: () => boolean): void {
    const { scheduler, nodes } = this.cluster;
    if (isOver()) return;
    const node = nodes[this.#prng.below(nodes.length)]!;
    const { formed } = node;
    scheduler.after(5_000 + this.#prng.below(40_000), () => this.writeOn(isOver));
    if (formed === undefined || node.isPaused) return;
    const key = `w${++this.#writes}`;
    const outcomes = node.propose(put(key, "written"), 500);
    this.unknown.add(key);
    scheduler.after(3_000_000, () => {
      const outcome = outcomes[0];
      if (outcome === undefined || outcome.kind === "unknown") return;
      this.unknown.delete(key);
      if (outcome.kind !== "applied" || outcome.result.kind !== "put") return;
      this.written.push({ key, revision: outcome.result.revision });
    });
  }

  // ---- Trouble ----

  /** For a while; what it has held up must come to its end by itself. */
  trouble(): void {
    const { scheduler, network } = this.cluster;
    this.#isTroubled = true;
    this.#troubleLater();
    scheduler.after(troubleMs * 1_000, () => {
      this.#isTroubled = false;
      network.heal();
    });
  }

  #troubleLater(): void {
    const { scheduler, nodes } = this.cluster;
    scheduler.after(1_000 * (100 + this.#prng.below(1_200)), () => {
      if (!this.#isTroubled) return;
      const leader = nodes.find(({ leads }) => leads);
      const aimed = this.#prng.chance(2, 3) ? leader : undefined;
      const node = aimed ?? nodes[this.#prng.below(nodes.length)]!;
      const kind = this.#prng.below(5);
      if (kind < 3) this.#stop(node);
      else if (kind < 4 && leader?.formed !== undefined) leader.transfer();
      else if (node.isRunning) this.#cutOff(node);
      this.#troubleLater();
    });
  }

  #cutOff(node: SimNode): void {
    this.cluster.isolate(node);
    this.cluster.scheduler.after(700_000, () => this.cluster.network.heal());
  }

  /** One at a time, so that there is a majority. */
  #stop(node: SimNode): void {
    const { scheduler, nodes } = this.cluster;
    if (!this.#isTroubled || nodes.some(({ formed }) => formed === undefined)) return;
    const [phase, isCut] = [this.#phase(), this.#prng.chance(1, 2)];
    // Not from within what it does.
    scheduler.after(0, () => {
      if (!node.isRunning) return;
      if (phase !== undefined) this.stoppedIn.add(phase);
      if (isCut) node.cutPower();
      else node.kill();
      scheduler.after(1_000 * (20 + this.#prng.below(400)), () => node.start());
    });
  }

  calm(): void {
    // What was begun is over, and everybody is told what became of the last write.
    this.cluster.run(troubleMs);
    this.cluster.leader();
    this.cluster.level();
  }
}

/** Keys with some past, all that a backup will hold; then more, which it does not. */
function fill(run: RestoreRun, letter: string, count: number): void {
  const value = letter.repeat(200);
  for (let at = 0; at < count; at += 100) {
    const items = Array.from({ length: 100 }, (_, key) => put(`k${at + key}`, value));
    let isDone = false;
    run.ask({ kind: "batch", items }, () => isDone = true);
    run.cluster.until(() => isDone, "a batch");
  }
}

function recordsOf({ machine }: SimNode) {
  const answer = machine!.read(range({ limit: 10_000 }));
  assert.ok(answer.kind === "range", answer.kind);
  return answer.items.map(({ key, value, mod, version, create }) => ({
    ...{ key: lossyText(key), value: lossyText(value), mod, version, create },
  }));
}

function live(seed: number): RestoreRun {
  const run = new RestoreRun(seed);
  const { cluster } = run;
  cluster.form();
  fill(run, "a", keys);
  fill(run, "b", 100);
  cluster.level();
  const origin = cluster.leader();
  origin.machine!.commit();
  const backup = backupOf(origin.store.tables);
  const expected = recordsOf(origin);
  fill(run, "c", 200);
  cluster.write("later", "than the backup");
  let isDeleted = false;
  run.ask(del("k7"), () => isDeleted = true);
  cluster.until(() => isDeleted, "a deletion");
  const above = cluster.leader().machine!.revision;
  run.trouble();
  let isRestored = false;
  run.writeOn(() => isRestored);
  const commands = [...restoreCommands(backup, { over: "any", above: above + 50 })];
  for (const { disk } of cluster.nodes) disk.options = slowDisk;
  const next = (): void => {
    const command = commands.shift();
    if (command === undefined) return;
    run.ask(command, (result) => {
      if (result.kind !== "restore") run.faults.push(`${command.kind}: ${JSON.stringify(result)}`);
      next();
    });
  };
  next();
  const isDone = (): boolean =>
    cluster.nodes.some(({ machine }) => machine?.restore?.phase === "done");
  cluster.until(() => run.faults.length > 0 || isDone(), "the end of the restore", 120_000);
  cluster.run(1_000);
  isRestored = true;
  run.calm();
  assert.deepEqual(run.faults, []);
  check(run, expected, above);
  // What the disks hold is the same again.
  for (const node of cluster.nodes) node.kill();
  cluster.form();
  check(run, expected, above);
  assert.deepEqual(run.faults, []);
  return run;
}

function check(run: RestoreRun, expected: ReturnType<typeof recordsOf>, above: number): void {
  const { cluster, written, unknown } = run;
  const target = cluster.leader().machine!.restore!.target;
  assert.ok(target > above + 50, `${target}`);
  const after = written.filter(({ revision }) => revision > target).map(({ key }) => key);
  const states = cluster.nodes.map((node) => node.machine!.status());
  for (const node of cluster.nodes) {
    const machine = node.machine!;
    assert.deepEqual(machine.status().stateHash, states[0]!.stateHash);
    const records = recordsOf(node);
    const restored = records.filter(({ key }) => !key.startsWith("w"));
    // Every key comes in one revision, which is newer than any before.
    assert.deepEqual(restored, expected.map((record) => ({ ...record, mod: target })));
    const others = records.map(({ key }) => key).filter((key) => key.startsWith("w"));
    assert.deepEqual(
      others.filter((key) => !unknown.has(key)).sort(),
      after.filter((key) => !unknown.has(key)).sort(),
    );
    // Who watches since before must begin anew.
    const watched = machine.read({
      ...{ kind: "changes", range: { start: new Uint8Array(0) }, from: { after: above } },
      ...{ prev: false, changesMax: 10, bytesMax: 10_000 },
    });
    assert.equal(watched.kind, "compacted");
    machine.commit();
    scrubAll(machine);
  }
}

describe("A backup that is restored over a simulated cluster", () => {
  const runs: RestoreRun[] = [];
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    it(`is there whole on every member, whoever crashes: seed ${seed}`, () => {
      runs.push(withoutAmbient(() => live(seed)));
    });
  }

  it("was interrupted in every phase that takes time, by images as well", () => {
    const stopped = new Set(runs.flatMap(({ stoppedIn }) => [...stoppedIn]));
    const adopted = new Set(runs.flatMap(({ adoptedIn }) => [...adoptedIn]));
    for (const phase of ["staging", "clearing", "loading"] as const) {
      assert.ok(stopped.has(phase), `stopped in ${[...stopped]}`);
    }
    assert.ok(adopted.has("clearing") || adopted.has("loading"), `adopted in ${[...adopted]}`);
  });
});
