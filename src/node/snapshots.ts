/**
 * Everything that a node does about images of its store and the beginning of its log: compacting
 * (log_compactor.ts), sending (snapshot_sender.ts) and receiving (snapshot_receiver.ts).
 */

import type { Input } from "../raft/input.ts";
import type { LogReader } from "../raft/ports.ts";
import type { Ready } from "../raft/ready.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { LogPosition } from "../raft/types.ts";
import { type CompactionPolicy, type Hold, LogCompactor } from "./log_compactor.ts";
import type { StateMachine } from "./ports.ts";
import { SnapshotReceiver } from "./snapshot_receiver.ts";
import { type SendLimits, SnapshotSender } from "./snapshot_sender.ts";

/** What is configured. */
export interface SnapshotOptions {
  readonly send: SendLimits;
  /** Undefined: the log is the only copy of what the store holds, and stays whole. */
  readonly compaction: CompactionPolicy | undefined;
  /** What may stay in a leader's log beyond its tail for a follower that is behind, bytes. */
  readonly heldBytesMax: number;
}

/** What they stand on. */
export interface NodeSnapshotsParts extends SnapshotOptions {
  readonly machine: Pick<
    StateMachine<unknown, unknown, unknown>,
    "image" | "stage" | "makeDurable"
  >;
  readonly log: Pick<LogReader, "entries">;
  /** Where the log begins to hand in to the store. */
  readonly reached: LogPosition;
  readonly silentMsMax: number;
  /** How often `tick` is called. */
  readonly tickMs: number;
  /** Steps the core, before the next turn ends. */
  readonly step: (input: Input) => void;
  readonly monotonicMs: () => number;
  readonly onProblem: (what: string) => void;
}

/** See the head of this file. */
export class NodeSnapshots {
  readonly #parts: NodeSnapshotsParts;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #compactor: LogCompactor | undefined;

  constructor(parts: NodeSnapshotsParts) {
    this.#parts = parts;
    const { machine, step, send: limits, compaction, log, reached } = parts;
    this.#sender = new SnapshotSender({ ...parts, limits });
    this.#receiver = new SnapshotReceiver(parts);
    this.#compactor = compaction && new LogCompactor({
      policy: compaction,
      makeDurable: (done) => machine.makeDurable(done),
      compact: (to) => step({ kind: "compact", to }),
      ...{ log, reached },
    });
  }

  /** Does what the core wants done about images, but for adopting one. */
  act(ready: Ready): void {
    if (ready.snapshotsWanted.length > 0) this.#sender.want(ready.snapshotsWanted);
    for (const { peer, reply } of ready.snapshotReplies) this.#sender.reply(peer, reply);
    for (const { from, chunk } of ready.snapshotChunks) this.#receiver.chunk(from, chunk);
    if (ready.stageDropped !== undefined) this.#receiver.drop(ready.stageDropped);
    if (ready.committed.length > 0) this.#compactor?.applied(ready.committed);
  }

  /** To be called at every tick. `isWhole`: the store holds all that it was handed. */
  tick(status: RaftStatus, isWhole: boolean): void {
    this.#sender.tick(status);
    if (!isWhole || status.needsSnapshot) return;
    const { boundary, applied } = status;
    const holds = [...this.#holdsOf(status), ...this.#sender.holds(this.#parts.heldBytesMax)];
    this.#compactor?.look({ boundary, applied, holds }, this.#parts.monotonicMs());
  }

  applied(position: LogPosition): void {
    this.#receiver.applied(position);
  }

  /** The store has become an image. */
  adopted(): void {
    this.#compactor?.adopted();
  }

  /** Compacts the log soon. False where it is never compacted. */
  requestCompaction(): boolean {
    this.#compactor?.request();
    return this.#compactor !== undefined;
  }

  close(): void {
    this.#sender.close();
  }

  /** What peers need that answer, and can be helped by entries. */
  #holdsOf({ peers }: RaftStatus): readonly Hold[] {
    const { silentMsMax, heldBytesMax: bytesMax, monotonicMs } = this.#parts;
    return peers
      .filter(({ wantsSnapshot, heardMs }) =>
        !wantsSnapshot && monotonicMs() - heardMs <= silentMsMax
      )
      .map(({ match: index }) => ({ index, bytesMax }));
  }
}
