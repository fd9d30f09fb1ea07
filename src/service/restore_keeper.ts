/**
 * Goes on with a restore that was committed, a step after the other, and gives up one of which
 * nothing has come for long: work of whoever leads, done by commands, so that it does not matter
 * who began it and whether they are still there.
 */

import { encodeCommand } from "../kv/command_encoding.ts";
import type { RestoreOperation } from "../kv/restore_command.ts";
import type { Restore } from "../kv/restores.ts";
import type { ServedNode } from "./node_port.ts";

/** How often {@link RestoreKeeper.look} is to be called, ms. */
export const restoreLookEveryMs = 200;
/** Who restores sends something more often, or is gone, ms of cluster time. */
export const restoreSilentMsMax = 60_000;
/** So many records take some ten milliseconds, in which nothing else is done. */
const stepRecords = 256;
/** A command that is not settled by then may be proposed again. */
const patienceMs = 5_000;

/** What the keeper stands on. */
export interface RestoreKeeperParts {
  readonly node: Pick<ServedNode, "propose" | "clusterTimeMs">;
  readonly store: {
    readonly restore: Pick<Restore, "id" | "phase" | "touchedMs"> | undefined;
  };
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

/** See the head of this file. */
export class RestoreKeeper {
  readonly #parts: RestoreKeeperParts;
  /** A command is under way: its step may be the last one. */
  #isWaiting = false;

  constructor(parts: RestoreKeeperParts) {
    this.#parts = parts;
  }

  /** Does nothing where this node does not lead. */
  look(): void {
    const { node, store } = this.#parts;
    const nowMs = node.clusterTimeMs();
    const { restore } = store;
    if (nowMs === undefined || restore === undefined || this.#isWaiting) return;
    const { id, phase, touchedMs } = restore;
    switch (phase) {
      case "done":
        return;
      case "staging":
        if (nowMs - touchedMs > restoreSilentMsMax) this.#propose({ kind: "abortRestore", id });
        return;
      default:
        this.#propose({ kind: "stepRestore", id, recordsMax: stepRecords });
    }
  }

  #propose(operation: RestoreOperation): void {
    const { node, monotonicMs, wallMs } = this.#parts;
    this.#isWaiting = true;
    const data = encodeCommand({ wallMs: wallMs(), operation });
    node.propose(data, monotonicMs() + patienceMs, (outcome) => {
      this.#isWaiting = false;
      // The store is closed meanwhile: no step waits for the next look.
      if (outcome.kind === "applied") this.look();
    });
  }
}
