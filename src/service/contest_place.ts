/**
 * A place behind others who contend for a name, for the request that waits in it. Where it stands
 * is read on this node; what becomes of it is decided by commands, in the order of the log.
 */

import type {
  Contend,
  ContestDone,
  ContestPlace,
  Header,
  KvService,
  RequestOptions,
  Revision,
} from "./contract.ts";
import type { ContestHub } from "./contest_hub.ts";
import { ServiceError } from "./errors.ts";
import { clientGone, whenGone } from "./gone.ts";
import { readFailed } from "./outcome_errors.ts";
import { rejectionError } from "./rejection.ts";
import { type After, WakeUp } from "./wake_up.ts";

/** A lease that the place has made itself is kept alive so often within its time to live. */
const keptPerTtl = 3;
/** So long a place is tried to be given up that nobody wants any more. */
const giveUpMs = 30_000;
const giveUpPauseMs = 1_000;
/** A node that could not say where the place stands is asked again then. */
const lookPauseMs = 1_000;

/** What a place stands on. */
export interface ContestPlaceParts {
  readonly kv: KvService;
  readonly hub: ContestHub;
  readonly after: After;
  readonly monotonicMs: () => number;
  readonly self: number;
}

/** What was asked for, and what came of it so far. */
export interface PlaceTaken {
  readonly contend: Contend;
  readonly own: NonNullable<ContestDone["own"]>;
  /** When it was asked for: who asks again takes it over. */
  readonly asked: Revision;
  /** The same by this node's clock: its lease lasts from then on at least. */
  readonly askedMs: number;
  /** Whoever names a key may come again, for the same place. */
  readonly isRepeatable: boolean;
  readonly options: RequestOptions;
}

/** Where a place stands, as far as is known. */
type Standing = "waits" | "first" | "gone";

/** See the head of this file. One request. */
export class Place implements ContestPlace {
  readonly #parts: ContestPlaceParts;
  readonly #taken: PlaceTaken;
  readonly #onClose: () => void;
  readonly #wakeUp: WakeUp;
  readonly #leaveHub: () => void;
  #standing: Standing = "waits";
  /** Nobody has to give it up any more. */
  #isSettled = false;
  #isNodeClosing = false;
  #keptMs: number;

  constructor(parts: ContestPlaceParts, taken: PlaceTaken, onClose: () => void) {
    this.#parts = parts;
    this.#taken = taken;
    this.#onClose = onClose;
    this.#keptMs = taken.askedMs;
    this.#wakeUp = new WakeUp(parts.after);
    this.#leaveHub = parts.hub.add(taken.contend, () => this.#wakeUp.wake());
  }

  /** The node shuts down: nobody waits on it any longer. */
  endWait(): void {
    this.#isNodeClosing = true;
    this.#wakeUp.wake();
  }

  async wait({ ms }: { readonly ms: number }): Promise<void> {
    const { monotonicMs } = this.#parts;
    const { signal } = this.#taken.options;
    const forget = whenGone(signal, () => this.#wakeUp.wake());
    const endMs = monotonicMs() + ms;
    try {
      for (let leftMs = ms; leftMs > 0; leftMs = endMs - monotonicMs()) {
        const isKnown = await this.#look(Math.min(leftMs, lookPauseMs, this.#keepInMs()));
        if (this.#standing !== "waits" || this.#isNodeClosing || signal?.aborted === true) return;
        const restMs = Math.min(endMs - monotonicMs(), this.#keepInMs());
        await this.#wakeUp.sleep(isKnown ? restMs : Math.min(restMs, lookPauseMs));
        if (this.#keepInMs() <= 0) await this.#keep(this.#keepEveryMs());
      }
    } finally {
      forget();
    }
  }

  /** On this node. False where it cannot say where the place stands. */
  async #look(timeoutMs: number): Promise<boolean> {
    const { contend: { area, name }, own: { token }, asked, options } = this.#taken;
    const query = { kind: "contest", area, name, token, counts: false } as const;
    const fresh = { ...options, timeoutMs, level: "eventual", minRevision: asked } as const;
    try {
      const { answer } = await this.#parts.kv.read(query, fresh);
      if (answer.kind !== "contest") return false;
      const { own, holder } = answer;
      this.#standing = own === undefined ? "gone" : holder?.token === token ? "first" : "waits";
      return true;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return false;
    }
  }

  #keepEveryMs(): number {
    const { ttlMs } = this.#taken.contend;
    return ttlMs === undefined ? Infinity : Math.floor(ttlMs / keptPerTtl);
  }

  #keepInMs(): number {
    return this.#keptMs + this.#keepEveryMs() - this.#parts.monotonicMs();
  }

  /** A lease that cannot be kept alive now may be the next time. */
  async #keep(timeoutMs: number): Promise<void> {
    this.#keptMs = this.#parts.monotonicMs();
    try {
      await this.#renew({ ...this.#taken.options, timeoutMs });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
    }
  }

