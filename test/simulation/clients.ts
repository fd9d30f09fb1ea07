/**
 * The clients of a simulated cluster: each makes one call after the other, to whichever node it
 * believes in, and writes down what it was told. A refusal that proves that nothing happened is
 * tried again elsewhere; everything else that is no answer leaves the outcome of a write unknown.
 *
 * Keys of two kinds: those under `k` are called one at a time and judged by the linearizability
 * checker; those under `r/` are listed and deleted by range as well, and judged by the witness.
 */

import { encodeCommand } from "../../src/kv/command_encoding.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import type { Answer, ContestQuery, GetQuery, RangeQuery } from "../../src/kv/query.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { type Clock, FatalStorageError } from "../../src/node/ports.ts";
import type { NodeId } from "../../src/raft/types.ts";
import type { FormedNode } from "../../src/server_node.ts";
import type { EndCall, History, Outcome } from "../harness/history.ts";
import type { SimNode } from "../harness/sim_node.ts";
import type { SimScheduler } from "../harness/sim_scheduler.ts";
import {
  type ClientCall,
  drawCall,
  type KeyBook,
  outcomeOf,
  readOf,
  seenIn,
} from "./client_calls.ts";
import type { Plan } from "./plan.ts";
import type { Scene, Watch } from "./invariant.ts";
import type { RareStates } from "./rare_states.ts";

/** What clients live in. */
export interface ClientWorld extends Scene {
  readonly plan: Plan;
  readonly scheduler: SimScheduler;
  readonly history: History;
  readonly watch: Watch;
  readonly rare: RareStates;
}

/** How long a message between a client and a node takes, at most. */
const latencyMaxUs = 500;
/** How long a client rests after a refusal before it asks the next node. */
const retryUs = 20_000;
/** How often a call is tried before the client gives up. */
const attemptsMax = 40;

/** What one try of a call came to. */
type Attempt =
  | {
    readonly kind: "answered";
    readonly outcome: Outcome;
    /** Shows the client all of it. */
    readonly show: () => void;
  }
  /** Nothing happened, and nothing will. */
  | { readonly kind: "refused"; readonly reason: string; readonly leader?: NodeId }
  | { readonly kind: "lost"; readonly reason: string };

/** Of an answer that the witness alone judges. */
const toldElsewhere: Outcome = { kind: "absent" };

