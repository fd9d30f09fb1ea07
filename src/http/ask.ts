/** Asking the store to read on behalf of a request: what the options mean, and what is thrown. */

import type {
  Answer,
  GetQuery,
  Query,
  RangeQuery,
  ReadLevel,
  ReadOptions,
  RequestOptions,
  Revision,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";

/** The options of a read that say how fresh its answer must be. */
export interface AskedRead {
  readonly consistency?: ReadLevel;
  readonly min_revision?: Revision;
  readonly max_staleness?: number;
  readonly revision?: Revision;
}

/** What is left of this request for the service. */
export function requestOptions(call: Call): RequestOptions {
  return {
    timeoutMs: call.remainingMs(),
    requestId: call.requestId,
    signal: call.request.signal,
  };
}

/** The same for a read. */
export function readOptions(
  call: Call,
  asked: AskedRead,
  revision: Revision | undefined,
): ReadOptions {
  // A view of the future is waited for: it is there once the node has applied that revision.
  const waitFor = Math.max(asked.min_revision ?? 0, revision ?? 0);
  return {
    ...requestOptions(call),
    level: asked.consistency ?? "linearizable",
    ...(waitFor === 0 ? {} : { minRevision: waitFor }),
    ...(asked.max_staleness === undefined ? {} : { maxStalenessMs: asked.max_staleness }),
  };
}

/** What a query of this kind is answered when its view is there. */
export type ViewOf<K extends Answer["kind"]> = Extract<Answer, { readonly kind: K }>;
export type RecordsView = ViewOf<"records">;
export type RangeView = ViewOf<"range">;
type View = Exclude<Answer, { readonly kind: "compacted" | "future" }>;

/** The records of `query`; see {@link read}. */
export function getFromStore(call: Call, query: GetQuery, asked: AskedRead): Promise<RecordsView> {
  return readAs("records", call, query, asked);
}

/** One page of `query`; see {@link read}. */
export function rangeFromStore(
  call: Call,
  query: RangeQuery,
  asked: AskedRead,
): Promise<RangeView> {
  return readAs("range", call, query, asked);
}

/** The answer to `query`, which is one of this kind; see {@link read}. */
export async function readAs<K extends View["kind"]>(
  kind: K,
  call: Call,
  query: Query,
  asked: AskedRead,
): Promise<ViewOf<K>> {
  const view = await read(call, query, asked);
  if (isOf(kind, view)) return view;
  throw new Error(`Answer ${view.kind} where ${kind} was asked`);
}

function isOf<K extends View["kind"]>(kind: K, view: View): view is ViewOf<K> & View {
  return view.kind === kind;
}

/** The view that `query` asks for; 410 when it is gone, 504 when it has not come in time. */
async function read(call: Call, query: Query, asked: AskedRead): Promise<View> {
  const kv = call.services.kv;
  const options = readOptions(call, asked, query.revision);
  const { answer, header } = await kv.read(query, options).catch((error) => {
    call.header = kv.header();
    throw error;
  });
  call.header = header;
  if (answer.kind === "compacted") {
    throw new ServiceError(
      "revision_compacted",
      `Revision ${query.revision} is compacted, the oldest that can be read is ${answer.oldest}`,
      { extra: { oldest: answer.oldest } },
    );
  }
  if (answer.kind === "future") {
    throw new ServiceError(
      "timeout",
      `Revision ${query.revision} is not there yet, the store is at ${answer.revision}`,
      { retryable: true },
    );
  }
  return answer;
}

/**
 * What `read` reads in several steps, of the newest revision. Where that is given up in between,
 * all is read anew, of the revision that is the newest by then.
 */
export async function ofNewest<T>(call: Call, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== "revision_compacted") throw error;
    }
    if (call.isLate()) {
      const detail = `What was read was compacted again and again for ${call.timeoutMs} ms`;
      throw new ServiceError("timeout", detail, { retryable: true });
    }
  }
}

/**
 * More of a view that this node has already answered from. It does not change any more, so the
 * node's own state is as good as any, and the headers of the first answer stand.
 */
export async function further<V>(
  call: Call,
  ask: (asked: AskedRead) => Promise<V>,
): Promise<V> {
  const header = call.header;
  const view = await ask({ consistency: "eventual" });
  call.header = header;
  return view;
}
