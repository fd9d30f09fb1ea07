/** Where one image stands on its way to one peer; what it consists of is not known here. */

/** Without an answer for so long, what was sent counts as lost. */
const answerMsMax = 2_000;
const restMs = 1_000;
const restMsMax = 60_000;

/** The rest after so many failures in a row: it doubles with each. */
export function restMsAfter(failures: number): number {
  return Math.min(restMs * 2 ** failures, restMsMax);
}

/** One peer's transfer. */
export class SnapshotTransfer {
  /** A peer that is silent is not sent anything. */
  isReachable = true;
  /** Everything before it was handed out. */
  #next = 0;
  /** What the peer says that it holds. */
  #confirmed = 0;
  /** Until the first answer one chunk at a time: the peer may hold a part from before. */
  #isProbing = true;
  /** Of probing: that chunk has left. */
  #isAsked = false;
  #isReading = false;
  #heardMs: number;
  #restUntilMs = 0;
  #rests = 0;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
  }

  /** It may be read for now. */
  isReady(nowMs: number): boolean {
    return this.isReachable && !this.#isReading && nowMs >= this.#restUntilMs;
  }

  /** Where the next chunk begins, which is then being read; undefined when none may leave now. */
  take(image: {
    readonly bytes: number;
    readonly chunkBytes: number;
    readonly inflightBytesMax: number;
  }): number | undefined {
    const { bytes, chunkBytes, inflightBytesMax } = image;
    // The peer holds everything and looks at it: it is asked again how it stands.
    if (this.#isProbing && this.#next >= bytes) this.#next = Math.max(0, bytes - chunkBytes);
    const hasRoom = this.#isProbing
      ? !this.#isAsked
      : this.#next - this.#confirmed < inflightBytesMax;
    if (!hasRoom || this.#next >= bytes) return undefined;
    this.#isReading = true;
    return this.#next;
  }

  /** The chunk was read, or is not read after all. */
  giveBack(): void {
    this.#isReading = false;
  }

  /** The chunk at `offset` leaves; false when another one is wanted meanwhile. */
  sent(offset: number, bytes: number, nowMs: number): boolean {
    if (offset !== this.#next) return false;
    if (this.#next <= this.#confirmed) this.#heardMs = nowMs;
    this.#next += bytes;
    this.#isAsked = true;
    return true;
  }

  /** The peer holds everything before `offset`. */
  confirmed(offset: number, nowMs: number): void {
    const wentBack = offset < this.#confirmed;
    if (offset > this.#confirmed) this.#rests = 0;
    // The same answer again comes from chunks behind one that was lost: the silence will tell.
    if (offset === this.#confirmed && !this.#isProbing) return;
    this.#confirmed = offset;
    if (wentBack || this.#isProbing || this.#next < offset) this.#next = offset;
    this.#isProbing = false;
    this.#heardMs = nowMs;
  }

  tick(nowMs: number): void {
    if (nowMs - this.#heardMs < answerMsMax) return;
    this.#heardMs = nowMs;
    this.#probe();
  }

  /** The peer cannot take it now. It says so of every chunk that was under way, and rests once. */
  rest(nowMs: number): void {
    if (nowMs < this.#restUntilMs) return;
    this.#restUntilMs = nowMs + restMsAfter(this.#rests);
    this.#rests++;
    this.#probe();
  }

  /** Another image, or the same one from its beginning. */
  beginAnew(): void {
    this.#confirmed = 0;
    this.#probe();
  }

  #probe(): void {
    this.#next = this.#confirmed;
    this.#isProbing = true;
    this.#isAsked = false;
  }
}
