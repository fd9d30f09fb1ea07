/**
 * Words for what is done to a cluster in a directed scenario, step by step; those for what must
 * hold are in expectations.ts. A word that cannot do what it says fails.
 */

import type { Envelope, Message } from "../../../src/raft/message.ts";
import type { SimDirectory, SimNode } from "../../harness/sim_node.ts";
import { linearizabilityFault } from "../invariants/linearizability.ts";
import type { Asked } from "./asked.ts";
import { Expectations } from "./expectations.ts";
import type { Stage } from "./stage.ts";

export class Scenario {
  readonly #stage: Stage;
  /** Directories of the cluster that others were put in the place of. */
  readonly #setAside = new Map<SimNode, SimDirectory>();
  /** Nodes that the end does without. */
  readonly #retired = new Set<SimNode>();
  readonly #keys = new Set<string>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.#stage.pass(ms);
  }

  // ---- Processes ----

  /** Starts processes, and waits until each of them has found its place, or has ended. */
  start(...nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      this.#must(!node.isRunning, `${this.#name(node)} is down when it is started`);
      node.start();
    }
    const isThere = ({ formed, ended }: SimNode): boolean => (formed ?? ended) !== undefined;
    this.#stage.until(() => nodes.every(isThere), `${this.#name(...nodes)} has started`);
  }

  /** kill -9. */
  kill(...nodes: readonly SimNode[]): void {
    for (const node of nodes) this.#stop(node, "kill");
  }

  /** What was under way to the disk is lost, all but a prefix that the seed decides. */
  cutPower(...nodes: readonly SimNode[]): void {
    for (const node of nodes) this.#stop(node, "cutPower");
  }

  #stop(node: SimNode, how: "kill" | "cutPower"): void {
    this.#must(node.isRunning, `${this.#name(node)} runs when it is stopped`);
    this.#stage.watched.stop(node, how);
  }

  /** The process stands still. */
  pause(node: SimNode): void {
    node.pause();
  }

  /** It goes on, and finds what has come meanwhile. */
  resume(node: SimNode): void {
    node.resume();
    this.pass(1);
  }

  /** The machine sleeps: its monotonic clock stands still as well, until {@link resume}. */
  suspend(node: SimNode): void {
    node.suspend();
  }

  /** From now on its clocks gain or lose: 1,100 gains 10 %. */
  setClockRate(node: SimNode, permille: number): void {
    node.clock.setRate(permille);
  }

  /** A node that is not of the cluster ends. */
  takeAway(stranger: SimNode): void {
    stranger.kill();
  }

  /** The cluster does without the node from now on. */
  retire(node: SimNode): void {
    if (node.isRunning) this.kill(node);
    this.#retired.add(node);
  }

  /** A copy of the node's directory on another machine. It is not watched. */
  twinOf(node: SimNode): SimNode {
    const twin = this.#stage.cluster.make({ ...node.options, address: "twin" });
    twin.restore(node.copy());
    return twin;
  }

  /**
   * Another cluster has lived elsewhere, under the same ids, and has written `value` to `key`. Of
   * it one node is left, which has the id of `node`; it is down, and it is not watched.
   */
  nodeOfOtherCluster(node: SimNode, key: string, value: string): SimNode {
    const { cluster, nodes } = this.#stage;
    const [clusterId, ids] = ["other", nodes.map(({ id }) => id)];
    const addressOf = (id: number): string => `other${id}`;
    const theirs = ids.map((id) =>
      cluster.make({ id, ids, clusterId, address: addressOf(id), addressOf })
    );
    this.start(...theirs);
    const hasIt = (each: SimNode): boolean => each.value(key) === value;
    this.#stage.until(() => theirs.some(({ leads }) => leads), "the other cluster is led");
    theirs.find(({ leads }) => leads)?.put(key, value);
    this.#stage.until(() => theirs.every(hasIt), "the other cluster has its value");
    // Until their stores have committed it.
    this.pass(500);
    for (const each of theirs) each.kill();
    return theirs.find(({ id }) => id === node.id) ?? this.#stage.fail("There is such a node");
  }

  /** It gets the machine of the other, which is down, and is told of the peers of that one. */
  takePlaceOf(stranger: SimNode, node: SimNode): void {
    this.#must(!node.isRunning, `${this.#name(node)} is down when its place is taken`);
    const { clusterId = "" } = stranger.options;
    stranger.options = { ...node.options, clusterId };
    stranger.address = node.address;
    stranger.start();
  }

  // ---- The network ----

  /** Nothing gets from the first to the second any more; the way back is not touched. */
  cut(from: SimNode, to: SimNode): void {
    const { network } = this.#stage.cluster;
    this.#must(!network.isCut(from.address, to.address), "A way is whole when it is cut");
    network.cut(from.address, to.address);
  }

  /** Undoes {@link cut} for one way. */
  mendWay(from: SimNode, to: SimNode): void {
    const { network } = this.#stage.cluster;
    this.#must(network.isCut(from.address, to.address), "A way is cut when it is mended");
    network.mend(from.address, to.address);
  }

  /** Every way is whole again. */
  mend(): void {
    this.#stage.cluster.network.heal();
  }

  /** Nodes of different groups do not reach each other; whoever is in none reaches nobody. */
  split(...groups: readonly (readonly SimNode[])[]): void {
    const groupOf = (node: SimNode): unknown =>
      groups.find((group) => group.includes(node)) ?? node;
    this.#arrange((from, to) => groupOf(from) === groupOf(to));
  }

  /** Nobody reaches these nodes, nor they anybody; all others reach each other. */
  isolate(...nodes: readonly SimNode[]): void {
    this.split(this.#stage.nodes.filter((node) => !nodes.includes(node)));
  }

  /** Only the ways between the centre and each of the others are whole. */
  star(centre: SimNode, ...others: readonly SimNode[]): void {
    this.#arrange((from, to) =>
      (from === centre && others.includes(to)) || (to === centre && others.includes(from))
    );
  }

  #arrange(isWhole: (from: SimNode, to: SimNode) => boolean): void {
    const { cluster: { network }, nodes } = this.#stage;
    for (const from of nodes) {
      for (const to of nodes) {
        const isCut = network.isCut(from.address, to.address);
        if (from === to || isCut !== isWhole(from, to)) continue;
        if (isCut) this.mendWay(from, to);
        else this.cut(from, to);
      }
    }
  }

  /** What is sent on this way waits for so long. */
  clog(from: SimNode, to: SimNode, forMs: number): void {
    this.#stage.cluster.network.clog(from.address, to.address, forMs * 1_000);
  }

  /** The way is cut right before such a message would leave on it. */
  cutBefore(kind: Message["kind"], from: SimNode, to: SimNode): void {
    const { onSend } = this.#stage.watched;
    const watch = (node: SimNode, envelope: Envelope): void => {
      if (node !== from || envelope.to !== to.id || envelope.message.kind !== kind) return;
      onSend.delete(watch);
      this.cut(from, to);
    };
    onSend.add(watch);
  }

  /**
   * Keeps a copy of the next such message that is sent, whether it arrives or not. The returned
   * function lets it arrive: once more, or at last.
   */
  record(kind: Message["kind"], from: SimNode, to: SimNode): () => void {
    const { onSend } = this.#stage.watched;
    let kept: Envelope | undefined;
    const keep = (node: SimNode, envelope: Envelope): void => {
      if (node !== from || envelope.to !== to.id || envelope.message.kind !== kind) return;
      onSend.delete(keep);
      kept = envelope;
    };
    onSend.add(keep);
    return () => {
      const envelope = kept;
      if (envelope === undefined) {
        return this.#stage.fail(`${this.#name(from)} has said ${kind} to ${this.#name(to)}`);
      }
      to.run(({ node }) => node.receive(envelope));
      this.pass(5);
    };
  }

  /** Counts such messages from now on; the returned function says how many there were. */
  count(isCounted: (message: Message) => boolean, from: SimNode, to: SimNode): () => number {
    let count = 0;
    this.#stage.watched.onSend.add((node, { to: id, message }) => {
      if (node === from && id === to.id && isCounted(message)) count++;
    });
    return () => count;
  }

  /** The leader tells a node to campaign, whether it should or not. */
  tellToCampaign(leader: SimNode, target: SimNode): void {
    const { term } = leader.status();
    const epochs = { fromEpoch: 1, toEpoch: 1 };
    const message = { kind: "timeoutNow" } as const;
    const envelope = { from: leader.id, to: target.id, ...epochs, term, message };
    target.run(({ node }) => node.receive(envelope));
  }

  // ---- Disks and directories ----

  /** Nothing becomes durable for so long. */
  stallDisk(node: SimNode, forMs: number): void {
    node.disk.stall(forMs * 1_000);
  }

  /** The next write to the log fails, and may have become durable all the same. */
  failFsync(node: SimNode): void {
    this.#stage.watched.mayEnd(node, /^Cannot sync the log: EIO$/);
    node.disk.failNextWrite();
  }

  /** There is no room for the log, or for the store. */
  fillDisk(node: SimNode, under: "log" | "store"): void {
    if (under === "log") node.disk.log.freeBytes = 0;
    else node.store.isFull = true;
  }

  freeDisk(node: SimNode): void {
    node.disk.log.freeBytes = Infinity;
    node.store.isFull = false;
  }

  /** A bit turns in the last entry of its log. */
  damageLastEntry(node: SimNode): void {
    this.damageEntry(node, node.disk.log.lastIndex());
  }

  /** A bit turns in this entry of its log. */
  damageEntry(node: SimNode, index: number): void {
    this.#must(!node.isRunning, `${this.#name(node)} is down when its log is damaged`);
    this.#stage.watched.loses(node);
    node.disk.log.damage(index);
  }

  /** Somebody deletes kv.db. */
  loseStore(node: SimNode): void {
    this.#must(!node.isRunning, `${this.#name(node)} is down when its store is deleted`);
    node.wipeStore();
  }

  /** What lies in its directory now. */
  copyOf(node: SimNode): SimDirectory {
    return node.copy();
  }

  /** Another directory is put in the place of the node's, an empty one unless given. */
  replaceDirectory(node: SimNode, by?: SimDirectory): void {
    this.#must(!node.isRunning, `${this.#name(node)} is down when its directory is replaced`);
    this.#setAside.set(node, node.copy());
    this.#stage.watched.isReplaced(node);
    if (by === undefined) node.wipe();
    else node.restore(by);
  }

  /** It gets back what {@link replaceDirectory} took. */
  putBackDirectory(node: SimNode): void {
    const directory = this.#setAside.get(node);
    if (directory === undefined) return this.#stage.fail(`${this.#name(node)} lacks its directory`);
    if (node.isRunning) this.kill(node);
    node.restore(directory);
    this.#setAside.delete(node);
    this.#stage.watched.isPutBack(node);
  }

  // ---- Clients and administrators ----

  /** A write at whoever leads. It must be applied. */
  write(key: string, value: string): void {
    const asked = this.writeAt(this.#stage.leader(this.#stage.running), key, value);
    this.#stage.until(() => asked.answers.length > 0, `${asked.what} is answered`);
    this.#must(asked.answers[0] === "applied", `${asked.what} is applied: ${asked.answers}`);
  }

  writeAt(node: SimNode, key: string, value: string): Asked {
    this.#keys.add(key);
    return this.#stage.asking.write(node, key, value);
  }

  readAt(node: SimNode, key: string): Asked {
    return this.#stage.asking.read(node, key);
  }

  /** At level lease. */
  readLeaseAt(node: SimNode, key: string): Asked {
    return this.#stage.asking.read(node, key, "lease");
  }

  transfer(from: SimNode, to: SimNode): Asked {
    return this.#stage.asking.transfer(from, to);
  }

  /** The members stay; of them these vote, the others learn. */
  changeVoters(at: SimNode, ...voters: readonly SimNode[]): Asked {
    return this.#stage.asking.change(at, (members) =>
      members.map((member) => {
        const votes = voters.some(({ id }) => id === member.id);
        return { ...member, suffrage: votes ? "voter" : "learner" };
      }));
  }

  /** The node is to be no member any more. */
  remove(at: SimNode, removed: SimNode): Asked {
    return this.#stage.asking.change(
      at,
      (members) => members.filter(({ id }) => id !== removed.id),
    );
  }

  /** The node is to be a member, with the directory that it has. */
  add(at: SimNode, added: SimNode): Asked {
    const { id } = added;
    const incarnation = added.identity()?.incarnation ?? "";
    return this.#stage.asking.change(
      at,
      (members) => [...members, { id, incarnation, suffrage: "learner" }],
    );
  }

  // ---- The end ----

  /** All trouble ends: one leads, all hold the same, and every answer was right. */
  end(): void {
    const stage = this.#stage;
    for (const node of [...this.#setAside.keys()]) this.putBackDirectory(node);
    this.mend();
    const staying = stage.nodes.filter((node) => !this.#retired.has(node));
    for (const node of staying) {
      node.disk.heal();
      this.freeDisk(node);
      if (node.isRunning && node.isPaused) this.resume(node);
    }
    this.start(...staying.filter(({ isRunning }) => !isRunning));
    this.write("end", "reached");
    const expect = new Expectations(stage);
    expect.level(...staying);
    for (const key of this.#keys) expect.sameValue(key, ...staying);
    // Who is left out, and who was removed, need not hold everything.
    if (this.#retired.size === 0) stage.watched.watch.finished();
    const fault = linearizabilityFault(stage.asking.history.calls());
    if (fault !== undefined) stage.fail(`All answers are linearizable: ${fault}`);
    stage.check();
  }

  #must(holds: boolean, what: string): void {
    this.#stage.must(holds, what);
  }

  #name(...nodes: readonly SimNode[]): string {
    return this.#stage.name(...nodes);
  }
}
