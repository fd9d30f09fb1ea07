/** Those who want to be told of something. */

/** Handlers, in the order in which they were added. */
export class Listeners<T> {
  readonly #handlers = new Set<(value: T) => void>();

  /** Until the returned function is called. */
  add(handler: (value: T) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  tell(value: T): void {
    for (const handler of this.#handlers) handler(value);
  }
}
