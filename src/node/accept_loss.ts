/**
 * The way out for a sole voter whose log lost something: nobody else holds what is missing, so a
 * person has to say that it may be missing. What is left becomes the whole truth, under a new epoch
 * of the log; a store that is ahead of it keeps what it has, and the log begins anew behind it.
 */

import { emptyBytes } from "../lib/bytes.ts";
import type { Configuration, HardState, LogPosition } from "../raft/types.ts";
import { firstWrite } from "./birth.ts";
import type { OpeningParts } from "./opening.ts";
import type { StateMachine } from "./ports.ts";
import { doubtOfHealing, gapOf, isSoleVoter, lossOf } from "./recovery.ts";

/** What came of it. */
export type Acceptance =
  | { readonly kind: "accepted"; readonly lost: string; readonly goesOnBehind: LogPosition }
  /** Nothing is missing. */
  | { readonly kind: "whole" }
  /** Somebody else holds what is missing, or there is nothing to go on from. */
  | { readonly kind: "refused"; readonly reason: string };

/** What is needed besides; the store's cluster time keeps time from standing still afterwards. */
export interface LossParts extends Omit<OpeningParts, "nonce"> {
  readonly machine:
    & OpeningParts["machine"]
    & Pick<StateMachine<unknown, unknown, unknown>, "makeDurable">;
  readonly clusterTimeMs: number;
}

/** Calls `done` once everything is durable. The node must not be running. */
export function acceptLoss(parts: LossParts, done: (acceptance: Acceptance) => void): void {
  const { keeper, storage, machine } = parts;
  const { identity } = keeper;
  const stored = storage.stored();
  const applied = machine.applied();
  const found = { identity, stored, log: storage.log, applied, staged: machine.staged() };
  const lost = lossOf(found);
  if (lost === undefined) return done({ kind: "whole" });
  if (!isSoleVoter(found)) {
    const doubt = doubtOfHealing(found);
    const remedy = doubt === undefined ? "start the node, it heals" : `start the node; ${doubt}`;
    const reason = `${lost}, but other voters may hold what is lost: ${remedy}`;
    return done({ kind: "refused", reason });
  }
  const birth = identity.birth;
  if (birth === undefined) {
    return done({ kind: "refused", reason: `${lost}, and nothing tells who the members are` });
  }
  const gap = gapOf(found);
  if (gap !== undefined) return done({ kind: "refused", reason: `${lost}, and ${gap}` });
  // A crash from here on is a loss again: this can be repeated.
  const renewed = { logEpoch: identity.logEpoch + 1, recovering: false };
  keeper.change(renewed, () => goOnWithTheRest(parts, { birth, lost }, done));
}

/** Makes what is left the whole truth: see the head of this file. */
export function goOnWithTheRest(
  { storage, machine, clusterTimeMs }: LossParts,
  { birth, lost }: { readonly birth: Configuration; readonly lost: string },
  done: (acceptance: Acceptance) => void,
): void {
  const stored = storage.stored();
  const applied = machine.applied();
  const last = Math.min(storage.log.lastIndex(), (stored.firstBad ?? Infinity) - 1);
  const { index, term } = applied.position;
  const hardState: HardState = {
    currentTerm: Math.max(stored.hardState.currentTerm, stored.mark?.currentTerm ?? 0, term, 1),
    commitIndex: last,
  };
  const holdsApplied = index <= last && (index === 0 || storage.log.term(index) === term);
  storage.discard(last + 1, hardState);
  const accepted = (goesOnBehind: LogPosition) => done({ kind: "accepted", lost, goesOnBehind });
  if (holdsApplied && last > 0) {
    return accepted({ index: last, term: storage.log.term(last) ?? 0 });
  }
  const number = storage.stored().batchNumber + 1;
  if (index === 0) {
    const write = { ...firstWrite(birth), number, hardState: { ...hardState, commitIndex: 1 } };
    return storage.persist(write, () => accepted({ index: 1, term: 1 }));
  }
  const boundary = {
    position: applied.position,
    timeMs: clusterTimeMs,
    configuration: applied.configuration,
  };
  const write = {
    number,
    hardState: { ...hardState, commitIndex: index },
    snapshot: { ...boundary, bytes: 0, digest: emptyBytes },
    entries: [],
  };
  // From then on the log cannot bring back what the store holds: a power cut must not take it.
  machine.makeDurable((through) => {
    if (through.index >= index) storage.persist(write, () => accepted(applied.position));
    else done({ kind: "refused", reason: `${lost}, and the disk is too full to go on without it` });
  });
}
