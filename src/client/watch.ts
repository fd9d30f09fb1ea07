/** A watch as an async iterator of changes. */

import type { JsonObject } from "./members.ts";
import {
  bytesMember,
  type KeyRecord,
  listMember,
  MalformedAnswerError,
  numberMember,
  objectOf,
  prevOf,
  recordOf,
  textMember,
} from "./records.ts";
import type { WatchLines } from "./watch_lines.ts";

/** What happened to one key. */
export type WatchEvent =
  | { readonly kind: "put"; readonly record: KeyRecord; readonly prev?: KeyRecord }
  | {
    readonly kind: "delete";
    readonly key: Uint8Array;
    /** The revision that deleted it. */
    readonly mod: number;
    readonly prev?: KeyRecord;
  };

/** What one revision did to the range. */
export interface WatchChange {
  readonly revision: number;
  /** By the clock of the node that led then. */
  readonly time: string;
  readonly events: readonly WatchEvent[];
  /** The next change goes on with the same revision, which is too large for one. */
  readonly isPartial: boolean;
}

/**
 * Every change behind the asked revision, in order, without gap or repetition, whichever nodes come
 * and go. It ends when it is closed, and with an {@link AnswerError} of code `revision_compacted`
 * when what it would have to tell next is compacted. Whoever stops reading holds up nobody and
 * misses nothing that is not compacted meanwhile.
 */
export class Watch implements AsyncIterableIterator<WatchChange> {
  readonly #lines: WatchLines;
  #turn: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(lines: WatchLines) {
    this.#lines = lines;
  }

  /** Everything up to this revision has been given; undefined before the watch is open. */
  get position(): number | undefined {
    return this.#lines.position;
  }

  /**
   * Resolves when a node has opened the watch, with the revision behind which it tells everything;
   * undefined if it is closed before. Who only iterates need not call it.
   */
  async opened(): Promise<number | undefined> {
    return await this.#inTurn(async () => {
      while (this.#lines.position === undefined) {
        const change = await this.#advance();
        if (change === undefined) return undefined;
        if (change !== "other") throw new MalformedAnswerError("A watch begins with a change");
      }
      return this.#lines.position;
    });
  }

  async next(): Promise<IteratorResult<WatchChange, undefined>> {
    return await this.#inTurn(async () => {
      for (;;) {
        const change = await this.#advance();
        if (change === undefined) return { done: true, value: undefined };
        if (change !== "other") return { done: false, value: change };
      }
    });
  }

  /** Ends the watch, as leaving `for await` does; whoever waits for a change gets none. */
  return(): Promise<IteratorResult<WatchChange, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the watch. */
  close(): void {
    this.#isOver = true;
    this.#lines.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #advance(): Promise<WatchChange | "other" | undefined> {
    if (this.#isOver) return undefined;
    try {
      const line = await this.#lines.next();
      if (line === undefined) return undefined;
      return line.frame["event"] === "change" ? changeOf(line.frame) : "other";
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return await turn;
  }
}

/** What a frame of changes says. */
export function changeOf(frame: JsonObject): WatchChange {
  return {
    revision: numberMember(frame, "revision"),
    time: textMember(frame, "time"),
    events: listMember(frame, "events").map((event) => eventOf(objectOf(event))),
    isPartial: frame["partial"] === true,
  };
}

function eventOf(json: JsonObject): WatchEvent {
  const type = textMember(json, "type");
  if (type === "put") return { kind: "put", record: recordOf(json), ...prevOf(json) };
  if (type === "delete") {
    const key = bytesMember(json, "key");
    return { kind: "delete", key, mod: numberMember(json, "mod"), ...prevOf(json) };
  }
  throw new MalformedAnswerError(`The answer holds a change of the unknown type ${type}`);
}
