/**
 * A watch as a sequence of lines that does not end with a node: when a stream breaks off, falls
 * silent, or its node shuts down, the next one is opened at another endpoint, behind the last id
 * that was seen. A revision may come in several frames of which only the last has an id; what was
 * told of it already is left out when it comes again.
 */

import { utf8 } from "../lib/bytes.ts";
import type { Connection } from "./connection.ts";
import { AnswerError, UnreachableError } from "./errors.ts";
import type { JsonObject } from "./members.ts";
import { type CallOptions, type KeyRange, limited, rangeQuery } from "./options.ts";
import { bytesOf, type KeyBytes, queryString } from "./paths.ts";
import { listMember, numberMember, parseJson } from "./records.ts";
import { StreamLines } from "./stream_lines.ts";

/** What to watch, and from where. */
export interface WatchOptions extends CallOptions, KeyRange {
  /** This key alone; not together with a range. Without either, all keys. */
  readonly key?: KeyBytes;
  /** The first revision to be told of; unless given, the next one. */
  readonly fromRevision?: number;
  /** Only changes of this kind. */
  readonly filter?: "put" | "delete";
  /** Each change carries the record before it, where that is not compacted. */
  readonly prev?: boolean;
  /** Called once when the stream has broken off, and another one is being opened. */
  readonly onInterrupted?: (reason: string) => void;
  /** A stream without a sign of life for so long is given up; 15 s unless given. */
  readonly silenceMsMax?: number;
}

/** One line of the stream. */
export interface WatchLine {
  /** As it came; where a part of it was told before, what is left of it. */
  readonly bytes: Uint8Array;
  readonly frame: JsonObject;
}

/** A node says something every 5 s. */
const silenceMsDefault = 15_000;
const pauseMs = 1_000;
/** After so many streams that end before they begin it is no node that answers. */
const emptyStreamsMax = 3;

interface Stream {
  readonly lines: StreamLines;
  readonly endpoint: string;
  readonly end: AbortController;
}

/** Lines of frames, one call at a time. */
export class WatchLines {
  readonly #connection: Connection;
  readonly #options: WatchOptions;
  #stream: Stream | undefined;
  /** Ends what is being opened. */
  #opening = new AbortController();
  #wake = (): void => {};
  #isClosed = false;
  #wasOpen = false;
  /** Streams that have ended before the first that began. */
  #emptyStreams = 0;
  #openedAtMs = -Infinity;
  /** The last id seen. */
  #after: number | undefined;
  /** Events told of a revision that is not whole yet, and those of it on this stream. */
  #begun = { revision: 0, told: 0, here: 0 };

  constructor(connection: Connection, options: WatchOptions) {
    this.#connection = connection;
    this.#options = options;
    if (options.fromRevision !== undefined) this.#after = options.fromRevision - 1;
  }

  /** Everything up to this revision has been told; undefined before the watch is open. */
  get position(): number | undefined {
    return this.#wasOpen ? this.#after : undefined;
  }

  /**
   * The next line, of whatever frame but `closing`; undefined once closed. Rejects where the watch
   * cannot go on: with the refusal, or with `revision_compacted`.
   */
  async next(): Promise<WatchLine | undefined> {
    while (!this.#isClosed) {
      const stream = this.#stream ?? await this.#connect();
      if (stream === undefined) break;
      const read = await stream.lines.next();
      if (this.#isClosed) break;
      if (read.kind === "over") {
        this.#interrupted(stream, read.reason);
        this.#refuseEmpty(stream, read.reason);
        continue;
      }
      const line = this.#lineOf(stream, read.bytes);
      if (line !== undefined) return line;
    }
    return undefined;
  }

  /** Ends the stream; whoever waits for a line gets none. */
  close(): void {
    this.#isClosed = true;
    this.#opening.abort();
    this.#wake();
    this.#drop();
  }

  /** Undefined where it says nothing new. */
  #lineOf(stream: Stream, bytes: Uint8Array): WatchLine | undefined {
    const frame = parseJson(bytes);
    switch (frame["event"]) {
      case "change":
        return this.#changeOf(frame, bytes);
      case "compacted":
        this.close();
        throw compacted(frame, bytes);
      case "closing":
        this.#interrupted(stream, "the node shuts down");
        return undefined;
      case "ready":
        this.#wasOpen = true;
        this.#seen(frame);
        return { bytes, frame };
      default:
        this.#seen(frame);
        return { bytes, frame };
    }
  }

