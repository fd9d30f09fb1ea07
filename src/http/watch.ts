/** Watches as streams: from options to a watch, and from what it gives to frames. */

import type { OpenWatch, Revision, WatchFrame, WatchRequest } from "../service/contract.ts";
import { requestOptions } from "./ask.ts";
import type { Call } from "./call.ts";
import { streamForm } from "./frame_stream.ts";
import {
  type Frame,
  type FrameForm,
  openingText,
  quietMsMax,
  sseComment,
  writeFrame,
} from "./frames.ts";
import { JsonSteps } from "./json_steps.ts";
import { askedRange } from "./listing.ts";
import { contradiction } from "./options.ts";
import type { RangeOptions } from "./ranges.ts";
import type { StreamSource } from "./stream.ts";
import { framesOf, readyFrame, shortText } from "./watch_frames.ts";

/** What is there already goes out together, up to about so many bytes. */
const pieceBytes = 64 * 1024;

/** A kind of change that a watch may be confined to. */
export type ChangeKind = "put" | "delete";

/** All options of `GET /v1/watch`. */
export interface WatchOptions extends RangeOptions {
  readonly key?: Uint8Array;
  readonly key64?: Uint8Array;
  readonly from_revision?: Revision;
  readonly after?: Revision;
  readonly filter?: readonly ChangeKind[];
  readonly prev?: boolean;
  readonly format?: FrameForm;
}

/** Answers as soon as the watch is open; from then on it lasts as long as the client wants. */
export async function watchKeys(call: Call, options: WatchOptions): Promise<Response> {
  const { watches, kv } = call.services;
  const asked = requestOf(options);
  const opening = await watches.watch(asked, requestOptions(call)).catch((error: unknown) => {
    call.header = kv.header();
    throw error;
  });
  const { format = "sse" } = options;
  call.header = opening.header;
  const source = new FrameSource(call, { ...opening, form: format, first: readyFrame(opening) });
  return streamForm(call, format, source);
}

function requestOf(options: WatchOptions): WatchRequest {
  const { from_revision: from, after, prev = false, filter = [] } = options;
  const begin = after ?? (from === undefined ? undefined : from - 1);
  const only = new Set(filter).size === 1 ? filter[0] : undefined;
  return {
    target: targetOf(options),
    prev,
    ...(begin === undefined ? {} : { after: begin }),
    ...(only === undefined ? {} : { only }),
  };
}

function targetOf(options: WatchOptions): WatchRequest["target"] {
  const key = options.key ?? options.key64;
  if (key === undefined) return askedRange(options);
  for (const word of ["key64", "prefix", "start", "end"] as const) {
    if (options[word] === undefined || options[word] === key) continue;
    throw contradiction(
      word,
      `${word} is given together with ${options.key === undefined ? "key64" : "key"}`,
    );
  }
  return { kind: "key", key };
}

/** The frames of one watch as bytes. */
class FrameSource implements StreamSource {
  readonly #call: Call;
  readonly #watch: OpenWatch;
  readonly #form: FrameForm;
  /** What is written before anything else. */
  #first: Frame | undefined;
  /** The id that the client has seen last. */
  #seen: Revision | undefined;
  #isOver = false;

  constructor(call: Call, { watch, form, first }: {
    readonly watch: OpenWatch;
    readonly form: FrameForm;
    readonly first: Frame;
  }) {
    this.#call = call;
    this.#watch = watch;
    this.#form = form;
    this.#first = first;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    const json = new JsonSteps(() => this.#call.services.clock.yield());
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) {
      await json.raw(openingText(this.#form));
      await this.#write(json, first);
    } else {
      await this.#tell(json, await this.#watch.next({ ms: quietMsMax }));
    }
    while (!this.#isOver && json.bytes < pieceBytes) {
      const given = this.#watch.nextAhead();
      if (given === undefined) break;
      await this.#tell(json, given);
    }
    return json.finish();
  }

  close(): void {
    this.#watch.close();
  }

  async #tell(json: JsonSteps, given: WatchFrame): Promise<void> {
    const isQuiet = given.kind === "progress" && given.revision === this.#seen;
    if (isQuiet && this.#form === "sse") return await json.raw(sseComment);
    const short = given.kind === "changes" ? shortText(this.#form, given.changes) : undefined;
    if (short === undefined) {
      for (const frame of framesOf(given)) {
        await this.#write(json, frame);
      }
    } else {
      await json.raw(short.text);
      this.#seen = short.id ?? this.#seen;
    }
    this.#isOver = given.kind === "compacted" || given.kind === "closing";
  }

  async #write(json: JsonSteps, frame: Frame): Promise<void> {
    await writeFrame(json, this.#form, frame);
    this.#seen = frame.id ?? this.#seen;
  }
}
