/**
 * Who is to be added: whoever listens at an address is asked which data directory it has, so that
 * nobody has to copy sixteen digits by hand. Who answers has an id already, and can have no other.
 */

import type { HelloAnswer } from "../node/ports.ts";
import type { NewMember, WantedChange } from "../node/plan_change.ts";
import type { MembershipChange, OfferedMember } from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { unlessGone } from "./gone.ts";

/** Says Hello to whoever listens at an address, and tells the answer, if any, within seconds. */
export type AskHello = (address: string, tell: (answer: HelloAnswer | undefined) => void) => void;

/** The change with every incarnation known. */
export async function withIncarnations(
  change: MembershipChange,
  askHello: AskHello,
  signal: AbortSignal | undefined,
): Promise<WantedChange> {
  switch (change.kind) {
    case "add":
      return { ...change, member: await known(change.member, askHello, signal) };
    case "replace":
      return { ...change, by: await known(change.by, askHello, signal) };
    case "setSuffrage":
    case "remove":
      return change;
  }
}

async function known(
  member: OfferedMember,
  askHello: AskHello,
  signal: AbortSignal | undefined,
): Promise<NewMember> {
  const { id, incarnation, addresses: { rpc } } = member;
  if (incarnation !== undefined) return { ...member, incarnation };
  const outcome = "not_applied";
  const answer = await unlessGone<HelloAnswer | undefined>({ signal, outcome }, (tell) => {
    askHello(rpc, tell);
    return () => {};
  });
  if (answer?.kind === "accepted") {
    const { from, incarnation } = answer.hello;
    if (id === undefined || id === from) return { ...member, id: from, incarnation };
    const detail = `Whoever listens at ${rpc} is node ${from}, not ${id}`;
    throw new ServiceError("conflict", detail, { outcome });
  }
  if (answer?.kind === "refused") {
    const detail = `Whoever listens at ${rpc} does not belong here: ${answer.reason}`;
    throw new ServiceError("conflict", detail, { outcome });
  }
  const detail = `Nobody answers at ${rpc}: start the node there with --join, or give its ` +
    "incarnation, which stands in its identity.json";
  throw new ServiceError("conflict", detail, { outcome, retryable: true });
}
