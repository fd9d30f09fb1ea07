/**
 * The commands of the Raft transcripts (test/datadriven/testdata): each does one thing to a cluster
 * of cores and prints what the cores did about it. Nodes are named by their ids.
 *
 * A situation:
 * - `given`, with commands in the lines below it: they run, and nothing is printed
 * - `cluster voters=(1, 2, 3) [learners=(4)] [spares=(5)] [appendBytesMax=…] …`: all followers in
 *   term 1 that hold entry 1, the first configuration; spares hold it too, and are not started
 * - `restore N terms=(…) term=T [votedFor=N] [commit=I]`: N starts from such a disk: entry 1, then
 *   one command for each of the terms
 * - `elect N`: N becomes leader and its no-op reaches everybody whom messages reach
 * Time:
 * - `campaign N`: the election timer of N fires, the others rest
 * - `advance MS`: time passes, messages wait; `run MS`: time passes, messages travel at once
 * - `timeout N MS`: how long the election timeouts are that N draws from now on
 * - `pause N`, `resume N`: the process stands still, and what is sent to it waits; `tick N`
 * - `jump MS`: time passes while everything stands still
 * Messages:
 * - `settle`: everything is delivered until nothing moves any more
 * - `deliver`, `drop` `[from=N] [to=N] [kind=AppendEntries] [newest]`: what is meant of that which
 *   is under way now
 * - `network`: what is under way; `cut N N [oneWay]`, `isolate N`, `heal`
 * - `unreachable N peer=N`: N is told that its stream to a peer closed
 * - `append [prevLog=I@T] [entries=(I@T, …)] [leaderCommit=I]`, `beat [leaderCommit=I]`,
 *   `requestVote [lastLog=I@T]`, `timeoutNow`, with `from=N to=N term=T`: a message as a node may
 *   have sent it at another time
 * Disk and store:
 * - `disk N manual|automatic`, `persist N`: the oldest write becomes durable
 * - `store N manual|automatic`, `apply N`
 * - `crash N [kept=…]`: of the writes under way that many had become durable; `restart N`;
 *   `start N`, of a spare
 * - `forget N applied=I`: N crashes, and its store is where it was at I
 * - `lose N from=I`: N crashes, and its disk has lost the end of the log, and knows
 * - `copy N`: of its disk; `putBack N`: N crashes, the copy takes the place of its disk, its store
 *   is empty, and nothing on the disk tells
 * Clients: `propose N text…`, `read N [lease]`, `transfer N [to=N]`,
 * `change N voters=(…) [learners=(…)] [expected=I@T]`
 * Compaction and images of the store: raft_script_snapshots.ts
 * Looking: `status [N…]`, `log [N…]`, `peers N`, `show heartbeats`
 */

import {
  formatEntries,
  formatEntry,
  formatEnvelope,
  formatLeadership,
  formatLoss,
  formatOutcome,
  formatPeer,
  formatPosition,
  formatStatus,
  formatWrite,
} from "../../src/raft/format.ts";
import type { Envelope, Message } from "../../src/raft/message.ts";
import type { RaftOptions } from "../../src/raft/types.ts";
import { Directive, type GoldenRunner } from "./golden.ts";
import { RaftCluster } from "./raft_cluster.ts";
import type { RaftDisk } from "./raft_disk.ts";
import { appendEntries, heartbeat, position } from "./raft_messages.ts";
import type { EnvelopeFilter } from "./raft_network.ts";
import type { RaftNode } from "./raft_node.ts";
import { snapshotCommands } from "./raft_script_snapshots.ts";

type Command = (script: RaftScript, directive: Directive) => void;

const numericOptions = [
  "appendBytesMax",
  "entryBytesMax",
  "inflightMessagesMax",
  "inflightBytesMax",
  "uncommittedBytesMax",
  "readsPendingMax",
] as const satisfies readonly (keyof RaftOptions)[];