  /** Its whole time again. */
  async #renew(options: RequestOptions): Promise<Header> {
    const { lease } = this.#taken.own;
    const { result, header } = await this.#parts.kv.write(
      { kind: "keepLeases", ids: [lease] },
      options,
    );
    if (result.kind === "kept" && result.leases[0] === undefined) this.#standing = "gone";
    return header;
  }

  async settle(
    options: RequestOptions,
  ): Promise<{ readonly result: ContestDone; readonly header: Header }> {
    if (isGone(options)) throw clientGone("not_applied");
    const { own } = this.#taken;
    // It was the first, and whoever is stays so until it goes.
    const told = this.#standing === "first" ? undefined : await this.#leave(options, true);
    const isFirst = told === undefined || isHolder(told.result);
    if (told !== undefined && (told.result.own === undefined || !isFirst)) {
      return this.#notFirst(told);
    }
    const header = await this.#confirm(options);
    if (this.#standing === "gone") throw this.#gone();
    if (isGone(options)) throw clientGone("unknown");
    this.#isSettled = true;
    const holder = { ...own, value: this.#taken.contend.value };
    return {
      result: {
        ...{ kind: "contest", revision: header.revision, holder, own },
        ...{ before: 0, hasLeft: false },
      },
      header,
    };
  }

  #notFirst(
    told: { readonly result: ContestDone; readonly header: Header },
  ): { readonly result: ContestDone; readonly header: Header } {
    this.#isSettled = true;
    // A repetition comes again for a place that was given up: that is what it was told then.
    if (told.result.own === undefined && !this.#taken.isRepeatable) throw this.#gone();
    if (this.#isNodeClosing) {
      const { message, code } = readFailed("closing", this.#parts.self);
      // A repetition under its key would come back to the place that was given up.
      const again = this.#taken.isRepeatable ? {} : { retryable: true, retryAfterMs: 1_000 };
      throw new ServiceError(code, message, { outcome: "not_applied", ...again });
    }
    return told;
  }

  /**
   * Whoever is told that it holds has it, and its whole time to live, from now on. A lease that
   * others keep alive is theirs to keep; what is asked then is whether there is still one.
   */
  async #confirm(options: RequestOptions): Promise<Header> {
    const { contend: { area, name, ttlMs }, own: { token } } = this.#taken;
    if (ttlMs !== undefined) return await this.#renew(options);
    const query = { kind: "contest", area, name, token, counts: false } as const;
    const { answer, header } = await this.#parts.kv.read(query, {
      ...options,
      level: "linearizable",
    });
    if (answer.kind === "contest" && answer.own === undefined) this.#standing = "gone";
    return { ...this.#parts.kv.header(), revision: header.revision };
  }

  #gone(): ServiceError {
    this.#isSettled = true;
    const { token, lease } = this.#taken.own;
    const detail = `Token ${token} waits no more: its lease ${lease} has ended, or it was released`;
    return new ServiceError("lease_not_found", detail, { outcome: "not_applied" });
  }

  async #leave(
    options: RequestOptions,
    onlyWaiting: boolean,
  ): Promise<{ readonly result: ContestDone; readonly header: Header }> {
    const { contend: { area, name }, own: { token }, asked } = this.#taken;
    const leave = { kind: "leave", area, name, token, onlyWaiting, asked } as const;
    const { result, header } = await this.#parts.kv.write(leave, options);
    if (result.kind === "rejected") throw rejectionError(result);
    if (result.kind !== "contest") throw new Error(`Result ${result.kind} of a leave`);
    return { result, header };
  }

  /**
   * A repetition of the request may have been told that it holds by now, so that only a place that
   * waits is taken from it.
   */
  async close(): Promise<void> {
    this.#leaveHub();
    try {
      if (!this.#isSettled) await this.#giveUp();
    } finally {
      this.#onClose();
    }
  }

  async #giveUp(): Promise<void> {
    this.#isSettled = true;
    const { monotonicMs, after } = this.#parts;
    const { isRepeatable, options: { requestId } } = this.#taken;
    const endMs = monotonicMs() + giveUpMs;
    for (let leftMs = giveUpMs; leftMs > 0; leftMs = endMs - monotonicMs()) {
      try {
        await this.#leave({ requestId, timeoutMs: leftMs }, isRepeatable);
        return;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        if (this.#isNodeClosing && error.code === "draining") return;
        await new WakeUp(after).sleep(giveUpPauseMs);
      }
    }
  }
}

function isGone({ signal }: RequestOptions): boolean {
  return signal?.aborted === true;
}

function isHolder({ own, before, hasLeft }: ContestDone): boolean {
  return own !== undefined && !hasLeft && before === 0;
}
