/**
 * Raises the data version that the cluster uses (kv/data_version.ts) once every member can apply
 * it: the leader proposes it. A member that has not been met since this node started may be of any
 * version, so nothing is raised until it has.
 */

import { encodeCommand } from "../kv/command_encoding.ts";
import type { DataVersion } from "../kv/data_version.ts";
import type { NodeId } from "../raft/types.ts";
import type { ServedNode } from "./node_port.ts";

/** How often {@link VersionKeeper.look} is to be called, ms. */
export const versionLookEveryMs = 1_000;
/** A command that is not settled by then may be proposed again, ms. */
const patienceMs = 5_000;

/** What the keeper stands on. */
export interface VersionKeeperParts {
  readonly node: Pick<ServedNode, "propose" | "status">;
  readonly self: NodeId;
  /** All members, learners included. */
  readonly members: () => readonly NodeId[];
  /** The newest version that a member can apply, where this node has met it. */
  readonly newestOf: (id: NodeId) => DataVersion | undefined;
  readonly own: { readonly newest: DataVersion; readonly inUse: DataVersion };
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** All members apply it from now on. */
  readonly onRaised: (version: DataVersion) => void;
}

/** See the head of this file. */
export class VersionKeeper {
  readonly #parts: VersionKeeperParts;
  #isWaiting = false;

  constructor(parts: VersionKeeperParts) {
    this.#parts = parts;
  }

  /** Does nothing where this node does not lead, or a member cannot apply more. */
  look(): void {
    const { node, own, monotonicMs, wallMs, onRaised } = this.#parts;
    if (this.#isWaiting || node.status().role !== "leader") return;
    const version = this.#knownToAll();
    if (version === undefined || version <= own.inUse) return;
    this.#isWaiting = true;
    const operation = { kind: "raiseDataVersion", version } as const;
    const data = encodeCommand({ wallMs: wallMs(), operation });
    node.propose(data, monotonicMs() + patienceMs, ({ kind }) => {
      this.#isWaiting = false;
      if (kind === "applied" && own.inUse === version) onRaised(version);
    });
  }

  #knownToAll(): DataVersion | undefined {
    const { self, own, members, newestOf } = this.#parts;
    let version = own.newest;
    for (const id of members()) {
      const theirs = id === self ? own.newest : newestOf(id);
      if (theirs === undefined) return undefined;
      version = Math.min(version, theirs);
    }
    return version;
  }
}