export class RaftScript {
  readonly lines: string[] = [];
  #cluster: RaftCluster | undefined;
  showsHeartbeats = false;
  /** Of disks, by node. */
  readonly copies = new Map<number, RaftDisk>();

  get cluster(): RaftCluster {
    if (this.#cluster === undefined) throw new Error("The first command makes a cluster");
    return this.#cluster;
  }

  print(line: string): void {
    this.lines.push(line);
  }

  run(directive: Directive): string {
    const command = commands[directive.command];
    if (command === undefined) throw directive.error("there is no such command");
    this.lines.length = 0;
    command(this, directive);
    return this.lines.join("\n");
  }

  make(directive: Directive): void {
    const options: Partial<Record<(typeof numericOptions)[number], number>> = {};
    for (const name of numericOptions) {
      const value = directive.integer(name);
      if (value !== undefined) options[name] = value;
    }
    const lease = directive.flag("lease") ? { lease: { clockDriftPermille: 0, marginMs: 0 } } : {};
    this.#cluster = new RaftCluster({
      voters: directive.integers("voters") ?? [],
      learners: directive.integers("learners") ?? [],
      spares: directive.integers("spares") ?? [],
      writesInflightMax: directive.integer("writesInflightMax") ?? 1,
      options: { ...options, ...lease },
      watch: {
        sent: (envelope, arrives) => this.#sent(envelope, arrives),
        began: (node, write) => {
          if (!node.diskIsAutomatic) this.print(`n${node.id} writes ${formatWrite(write)}`);
        },
        finished: (node, write) => {
          if (!node.diskIsAutomatic) this.print(`n${node.id} #${write.number} is durable`);
        },
        applied: (node, entries) => {
          if (!node.storeIsAutomatic) this.print(`n${node.id} applies ${formatEntries(entries)}`);
        },
        outcome: (node, outcome) => this.print(`n${node.id}: ${formatOutcome(outcome)}`),
        leadership: (node, leadership) => {
          this.print(`n${node.id} is ${formatLeadership(leadership)}`);
        },
        lost: (node, loss) => this.print(`n${node.id} ${formatLoss(loss)}`),
        adopted: (node, at) => this.print(`n${node.id} becomes the image of ${formatPosition(at)}`),
        committed: (node, _, after) => this.print(`n${node.id} commits up to ${after}`),
      },
    });
  }

  #sent(envelope: Envelope, arrives: boolean): void {
    const { kind } = envelope.message;
    const beats = kind === "heartbeat" || kind === "heartbeatReply";
    if (beats && !this.showsHeartbeats) return;
    this.print(`${formatEnvelope(envelope)}${arrives ? "" : " (lost)"}`);
  }

  /** The nodes that the command names, all that run when it names none. */
  nodes(directive: Directive): readonly RaftNode[] {
    const named = directive.words().map(Number);
    return named.length === 0
      ? [...this.cluster.nodes.values()].filter(({ isRunning }) => isRunning)
      : named.map((id) => this.cluster.node(id));
  }
}

function filterOf(directive: Directive): EnvelopeFilter {
  const [from, to] = [directive.integer("from"), directive.integer("to")];
  const name = directive.value("kind");
  // The names of the paper begin with a capital.
  const kind = name === undefined ? undefined : name.charAt(0).toLowerCase() + name.slice(1);
  return {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(kind !== undefined && { kind: kind as Message["kind"] }),
  };
}

/** What the command means of that which is under way; something has to be. */
function taken(script: RaftScript, directive: Directive): readonly Envelope[] {
  const { network } = script.cluster;
  const filter = filterOf(directive);
  const newest = directive.flag("newest") ? network.takeNewest(filter) : undefined;
  const found = newest === undefined ? network.take(filter) : [newest];
  if (found.length === 0) throw directive.error("nothing like that is under way");
  return found;
}

