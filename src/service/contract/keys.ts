/** Reads and writes of keys. */

import type { Operation } from "../../kv/command.ts";
import type { Answer, Query } from "../../kv/query.ts";
import type { Result } from "../../kv/result.ts";
import type { Header, ReadOptions, WriteOptions } from "./requests.ts";

/** The keys and values of the cluster, asked through this node. */
export interface KvService {
  /**
   * All records of a get or none: where they have more bytes than its `bytesMax`, the refusal is
   * `range_too_large`.
   */
  read(
    query: Query,
    options: ReadOptions,
  ): Promise<{ readonly answer: Answer; readonly header: Header }>;
  /**
   * Forwards to the leader where this node is not it. Resolves with what apply decided, a failed
   * condition included.
   */
  write(
    operation: Operation,
    options: WriteOptions,
  ): Promise<{ readonly result: Result; readonly header: Header }>;
  /** The header of an answer that needs no read (a refusal). */
  header(): Header;
}
