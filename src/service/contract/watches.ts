/** What happens to keys, told as it happens. */

import type { ChangeEvent, RevisionChanges } from "../../kv/query.ts";
import type { KeyRange, Revision } from "../../kv/record.ts";
import type { OpenClusterWatch } from "./cluster.ts";
import type { Header, RequestOptions } from "./requests.ts";

/** What is to be watched. */
export interface WatchRequest {
  readonly target:
    | { readonly kind: "key"; readonly key: Uint8Array }
    | ({ readonly kind: "range" } & KeyRange);
  /** Everything behind this revision; when absent, behind what is now. */
  readonly after?: Revision;
  /** Each change comes with the record before it. */
  readonly prev: boolean;
  /** Nothing but changes of this kind. */
  readonly only?: ChangeEvent["kind"];
}

/** What a reader gets. */
export type WatchFrame =
  /** What one revision did, or a part of that; a part is followed by the rest. */
  | { readonly kind: "changes"; readonly changes: RevisionChanges }
  /** Nothing behind this revision has happened yet, or in the given time. */
  | { readonly kind: "progress"; readonly revision: Revision }
  /** What was taken ends at `at`, far behind where the store is. Told once. */
  | { readonly kind: "lagging"; readonly at: Revision; readonly revision: Revision }
  /** The end: what was asked for is given up. */
  | { readonly kind: "compacted"; readonly oldest: Revision }
  /** The end: the node shuts down, or the watch is closed. */
  | { readonly kind: "closing" };

/** A watch that is open: for one reader, who closes it. */
export interface OpenWatch {
  /** Where it began. */
  readonly after: Revision;
  /** What comes next; after `ms` without anything how far it has come. */
  next(
    patience: { readonly ms: number; readonly signal?: AbortSignal | undefined },
  ): Promise<WatchFrame>;
  /** What is there already; undefined where {@link next} would have to look or to wait. */
  nextAhead(): WatchFrame | undefined;
  close(): void;
}

/** What watches see of the store at their beginning. */
export interface WatchOpening {
  readonly watch: OpenWatch;
  readonly header: Header;
  /** The oldest revision that can be read. */
  readonly oldest: Revision;
}

/** What happens to keys and to the cluster, as it happens, asked through this node. */
export interface WatchService {
  /**
   * `revision_compacted` where the asked beginning is given up, `too_many_watches` above the limit.
   */
  watch(request: WatchRequest, options: RequestOptions): Promise<WatchOpening>;
  /** `too_many_watches` above the limit, which is that of all watches together. */
  watchCluster(): OpenClusterWatch;
}
