/**
 * Virtual time: one heap of events, ordered by time and then by the order in which they were made.
 * Nothing else moves time, so a run is a function of its seed, and hours pass in seconds.
 */

interface Event {
  readonly atUs: number;
  readonly sequence: number;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
}

/** Lines of a trace that are kept for people; the hash is over all of them. */
const traceLinesMax = 1_000;

export class SimScheduler {
  readonly #heap: Event[] = [];
  #nowUs = 0;
  #sequence = 0;
  #eventsRun = 0;
  #traceHash = 0x811c9dc5;
  readonly #traceLines: string[] = [];
  readonly #tells: boolean;

  /** `tells`: {@link tell} writes its lines down. It alters nothing else, the hash included. */
  constructor({ tells = false }: { readonly tells?: boolean } = {}) {
    this.#tells = tells;
  }

  /** Virtual time in µs, an integer. */
  get nowUs(): number {
    return this.#nowUs;
  }

  get eventsRun(): number {
    return this.#eventsRun;
  }

  /** Equal for two runs when they traced the same at the same times. */
  get traceHash(): string {
    return (this.#traceHash >>> 0).toString(16).padStart(8, "0");
  }

  /** The newest lines of the trace. */
  get traceLines(): readonly string[] {
    return [...this.#traceLines];
  }

  /**
   * Writes down what happened, at the present time. `forPeople` says the same with more detail; it
   * takes no part in the hash.
   */
  trace(text: string, forPeople: () => string = () => text): void {
    this.mix(this.#nowUs);
    for (let at = 0; at < text.length; at++) this.mix(text.charCodeAt(at));
    this.#keep(this.#tells ? forPeople() : text);
  }

  /** Takes a number into the hash of the trace: FNV-1a, 32 bits at a time, and a shift back. */
  mix(number: number): void {
    const mixed = Math.imul(this.#traceHash ^ number, 0x01000193);
    this.#traceHash = mixed ^ (mixed >>> 15);
  }

  /** A line for people, made only where somebody reads it. */
  tell(line: () => string): void {
    if (this.#tells) this.#keep(line());
  }

  #keep(text: string): void {
    this.#traceLines.push(`${this.#nowUs} ${text}`);
    if (this.#traceLines.length > 2 * traceLinesMax) this.#traceLines.splice(0, traceLinesMax);
  }

  /** Calls `run` after a delay of whole µs, until the returned function is called. */
  after(delayUs: number, run: () => void): () => void {
    if (!Number.isSafeInteger(delayUs) || delayUs < 0) {
      throw new RangeError(`delay is ${delayUs} µs, allowed is a non-negative integer`);
    }
    const event: Event = { atUs: this.#nowUs + delayUs, sequence: this.#sequence++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return false;
      if (event.run === undefined) continue;
      this.#nowUs = event.atUs;
      this.#eventsRun++;
      event.run();
      return true;
    }
  }

  /** Runs everything that is due within `forUs` from now, and ends exactly there. */
  runFor(forUs: number): void {
    const endUs = this.#nowUs + forUs;
    while ((this.#heap[0]?.atUs ?? Infinity) <= endUs) {
      if (this.#heap[0]!.run === undefined) this.#pop();
      else this.step();
    }
    this.#nowUs = endUs;
  }

  /** Runs until `condition` holds, asked after every event; false when that takes over `maxUs`. */
  runUntil(condition: () => boolean, maxUs: number): boolean {
    const endUs = this.#nowUs + maxUs;
    while (!condition()) {
      if ((this.#heap[0]?.atUs ?? Infinity) > endUs) {
        this.#nowUs = endUs;
        return false;
      }
      if (this.#heap[0]!.run === undefined) this.#pop();
      else this.step();
    }
    return true;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.sequence < b.sequence);
}