export class Client {
  readonly #world: ClientWorld;
  readonly #name: string;
  readonly #prng: Prng;
  readonly #keys: KeyBook;
  readonly #takeTurn: () => boolean;
  readonly #asksAgain: boolean;
  /** Whoever writes waits for a leader that is cut off: this one sees what it shows meanwhile. */
  readonly #onlyReads: boolean;
  #leader: NodeId | undefined;
  #number = 0;
  /** The try that is under way: at which node, and how it is ended. */
  #pending: {
    readonly node: SimNode;
    readonly call: ClientCall;
    readonly end: (attempt: Attempt) => void;
  } | undefined;
  #isBusy = false;

  constructor(parts: {
    readonly world: ClientWorld;
    readonly name: string;
    readonly prng: Prng;
    readonly keys: KeyBook;
    /** Where leases are read at all, this one does nothing else; others may do so as well. */
    readonly readsLeases: boolean;
    /** Asked before each call; false: the client has nothing more to do. */
    readonly takeTurn: () => boolean;
  }) {
    this.#world = parts.world;
    this.#name = parts.name;
    this.#prng = parts.prng;
    this.#keys = parts.keys;
    this.#takeTurn = parts.takeTurn;
    this.#asksAgain = this.#prng.chance(parts.world.plan.repeatingClientsPermille, 1_000);
    const { leaseReads } = parts.world.plan;
    this.#onlyReads = leaseReads && (this.#prng.chance(1, 3) || parts.readsLeases);
  }

  /** A call of it is under way. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  start(): void {
    this.#rest();
  }

  /** It waits for the answer to a read at this node. */
  readsAt(node: SimNode): boolean {
    return this.#pending?.node === node && this.#pending.call.kind === "read";
  }

  /** The process of a node has ended: whoever waited for it finds the connection broken. */
  nodeEnded(node: SimNode): void {
    if (this.#pending?.node === node) this.#pending.end({ kind: "lost", reason: "broken" });
  }

  /** Makes one call now; `done` is told its outcome. */
  call(call: ClientCall, done: (outcome: Outcome) => void): void {
    this.#isBusy = true;
    const { history } = this.#world;
    const end: EndCall = call.recorded === undefined
      ? () => {}
      : history.begin(this.#name, call.recorded);
    this.#try(call, attemptsMax, (outcome) => {
      const isUnknown = call.kind === "write" && outcome.kind === "unknown";
      if (isUnknown) this.#world.rare.saw("outcome unknown");
      end(outcome);
      this.#keys.noteOutcome(call, outcome);
      this.#isBusy = false;
      done(outcome);
    });
  }

  #rest(): void {
    const { plan, scheduler } = this.#world;
    scheduler.after(this.#prng.below(this.#thinkMaxUs() + 1), () => {
      if (!this.#takeTurn()) return;
      const value = `${this.#name}.${++this.#number}`;
      const call = this.#onlyReads
        ? { ...readOf(this.#keys.draw(this.#prng), "lease"), withinMs: plan.heartbeatMs }
        : this.#once(drawCall(this.#prng, this.#keys, { value, plan }), value);
      scheduler.trace(`${this.#name} calls ${call.text}`);
      this.call(call, () => this.#rest());
    });
  }

  /** A lease is put to the test while two believe to lead: else calls that write shall be made. */
  #thinkMaxUs(): number {
    const { nodes, plan: { thinkMaxUs } } = this.#world;
    if (!this.#onlyReads) return thinkMaxUs;
    return nodes.filter(({ leads }) => leads).length > 1 ? thinkMaxUs : 4 * thinkMaxUs;
  }

  /** Some clients ask for their writes under keys, and so may ask again. */
  #once(call: ClientCall, value: string): ClientCall {
    if (!this.#asksAgain || call.kind !== "write") return call;
    const key = `${this.#name};${this.#number}`;
    return { ...call, idempotency: { identity: "", key, requestHash: utf8(value) } };
  }

  /** `before`: a try before this one was lost, and may be applied at any time. */
  #try(
    call: ClientCall,
    triesLeft: number,
    done: (outcome: Outcome) => void,
    before = false,
  ): void {
    const { scheduler } = this.#world;
    const node = this.#choose();
    this.#ask(node, call, (attempt) => {
      scheduler.tell(() => `${this.#name} hears of ${call.text}: ${JSON.stringify(attempt)}`);
      if (attempt.kind === "answered") {
        this.#leader = node.id;
        attempt.show();
        return done(attempt.outcome);
      }
      this.#leader = attempt.kind === "refused" ? attempt.leader : undefined;
      const wasLost = before || attempt.kind === "lost";
      const isOnce = call.kind === "write" && call.idempotency !== undefined;
      if (attempt.kind === "lost" && !(isOnce && triesLeft > 1)) {
        return done({ kind: "unknown", reason: attempt.reason });
      }
      if (triesLeft <= 1) {
        return done({ kind: wasLost ? "unknown" : "notApplied", reason: attempt.reason });
      }
      scheduler.after(retryUs, () => this.#try(call, triesLeft - 1, done, wasLost));
    });
  }

  #choose(): SimNode {
    const { nodes } = this.#world;
    // A lease is of use, and does harm, at a node that believes to lead.
    const leading = this.#onlyReads ? nodes.filter(({ leads }) => leads) : [];
    if (leading.length > 0) return leading[this.#prng.below(leading.length)]!;
    const known = nodes.find(({ id }) => id === this.#leader);
    if (known !== undefined && this.#prng.chance(3, 4)) return known;
    return nodes[this.#prng.below(nodes.length)]!;
  }

  #latencyUs(): number {
    return 50 + this.#prng.below(latencyMaxUs);
  }

  /** One try. What comes after its end, an answer or the end of the node, counts for nothing. */
  #ask(node: SimNode, call: ClientCall, done: (attempt: Attempt) => void): void {
    const { scheduler, plan } = this.#world;
    const [withinMinMs, withinMaxMs] = plan.callWithinMs;
    const drawnMs = withinMinMs + this.#prng.below(withinMaxMs - withinMinMs + 1);
    const withinMs = call.withinMs ?? drawnMs;
    const isLost = this.#prng.chance(plan.lostAnswersPermille, 1_000);
    let isOver = false;
    const end = (attempt: Attempt): void => {
      if (isOver) return;
      isOver = true;
      this.#pending = undefined;
      cancel();
      done(attempt);
    };
    // Clocks of nodes run slower, and a node looks at its deadlines at every tick.
    const longestUs = Math.ceil((withinMs * 1_000 * 1_000) / plan.clockRates[0]) + 1_000_000;
    // Whoever waits for long at a node that sleeps is not there when it wakes.
    const patienceUs = this.#onlyReads ? 2_000 * withinMs : longestUs;
    const cancel = scheduler.after(patienceUs, () => end({ kind: "lost", reason: "timeout" }));
    const answer = (attempt: Attempt): void => {
      if (!isLost) scheduler.after(this.#latencyUs(), () => end(attempt));
    };
    scheduler.after(this.#latencyUs(), () => {
      this.#pending = { node, call, end };
      const committedBefore = this.#world.log.committedIndex;
      const ask = (formed: FormedNode, clock: Clock): void => {
        const deadlineMs = clock.monotonicMs() + withinMs;
        // A process that has come to its end tells nobody anything.
        const tell = (attempt: Attempt): void => {
          if (node.formed === formed) answer(attempt);
        };
        if (call.kind === "write") {
          this.#write({ node, formed, clock, deadlineMs }, call, tell);
        } else {
          const floor = call.level === "eventual" ? undefined : committedBefore;
          this.#read({ node, formed, deadlineMs }, call, { floor, answer: tell });
        }
      };
      const isThere = node.isRunning && node.formed !== undefined;
      if (!isThere || !node.run(ask)) answer({ kind: "refused", reason: "nobody listens" });
    });
  }

  #write(
    at: {
      readonly node: SimNode;
      readonly formed: FormedNode;
      readonly clock: Clock;
      readonly deadlineMs: number;
    },
    { operation, idempotency, recorded, hears }: ClientCall & { readonly kind: "write" },
    answer: (attempt: Attempt) => void,
  ): void {
    const { node, formed, clock, deadlineMs } = at;
    const once = idempotency === undefined ? {} : { idempotency };
    const data = encodeCommand({ wallMs: clock.wallMs(), operation, ...once });
    formed.node.propose(data, deadlineMs, (told) => {
      switch (told.kind) {
        case "applied": {
          if (node.formed !== formed) return;
          const { position, result } = told;
          this.#world.watch.written({ node, position, result });
          if (result.replayed === true) this.#world.rare.saw("retry answered as before");
          const outcome = recorded === undefined ? toldElsewhere : outcomeOf(result);
          return answer({ kind: "answered", outcome, show: () => hears?.(result) });
        }
        case "notApplied":
          return answer({ ...told, kind: "refused" });
        case "unknown":
          return answer({ kind: "lost", reason: told.reason });
      }
    });
  }

  #read(
    at: {
      readonly node: SimNode;
      readonly formed: FormedNode;
      readonly deadlineMs: number;
    },
    { query, level, hears }: ClientCall & { readonly kind: "read" },
    { floor, answer }: {
      readonly floor: number | undefined;
      readonly answer: (attempt: Attempt) => void;
    },
  ): void {
    const { node, formed, deadlineMs } = at;
    const look = (): void => {
      if (node.formed !== formed) return;
      const seen = answerOf(formed, query);
      if (seen === undefined || seen.kind === "future") {
        return answer({ kind: "refused", reason: "not readable" });
      }
      const applied = node.machine?.applied().position.index ?? 0;
      this.#world.watch.read({ node, query, answer: seen, applied, committedBefore: floor });
      answer({ kind: "answered", outcome: seenIn(seen), show: () => hears?.(seen) });
    };
    if (level === "eventual") return look();
    if (level === "lease" && formed.services.leases.holds()) {
      this.#world.rare.saw("read under a lease");
      return look();
    }
    formed.node.readIndex(deadlineMs, (outcome) => {
      if (outcome.kind === "readable") look();
      else answer({ kind: "refused", reason: outcome.reason });
    });
  }
}

/** Undefined also where the node ends because of what it finds. */
function answerOf(
  { node }: FormedNode,
  query: GetQuery | RangeQuery | ContestQuery,
): Answer | undefined {
  try {
    return node.readNow(query);
  } catch (error) {
    if (error instanceof FatalStorageError) return undefined;
    throw error;
  }
}
