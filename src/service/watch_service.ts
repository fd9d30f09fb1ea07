/** Opens watches on one node: how many there may be, where they begin, how they end with it. */

import type { KvMeta } from "../kv/ports.ts";
import { emptyRevision } from "../kv/record.ts";
import type { NodeId } from "../raft/types.ts";
import { ClusterWatches, type FollowedCluster } from "./cluster_watch.ts";
import { confirm } from "./confirm.ts";
import type {
  Header,
  OpenClusterWatch,
  RequestOptions,
  Revision,
  WatchOpening,
  WatchRequest,
  WatchService,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import type { ServedNode } from "./node_port.ts";
import { readFailed } from "./outcome_errors.ts";
import { Watch, type WatchParts, type WatchStart } from "./watch.ts";
import { WatchHub } from "./watch_hub.ts";
import { WatchMemory } from "./watch_memory.ts";

/** What was read for slow readers and not taken yet, all together. */
const queuesBytesMax = 64 * 1024 * 1024;

/** What the service stands on. */
export interface NodeWatchServiceParts extends Omit<WatchParts, "hub" | "memory"> {
  readonly node: Pick<ServedNode, "readNow" | "readIndex" | "onApplied">;
  readonly cluster: FollowedCluster;
  readonly self: NodeId;
  readonly store: () => Pick<KvMeta, "revision" | "oldest">;
  readonly header: () => Header;
  readonly monotonicMs: () => number;
  readonly limits: { readonly watchesMax: number };
}

/** WatchService over one node. */
export class NodeWatchService implements WatchService {
  readonly #parts: NodeWatchServiceParts;
  readonly #hub: WatchHub;
  readonly #memory = new WatchMemory(queuesBytesMax);
  readonly #clusterWatches: ClusterWatches;
  readonly #open = new Set<{ close(): void }>();
  /** Those that are about to open included. */
  #count = 0;
  #isClosed = false;

  constructor(parts: NodeWatchServiceParts) {
    this.#parts = parts;
    this.#hub = new WatchHub(parts.node);
    this.#clusterWatches = new ClusterWatches(parts.cluster);
  }

  /** How many are open, and what has a place among them. */
  get size(): number {
    return this.#count;
  }

  /**
   * A place among the watches for something else that waits as long; `too_many_watches` above the
   * limit. The returned function gives it back.
   */
  takePlace(): () => void {
    const { limits: { watchesMax } } = this.#parts;
    if (this.#count >= watchesMax) {
      const detail = `${watchesMax} watches are open on this node, which is the limit`;
      throw new ServiceError("too_many_watches", detail, { retryable: true, retryAfterMs: 5_000 });
    }
    this.#count++;
    let isTaken = true;
    return () => {
      if (isTaken) this.#count--;
      isTaken = false;
    };
  }

  async watch(request: WatchRequest, options: RequestOptions): Promise<WatchOpening> {
    const giveBack = this.takePlace();
    try {
      const after = request.after ?? await this.#present(options);
      return this.#begin({ ...request, after }, giveBack);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** Like {@link watch}, at once: where it begins is known. Throws what that rejects with. */
  watchBehind(request: WatchStart): WatchOpening & { readonly watch: Watch } {
    const giveBack = this.takePlace();
    try {
      return this.#begin(request, giveBack);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  watchCluster(): OpenClusterWatch {
    if (this.#isClosed) throw readFailed("closing", this.#parts.self);
    const giveBack = this.takePlace();
    const watch = this.#clusterWatches.open(() => {
      this.#open.delete(watch);
      giveBack();
    });
    this.#open.add(watch);
    return watch;
  }

  /** Ends all that are open: their readers have to go on elsewhere. */
  close(): void {
    this.#isClosed = true;
    for (const watch of [...this.#open]) watch.close();
    this.#hub.close();
  }

  /** Where the store stands, everything committed before included. */
  async #present({ timeoutMs, signal }: RequestOptions): Promise<Revision> {
    const { monotonicMs, store } = this.#parts;
    await confirm(this.#parts, { deadlineMs: monotonicMs() + timeoutMs, signal });
    return store().revision;
  }

  #begin(request: WatchStart, giveBack: () => void): WatchOpening & { readonly watch: Watch } {
    if (this.#isClosed) throw readFailed("closing", this.#parts.self);
    const { oldest } = this.#parts.store();
    // Nothing was done up to the empty store: who begins before it misses nothing.
    const after = Math.max(request.after, emptyRevision);
    if (after < oldest) throw compacted(after, oldest);
    const parts = { ...this.#parts, hub: this.#hub, memory: this.#memory };
    const watch = new Watch(parts, { ...request, after }, () => {
      this.#open.delete(watch);
      giveBack();
    });
    this.#open.add(watch);
    return { watch, header: this.#parts.header(), oldest };
  }
}

function compacted(after: Revision, oldest: Revision): ServiceError {
  return new ServiceError(
    "revision_compacted",
    `Revision ${after + 1} is compacted, a watch can begin at ${oldest + 1} or later`,
    { extra: { oldest } },
  );
}
