/**
 * Who is to be added: whoever listens at an address is asked which data directory it has, so that
 * nobody has to copy sixteen digits by hand. Who answers has an id already, and can have no other.
 */

import type { HelloAnswer } from "../node/ports.ts";
import type { NewMember, WantedChange } from "../node/plan_change.ts";
import type { MembershipChange, OfferedMember } from "./contract.ts";
import { type Outcome, ServiceError } from "./errors.ts";
import { unlessGone } from "./gone.ts";

/** Says Hello to whoever listens at an address, and tells the answer, if any, within seconds. */
export type AskHello = (address: string, tell: (answer: HelloAnswer | undefined) => void) => void;

/** How whoever comes is asked. */
export interface Asking {
  readonly askHello: AskHello;
  readonly signal: AbortSignal | undefined;
  /** What became of the change so far, for the errors. */
  readonly outcome: Outcome;
}

/** The change with every incarnation known. */
export async function withIncarnations(
  change: MembershipChange,
  asking: Asking,
): Promise<WantedChange> {
  switch (change.kind) {
    case "add":
      return { ...change, member: await known(change.member, asking) };
    case "replace":
      return { ...change, by: await known(change.by, asking) };
    case "setSuffrage":
    case "remove":
      return change;
  }
}

async function known(
  member: OfferedMember,
  { askHello, signal, outcome }: Asking,
): Promise<NewMember> {
  const { id, incarnation, addresses: { rpc } } = member;
  if (incarnation !== undefined) return { ...member, incarnation };
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
  const detail = `Nobody answers at ${rpc}: a node that is started with --join asks by itself to ` +
    "be added, and has no name before; where it was refused, or does not run, give its " +
    "incarnation, which stands in the file incarnation of its directory, or, once it has an id, " +
    "in identity.json";
  throw new ServiceError("conflict", detail, { outcome, retryable: true });
}
