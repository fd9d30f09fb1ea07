/**
 * What a scenario asks of its nodes: writes, reads, transfers, changes of who votes. Each question
 * is written down, with what was answered, for the invariants and for the linearizability checker.
 */

import { encodeCommand } from "../../../src/kv/command_encoding.ts";
import type { Clock } from "../../../src/node/ports.ts";
import type { Member } from "../../../src/raft/types.ts";
import type { FormedNode } from "../../../src/server_node.ts";
import { History } from "../../harness/history.ts";
import { get, put } from "../../harness/kv_commands.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { outcomeOf, seenIn } from "../client_calls.ts";
import type { WatchedCluster } from "./watched_cluster.ts";

/** A question, and what was answered: nothing yet, or one of the lines below. */
export interface Asked {
  readonly node: SimNode;
  /** For people: `write x = 1`. */
  readonly what: string;
  /**
   * `applied`, `transferred to 2`, `value 1`, `absent`; or `notApplied`, `unknown`, `failed` and
   * the reason.
   */
  readonly answers: readonly string[];
}

/** A question waits so long for its answer, unless it is asked with less patience. */
const withinMs = 60_000;

/** Asks one question; every answer is to be told in words. */
type Question = (formed: FormedNode, clock: Clock, tell: (answer: string) => void) => void;

export class Asking {
  readonly #watched: WatchedCluster;
  readonly #history: History;
  #clients = 0;

  constructor(watched: WatchedCluster) {
    this.#watched = watched;
    this.#history = new History(() => watched.cluster.scheduler.nowUs);
  }

  get history(): History {
    return this.#history;
  }

  /** `value`: a label that nobody else writes, and behind a colon whatever makes it long. */
  write(node: SimNode, key: string, value: string): Asked {
    const [label = ""] = value.split(":", 1);
    return this.#ask(node, `write ${key} = ${label}`, ({ node: asked }, clock, tell) => {
      const end = this.#history.begin(this.#client(), { kind: "put", key, value: label });
      const data = encodeCommand({ wallMs: clock.wallMs(), operation: put(key, value) });
      asked.propose(data, clock.monotonicMs() + withinMs, (outcome) => {
        if (outcome.kind !== "applied") {
          end(outcome);
          return tell(`${outcome.kind} ${outcome.reason}`);
        }
        const { position, result } = outcome;
        this.#watched.watch.written({ node, position, result });
        end(outcomeOf(result));
        tell("applied");
      });
    });
  }

  /** A linearizable read; at level lease it asks nobody as long as the node holds a lease. */
  read(node: SimNode, key: string, level: "linearizable" | "lease" = "linearizable"): Asked {
    const committedBefore = this.#watched.log.committedIndex;
    return this.#ask(node, `read ${key}`, (formed, clock, tell) => {
      const end = this.#history.begin(this.#client(), { kind: "get", key });
      const look = (): void => {
        const query = get(key);
        const answer = formed.node.readNow(query);
        if (answer === undefined) return tell("failed unreadable");
        const applied = node.machine?.applied().position.index ?? 0;
        this.#watched.watch.read({ node, query, answer, applied, committedBefore });
        const seen = seenIn(answer);
        end(seen);
        tell(seen.kind === "found" ? `value ${seen.record.value}` : seen.kind);
      };
      if (level === "lease" && formed.services.leases.holds()) return look();
      formed.node.readIndex(clock.monotonicMs() + withinMs, (outcome) => {
        if (outcome.kind === "readable") return look();
        end({ kind: "unknown", reason: outcome.reason });
        tell(`failed ${outcome.reason}`);
      });
    });
  }

  /** To hand leadership over. */
  transfer(node: SimNode, to: SimNode): Asked {
    return this.#ask(node, `transfer to node ${to.id}`, (formed, clock, tell) => {
      const deadlineMs = clock.monotonicMs() + withinMs;
      formed.node.transferLeadership(to.id, deadlineMs, (outcome) => {
        const isDone = outcome.kind === "transferred";
        tell(isDone ? `transferred to ${outcome.to}` : `failed ${outcome.reason}`);
      });
    });
  }

  /** To change the configuration that the node has to what `change` makes of its members. */
  change(node: SimNode, change: (members: readonly Member[]) => readonly Member[]): Asked {
    return this.#ask(node, "change the configuration", (formed, clock, tell) => {
      const { configuration, position } = formed.node.status().configuration;
      const wanted = { members: change(configuration.members) };
      const deadlineMs = clock.monotonicMs() + withinMs;
      formed.node.changeConfiguration(wanted, position, deadlineMs, (outcome) => {
        tell(outcome.kind === "applied" ? "applied" : `${outcome.kind} ${outcome.reason}`);
      });
    });
  }

  /** A process that stands still is asked when it goes on. */
  #ask(node: SimNode, what: string, question: Question): Asked {
    const answers: string[] = [];
    if (node.formed === undefined) throw new Error(`Node ${node.id} cannot be asked to ${what}`);
    node.run((formed, clock) => question(formed, clock, (answer) => answers.push(answer)));
    return { node, what, answers };
  }

  #client(): string {
    return `client ${++this.#clients}`;
  }
}
