/**
 * Whether one peer can be reached, for people: a line at the first attempt that fails, at most one
 * a minute for as long as that lasts or where it happens again, and one when it is back. What the
 * peer answers is not told here.
 */

/** One line for the log. */
export type ReachReport =
  | {
    readonly kind: "unreachable";
    /** `node 2` */
    readonly name: string;
    readonly address: string;
    readonly reason: string;
    /** Since the first attempt that failed. */
    readonly sinceMs: number;
  }
  | {
    readonly kind: "back";
    readonly name: string;
    readonly address: string;
    /** How long it could not be reached. */
    readonly afterMs: number;
  };

const repeatEveryMs = 60_000;

/** Of one peer at one address. */
export class Reach {
  readonly #peer: { readonly name: string; readonly address: string };
  readonly #report: (report: ReachReport) => void;
  readonly #nowMs: () => number;
  /** Undefined while it can be reached, as far as is known. */
  #lost: { readonly firstMs: number; isTold: boolean } | undefined;
  /** The last line about a failure, also of an outage before this one: some peers come and go. */
  #reportedMs: number | undefined;

  constructor(
    peer: { readonly name: string; readonly address: string },
    report: (report: ReachReport) => void,
    nowMs: () => number,
  ) {
    this.#peer = peer;
    this.#report = report;
    this.#nowMs = nowMs;
  }

  /** An attempt ended before there was an answer. */
  failed(reason: string): void {
    const nowMs = this.#nowMs();
    const lost = this.#lost ??= { firstMs: nowMs, isTold: false };
    if (this.#reportedMs !== undefined && nowMs - this.#reportedMs < repeatEveryMs) return;
    this.#reportedMs = nowMs;
    lost.isTold = true;
    this.#report({ kind: "unreachable", ...this.#peer, reason, sinceMs: nowMs - lost.firstMs });
  }

  /** It has answered. */
  answered(): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost === undefined || !lost.isTold) return;
    this.#report({ kind: "back", ...this.#peer, afterMs: this.#nowMs() - lost.firstMs });
  }
}
