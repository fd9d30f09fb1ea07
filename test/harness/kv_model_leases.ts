/** The leases of the plain store (kv_model.ts), and how what was done to them is taken back. */

export interface ModelLease {
  readonly ttlMs: number;
  readonly deadlineMs: number;
  readonly isPrivate: boolean;
}

/** A map that goes back to a {@link ModelLeases.mark}; numbers that were given stay given. */
export class ModelLeases {
  readonly #leases = new Map<string, ModelLease>();
  #numbered = 0;
  /** What stood there before each change since {@link settle}. */
  #before: { readonly id: string; readonly lease: ModelLease | undefined }[] = [];

  get(id: string): ModelLease | undefined {
    return this.#leases.get(id);
  }

  set(id: string, lease: ModelLease): void {
    this.#before.push({ id, lease: this.get(id) });
    this.#leases.set(id, lease);
  }

  delete(id: string): void {
    this.#before.push({ id, lease: this.get(id) });
    this.#leases.delete(id);
  }

  /** Begins one, under the next number that no lease has unless it is given an id. */
  grant(
    { id = this.nextId(), ttlMs, isPrivate }: Omit<ModelLease, "deadlineMs"> & {
      readonly id?: string | undefined;
    },
    nowMs: number,
  ): string {
    this.set(id, { ttlMs, deadlineMs: nowMs + ttlMs, isPrivate });
    return id;
  }

  /** Gives it its whole time again; undefined where there is none. */
  keep(id: string, nowMs: number): { readonly id: string; readonly ttlMs: number } | undefined {
    const lease = this.get(id);
    if (lease === undefined) return undefined;
    this.set(id, { ...lease, deadlineMs: nowMs + lease.ttlMs });
    return { id, ttlMs: lease.ttlMs };
  }

  /** The next number that no lease has. */
  nextId(): string {
    for (;;) {
      const id = String(++this.#numbered);
      if (this.get(id) === undefined) return id;
    }
  }

  /** Each with its deadline, by its id. */
  list(): readonly { readonly id: string; readonly deadlineMs: number }[] {
    return [...this.#leases].map(([id, { deadlineMs }]) => ({ id, deadlineMs }))
      .sort((a, b) => a.id < b.id ? -1 : 1);
  }

  /** Where it stands, for {@link undoTo}. */
  mark(): number {
    return this.#before.length;
  }

  /** Takes back what was done since. */
  undoTo(mark: number): void {
    while (this.#before.length > mark) {
      const { id, lease } = this.#before.pop()!;
      if (lease === undefined) this.#leases.delete(id);
      else this.#leases.set(id, lease);
    }
  }

  /** Nothing up to here will be taken back; marks are void. */
  settle(): void {
    this.#before = [];
  }
}
