/**
 * States that seldom come about, and in which protocols break. A simulation that never reaches one
 * proves nothing about it, so they are counted, and a long run is red when one of them lacks.
 */

import { formatPosition } from "../../src/raft/format.ts";
import { isVoter } from "../../src/raft/configuration.ts";
import type { NodeStatus } from "../../src/node/parts.ts";
import type { Message } from "../../src/raft/message.ts";
import type { LogWrite } from "../../src/raft/ready.ts";
import type { Entry, NodeId, Term } from "../../src/raft/types.ts";
import type { SimNode } from "../harness/sim_node.ts";
import { type ContestNews, type Scene, unwatched, type Watch } from "./invariant.ts";

/** How often each must have been seen in 10,000 seeds with default options. */
export const floors = {
  "two live leaders in different terms": 1_000,
  "conflicting entries truncated": 1_000,
  "configuration truncated": 100,
  "figure 8: an entry of an earlier term on a majority": 100,
  "leader removes itself": 200,
  "learner promoted, then crashed": 100,
  "joint configuration under a new leader": 100,
  "read waits as leadership is lost": 500,
  "answer to an earlier round arrives": 500,
  "crash between append and fsync": 5_000,
  "torn tail repaired": 500,
  "entry damaged": 100,
  "loss found at start": 100,
  "lost log healed": 100,
  "fsync error": 200,
  "disk full at a leader": 100,
  "pause longer than an election timeout": 500,
  "transfer aborted": 200,
  "transfer done": 500,
  "outcome unknown": 500,
  "retry answered as before": 500,
  "read under a lease": 5_000,
  "machine suspended under a lease": 100,
  "lease due during an election": 100,
  "voter replaced in one change": 200,
  "several voters changed at once": 200,
  "second change refused": 200,
  "change of a past configuration refused": 100,
  "removed id refused": 100,
  "other directory under a known id refused": 100,
  "removed node is told so": 100,
  "removed node refused": 50,
  "wiped directory refused": 50,
  "lost member replaced": 50,
  "older copy refused": 50,
  "wrong cluster id refused": 50,
  "image installed": 2_000,
  "image installed while entries arrive": 500,
  "older image received": 100,
  "image in place of entries that contradict it": 100,
  "crash inside an install": 200,
  "lost store replaced by an image": 100,
  "states compared and equal": 50_000,
  "states compared at a past entry": 2_000,
  "watch resumed across a compaction": 300,
  "watch overtaken by a compaction": 300,
  "watch resumed under another leader": 300,
  "lock passed on as a lease ended": 300,
} as const;
export type RareState = keyof typeof floors;

const recentlyUs = 5_000_000;

export class RareStates {
  readonly counts = new Map<RareState, number>();
  readonly watch: Watch;
  readonly #nowUs: () => number;
  readonly #leading = new Map<NodeId, Term>();
  readonly #promotedUs = new Map<NodeId, number>();
  /** By `node/term`: the newest round that a leader has sent. */
  readonly #rounds = new Map<string, number>();
  readonly #onMajority = new Set<string>();
  /** Nodes to which an image is on its way, and whether entries have come meanwhile. */
  readonly #receiving = new Map<NodeId, "alone" | "amongEntries">();
  /** Who was told last that it holds a name, and has not let go of it. */
  readonly #holders = new Map<string, string>();

  constructor(scene: Scene, nowUs: () => number) {
    this.#nowUs = nowUs;
    this.watch = {
      ...unwatched,
      sent: (node, { term, message }) => {
        if (message.kind === "heartbeat") this.#rounds.set(`${node.id}/${term}`, message.round);
      },
      delivered: ({ to, term, message }) => {
        this.#imagePasses(scene, to, message);
        if ("notMember" in message && message.notMember !== undefined) {
          this.saw("removed node is told so");
        }
        if (message.kind !== "heartbeatReply" || message.round === 0) return;
        const newest = this.#rounds.get(`${to}/${term}`) ?? 0;
        if (message.round < newest) this.saw("answer to an earlier round arrives");
      },
      handedOver: (node, write) => this.#handedOver(node, write),
      persisted: ({ id }, write) => {
        this.#persisted(scene, write);
        if (write.snapshot === undefined) return;
        this.saw("image installed");
        const racing = this.#receiving.get(id) === "amongEntries";
        if (racing) this.saw("image installed while entries arrive");
        this.#receiving.delete(id);
      },
      applied: (node, entries) => this.#applied(node, entries),
      turned: (node, before, after) => this.#turned(node, before, after),
      formed: (node, { recovering }) => {
        this.#leading.delete(node.id);
        if (recovering) this.saw("loss found at start");
      },
      contested: (news) => this.#contested(news),
      compared: ({ machine }, verdict) => {
        if (verdict.kind !== "equal") return;
        this.saw("states compared and equal");
        const isPast = verdict.position.index < (machine?.applied().position.index ?? 0);
        if (isPast) this.saw("states compared at a past entry");
      },
    };
  }

