/**
 * What the store must have answered: a second, plain store (test/harness/kv_model.ts) that is given
 * each committed entry once, in order, and remembers every state. It shares no code with src/kv but
 * the decoding of commands.
 */

import type { Answer, GetQuery, RangeQuery } from "../../src/kv/query.ts";
import type { Result } from "../../src/kv/result.ts";
import { decodeCommand } from "../../src/kv/command_encoding.ts";
import type { Entry, Index } from "../../src/raft/types.ts";
import { KvModel } from "../harness/kv_model.ts";

export class Witness {
  readonly #model = new KvModel();
  /** By index: what the entry answered, and what could be read behind it. */
  readonly #results: Result[] = [{ kind: "none" }];
  readonly #views: { readonly revision: number; readonly oldest: number }[] = [
    { revision: this.#model.revision, oldest: this.#model.oldest },
  ];
  /** Cluster time. */
  #timeMs = 0;

  get index(): Index {
    return this.#results.length - 1;
  }

  /** Takes the entry when it is the next one. */
  apply(entry: Entry): void {
    if (entry.index !== this.index + 1) return;
    this.#results.push(this.#resultOf(entry));
    const { revision, oldest } = this.#model;
    this.#views.push({ revision, oldest });
  }

  #resultOf(entry: Entry): Result {
    if (entry.kind !== "command") return { kind: "none" };
    const decoded = decodeCommand(entry.data);
    if (!decoded.ok) throw new Error(`Entry ${entry.index} is no command: ${decoded.reason}`);
    const { operation, idempotency, wallMs } = decoded.value;
    this.#timeMs = Math.max(this.#timeMs, entry.timeMs);
    return this.#model.apply(operation, this.#timeMs, idempotency, wallMs);
  }

  /** What the entry at an index must have answered. */
  result(index: Index): Result | undefined {
    return this.#results[index];
  }

  /** What can be read once everything up to `index` is applied. */
  view(index: Index): { readonly revision: number; readonly oldest: number } | undefined {
    return this.#views[index];
  }

  /** What the query must answer once everything up to `index` is applied. */
  answer(query: GetQuery | RangeQuery, index: Index): Answer | undefined {
    const view = this.#views[index];
    return view && this.#model.read(query, view);
  }
}
