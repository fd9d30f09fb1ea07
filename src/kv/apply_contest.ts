/** Contestants come, go, and say something new. */

import { grantPrivate, leaseRefusal } from "./apply_lease.ts";
import type { ChangeTimes } from "./change.ts";
import { type Contend, contestantsMax, type Leave, type Proclaim } from "./contest_command.ts";
import { Contest } from "./contests.ts";
import type { LeaseId, Revision } from "./record.ts";
import { rejected } from "./rejected.ts";
import type { ContestDone, Outcome, Rejected } from "./result.ts";
import { stampAfter } from "./stamp.ts";
import type { Store } from "./store.ts";

/** Takes the name where it is free, and a place behind the others where that is asked for. */
export function applyContend(store: Store, asked: Contend, times: ChangeTimes): Outcome {
  const contest = new Contest(store, asked);
  const { lease, queue } = asked;
  if (lease !== undefined) {
    if (store.leases.get(lease) === undefined) {
      return rejected(store, "lease_not_found", `there is no lease ${lease}`);
    }
    const token = contest.tokenOfLease(lease);
    if (token !== undefined) return askAgain(store, contest, { asked, token }, times);
  }
  const before = contest.count();
  if (before > 0 && !queue) return done(store, contest, { before });
  const refusal = refusedPlace(store, lease, before);
  if (refusal !== undefined) return refusal;
  const stamp = stampAfter(store, times);
  const owner = lease ?? grantPrivate(store, asked.ttlMs ?? 0, stamp);
  const version = { value: asked.value, mediaType: undefined, lease: owner };
  const token = stamp.revision;
  store.put(stamp, contest.keyOf(token), version, undefined);
  return done(store, contest, { own: { token, lease: owner }, before });
}

/** The contestant goes to who asked last; who only tries and does not get it changes nothing. */
function askAgain(
  store: Store,
  contest: Contest,
  { asked, token }: { readonly asked: Contend; readonly token: Revision },
  times: ChangeTimes,
): ContestDone {
  const before = contest.count(token);
  const lease = before === 0 || asked.queue
    ? setValue(store, contest, { token, value: asked.value }, times)
    : contest.headOf(token)?.lease;
  return done(store, contest, {
    before,
    ...(lease === undefined ? {} : { own: { token, lease } }),
  });
}

function refusedPlace(
  store: Store,
  lease: LeaseId | undefined,
  before: number,
): Rejected | undefined {
  if (before < contestantsMax) return leaseRefusal(store, lease, undefined);
  const reason = `${contestantsMax} contend for this name already, which is the most`;
  return rejected(store, "overloaded", reason);
}

/** Takes the contestant away, if it is as the command wants it. */
export function applyLeave(store: Store, asked: Leave, times: ChangeTimes): ContestDone {
  const contest = new Contest(store, asked);
  const { token } = asked;
  const head = contest.headOf(token);
  if (head === undefined) return done(store, contest, { before: 0 });
  const own = { token, lease: head.lease };
  const before = contest.count(token);
  const stays = (asked.onlyWaiting && before === 0) ||
    (asked.asked !== undefined && head.revision > asked.asked);
  if (stays) return done(store, contest, { own, before });
  store.delete(stampAfter(store, times), contest.keyOf(token), head);
  return done(store, contest, { own, before, hasLeft: true });
}

/** Gives the election a new value, if the token is its leader's. */
export function applyProclaim(store: Store, asked: Proclaim, times: ChangeTimes): ContestDone {
  const contest = new Contest(store, { area: "election", name: asked.name });
  const { token } = asked;
  const lease = contest.headOf(token)?.lease;
  if (lease === undefined) return done(store, contest, { before: 0 });
  const before = contest.count(token);
  if (before === 0) setValue(store, contest, asked, times);
  return done(store, contest, { own: { token, lease }, before });
}

function setValue(
  store: Store,
  contest: Contest,
  { token, value }: Pick<Proclaim, "token" | "value">,
  times: ChangeTimes,
): LeaseId | undefined {
  const head = contest.headOf(token);
  if (head === undefined) return undefined;
  const { lease } = head;
  const version = { value, mediaType: undefined, lease };
  store.put(stampAfter(store, times), contest.keyOf(token), version, head);
  return lease;
}

function done(
  store: Store,
  contest: Contest,
  { own, before, hasLeft = false }:
    & Pick<ContestDone, "own" | "before">
    & Partial<Pick<ContestDone, "hasLeft">>,
): ContestDone {
  const holder = contest.holder();
  return {
    kind: "contest",
    revision: store.revision,
    ...(holder === undefined
      ? {}
      : { holder: { token: holder.token, lease: holder.lease, value: holder.value } }),
    ...(own === undefined ? {} : { own }),
    before,
    hasLeft,
  };
}
