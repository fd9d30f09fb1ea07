/**
 * Images of the store, as they pass through the core: a leader's way out to peers that the log
 * cannot help (snapshot_peers.ts), a follower's way in (installation.ts). The core gates terms and
 * decides; the node makes, carries and keeps the bytes.
 */

import { unreachable } from "../lib/assert.ts";
import type { Input } from "./input.ts";
import { Installation } from "./installation.ts";
import type { Leader } from "./leader.ts";
import type { Envelope } from "./message.ts";
import type { Ready } from "./ready.ts";
import type { RaftState } from "./state.ts";
import type { NodeId, Role } from "./types.ts";

/** What the node may tell of images. */
export type SnapshotInput = Extract<Input, { kind: `snapshot${string}` }>;

/** The part of Ready that deals with them. */
export type SnapshotDuties = Pick<
  Ready,
  "snapshotsWanted" | "snapshotChunks" | "snapshotReplies" | "stageDropped" | "adopt"
>;

/** Nothing to do. */
export const noSnapshots: SnapshotDuties = {
  snapshotsWanted: [],
  snapshotChunks: [],
  snapshotReplies: [],
};

/** Both ways of one core. */
export class Snapshots {
  readonly #installation: Installation;
  #replies: Ready["snapshotReplies"][number][] = [];

  constructor(state: RaftState) {
    this.#installation = new Installation(state);
  }

  /** A message of the current term, after the role has seen it. */
  receive({ message, ...envelope }: Envelope, role: Role): void {
    if (message.kind === "installSnapshot" && role === "follower") {
      this.#installation.receive({ ...envelope, message });
    } else if (message.kind === "installSnapshotReply" && role === "leader") {
      this.#replies.push({ peer: envelope.from, reply: message });
    }
  }

  /** `leader`: whom this node follows; `leading`: the role, where it leads itself. */
  step(
    input: SnapshotInput,
    { leader, leading }: {
      readonly leader: NodeId | undefined;
      readonly leading: Leader | undefined;
    },
  ): void {
    switch (input.kind) {
      case "snapshotStaged":
        return this.#installation.staged(input.meta, leading !== undefined);
      case "snapshotChunkStored": {
        const { kind: _, peer, ...reply } = input;
        return leader === peer ? this.#installation.chunkStored(peer, reply) : undefined;
      }
      case "snapshotChunk":
        return leading?.snapshotChunk(input.peer, input.chunk);
      case "snapshotInstalled":
        return leading?.snapshotInstalled(input.peer, input.position);
      default:
        unreachable(input);
    }
  }

  /** The store has applied something, or has become an image. */
  applied(leader: NodeId | undefined): void {
    this.#installation.applied(leader);
  }

  /** What there is to do, once. */
  take(leading: Leader | undefined): SnapshotDuties | undefined {
    this.#installation.look(leading !== undefined);
    const snapshotsWanted = leading?.snapshotPeers.takeNew() ?? [];
    const snapshotChunks = this.#installation.takeChunks();
    const snapshotReplies = this.#replies;
    const stageDropped = this.#installation.takeDropped();
    const adopt = this.#installation.takeAdoption();
    const isNothing = (stageDropped ?? adopt) === undefined &&
      snapshotsWanted.length + snapshotChunks.length + snapshotReplies.length === 0;
    if (isNothing) return undefined;
    this.#replies = [];
    return {
      ...{ snapshotsWanted, snapshotChunks, snapshotReplies },
      ...(stageDropped && { stageDropped }),
      ...(adopt && { adopt }),
    };
  }
}
