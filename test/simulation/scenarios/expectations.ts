/**
 * Words for what must hold in a scenario. Each waits for what it says, and fails with a sentence
 * when that does not come; those that say *never* or name a time look on for that long.
 */

import { decodeCommand } from "../../../src/kv/command_encoding.ts";
import { lossyText } from "../../../src/lib/bytes.ts";
import { votersOf } from "../../../src/raft/configuration.ts";
import type { Message } from "../../../src/raft/message.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import type { Asked } from "./asked.ts";
import type { Stage } from "./stage.ts";

export class Expectations {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  // ---- Roles ----

  /** One of these comes to lead, and to know what is committed. */
  leader(...among: readonly SimNode[]): SimNode {
    return this.#stage.leader(among);
  }

  /**
   * It leads for so long, in the term that it is in now, and nobody gets ahead of that. One look at
   * the end tells: nobody leads a term twice, and terms never fall.
   */
  steadyLeader(leader: SimNode, forMs: number): void {
    const { term } = leader.status();
    this.#stage.pass(forMs);
    const what = `${this.#name(leader)} leads on in term ${term}, and nobody is ahead of that`;
    const isAhead = this.#stage.running.some((node) => termOf(node) > term);
    this.#stage.must(leader.leads && leader.status().term === term && !isAhead, what);
  }

  /** None of these leads at any time within so long. */
  neverLead(forMs: number, ...nodes: readonly SimNode[]): void {
    const isLed = (): boolean => nodes.some(({ leads }) => leads);
    const isQuiet = !this.#stage.holdsWithin(isLed, forMs);
    this.#stage.must(isQuiet, `${this.#name(...nodes)} does not lead within ${forMs} ms`);
  }

  /** One of these comes to lead; it need not know yet what is committed. */
  firstLeader(...among: readonly SimNode[]): SimNode {
    this.#stage.until(() => among.some(({ leads }) => leads), `${this.#name(...among)} leads`);
    return among.find(({ leads }) => leads) ?? this.#stage.fail("One of them leads");
  }

  /** It comes to lead; it need not know yet what is committed. */
  leads(node: SimNode): void {
    this.#stage.until(() => node.leads, `${this.#name(node)} leads`);
  }

  /** It comes to hold a lease that reads may rest on. */
  holdsLease(node: SimNode): void {
    const holds = (): boolean => node.formed?.services.leases.holds() === true;
    this.#stage.until(holds, `${this.#name(node)} holds a lease`);
  }

  stepsDown(node: SimNode): void {
    this.#stage.until(() => !node.leads, `${this.#name(node)} steps down`, 5_000);
  }

  /** It has heard who leads. */
  follows(node: SimNode, leader: SimNode): void {
    const isLed = (): boolean => node.formed?.node.status().leader === leader.id;
    this.#stage.until(isLed, `${this.#name(node)} follows ${this.#name(leader)}`);
  }

  /** It knows of no leader, and leads nobody. */
  followsNobody(node: SimNode): void {
    const { leader, role } = node.status();
    this.#stage.must(leader === undefined, `${this.#name(node)}, a ${role}, follows nobody`);
  }

  /** It is in a term above the other's. */
  isAheadOf(node: SimNode, other: SimNode): void {
    const isAhead = (): boolean => termOf(node) > termOf(other);
    this.#stage.until(isAhead, `${this.#name(node)} is in a term above ${this.#name(other)}`);
  }

  /** It says something of the kind. */
  says(kind: Message["kind"], node: SimNode): void {
    this.#stage.must(this.#isSaid(kind, node, 5_000), `${this.#name(node)} says ${kind}`);
  }

  /** It says nothing of the kind for so long. */
  neverSays(kind: Message["kind"], node: SimNode, forMs: number): void {
    const isQuiet = !this.#isSaid(kind, node, forMs);
    this.#stage.must(isQuiet, `${this.#name(node)} says no ${kind} within ${forMs} ms`);
  }

