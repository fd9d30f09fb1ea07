/**
 * Ranges of any length, read at one revision in slices, as fast as their readers take them. What
 * such a range shows stays in the store of this node while it is open, although the cluster may
 * have given its revision up: so there may be few of them, and none for long.
 */

import type { KvMeta } from "../kv/ports.ts";
import type { NodeId } from "../raft/types.ts";
import type {
  Answer,
  Header,
  KvService,
  OpenRange,
  RangeQuery,
  RangeSlice,
  RangeStreamRequest,
  RangeStreamService,
  ReadOptions,
  Revision,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { readFailed } from "./outcome_errors.ts";
import type { StreamClock } from "./stream_clock.ts";

/** So long a range is open at most. */
export const rangeStreamMsMax = 600_000;
/** A slice ends after the record with which keys and values pass this: a slow reader holds it. */
const sliceBytesMax = 256 * 1024;
/** Records and folders of a slice. */
const sliceRowsMax = 1_000;
/** What one slice may take, where the node has much to do. */
const sliceMsMax = 30_000;

/** The store, as these ranges see it. */
export interface PinnableStore {
  status(): Pick<KvMeta, "oldest" | "revision">;
  /** Nothing that `revision` shows is removed until the returned function is called. */
  pin(revision: Revision): () => void;
}

/** What the service stands on. */
export interface NodeRangeStreamServiceParts {
  readonly kv: Pick<KvService, "read">;
  readonly store: PinnableStore;
  readonly self: NodeId;
  readonly clock: StreamClock;
  readonly limits: { readonly rangeStreamsMax: number };
}

/** RangeStreamService over one node. */
export class NodeRangeStreamService implements RangeStreamService {
  readonly #parts: NodeRangeStreamServiceParts;
  readonly #open = new Set<StreamedRange>();
  /** Those that are about to open included. */
  #count = 0;
  #isClosed = false;

  constructor(parts: NodeRangeStreamServiceParts) {
    this.#parts = parts;
  }

  /** How many are open. */
  get size(): number {
    return this.#count;
  }

  async open(
    request: RangeStreamRequest,
    options: ReadOptions,
  ): Promise<{ range: OpenRange; header: Header }> {
    const { limits: { rangeStreamsMax } } = this.#parts;
    if (this.#count >= rangeStreamsMax) {
      const detail = `${rangeStreamsMax} ranges are streamed by this node, which is the limit`;
      throw new ServiceError("overloaded", detail, { retryable: true, retryAfterMs: 5_000 });
    }
    this.#count++;
    try {
      return await this.#begin(request, options);
    } catch (error) {
      this.#count--;
      throw error;
    }
  }

  /** Ends all that are open: their readers learn that they have not got everything. */
  close(): void {
    this.#isClosed = true;
    for (const range of [...this.#open]) range.end(readFailed("closing", this.#parts.self));
  }

  async #begin(
    request: RangeStreamRequest,
    options: ReadOptions,
  ): Promise<{ range: OpenRange; header: Header }> {
    const { kv, store, self } = this.#parts;
    const query = wholeQuery(request);
    for (;;) {
      const { answer, header } = await kv.read(sliceQuery(query), options);
      if (this.#isClosed) throw readFailed("closing", self);
      const slice = sliceOf(answer, query.revision);
      const { oldest, revision: newest } = store.status();
      if (slice.revision < oldest) {
        if (query.revision !== undefined) throw compacted(query.revision, oldest);
        // It was the newest revision when it was read: what is the newest now will do as well.
      } else if (slice.revision <= newest) {
        const range = new StreamedRange(this.#parts, {
          ...{ query, slice, requestId: options.requestId },
          onEnd: () => {
            this.#open.delete(range);
            this.#count--;
          },
        });
        this.#open.add(range);
        return { range, header };
      }
    }
  }
}

function wholeQuery({ limit, ...range }: RangeStreamRequest): RangeQuery {
  return {
    ...range,
    kind: "range",
    limit: limit ?? Number.MAX_SAFE_INTEGER,
    bytesMax: sliceBytesMax,
    countOnly: false,
  };
}

/** Of what `query` asks for no more than one slice. */
function sliceQuery(query: RangeQuery): RangeQuery {
  return { ...query, limit: Math.min(query.limit, sliceRowsMax) };
}

function sliceOf(answer: Answer, asked: Revision | undefined): RangeSlice {
  switch (answer.kind) {
    case "range":
      return answer;
    case "compacted":
      throw compacted(asked, answer.oldest);
    case "future":
      throw new ServiceError(
        "timeout",
        `Revision ${asked} is not there yet, the store is at ${answer.revision}`,
        { retryable: true },
      );
  }
  throw new Error(`Answer ${answer.kind} where a range was asked`);
}

function compacted(asked: Revision | undefined, oldest: Revision): ServiceError {
  return new ServiceError(
    "revision_compacted",
    `Revision ${asked} is compacted, the oldest that can be read is ${oldest}`,
    { extra: { oldest } },
  );
}

/** One range while it is open. */
class StreamedRange implements OpenRange {
  readonly revision: Revision;
  readonly #kv: Pick<KvService, "read">;
  readonly #requestId: string;
  readonly #unpin: () => void;
  readonly #forgetTimer: () => void;
  readonly #onEnd: () => void;
  readonly #gone = new AbortController();
  /** Read and not taken yet. */
  #ahead: RangeSlice | undefined;
  /** What has not been read; undefined at the end. */
  #rest: RangeQuery | undefined;
  /** Why there is nothing more. */
  #ended: ServiceError | undefined;

  constructor(
    { kv, store, clock }: NodeRangeStreamServiceParts,
    { query, slice, requestId, onEnd }: {
      readonly query: RangeQuery;
      /** The first one. */
      readonly slice: RangeSlice;
      readonly requestId: string;
      readonly onEnd: () => void;
    },
  ) {
    this.revision = slice.revision;
    this.#kv = kv;
    this.#requestId = requestId;
    this.#onEnd = onEnd;
    this.#unpin = store.pin(slice.revision);
    this.#forgetTimer = clock.after(rangeStreamMsMax, () => this.end(tooLong()));
    this.#ahead = slice;
    this.#rest = restOf(query, slice);
  }

  async next(): Promise<RangeSlice | undefined> {
    if (this.#ended !== undefined) throw this.#ended;
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined || this.#rest === undefined) return ahead;
    const slice = await this.#read(this.#rest);
    this.#rest = restOf(this.#rest, slice);
    return slice;
  }

  close(): void {
    this.end(new ServiceError("timeout", "The stream is closed"));
  }

  /** Whoever asks for more is told `why` there is none. */
  end(why: ServiceError): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    this.#ahead = undefined;
    this.#unpin();
    this.#forgetTimer();
    this.#gone.abort();
    this.#onEnd();
  }

  /** Nothing in this view changes any more: the node's own state is as good as any. */
  async #read(rest: RangeQuery): Promise<RangeSlice> {
    const { answer } = await this.#kv.read({ ...sliceQuery(rest), isPinned: true }, {
      ...{ level: "eventual", timeoutMs: sliceMsMax },
      ...{ requestId: this.#requestId, signal: this.#gone.signal },
    }).catch((error: unknown) => {
      throw this.#ended ?? error;
    });
    if (this.#ended !== undefined) throw this.#ended;
    return sliceOf(answer, rest.revision);
  }
}

/** What is left of the range behind `slice`. */
function restOf(query: RangeQuery, slice: RangeSlice): RangeQuery | undefined {
  const { next, count, revision } = slice;
  const limit = query.limit - count;
  if (next === undefined || limit <= 0) return undefined;
  const rest = { ...query, limit, revision };
  return query.reverse ? { ...rest, end: next } : { ...rest, start: next };
}

function tooLong(): ServiceError {
  const minutes = rangeStreamMsMax / 60_000;
  return new ServiceError(
    "timeout",
    `The stream was open for ${minutes} minutes, which is the most; take it faster, or in pages`,
    { retryable: true },
  );
}
