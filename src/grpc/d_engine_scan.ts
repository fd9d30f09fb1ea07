/** HandleClientScan: everything under a prefix, as it was at one revision, in one answer. */

import { concatBytes, prefixEnd } from "../lib/bytes.ts";
import {
  type Answer as StoreAnswer,
  answerBytesMax,
  type Header,
  keyBytesMax,
  type KvService,
  type RangeQuery,
  type ReadOptions,
  type Revision,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { type Answer, type CallContext, type OfferedMethod, offerUnary } from "./call.ts";
import { method, type Wire } from "./codec.ts";
import { answerHeaders, minRevision, requestOptions } from "./request_options.ts";
import { withDetails } from "./status_details.ts";

/** What a scan stands on. */
export interface ScanOptions {
  readonly kv: KvService;
  /** Of one answer, bytes; {@link answerBytesMax} when absent. */
  readonly answerBytesMax?: number;
}

type Range = Extract<StoreAnswer, { readonly kind: "range" }>;

const facts = method("d_engine.client.RaftClientService", "HandleClientScan");
/** It is read in pages, between which others have their turn. */
const pageRecordsMax = 1_000;
const pageBytesMax = 1024 * 1024;
/** A part of the answer, as it will leave: messages that follow each other are one message. */
type Encoded = Uint8Array;

/** The method over `kv`. */
export function scanMethod(options: ScanOptions): OfferedMethod {
  const { response, ...same } = facts;
  const encoded = { ...response, encode: (bytes: Encoded) => bytes, decode: (b: Encoded) => b };
  return offerUnary(
    { ...same, response: encoded },
    async (request, call) => {
      try {
        return await scan(options, request, call);
      } catch (error) {
        throw withDetails(error);
      }
    },
    { isRead: true },
  );
}

async function scan(
  { kv, answerBytesMax: bytesMax = answerBytesMax }: ScanOptions,
  { prefix }: Wire["d_engine.client.ScanRequest"],
  call: CallContext,
): Promise<Answer<Encoded>> {
  checkPrefix(prefix);
  const { timeoutMs, ...options } = requestOptions(call);
  const endMs = performance.now() + timeoutMs;
  const within = () => ({
    ...options,
    timeoutMs: Math.max(1, Math.ceil(endMs - performance.now())),
  });
  const end = prefixEnd(prefix);
  const whole = { start: prefix, ...(end === undefined ? {} : { end }) };
  const asked = { ...within(), level: "linearizable", ...minRevision(call) } as const;
  const { page, header } = await read(kv, pageOf(whole), asked);
  const { revision } = page;
  const parts = [encode(page)];
  let bytes = parts[0]!.length;
  for (let start = page.next; start !== undefined;) {
    // What was at that revision does not change any more: this node's own state will do.
    const later = pageOf({ ...whole, start }, revision);
    const { page: more } = await read(kv, later, { ...within(), level: "eventual" });
    const part = encode(more);
    parts.push(part);
    bytes += part.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    start = more.next;
  }
  if (bytes > bytesMax) throw tooLarge(bytesMax);
  parts.push(facts.response.encode({ entries: [], revision }));
  return { message: concatBytes(parts), headers: answerHeaders(options.requestId, header) };
}

/** Throws ServiceError where no key can begin like that. */
export function checkPrefix(prefix: Uint8Array): void {
  if (prefix.length <= keyBytesMax) return;
  const detail = `The prefix has ${prefix.length} bytes, allowed are 0 … ${keyBytesMax}`;
  throw new ServiceError("key_too_long", detail);
}

function pageOf(
  range: Pick<RangeQuery, "start" | "end">,
  revision?: Revision,
): RangeQuery {
  return {
    kind: "range",
    ...range,
    ...(revision === undefined ? {} : { revision }),
    limit: pageRecordsMax,
    bytesMax: pageBytesMax,
    reverse: false,
    keysOnly: false,
    countOnly: false,
  };
}

async function read(
  kv: KvService,
  query: RangeQuery,
  options: ReadOptions,
): Promise<{ readonly page: Range; readonly header: Header }> {
  const { answer, header } = await kv.read(query, options);
  if (answer.kind === "range") return { page: answer, header };
  if (answer.kind !== "compacted") throw new Error(`A range was answered with ${answer.kind}`);
  const detail = `Revision ${query.revision} was compacted while it was read`;
  throw new ServiceError("revision_compacted", detail, { retryable: true });
}

function encode({ items }: Range): Encoded {
  const entries = items.map(({ key, value }) => ({ key, value }));
  return facts.response.encode({ entries, revision: 0 });
}

function tooLarge(bytesMax: number): ServiceError {
  const detail = `The keys and values under this prefix have more than ${bytesMax} bytes, which ` +
    "one answer may have; ask for a longer prefix";
  return new ServiceError("range_too_large", detail);
}
