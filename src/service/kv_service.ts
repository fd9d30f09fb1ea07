/**
 * Reads and writes of the store as clients ask for them: levels, waiting, forwarding, and what is
 * said when something goes wrong. What a write does is decided in apply, what is linearizable in
 * the core; here is only the promise.
 */

import type { Command } from "../kv/command.ts";
import { decodeOperation, encodeCommand, encodeOperation } from "../kv/command_encoding.ts";
import type { Answer, Query } from "../kv/query.ts";
import { isRestoreOperation } from "../kv/restore_command.ts";
import type { Result } from "../kv/result.ts";
import { decodeResult, encodeResult } from "../kv/result_encoding.ts";
import type { ProposeOutcome } from "../node/pending.ts";
import type { NodeId } from "../raft/types.ts";
import { confirm } from "./confirm.ts";
import type {
  Header,
  KvService,
  Operation,
  ReadLevel,
  ReadOptions,
  Revision,
  WriteOptions,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import type { ForwardAnswer, ForwardBody } from "./forwarder.ts";
import { clientGone, unlessGone, type Waited } from "./gone.ts";
import { Keepalives } from "./keepalives.ts";
import { type LeaderProxy, notLeader, type Try } from "./leader_proxy.ts";
import type { LeaseReads } from "./lease_reads.ts";
import type { LeaderWatch } from "./leader_watch.ts";
import type { ServedNode } from "./node_port.ts";
import { checkOperation, checkQuery, type ServiceLimits } from "./limits.ts";
import { notApplied, readFailed, unknownOutcome, worthRepeating } from "./outcome_errors.ts";
import { costOf, ReadTurns } from "./read_turns.ts";
import { readInSlices } from "./record_slices.ts";
import type { RevisionWait } from "./revision_wait.ts";

interface Written {
  readonly result: Result;
  readonly header: Header;
}

/** What the service stands on. */
export interface NodeKvServiceParts {
  readonly node: ServedNode;
  readonly self: NodeId;
  readonly clusterId: string;
  readonly leaders: LeaderWatch;
  readonly proxy: LeaderProxy;
  readonly revisions: RevisionWait;
  /** Whether a read at level lease may go ahead. */
  readonly leases: Pick<LeaseReads, "holds">;
  readonly currentRevision: () => Revision;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly limits: ServiceLimits;
  /** Calls back after the events that wait now. */
  readonly soon: (run: () => void) => void;
  /** Undefined, or why nothing but deletions can be written now. */
  readonly outOfSpace: () => string | undefined;
  /** Undefined, or why not all members could apply such an operation. */
  readonly tooNew: (operation: Operation) => string | undefined;
  /** Undefined, or why nothing may be read or written before a backup is restored. */
  readonly awaitsRestore: () => string | undefined;
}

/** KvService over one node. */
export class NodeKvService implements KvService {
  readonly #parts: NodeKvServiceParts;
  readonly #turns: ReadTurns;
  readonly #keepalives: Keepalives;

  constructor(parts: NodeKvServiceParts) {
    this.#parts = parts;
    this.#turns = new ReadTurns(parts.soon, parts.monotonicMs);
    this.#keepalives = new Keepalives(
      (operation, deadlineMs, settle) => this.#offer({ operation }, deadlineMs, settle),
      parts.soon,
    );
  }

  header(): Header {
    const { self, clusterId, leaders, currentRevision } = this.#parts;
    return { revision: currentRevision(), servedBy: self, leader: leaders.leader, clusterId };
  }

  async read(query: Query, options: ReadOptions): Promise<{ answer: Answer; header: Header }> {
    checkQuery(query);
    const { leases } = this.#parts;
    const { signal } = options;
    const waited = { deadlineMs: this.#parts.monotonicMs() + options.timeoutMs, signal };
    const level = options.level === "lease" && !leases.holds() ? "linearizable" : options.level;
    if (level === "linearizable") await confirm(this.#parts, waited);
    const awaited = this.#parts.awaitsRestore();
    if (awaited !== undefined) throw notYet(awaited, undefined);
    if (options.minRevision !== undefined) {
      // Who asks for a view of the future waits for the same.
      const option = options.minRevision === query.revision ? "revision" : "min_revision";
      await this.#reach(options.minRevision, waited, option);
    }
    const answer = query.kind === "get" && query.keys.length > 1
      ? await readInSlices(query, (slice) => this.#readWhole(slice, waited))
      : await this.#readWhole(query, waited);
    return { answer, header: this.#readHeader(answer, level, options) };
  }

  async #readWhole(query: Query, waited: Waited): Promise<Answer> {
    for (;;) {
      const answer = this.#turns.isResting
        ? await this.#turns.later(() => this.#readLate(query, waited), costOf)
        : this.#turns.now(() => this.#parts.node.readNow(query), costOf);
      if (answer === undefined) await this.#becomeReadable(waited);
      else if (answer.kind === "future") await this.#reachView(query, answer.revision, waited);
      else return answer;
    }
  }

  /** Others were served meanwhile, so that nobody may want the answer any more. */
  #readLate(query: Query, { deadlineMs, signal }: Waited): Answer | undefined {
    const { node, monotonicMs } = this.#parts;
    if (signal?.aborted === true) throw clientGone();
    if (monotonicMs() < deadlineMs) return node.readNow(query);
    throw new ServiceError("timeout", "The records were not read in time", { retryable: true });
  }

  async write(operation: Operation, options: WriteOptions): Promise<Written> {
    this.#refuse(operation);
    const { idempotency } = options;
    const asked = { operation, ...(idempotency === undefined ? {} : { idempotency }) };
    const { signal } = options;
    const body = { ...asked, kind: "write", operation: encodeOperation(operation) } as const;
    const written = await this.#parts.proxy.run<Written>({
      options,
      here: (deadlineMs) => this.#propose(asked, { deadlineMs, signal }),
      body,
      accept: acceptWritten,
    }).catch((error: unknown) => {
      throw idempotency === undefined ? error : worthRepeating(error);
    });
    const { self, clusterId, leaders } = this.#parts;
    const header = {
      revision: written.header.revision,
      servedBy: self,
      leader: leaders.leader,
      clusterId,
      ...(written.header.forwarded === true ? { forwarded: true as const } : {}),
    };
    return { result: written.result, header };
  }

  /** A forwarded write, on the node that leads: it goes no further. */
  async answerForward(
    { operation: encoded, idempotency }: ForwardedWrite,
    timeoutMs: number,
  ): Promise<ForwardAnswer> {
    const operation = decodeOperation(encoded);
    if (!operation.ok) {
      throw new ServiceError("bad_request", `The forwarded operation: ${operation.reason}`, {
        outcome: "not_applied",
      });
    }
    if (!this.#parts.leaders.isSelf) throw notLeader(this.#parts.self);
    this.#refuse(operation.value);
    const deadlineMs = this.#parts.monotonicMs() + timeoutMs;
    const once = idempotency === undefined ? {} : { idempotency };
    const asked = { operation: operation.value, ...once };
    const tried = await this.#propose(asked, { deadlineMs, signal: undefined });
    if (tried.kind === "notDone") throw tried.error;
    const { result, header } = tried.value;
    return { kind: "written", result: encodeResult(result), header };
  }

  #refuse(operation: Operation): void {
    checkOperation(operation, this.#parts.limits);
    const tooNew = this.#parts.tooNew(operation);
    if (tooNew !== undefined) {
      throw new ServiceError("not_ready", tooNew, { outcome: "not_applied", retryable: true });
    }
    const awaited = isRestoreOperation(operation) ? undefined : this.#parts.awaitsRestore();
    if (awaited !== undefined) throw notYet(awaited, "not_applied");
    const full = frees(operation) ? undefined : this.#parts.outOfSpace();
    if (full === undefined) return;
    throw new ServiceError("out_of_space", full, {
      outcome: "not_applied",
      retryable: true,
      retryAfterMs: 5_000,
    });
  }

  /** What was proposed goes on when the client goes: its outcome is not ours to decide. */
  async #propose(
    asked: Omit<Command, "wallMs">,
    { deadlineMs, signal }: Waited,
  ): Promise<Try<Written>> {
    const { operation, idempotency } = asked;
    const outcome = await unlessGone<ProposeOutcome<Result>>(
      { signal, outcome: "unknown" },
      (tell) => {
        const isPlain = operation.kind === "keepLeases" && idempotency === undefined;
        if (isPlain) this.#keepalives.keep(operation, deadlineMs, tell);
        else this.#offer(asked, deadlineMs, tell);
        return () => {};
      },
    );
    const tried = this.#judge(outcome);
    if (tried instanceof ServiceError) throw tried;
    return tried;
  }

  #offer(
    asked: Omit<Command, "wallMs">,
    deadlineMs: number,
    settle: (outcome: ProposeOutcome<Result>) => void,
  ): void {
    const { node, wallMs } = this.#parts;
    node.propose(encodeCommand({ wallMs: wallMs(), ...asked }), deadlineMs, settle);
  }

  #judge(outcome: ProposeOutcome<Result>): Try<Written> | ServiceError {
    switch (outcome.kind) {
      case "applied": {
        const { result } = outcome;
        const revision = result.kind === "none" ? this.#parts.currentRevision() : result.revision;
        return {
          kind: "answered",
          value: { result, header: { ...this.header(), revision } },
        };
      }
      case "notApplied":
        return notApplied(outcome.reason, this.#parts.self);
      case "unknown":
        return unknownOutcome(outcome.reason);
    }
  }

  async #reach(revision: Revision, waited: Waited, option: string): Promise<void> {
    const { deadlineMs, signal } = waited;
    const ms = deadlineMs - this.#parts.monotonicMs();
    if (await this.#parts.revisions.until(revision, { ms, signal })) return;
    if (signal?.aborted === true) throw clientGone();
    if (this.#parts.revisions.isClosed) throw readFailed("closing", this.#parts.self);
    throw new ServiceError(
      "timeout",
      `${option} is ${revision}, this node has come to ${this.#parts.currentRevision()}`,
      { retryable: true },
    );
  }

  /**
   * The asked view is not there yet: a past revision of the future, or a store that is catching up.
   */
  async #reachView(query: Query, present: Revision, waited: Waited): Promise<void> {
    const wanted = query.revision ?? present;
    if (wanted <= present) return await this.#becomeReadable(waited);
    await this.#reach(wanted, waited, "revision");
  }

  async #becomeReadable({ deadlineMs, signal }: Waited): Promise<void> {
    const { node, self } = this.#parts;
    if (!node.status().storeIsWhole) throw readFailed("diskFull", self);
    const leftMs = deadlineMs - this.#parts.monotonicMs();
    if (leftMs <= 0) {
      throw new ServiceError("not_ready", "This node is replaying its log", { retryable: true });
    }
    if (this.#parts.revisions.isClosed) throw readFailed("closing", this.#parts.self);
    await this.#parts.revisions.nextApplied({ ms: leftMs, signal });
    if (signal?.aborted === true) throw clientGone();
  }

  #readHeader(answer: Answer, level: ReadLevel, options: ReadOptions): Header {
    const { self: servedBy, clusterId, leaders, currentRevision, node } = this.#parts;
    const revision = answer.kind === "compacted" ? currentRevision() : answer.revision;
    const header = { revision, servedBy, leader: leaders.leader, clusterId, level };
    if (level !== "eventual") return header;
    const stalenessMs = node.stalenessMs();
    const { maxStalenessMs } = options;
    if (maxStalenessMs !== undefined && stalenessMs > maxStalenessMs) {
      throw new ServiceError(
        "too_stale",
        `max_staleness is ${maxStalenessMs} ms, this node may be ${stalenessMs} ms behind`,
        { retryable: true, retryAfterMs: 1_000 },
      );
    }
    return { ...header, stalenessMs };
  }
}

