/** What locks and elections have in common: contending, waiting, and naming a token. */

import { base64url, strictText } from "../lib/bytes.ts";
import type { Contend, ContestArea, ContestHolder, ContestPlace } from "../service/contract.ts";
import { type ErrorCode, ServiceError } from "../service/errors.ts";
import { requestOptions } from "./ask.ts";
import { type ResultOf, writeAs } from "./ask_write.ts";
import type { Call } from "./call.ts";
import { parseTags, recordTag } from "./etag.ts";
import { countOption, noConditions, twinned } from "./option_schemas.ts";
import { validationFailed } from "./options.ts";
import { shownKey } from "./precondition.ts";
import { valueFields } from "./record_json.ts";

type Json = Readonly<Record<string, unknown>>;

/** Who is told of in refusals; of repetitions without a long value. */
type Holder = Pick<ContestHolder, "token" | "lease"> & { readonly value?: Uint8Array };

interface Contested {
  readonly area: ContestArea;
  readonly name: Uint8Array;
}

/** How one of the two is spoken of. */
interface Words {
  readonly thing: string;
  readonly isTaken: string;
  readonly taken: ErrorCode;
  readonly free: ErrorCode;
}

const words: Readonly<Record<ContestArea, Words>> = {
  lock: { thing: "Lock", isTaken: "is held", taken: "locked", free: "lock_not_held" },
  election: {
    ...{ thing: "Election", isTaken: "is led", taken: "not_elected", free: "election_vacant" },
  },
};

/** Whoever is refused may ask again then: when the holder goes is not known. */
const retryAfterMs = 1_000;

/** Options of what only the holder may do: `token`, which a tag names as well. */
export const tokenOptions = {
  token: twinned(
    countOption("The token of whoever asks, as it was given.", {
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
    }),
    { header: "If-Match", read: tokenOfTag },
  ),
  if_none_match: noConditions.if_none_match,
};

function tokenOfTag(value: string): string {
  const tags = parseTags(value, "");
  return tags !== undefined && tags !== "any" && tags.length === 1 ? String(tags[0]) : value;
}

/** What {@link tokenOptions} gave. */
export interface TokenOptions {
  readonly token?: number;
}

/** Nobody may end what somebody else holds by leaving something out. */
export function requireToken({ token }: TokenOptions): number {
  if (token !== undefined) return token;
  const detail = "Neither token nor If-Match is given; the one that was answered is wanted";
  throw new ServiceError("missing_token", detail);
}

/** What a contestant hangs on, as a body says it; `ttl` is in ms. */
export interface LifeJson {
  readonly ttl?: number | undefined;
  readonly lease?: string | undefined;
}

/** One of both. */
export function lifeOf({ ttl, lease }: LifeJson): Pick<Contend, "ttlMs" | "lease"> {
  if (ttl !== undefined && lease === undefined) return { ttlMs: ttl };
  if (ttl === undefined && lease !== undefined) return { lease };
  const message = ttl === undefined
    ? "The body has neither ttl nor lease, allowed is one of them"
    : "The body has both ttl and lease, allowed is one";
  throw validationFailed([{ path: ttl === undefined ? "" : "ttl", message }]);
}

/** Contends, waits for as long as is asked, and throws unless it holds then. */
export async function contend(
  call: Call,
  asked: Omit<Contend, "kind" | "queue">,
  waitMs: number | undefined,
): Promise<ResultOf<"contest"> & { readonly own: Pick<ContestHolder, "token" | "lease"> }> {
  const operation: Contend = {
    kind: "contend",
    ...asked,
    queue: waitMs !== undefined && waitMs > 0,
  };
  const given: { place?: ContestPlace } = {};
  const done = await writeAs("contest", call, operation, async (options) => {
    const { place, ...answer } = await call.services.contests.contend(operation, options);
    if (place !== undefined) given.place = place;
    return answer;
  });
  const told = given.place === undefined ? done : await waitIn(given.place, call, waitMs ?? 0);
  const { own, before, hasLeft, holder } = told;
  if (own !== undefined && !hasLeft && before === 0) {
    call.outcome = "applied";
    return { ...told, own };
  }
  call.outcome = "not_applied";
  const isLost = done.own !== undefined && done.before === 0;
  throw taken(call, asked, { holder, isLost });
}

async function waitIn(
  place: ContestPlace,
  call: Call,
  ms: number,
): Promise<ResultOf<"contest">> {
  const { kv, onInternalError } = call.services;
  call.outcome = "unknown";
  try {
    await call.whileWaiting(() => place.wait({ ms }));
    const { result, header } = await place.settle(requestOptions(call));
    call.header = header;
    return result;
  } catch (error) {
    call.header = kv.header();
    throw error;
  } finally {
    // Where there is something to give up, nobody has to wait for that.
    place.close().catch((error: unknown) => onInternalError(error, call.requestId));
  }
}

function taken(
  call: Call,
  { area, name }: Contested,
  { holder, isLost }: { readonly holder: Holder | undefined; readonly isLost: boolean },
): ServiceError {
  const { thing, isTaken, taken: code } = words[area];
  const by = holder !== undefined
    ? `${isTaken} by ${shownHolder(area, holder)}`
    : isLost
    ? "was given when this was first asked for, and has been lost since"
    : "was not free, and the place in the line for it is given up";
  // The answer to a repetition is the same for as long as it is remembered.
  const retryable = call.options["idempotency_key"] === undefined;
  return new ServiceError(code, `${thing} ${shownKey(name)} ${by}`, {
    ...{ outcome: "not_applied", retryable, retryAfterMs },
    ...holderField(area, holder),
  });
}

/** For people: a lock's holder by the name that it gave itself, too. */
function shownHolder(area: ContestArea, { token, value }: Holder): string {
  const hasOwner = area === "lock" && value !== undefined && value.length > 0;
  return hasOwner ? `${shownKey(value)}, token ${token}` : `token ${token}`;
}

/** The refusal to who names a token that does not hold. */
export function notHolder(
  call: Call,
  { area, name, token }: Contested & { readonly token: number },
  holder: Holder | undefined,
): ServiceError {
  call.outcome = "not_applied";
  if (holder === undefined) return nobodyHolds({ area, name });
  call.extraHeaders["ETag"] = recordTag(holder.token);
  const { thing, isTaken } = words[area];
  const detail = `${thing} ${shownKey(name)} ${isTaken} by token ${holder.token}, not by ${token}`;
  return new ServiceError("precondition_failed", detail, holderField(area, holder));
}

/** 404: the name is free. */
export function nobodyHolds({ area, name }: Contested): ServiceError {
  const { thing, free, isTaken } = words[area];
  return new ServiceError(free, `${thing} ${shownKey(name)} ${isTaken} by nobody`);
}

function holderField(
  area: ContestArea,
  holder: Holder | undefined,
): { readonly extra?: Json } {
  if (holder === undefined) return {};
  const { token, lease, value } = holder;
  return { extra: { holder: { token, lease, ...wordsField(area, value) } } };
}

/** What a holder says: a lock's of itself, an election's to all. */
export function wordsField(area: ContestArea, value: Uint8Array | undefined): Json {
  if (value === undefined) return {};
  if (area === "election") return valueFields(value);
  const owner = strictText(value);
  return owner === undefined || owner === "" ? {} : { owner };
}

/** A name as JSON members. */
export function nameFields(name: Uint8Array): Json {
  const text = strictText(name);
  return text === undefined ? { name64: base64url(name) } : { name: text };
}
