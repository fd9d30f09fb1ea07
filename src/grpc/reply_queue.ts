/**
 * Answers of one turn of the event loop leave together: the sockets then see one write for many of
 * them instead of one each.
 */
export class ReplyQueue {
  #waiting: (() => void)[] = [];

  /** Runs `send` after the events that wait now. */
  add(send: () => void): void {
    if (this.#waiting.push(send) > 1) return;
    setImmediate(() => {
      const due = this.#waiting;
      this.#waiting = [];
      for (const each of due) each();
    });
  }
}
