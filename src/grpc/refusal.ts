/**
 * What a peer sent and must not have: refused at the edge, counted and named, never asserted. A
 * broken or hostile peer costs a line in the log now and then, not the process.
 */

/** What was wrong with a frame; the names of the counters. */
export type FaultKind =
  /** The bytes are no message, or a part that must be there is not. */
  | "malformed"
  /** A number above 2^53 − 1, or outside its range. */
  | "number"
  /** A term more than 2^32 above the own: no cluster gets there, but it would poison this one. */
  | "term"
  /** Entries or members out of order, or with gaps. */
  | "order"
  | "checksum"
  /** Not from or not to whom the stream's Hello says. */
  | "address"
  /** A stream that did not begin with an accepted Hello. */
  | "hello"
  /** A queue was full, or a message is larger than a frame may be. */
  | "dropped";

/** Thrown by the conversions; caught where frames arrive. */
export class WireRefusal extends Error {
  override readonly name = "WireRefusal";
  readonly kind: FaultKind;

  constructor(kind: FaultKind, detail: string) {
    super(detail);
    this.kind = kind;
  }
}

/** One line for the log. */
export interface FaultReport {
  readonly kind: FaultKind;
  /** Who: an address, or `node 3`. */
  readonly source: string;
  readonly detail: string;
  /** How many of this kind from this source were left out since the last report. */
  readonly suppressed: number;
}

const reportIntervalMs = 5_000;
/** Sources are what strangers call themselves: how many there are is not ours to choose. */
const sourcesMax = 64;
const detailLettersMax = 500;

/** Counts every fault, and reports one per kind and source every 5 s, of 64 sources at most. */
export class FaultLog {
  readonly #report: (report: FaultReport) => void;
  readonly #nowMs: () => number;
  readonly #counts = new Map<FaultKind, number>();
  readonly #recent = new Map<string, { readonly lastMs: number; suppressed: number }>();
  /** Of sources that there was no room for. */
  #unnamed = 0;

  constructor(report: (report: FaultReport) => void, nowMs: () => number) {
    this.#report = report;
    this.#nowMs = nowMs;
  }

  get counts(): ReadonlyMap<FaultKind, number> {
    return this.#counts;
  }

  note(kind: FaultKind, source: string, detail: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    // A client that comes again and again does so from another port each time.
    const key = `${kind} ${source.replace(/:\d+(?=\)?$)/, "")}`;
    const now = this.#nowMs();
    const recent = this.#recent.get(key);
    if (recent !== undefined && now - recent.lastMs < reportIntervalMs) {
      recent.suppressed += 1;
      return;
    }
    if (recent === undefined && !this.#makeRoom(now)) {
      this.#unnamed += 1;
      return;
    }
    // Set anew, so that the map stays in the order of the last reports.
    this.#recent.delete(key);
    this.#recent.set(key, { lastMs: now, suppressed: 0 });
    const suppressed = recent?.suppressed ?? 0;
    this.#report({ kind, source, detail: detail.slice(0, detailLettersMax), suppressed });
    this.#reportUnnamed(kind);
  }

  /** Forgets the source that was reported longest ago, unless that was just now. */
  #makeRoom(now: number): boolean {
    const [oldest] = this.#recent;
    if (this.#recent.size < sourcesMax || oldest === undefined) return true;
    const [key, { lastMs, suppressed }] = oldest;
    if (now - lastMs < reportIntervalMs) return false;
    this.#unnamed += suppressed;
    return this.#recent.delete(key);
  }

  #reportUnnamed(kind: FaultKind): void {
    if (this.#unnamed === 0) return;
    const detail = `more than ${sourcesMax} sources within ${reportIntervalMs} ms`;
    this.#report({ kind, source: "further sources", detail, suppressed: this.#unnamed });
    this.#unnamed = 0;
  }

  /** Notes a refusal by its kind, and anything else as malformed. */
  noteError(source: string, error: unknown): void {
    const kind = error instanceof WireRefusal ? error.kind : "malformed";
    this.note(kind, source, error instanceof Error ? error.message : String(error));
  }
}
