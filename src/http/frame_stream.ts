/** Streams of frames: what watches of members, observers of elections and holders share. */

import type { Call } from "./call.ts";
import {
  type Frame,
  type FrameForm,
  frameMediaType,
  openingText,
  sseComment,
  writeFrame,
} from "./frames.ts";
import { JsonSteps } from "./json_steps.ts";
import { streamAnswer, type StreamSource } from "./stream.ts";

/** What a client is told next. */
export interface Telling {
  readonly frames: readonly Frame[];
  /** It says no more than that the stream goes on: a comment does, where the form has comments. */
  readonly isQuiet?: boolean;
  /** Nothing follows. */
  readonly isLast?: boolean;
}

/** Where the frames come from. */
export interface FrameFeed {
  /** Takes no longer than `quietMsMax` (frames.ts). What it throws cuts the answer off. */
  next(): Promise<Telling>;
  /** Called once, when nothing more is wanted: at the end, and when the client goes before. */
  close(): void;
}

/** 200 with what `feed` gives; who reconnects by itself does within `reconnectMsMax`. */
export function streamFrames(
  call: Call,
  form: FrameForm,
  feed: FrameFeed,
  reconnectMsMax?: number,
): Response {
  return streamForm(call, form, new FrameSource(call, { form, feed, reconnectMsMax }));
}

/** 200 with frames that are bytes already. */
export function streamForm(call: Call, form: FrameForm, source: StreamSource): Response {
  // nginx gathers answers before it passes them on, unless told not to.
  call.extraHeaders["X-Accel-Buffering"] = "no";
  return streamAnswer(call, frameMediaType(form), source);
}

interface FrameSourceParts {
  readonly form: FrameForm;
  readonly feed: FrameFeed;
  readonly reconnectMsMax: number | undefined;
}

/** Frames as bytes. */
class FrameSource implements StreamSource {
  readonly #call: Call;
  readonly #parts: FrameSourceParts;
  #isBegun = false;
  #isOver = false;

  constructor(call: Call, parts: FrameSourceParts) {
    this.#call = call;
    this.#parts = parts;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    const { form, feed, reconnectMsMax } = this.#parts;
    const json = new JsonSteps(() => this.#call.services.clock.yield());
    if (!this.#isBegun) await json.raw(openingText(form, reconnectMsMax));
    this.#isBegun = true;
    const { frames, isQuiet = false, isLast = false } = await feed.next();
    this.#isOver = isLast;
    if (isQuiet && form === "sse") await json.raw(sseComment);
    else for (const frame of frames) await writeFrame(json, form, frame);
    return json.finish();
  }

  close(): void {
    this.#parts.feed.close();
  }
}
