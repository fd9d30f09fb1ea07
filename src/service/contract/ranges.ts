/** Whole ranges at one revision. */

import type { Answer, RangeQuery } from "../../kv/query.ts";
import type { Revision } from "../../kv/record.ts";
import type { Header, ReadOptions } from "./requests.ts";

/** A range of keys that is to be read as a whole. */
export interface RangeStreamRequest
  extends Omit<RangeQuery, "kind" | "limit" | "bytesMax" | "countOnly"> {
  /** Records and folders altogether; all of them when absent. */
  readonly limit?: number;
}

/** Some records and folders of a range. */
export type RangeSlice = Extract<Answer, { readonly kind: "range" }>;

/** A range at one revision, which this node keeps readable: for one reader, who closes it. */
export interface OpenRange {
  readonly revision: Revision;
  /**
   * What comes next; undefined at the end. Throws `timeout` where the range has been open for too
   * long, `draining` where the node shuts down, and what a read may throw.
   */
  next(): Promise<RangeSlice | undefined>;
  close(): void;
}

/** Ranges of any length, each at one revision, asked through this node. */
export interface RangeStreamService {
  /**
   * `overloaded` where too many are open, `revision_compacted` where the asked revision is given
   * up.
   */
  open(
    request: RangeStreamRequest,
    options: ReadOptions,
  ): Promise<{ readonly range: OpenRange; readonly header: Header }>;
}