/** Hands a message to a core that nobody sent now. */
function forge({ cluster }: RaftScript, directive: Directive, message: Message): void {
  const from = directive.integer("from");
  const to = directive.integer("to");
  const term = directive.integer("term");
  if (from === undefined || to === undefined || term === undefined) {
    throw directive.error("from=, to= and term= are wanted");
  }
  cluster.receive(to, from, term, message);
}

const situation: Record<string, Command> = {
  given: (script, { input, place }) => {
    for (const line of input) {
      const directive = new Directive(line, [], place);
      script.run(directive);
      directive.finish();
    }
    script.lines.length = 0;
  },
  cluster: (script, directive) => script.make(directive),
  restore: (script, directive) => {
    const votedFor = directive.integer("votedFor");
    script.cluster.restore(directive.count("node"), {
      terms: directive.integers("terms") ?? [],
      term: directive.integer("term") ?? 1,
      commitIndex: directive.integer("commit") ?? 1,
      ...(votedFor !== undefined && { votedFor }),
    });
  },
  elect: ({ cluster }, directive) => cluster.elect(directive.count("node")),
};

const time: Record<string, Command> = {
  campaign: ({ cluster }, directive) => cluster.campaign(directive.count("node")),
  advance: ({ cluster }, directive) => cluster.advance(directive.count("ms")),
  run: ({ cluster }, directive) => cluster.run(directive.count("ms")),
  timeout: ({ cluster }, directive) => {
    cluster.setTimeoutMs(directive.count("node"), directive.count("ms"));
  },
  pause: ({ cluster }, directive) => cluster.pause(directive.count("node")),
  resume: ({ cluster }, directive) => cluster.resume(directive.count("node")),
  tick: ({ cluster }, directive) => cluster.tick(directive.count("node")),
  jump: ({ cluster }, directive) => {
    cluster.nowMs += directive.count("ms");
  },
};

const messages: Record<string, Command> = {
  settle: ({ cluster }) => cluster.settle(),
  deliver: (script, directive) => {
    for (const envelope of taken(script, directive)) script.cluster.deliver(envelope);
  },
  drop: (script, directive) => {
    for (const envelope of taken(script, directive)) {
      script.print(`${formatEnvelope(envelope)} (lost)`);
    }
  },
  network: (script) => {
    for (const envelope of script.cluster.network.underWay) script.print(formatEnvelope(envelope));
    if (script.lines.length === 0) script.print("nothing is under way");
  },
  cut: ({ cluster }, directive) => {
    const [from, to] = [directive.count("node"), directive.count("node")];
    cluster.network.cut(from, to);
    if (!directive.flag("oneWay")) cluster.network.cut(to, from);
  },
  isolate: ({ cluster }, directive) => {
    const node = directive.count("node");
    for (const id of cluster.nodes.keys()) {
      cluster.network.cut(node, id);
      cluster.network.cut(id, node);
    }
  },
  heal: ({ cluster }) => cluster.network.heal(),
  unreachable: ({ cluster }, directive) => {
    const peer = directive.integer("peer");
    if (peer === undefined) throw directive.error("peer= is missing");
    cluster.step(directive.count("node"), { kind: "peerUnreachable", peer });
  },
  timeoutNow: (script, directive) => forge(script, directive, { kind: "timeoutNow" }),
  requestVote: (script, directive) => {
    const lastLog = position(directive.value("lastLog") ?? "1@1");
    forge(script, directive, { kind: "requestVote", lastLog, transfer: false });
  },
  append: (script, directive) => {
    const prevLog = directive.value("prevLog") ?? "1@1";
    const entries = directive.values("entries") ?? [];
    const commit = directive.integer("leaderCommit") ?? 1;
    forge(script, directive, appendEntries(prevLog, entries, commit));
  },
  beat: (script, directive) => {
    forge(script, directive, heartbeat(1, directive.integer("leaderCommit") ?? 1));
  },
};

function isAutomatic(directive: Directive): boolean {
  const word = directive.word("manual or automatic");
  if (word !== "manual" && word !== "automatic") throw directive.error(`does not know ${word}`);
  return word === "automatic";
}

