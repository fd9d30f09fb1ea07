/** The services of a node whose answers go on: what has to end before the node does. */

import type { Config } from "./config/schema.ts";
import type { KvStateMachine } from "./kv/state_machine.ts";
import type { NodeId } from "./raft/types.ts";
import type { NodeKvService } from "./service/kv_service.ts";
import { NodeLeaseHoldService } from "./service/lease_holds.ts";
import type { ServedNode } from "./service/node_port.ts";
import { NodeRangeStreamService } from "./service/range_streams.ts";
import type { RevisionWait } from "./service/revision_wait.ts";
import { systemStreamClock } from "./service/stream_clock.ts";
import { NodeWatchService } from "./service/watch_service.ts";

/** What they stand on. */
export interface NodeStreamsParts {
  readonly node: Pick<ServedNode, "readNow" | "readIndex" | "onApplied">;
  readonly self: NodeId;
  readonly kv: NodeKvService;
  readonly machine: KvStateMachine;
  readonly revisions: RevisionWait;
  readonly monotonicMs: () => number;
  readonly soon: (run: () => void) => void;
  readonly limits: Config["limits"];
}

/** All streams of one node. */
export class NodeStreams {
  readonly watches: NodeWatchService;
  readonly ranges: NodeRangeStreamService;
  readonly holds: NodeLeaseHoldService;

  constructor({ kv, machine, ...parts }: NodeStreamsParts) {
    const { self, limits } = parts;
    const clock = systemStreamClock(parts.monotonicMs);
    this.watches = new NodeWatchService({
      ...parts,
      store: () => machine.status(),
      header: () => kv.header(),
    });
    this.ranges = new NodeRangeStreamService({ kv, store: machine, self, clock, limits });
    this.holds = new NodeLeaseHoldService({ kv, self, clock, limits });
  }

  /** Ends all of them: they do not end by themselves, or not soon. */
  close(): void {
    this.watches.close();
    this.ranges.close();
    this.holds.close();
  }
}
