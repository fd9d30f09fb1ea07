/**
 * What the store must have answered: a second, plain store (test/harness/kv_model.ts) that is given
 * each committed entry once, in order, and remembers every state. It shares no code with src/kv but
 * the decoding of commands.
 */

import type { Answer, ContestQuery, GetQuery, RangeQuery } from "../../src/kv/query.ts";
import type { Result } from "../../src/kv/result.ts";
import { decodeCommand } from "../../src/kv/command_encoding.ts";
import type { Entry, Index } from "../../src/raft/types.ts";
import type { Revision } from "../../src/kv/record.ts";
import { KvModel } from "../harness/kv_model.ts";
import type { ModelVersions } from "../harness/kv_model_versions.ts";

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

  /** Of all that is committed, as far as anybody has applied it. */
  get revision(): Revision {
    return this.#model.revision;
  }

  /** The oldest revision that can be read, likewise. */
  get oldest(): Revision {
    return this.#model.oldest;
  }

  /** The change of users' keys of that number, from 1 on; undefined where there is none yet. */
  change(number: number): ReturnType<ModelVersions["change"]> {
    return this.#model.versions.change(number);
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
  answer(query: GetQuery | RangeQuery | ContestQuery, index: Index): Answer | undefined {
    const view = this.#views[index];
    return view && this.#model.read(query, view);
  }
}
