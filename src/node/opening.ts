/**
 * From what lies on disk to a state in which the core may start: finishes what a crash interrupted,
 * carries out what recovery.ts decides, and never lets a node speak before what it did to its own
 * memory is written down.
 */

import { assert } from "../lib/assert.ts";
import type { HardState, LogPosition, RestoredState } from "../raft/types.ts";
import type { IdentityKeeper } from "./identity_keeper.ts";
import type { StateMachine, StorageEngine } from "./ports.ts";
import { decideRecovery, isDecided, type Recovery } from "./recovery.ts";

/** What a node finds on its disk, opened. */
export interface OpeningParts {
  readonly keeper: IdentityKeeper;
  readonly storage: StorageEngine;
  readonly machine: Pick<
    StateMachine<unknown, unknown, unknown>,
    "applied" | "staged" | "stage" | "adopt"
  >;
  /** Drawn for this start. */
  readonly nonce: number;
}

export type Opening =
  | {
    readonly kind: "ready";
    readonly restored: RestoredState;
    /** What the log lost, for people. */
    readonly lost?: string;
  }
  /** There is no log yet: the cluster has to be born, or found. */
  | { readonly kind: "unborn" }
  | { readonly kind: "refused"; readonly reason: string };

/** Calls `done` once, perhaps inside this call; whatever it changed is durable by then. */
export function open(parts: OpeningParts, done: (opening: Opening) => void): void {
  const { keeper: { identity }, storage } = parts;
  const empty = storage.log.lastIndex() === 0 && storage.stored().batchNumber === 0;
  if (empty && identity.birth === undefined) {
    const reason = identity.refused ?? leftovers(parts);
    return done(reason === undefined ? { kind: "unborn" } : { kind: "refused", reason });
  }
  withBirth(parts, () => carryOut(parts, done));
}

/** What a log that never held anything cannot have left: it belongs to another life. */
function leftovers({ storage, machine }: OpeningParts): string | undefined {
  const { mark, badMeta, firstBad } = storage.stored();
  const { index } = machine.applied().position;
  const rest = "; start in an empty directory, or put all files of this one back";
  if (badMeta || firstBad !== undefined) return `the log was never used, but is damaged${rest}`;
  if (mark !== undefined) return `the log is empty, but raft.mark tells of writes${rest}`;
  return index > 0
    ? `the log is empty, but the store has applied ${index} entries${rest}`
    : undefined;
}

/** A crash may have come between the first write to the log and that to the identity. */
function withBirth({ keeper, storage }: OpeningParts, next: () => void): void {
  if (keeper.identity.birth !== undefined) return next();
  const first = storage.stored().configurations.find(({ position }) => position.index === 1);
  if (first === undefined) return next();
  keeper.change({ birth: first.configuration }, next);
}

/**
 * For whoever looks at a node that is not running: what an image holds that was decided for is not
 * lost. Takes it over as a start would, if there is one.
 */
export function completeInstall(
  { storage, machine }: Pick<OpeningParts, "storage" | "machine">,
): void {
  const found = { applied: machine.applied(), staged: machine.staged(), stored: storage.stored() };
  if (isDecided(found)) machine.adopt();
}

function carryOut(parts: OpeningParts, done: (opening: Opening) => void): void {
  const { keeper, storage, machine } = parts;
  const decision = decideRecovery({
    identity: keeper.identity,
    stored: storage.stored(),
    log: storage.log,
    applied: machine.applied(),
    staged: machine.staged(),
  });
  switch (decision.kind) {
    case "refuse":
      return done({ kind: "refused", reason: decision.reason });
    case "adopt":
      machine.adopt();
      assert(
        machine.applied().position.index >= storage.stored().boundary.position.index,
        "An adopted snapshot brings the store to the boundary",
      );
      return carryOut(parts, done);
    case "start":
      dropOldStage(machine);
      return done({
        kind: "ready",
        restored: restore(parts, {
          hardState: decision.hardState,
          applied: machine.applied().position,
        }),
      });
    case "recover":
      return recover(parts, decision, done);
  }
}

/** An image that came and was overtaken by the log takes room for nothing. */
function dropOldStage(machine: OpeningParts["machine"]): void {
  const staged = machine.staged();
  if (staged === undefined || staged.position.index > machine.applied().position.index) return;
  machine.stage(staged).abort();
}

/**
 * The new epoch is written down before anything is discarded: a crash in between only repeats it.
 */
function recover(
  parts: OpeningParts,
  decision: Recovery & { readonly kind: "recover" },
  done: (opening: Opening) => void,
): void {
  const { keeper, storage } = parts;
  keeper.change({ recovering: true, logEpoch: keeper.identity.logEpoch + 1 }, () => {
    const from = decision.discardFrom ?? storage.log.lastIndex() + 1;
    storage.discard(from, decision.hardState);
    done({ kind: "ready", restored: restore(parts, decision), lost: decision.reason });
  });
}

function restore(
  { keeper, storage, nonce }: OpeningParts,
  { hardState, applied }: { readonly hardState: HardState; readonly applied: LogPosition },
): RestoredState {
  const { boundary, configurations, batchNumber } = storage.stored();
  const { nodeId, incarnation, logEpoch, recovering } = keeper.identity;
  return {
    identity: { nodeId, incarnation, logEpoch, nonce },
    hardState,
    boundary,
    configurations,
    batchNumber,
    applied,
    recovering,
  };
}
