/**
 * What the store must have answered: a second, plain store (test/harness/kv_model.ts) that is given
 * each committed entry once, in order, and remembers every state. It shares no code with src/kv but
 * the decoding of commands.
 */

import { isDeepStrictEqual } from "node:util";
import type { Answer, Query } from "../../src/kv/query.ts";
import type { Result } from "../../src/kv/result.ts";
import { decodeCommand } from "../../src/kv/command_encoding.ts";
import type { Entry, Index } from "../../src/raft/types.ts";
import { KvModel } from "../harness/kv_model.ts";

export class Witness {
  readonly #model = new KvModel();
  /** By index: what the entry answered, and the revision behind it. */
  readonly #results: Result[] = [{ kind: "none" }];
  readonly #revisions: number[] = [this.#model.revision];

  get index(): Index {
    return this.#results.length - 1;
  }

  /** Takes the entry when it is the next one. */
  apply(entry: Entry): void {
    if (entry.index !== this.index + 1) return;
    this.#results.push(this.#resultOf(entry));
    this.#revisions.push(this.#model.revision);
  }

  #resultOf(entry: Entry): Result {
    if (entry.kind !== "command") return { kind: "none" };
    const decoded = decodeCommand(entry.data);
    if (!decoded.ok) throw new Error(`Entry ${entry.index} is no command: ${decoded.reason}`);
    return this.#model.apply(decoded.value.operation);
  }

  /** What the entry at an index must have answered. */
  result(index: Index): Result | undefined {
    return this.#results[index];
  }

  /** What the query must answer once everything up to `index` is applied. */
  answer(query: Query, index: Index): Answer | undefined {
    const revision = this.#revisions[index];
    return revision === undefined ? undefined : this.#model.read({ ...query, revision });
  }
}

/** Byte for byte, whatever the arrays are views of. */
export function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}