  #isSaid(kind: Message["kind"], node: SimNode, withinMs: number): boolean {
    let isSaid = false;
    const listen = (from: SimNode, { message }: { readonly message: Message }): void => {
      isSaid ||= from === node && message.kind === kind;
    };
    const { onSend } = this.#stage.watched;
    onSend.add(listen);
    this.#stage.holdsWithin(() => isSaid, withinMs);
    onSend.delete(listen);
    return isSaid;
  }

  // ---- Processes and their logs ----

  /** It ends by itself, with such a message. */
  ends(node: SimNode, message: RegExp): void {
    this.#stage.watched.mayEnd(node, message);
    const isOver = (): boolean => node.ended !== undefined;
    this.#stage.until(isOver, `${this.#name(node)} ends by itself`);
    const what = `${this.#name(node)} ends with ${message}, not with: ${node.ended}`;
    this.#stage.must(message.test(node.ended ?? ""), what);
  }

  /** It is started, and ends with such a message. */
  startsInVain(node: SimNode, message: RegExp): void {
    this.#stage.watched.mayEnd(node, message);
    node.start();
    this.ends(node, message);
  }

  /** It knows that its log has lost something, and goes without a vote. */
  recovering(node: SimNode): void {
    const { recovering } = node.status();
    this.#stage.must(recovering, `${this.#name(node)} knows that its log has lost something`);
  }

  /** It has all that it ever acknowledged. */
  whole(node: SimNode): void {
    const { recovering } = node.status();
    this.#stage.must(!recovering, `${this.#name(node)} has lost nothing that it acknowledged`);
  }

  /** It comes to have all that it ever acknowledged. */
  healed(node: SimNode): void {
    const isHealed = (): boolean => node.formed?.node.status().recovering === false;
    this.#stage.until(isHealed, `${this.#name(node)} is healed`);
  }

  /** The log of `node` is as long as that of `model` now. */
  asLongAs(node: SimNode, model: SimNode): void {
    const [mine, theirs] = [node.status().lastIndex, model.status().lastIndex];
    const what = `${this.#name(node)} holds ${theirs} entries as ${this.#name(model)}, not ${mine}`;
    this.#stage.must(mine === theirs, what);
  }

  /** The log on its disk comes to hold the write, as the last one of the key. */
  holds(node: SimNode, key: string, value: string): void {
    const what = `${this.#name(node)} has on disk the write of ${value} to ${key}`;
    this.#stage.until(() => lastWritten(node, key) === value, what);
  }

  /** All of these come to have applied the same, and all there is. */
  level(...nodes: readonly SimNode[]): void {
    const isLevel = (): boolean => {
      const all = nodes.map((node) => node.formed?.node.status());
      return all.every((status) =>
        status !== undefined && status.applied === status.lastIndex &&
        status.lastIndex === all[0]?.lastIndex && !status.recovering
      );
    };
    this.#stage.until(isLevel, `${this.#name(...nodes)} have applied the same`);
  }

  /** By the configuration that the node goes by, these vote and nobody else. */
  voters(node: SimNode, ...voters: readonly SimNode[]): void {
    const wanted = String(voters.map(({ id }) => id).sort((a, b) => a - b));
    const isSo = (): boolean => {
      const configuration = node.formed?.node.status().configuration.configuration;
      return configuration?.outgoing === undefined &&
        String(votersOf(configuration?.members ?? [])) === wanted;
    };
    this.#stage.until(isSo, `${this.#name(node)} counts the votes of nodes ${wanted} alone`, 5_000);
  }

  /** The way comes to be cut (cutBefore). */
  isCut(from: SimNode, to: SimNode): void {
    const { network } = this.#stage.cluster;
    const what = `The way from ${this.#name(from)} to ${this.#name(to)} is cut`;
    this.#stage.until(() => network.isCut(from.address, to.address), what);
  }

  /** The number is no greater than `max`. `what`: a noun. */
  atMost(max: number, number: number, what: string): void {
    this.#stage.must(number <= max, `There are at most ${max} ${what}, not ${number}`);
  }

  // ---- What was answered ----

  /** Nothing is answered for so long. */
  pending(asked: Asked, forMs: number): void {
    const isQuiet = !this.#stage.holdsWithin(() => asked.answers.length > 0, forMs);
    this.#stage.must(isQuiet, `${asked.what} waits, and is not answered: ${asked.answers}`);
  }

  applied(asked: Asked): void {
    this.#answered(asked, "applied");
  }

  /** It may be applied, now or later, or never. */
  unknown(asked: Asked, reason: string): void {
    this.#answered(asked, `unknown ${reason}`);
  }

  /** It was not applied and never will be. */
  refused(asked: Asked, reason: string): void {
    this.#answered(asked, `notApplied ${reason}`);
  }

  transferred(asked: Asked, to: SimNode): void {
    this.#answered(asked, `transferred to ${to.id}`);
  }

  failed(asked: Asked, reason: string): void {
    this.#answered(asked, `failed ${reason}`);
  }

  /** A read is answered with this value. */
  reads(asked: Asked, value: string): void {
    this.#answered(asked, `value ${value}`);
  }

  #answered(asked: Asked, answer: string): void {
    const [told = "nothing"] = asked.answers;
    const isThere = this.#stage.holdsWithin(() => asked.answers.length > 0, 60_000);
    const what = `${asked.what} at ${this.#name(asked.node)} is answered "${answer}"`;
    const given = isThere ? asked.answers.join(", ") : told;
    this.#stage.must(given === answer, `${what}, not "${given}"`);
  }

  // ---- What stands in the store ----

  /** A linearizable read at each of these shows the value; at every running node unless named. */
  value(key: string, value: string, ...nodes: readonly SimNode[]): void {
    const asked = nodes.length > 0 ? nodes : this.#stage.running;
    for (const read of asked.map((node) => this.#stage.asking.read(node, key))) {
      this.reads(read, value);
    }
  }

  /** A linearizable read at each of these shows the same, whatever it is. */
  sameValue(key: string, ...nodes: readonly SimNode[]): void {
    const reads = nodes.map((node) => this.#stage.asking.read(node, key));
    const isDone = (): boolean => reads.every(({ answers }) => answers.length > 0);
    this.#stage.until(isDone, `${key} is read everywhere`);
    const seen = new Set(reads.map(({ answers }) => answers[0]));
    this.#stage.must(seen.size === 1, `${key} is the same everywhere, not ${[...seen].join(", ")}`);
  }

  /** The node shows so much without asking anybody; undefined: nothing. */
  shows(node: SimNode, key: string, value: string | undefined): void {
    const shown = node.value(key);
    const what = `${this.#name(node)} shows ${value} under ${key}, not ${shown}`;
    this.#stage.must(shown === value, what);
  }

  /** The key was written so often since it was made, by the store of each of these. */
  version(key: string, version: number, ...nodes: readonly SimNode[]): void {
    const isSo = (): boolean => nodes.every((node) => node.version(key) === version);
    this.#stage.until(isSo, `${this.#name(...nodes)} count ${version} writes of ${key}`);
  }

  #name(...nodes: readonly SimNode[]): string {
    return this.#stage.name(...nodes);
  }
}

/** The label of the last write of the key in the log on the node's disk. */
function lastWritten({ disk: { log } }: SimNode, key: string): string | undefined {
  for (let index = log.lastIndex(); index > 0; index--) {
    const { kind, data } = log.entry(index);
    const command = kind === "command" ? decodeCommand(data) : undefined;
    const operation = command?.ok === true ? command.value.operation : undefined;
    if (operation?.kind !== "put" || lossyText(operation.key) !== key) continue;
    return lossyText(operation.value).split(":", 1)[0];
  }
  return undefined;
}

function termOf(node: SimNode): number {
  return node.formed?.node.status().term ?? 0;
}
