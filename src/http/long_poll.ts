/** Long polls: a read that would tell nothing new waits until it does. */

import type { ChangeEvent, OpenWatch, Revision, WatchRequest } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { requestOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { contradiction } from "./options.ts";

/** What has been changes no more. */
export function refuseWithPast({ revision }: { readonly revision?: Revision }): void {
  if (revision !== undefined) throw contradiction("wait", "wait is given together with revision");
}

/** The changes that somebody waits for. */
export interface Awaited {
  readonly target: WatchRequest["target"];
  /** Behind this revision; behind what is now when absent. */
  readonly after?: Revision;
  /** Which of the target's changes count. */
  readonly concerns?: (event: ChangeEvent) => boolean;
}

/** What has happened to a part of the keys. */
export class ChangeWait {
  readonly #call: Call;
  readonly #watch: OpenWatch;
  readonly #concerns: (event: ChangeEvent) => boolean;

  /** Undefined where what has happened is compacted. */
  static async open(
    call: Call,
    { target, after, concerns = () => true }: Awaited,
  ): Promise<ChangeWait | undefined> {
    const request = { target, prev: false, ...(after === undefined ? {} : { after }) };
    try {
      const { watch } = await call.services.watches.watch(request, requestOptions(call));
      return new ChangeWait(call, watch, concerns);
    } catch (error) {
      call.header = call.services.kv.header();
      if (error instanceof ServiceError && error.code === "revision_compacted") return undefined;
      throw error;
    }
  }

  private constructor(call: Call, watch: OpenWatch, concerns: (event: ChangeEvent) => boolean) {
    this.#call = call;
    this.#watch = watch;
    this.#concerns = concerns;
  }

  /** Whether something happens within that time. */
  async within(ms: number): Promise<boolean> {
    return await this.#call.whileWaiting(async () => {
      const { clock } = this.#call.services;
      const endMs = clock.monotonicMs() + ms;
      for (;;) {
        const seen = await this.#look(endMs);
        if (seen === "changed") return true;
        if (clock.monotonicMs() >= endMs || this.#call.request.signal.aborted) return false;
      }
    });
  }

  /** Whether something has happened up to `revision`, to which this node has come already. */
  async upTo(revision: Revision): Promise<boolean> {
    const { clock } = this.#call.services;
    for (;;) {
      const seen = await this.#look(clock.monotonicMs() + 1);
      if (seen === "changed") return true;
      if (seen >= revision || this.#call.isLate()) return false;
    }
  }

  close(): void {
    this.#watch.close();
  }

  /** What has happened, at the latest then; else how far nothing has. */
  async #look(endMs: number): Promise<"changed" | Revision> {
    for (;;) {
      // Less and less, however much happens that is of no concern.
      const ms = Math.max(0, endMs - this.#call.services.clock.monotonicMs());
      const frame = await this.#watch.next({ ms, signal: this.#call.request.signal });
      switch (frame.kind) {
        case "changes":
          if (frame.changes.events.some(this.#concerns)) return "changed";
          break;
        case "compacted":
          return "changed";
        case "closing":
          throw new ServiceError("draining", "This node shuts down", { retryable: true });
        case "lagging":
          break;
        case "progress":
          return frame.revision;
      }
    }
  }
}
