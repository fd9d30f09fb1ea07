/**
 * An image that comes from the leader: its chunks go into a stage beside the live store, in order;
 * each answer says where the next one belongs. A whole image that is what it claims to be is told
 * to the core, which decides what becomes of it.
 */

import { crc32c } from "../lib/crc32c.ts";
import type { Input } from "../raft/input.ts";
import type { InstallSnapshot } from "../raft/message.ts";
import type { LogPosition, NodeId, SnapshotMeta } from "../raft/types.ts";
import { equalBytes } from "../lib/bytes.ts";
import { DiskFullError, type SnapshotStage, type StateMachine } from "./ports.ts";

/** What the receiver stands on. */
export interface SnapshotReceiverParts {
  readonly machine: Pick<StateMachine<unknown, unknown, unknown>, "stage">;
  readonly step: (input: Input) => void;
  /** For people, now and then. */
  readonly onProblem: (what: string) => void;
}

interface Open {
  readonly meta: SnapshotMeta;
  readonly stage: SnapshotStage;
  /** Everything is there and is being looked at. */
  isFinishing: boolean;
}

/** At most one image at a time. */
export class SnapshotReceiver {
  readonly #parts: SnapshotReceiverParts;
  #open: Open | undefined;

  constructor(parts: SnapshotReceiverParts) {
    this.#parts = parts;
  }

  /** A chunk that the core has let through. */
  chunk(peer: NodeId, chunk: InstallSnapshot): void {
    const { position } = chunk.meta;
    const answer = (said: { nextOffset: number; refused?: "corrupt" | "busy" }): void =>
      this.#parts.step({ kind: "snapshotChunkStored", peer, position, ...said });
    try {
      const open = this.#openFor(chunk.meta);
      if (open === undefined) return answer({ nextOffset: 0, refused: "busy" });
      if (open.isFinishing) return answer({ nextOffset: chunk.meta.bytes });
      const isNext = chunk.offset === open.stage.offset && crc32c(chunk.data) === chunk.crc32c;
      if (isNext) open.stage.write(chunk.data);
      if (open.stage.offset >= chunk.meta.bytes) {
        answer({ nextOffset: open.stage.offset });
        return this.#finish(peer, open);
      }
      // The sender is a window ahead of the answers: without one it waits for the disk.
      open.stage.ready(() => {
        if (this.#open === open) answer({ nextOffset: open.stage.offset });
      });
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      const { bytes } = chunk.meta;
      this.#parts.onProblem(`there is no room for an image of ${bytes} bytes: ${error.message}`);
      // Until it is sent again others need the room more, the log before all: it waits for some.
      this.#open?.stage.abort();
      this.#open = undefined;
      answer({ nextOffset: 0, refused: "busy" });
    }
  }

  /** The image of this position is not wanted any more. */
  drop(position: LogPosition): void {
    if (this.#open?.meta.position.index !== position.index) return;
    this.#open.stage.abort();
    this.#open = undefined;
  }

  /** The store has applied up to here by itself, or by an image: older ones are of no use. */
  applied({ index }: LogPosition): void {
    if (this.#open === undefined || this.#open.meta.position.index > index) return;
    this.#open.stage.abort();
    this.#open = undefined;
  }

  /** Undefined while another one is whole: the core may count on it, and says when it may go. */
  #openFor(meta: SnapshotMeta): Open | undefined {
    const open = this.#open;
    if (open !== undefined && isSame(open.meta, meta)) return open;
    if (open?.isFinishing) return undefined;
    open?.stage.abort();
    this.#open = undefined;
    const opened = { meta, stage: this.#parts.machine.stage(meta), isFinishing: false };
    this.#open = opened;
    return opened;
  }

  #finish(peer: NodeId, open: Open): void {
    const { meta: { position } } = open;
    open.isFinishing = true;
    open.stage.finish((outcome) => {
      if (this.#open !== open) return;
      if (outcome === "staged") {
        return this.#parts.step({ kind: "snapshotStaged", meta: open.meta });
      }
      this.#open = undefined;
      const nextOffset = 0;
      if (outcome === "corrupt") {
        this.#parts.onProblem(`the image of ${position.index} from node ${peer} is damaged`);
      }
      this.#parts.step({
        ...{ kind: "snapshotChunkStored", peer, position, nextOffset },
        refused: outcome,
      });
    });
  }
}

function isSame(a: SnapshotMeta, b: SnapshotMeta): boolean {
  return a.position.index === b.position.index && a.position.term === b.position.term &&
    a.bytes === b.bytes && equalBytes(a.digest, b.digest);
}