const disks: Record<string, Command> = {
  disk: ({ cluster }, directive) => {
    const node = cluster.node(directive.count("node"));
    node.diskIsAutomatic = isAutomatic(directive);
    while (node.diskIsAutomatic && node.disk.underWay.length > 0) node.persistOldest(cluster.nowMs);
  },
  persist: ({ cluster }, directive) => {
    cluster.node(directive.count("node")).persistOldest(cluster.nowMs);
  },
  store: ({ cluster }, directive) => {
    const node = cluster.node(directive.count("node"));
    node.storeIsAutomatic = isAutomatic(directive);
    if (node.storeIsAutomatic) node.apply(cluster.nowMs);
  },
  apply: ({ cluster }, directive) => {
    cluster.node(directive.count("node")).apply(cluster.nowMs);
  },
  crash: ({ cluster }, directive) => {
    const kept = directive.integer("kept") ?? 0;
    for (const id of directive.words()) cluster.crash(Number(id), kept);
  },
  restart: ({ cluster }, directive) => {
    for (const id of directive.words()) cluster.restart(Number(id));
  },
  start: ({ cluster }, directive) => {
    for (const id of directive.words()) cluster.restart(Number(id));
  },
  forget: ({ cluster }, directive) => {
    const node = cluster.node(directive.count("node"));
    const index = directive.integer("applied") ?? 0;
    const term = index === 0 ? 0 : node.disk.entry(index)?.term;
    if (term === undefined) throw directive.error(`entry ${index} is not there`);
    cluster.crash(node.id);
    node.applied = { index, term };
  },
  lose: ({ cluster }, directive) => {
    cluster.lose(directive.count("node"), directive.integer("from") ?? 2);
  },
  copy: ({ cluster, copies }, directive) => {
    const { id, disk } = cluster.node(directive.count("node"));
    copies.set(id, disk.copy());
  },
  putBack: ({ cluster, copies }, directive) => {
    const id = directive.count("node");
    const copy = copies.get(id);
    if (copy === undefined) throw directive.error(`there is no copy of the disk of node ${id}`);
    cluster.putBack(id, copy);
  },
};

const clients: Record<string, Command> = {
  propose: ({ cluster }, directive) => {
    const node = directive.count("node");
    for (const text of directive.words()) cluster.propose(node, text);
  },
  read: ({ cluster }, directive) => {
    cluster.read(directive.count("node"), directive.flag("lease") ? "lease" : "quorum");
  },
  transfer: ({ cluster }, directive) => {
    cluster.transfer(directive.count("node"), directive.integer("to"));
  },
  change: ({ cluster }, directive) => {
    const node = directive.count("node");
    const voters = directive.integers("voters") ?? [];
    const learners = directive.integers("learners") ?? [];
    const expected = directive.value("expected");
    const wanted = { voters, learners };
    if (expected === undefined) cluster.change(node, wanted);
    else cluster.change(node, wanted, position(expected));
  },
};

const looking: Record<string, Command> = {
  status: (script, directive) => {
    for (const { id, status } of script.nodes(directive)) {
      script.print(`n${id} ${formatStatus(status)}`);
    }
  },
  log: (script, directive) => {
    for (const { id, disk } of script.nodes(directive)) {
      script.print(`n${id} ${disk.entriesHeld.map(formatEntry).join(", ")}`);
    }
  },
  peers: (script, directive) => {
    const { status } = script.cluster.node(directive.count("node"));
    for (const peer of status.peers) script.print(formatPeer(peer));
  },
  show: (script, directive) => {
    script.showsHeartbeats = directive.flag("heartbeats");
  },
};

const commands: Readonly<Record<string, Command>> = {
  ...situation,
  ...time,
  ...messages,
  ...disks,
  ...clients,
  ...looking,
  ...snapshotCommands,
};

/** A fresh cluster for each transcript. */
export function raftScript(): GoldenRunner {
  const script = new RaftScript();
  return (directive) => script.run(directive);
}
