/** Bytes that many parties hold in memory at once, under one limit for all of them together. */
export class ByteBudget {
  readonly bytesMax: number;
  #heldBytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  hasRoomFor(bytes: number): boolean {
    return this.#heldBytes + bytes <= this.bytesMax;
  }

  /** False, and nothing is taken, when there is no room. */
  take(bytes: number): boolean {
    if (!this.hasRoomFor(bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/** What one party holds of a {@link ByteBudget}, until it releases all of it. */
export class ByteShare {
  readonly budget: ByteBudget;
  #heldBytes = 0;
  #released = false;

  constructor(budget: ByteBudget) {
    this.budget = budget;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** False, and nothing is taken, when there is no room, or the share was released. */
  take(bytes: number): boolean {
    if (this.#released || !this.budget.take(bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /** Gives everything back, for good: nothing can be taken any more. Idempotent. */
  release(): void {
    this.#released = true;
    this.budget.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}