  #imagePasses({ nodes }: Scene, to: NodeId, message: Message): void {
    if (message.kind === "appendEntries" && message.entries.length > 0) {
      if (this.#receiving.has(to)) this.#receiving.set(to, "amongEntries");
    }
    if (message.kind !== "installSnapshot") return;
    if (!this.#receiving.has(to)) this.#receiving.set(to, "alone");
    const committed = nodes.find(({ id }) => id === to)?.formed?.node.status().commitIndex ?? 0;
    if (message.meta.position.index <= committed) this.saw("older image received");
  }

  /** Whoever is silent until its lease has ended makes room for the next. */
  #contested({ area, name, who, news }: ContestNews): void {
    const place = `${area} ${name}`;
    const before = this.#holders.get(place);
    if (news.kind === "holds") this.#holders.set(place, who);
    else if (before === who) this.#holders.delete(place);
    const isPassedOn = news.kind === "holds" && before !== undefined && before !== who;
    if (isPassedOn) this.saw("lock passed on as a lease ended");
  }

  saw(state: RareState): void {
    this.counts.set(state, (this.counts.get(state) ?? 0) + 1);
  }

  /** A node is about to be killed. */
  stopped({ id }: SimNode): void {
    this.#leading.delete(id);
    const promotedUs = this.#promotedUs.get(id);
    if (promotedUs === undefined || this.#nowUs() - promotedUs > recentlyUs) return;
    this.#promotedUs.delete(id);
    this.saw("learner promoted, then crashed");
  }

  #handedOver(node: SimNode, { truncateFrom, entries, snapshot }: LogWrite): void {
    const { outline } = node.disk.log;
    if (snapshot !== undefined) {
      const { index, term } = snapshot.position;
      if (![undefined, term].includes(outline.term(index))) {
        this.saw("image in place of entries that contradict it");
      }
    }
    if (truncateFrom === undefined) return;
    if (entries.length > 0) this.saw("conflicting entries truncated");
    const last = outline.configurations.at(-1)?.position.index ?? 0;
    if (last >= truncateFrom) this.saw("configuration truncated");
  }

  /** Paper §5.4.2: stored on a majority, and not committed all the same. */
  #persisted({ nodes, log }: Scene, { hardState, entries }: LogWrite): void {
    const entry = entries.find(({ index }) => index > log.committedIndex);
    if (entry === undefined || hardState === undefined || entry.term >= hardState.currentTerm) {
      return;
    }
    const holders = nodes.filter(({ disk }) => disk.log.outline.term(entry.index) === entry.term);
    const key = formatPosition(entry);
    if (2 * holders.length <= nodes.length || this.#onMajority.has(key)) return;
    this.#onMajority.add(key);
    this.saw("figure 8: an entry of an earlier term on a majority");
  }

  /**
   * Cluster time stands still until the new leader's no-op, so what is due by the time of that was
   * due before, and nobody has ended it.
   */
  #applied(node: SimNode, entries: readonly Entry[]): void {
    const noop = entries.find(({ kind }) => kind === "noop");
    if (noop === undefined || !node.leads || node.status().term !== noop.term) return;
    const deadlineMs = node.machine?.nextDeadlineMs() ?? Infinity;
    if (deadlineMs <= noop.timeMs) this.saw("lease due during an election");
  }

  #turned({ id }: SimNode, before: NodeStatus, after: NodeStatus): void {
    const [was, is] = [before.configuration.configuration, after.configuration.configuration];
    if (was !== is && !isVoter(was, id) && isVoter(is, id)) this.#promotedUs.set(id, this.#nowUs());
    if (after.role !== "leader") {
      const leaves = before.role === "leader" && before.term === after.term && !isVoter(is, id);
      if (leaves && after.configurationCommitted) this.saw("leader removes itself");
      return void this.#leading.delete(id);
    }
    if (this.#leading.get(id) === after.term) return;
    this.#leading.set(id, after.term);
    if (is.outgoing !== undefined) this.saw("joint configuration under a new leader");
    if (this.#leading.size > 1) this.saw("two live leaders in different terms");
  }
}
