/** What the HTTP interface is built upon: handed in by the composition root. */

import type { ByteBudget } from "../lib/byte_budget.ts";
import type {
  BackupService,
  ClusterService,
  ContestService,
  KvService,
  LeaseHoldService,
  RangeStreamService,
  VersionView,
  WatchService,
} from "../service/contract.ts";
import type { ServedHosts } from "./host_guard.ts";

/** Everything that an answer may need. */
export interface HttpServices {
  readonly kv: KvService;
  readonly watches: WatchService;
  readonly ranges: RangeStreamService;
  readonly holds: LeaseHoldService;
  readonly contests: ContestService;
  readonly backups: BackupService;
  readonly cluster: ClusterService;
  readonly version: VersionView;
  readonly limits: HttpLimits;
  /**
   * For bodies, from their first byte to the answer; whoever does not fit is overloaded. Large
   * answers may hold as much again until they have left.
   */
  readonly memory: ByteBudget;
  readonly clock: HttpClock;
  /** What this node may be addressed by. */
  readonly hosts: ServedHosts;
  /** Told of each failure that is not a {@link ServiceError}; the client sees only 500. */
  readonly onInternalError: (error: unknown, requestId: string) => void;
}

/** See config/schema.ts for their defaults. */
export interface HttpLimits {
  /** Largest value of one key, bytes. */
  readonly valueBytesMax: number;
  /** Largest body of a request that is not a value, bytes. */
  readonly requestBytesMax: number;
  /** Requests under way at once; more are refused as overloaded. */
  readonly waitingRequestsMax: number;
}

/** Time as this layer needs it. */
export interface HttpClock {
  /** Integer ms, never runs backwards. */
  monotonicMs(): number;
  /** Calls `run` once after that time, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void;
  /** Resolves after the events that wait now: how long work leaves room for others. */
  yield(): Promise<void>;
}

export const systemHttpClock: HttpClock = {
  monotonicMs: () => Math.floor(performance.now()),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  yield: () => new Promise((resolve) => setImmediate(resolve)),
};