  #changeOf(frame: JsonObject, bytes: Uint8Array): WatchLine | undefined {
    const revision = numberMember(frame, "revision");
    const events = listMember(frame, "events");
    if (revision <= (this.#after ?? 0)) return undefined;
    if (this.#begun.revision !== revision) this.#begun = { revision, told: 0, here: 0 };
    const { told, here } = this.#begun;
    const fresh = events.slice(Math.max(0, told - here));
    const hereNow = here + events.length;
    this.#begun = { revision, told: Math.max(told, hereNow), here: hereNow };
    this.#seen(frame);
    if (fresh.length === events.length) return { bytes, frame };
    if (fresh.length === 0 && frame["partial"] === true) return undefined;
    const rest = { ...frame, events: fresh };
    return { bytes: utf8(JSON.stringify(rest)), frame: rest };
  }

  #seen(frame: JsonObject): void {
    if (frame["id"] === undefined) return;
    this.#after = Math.max(this.#after ?? 0, numberMember(frame, "id"));
  }

  #interrupted({ endpoint }: Stream, reason: string): void {
    this.#drop();
    this.#connection.failed(endpoint);
    this.#options.onInterrupted?.(`${endpoint}: ${reason}`);
  }

  /** A watch that never was open does not go on for ever. */
  #refuseEmpty({ endpoint }: Stream, reason: string): void {
    if (this.#wasOpen || ++this.#emptyStreams < emptyStreamsMax) return;
    this.close();
    const detail = `${endpoint}: ${reason}, before the watch began`;
    throw new UnreachableError(detail, { code: "unreachable", outcome: undefined });
  }

  #drop(): void {
    this.#stream?.lines.close();
    this.#stream?.end.abort();
    this.#stream = undefined;
  }

  /** The first time it must succeed as any other request; later on it is tried without an end. */
  async #connect(): Promise<Stream | undefined> {
    let wasTold = false;
    // Where streams end as soon as they are open, asking at once would be asking without a pause.
    if (performance.now() - this.#openedAtMs < pauseMs) await this.#pause();
    while (!this.#isClosed) {
      try {
        return await this.#open();
      } catch (error) {
        if (this.#isClosed) break;
        const mayPass = error instanceof UnreachableError ||
          (error instanceof AnswerError && error.retryable);
        if (!this.#wasOpen || !mayPass) throw error;
        if (!wasTold) this.#options.onInterrupted?.(error.message);
        wasTold = true;
      }
      await this.#pause();
    }
    return undefined;
  }

  async #open(): Promise<Stream> {
    const end = new AbortController();
    this.#opening = end;
    const { body, endpoint } = await this.#connection.open({
      ...{ kind: "read", method: "GET", target: this.#target() },
      ...limited(this.#options),
    }, end.signal);
    const silenceMsMax = this.#options.silenceMsMax ?? silenceMsDefault;
    const stream = { lines: new StreamLines(body, silenceMsMax), endpoint, end };
    // It was closed while this was under way.
    if (end.signal.aborted) stream.lines.close();
    this.#openedAtMs = performance.now();
    this.#begun = { ...this.#begun, here: 0 };
    this.#stream = stream;
    return stream;
  }

  #target(): string {
    const { key, filter, prev } = this.#options;
    const query = queryString({
      format: "ndjson",
      key: key === undefined ? undefined : bytesOf(key),
      ...rangeQuery(this.#options),
      filter,
      prev,
      after: this.#after,
    });
    return `/v1/watch${query}`;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The same error as of a watch that is asked to begin there. */
function compacted(frame: JsonObject, bytes: Uint8Array): AnswerError {
  const oldest = numberMember(frame, "oldest");
  return new AnswerError(
    `The watch has come to what is compacted; ${oldest} is the oldest revision that can be read`,
    {
      ...{ status: 410, code: "revision_compacted", outcome: undefined, retryable: false },
      ...{ retryAfterMs: undefined, problem: { code: "revision_compacted", oldest }, body: bytes },
    },
  );
}