/** A write as another node hands it on. */
type ForwardedWrite = Extract<ForwardBody, { readonly kind: "write" }>;

/** What may still be done on a disk that runs full: it makes room, or takes none. */
function frees({ kind }: Operation): boolean {
  switch (kind) {
    case "delete":
    case "compact":
    case "revokeLease":
    case "expireLeases":
    case "keepLeases":
    case "leave":
    case "nothing":
    case "abortRestore":
    case "stepRestore":
    case "raiseDataVersion":
      return true;
    case "put":
    case "merge":
    case "update":
    case "txn":
    case "batch":
    case "grantLease":
    case "contend":
    case "proclaim":
    case "beginRestore":
    case "stageRestore":
    case "commitRestore":
      return false;
  }
}

function notYet(why: string, outcome: "not_applied" | undefined): ServiceError {
  return new ServiceError("not_ready", why, { outcome, retryable: true, retryAfterMs: 1_000 });
}

function acceptWritten(answer: ForwardAnswer): Written {
  if (answer.kind !== "written") throw wrongAnswer(answer.kind);
  const result = decodeResult(answer.result);
  if (!result.ok) throw wrongAnswer(result.reason);
  return { result: result.value, header: { ...answer.header, forwarded: true } };
}

function wrongAnswer(what: string): ServiceError {
  return new ServiceError("internal", `The leader's answer cannot be read: ${what}`, {
    outcome: "unknown",
  });
}
