/**
 * Frames of a stream in the two forms that clients may ask for: server-sent events (the HTML
 * standard, §9.2), and lines of JSON.
 */

import type { JsonSteps } from "./json_steps.ts";
import { ndjsonMediaType } from "./media_type.ts";

export const eventStreamMediaType = "text/event-stream";

/** How a stream is written. */
export type FrameForm = "sse" | "ndjson";

/** One frame. */
export interface Frame {
  readonly event: string;
  /** Where a client that has seen this frame goes on; absent where it would miss something. */
  readonly id?: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** How long a client waits that reconnects by itself (EventSource), ms. */
const reconnectMs = 1_000;

/** Without anything to tell, a client hears so often that its stream goes on. */
export const quietMsMax = 5_000;

/** Before the first frame; who has less time than usual reconnects within `reconnectMsMax`. */
export function openingText(form: FrameForm, reconnectMsMax = reconnectMs): string {
  return form === "sse" ? `retry: ${Math.min(reconnectMs, reconnectMsMax)}\n\n` : "";
}

/** Says nothing to the client, and to those on the way that the stream is not dead. */
export const sseComment = ":\n\n";

/** What a stream in that form is called. */
export function frameMediaType(form: FrameForm): string {
  return form === "sse" ? eventStreamMediaType : ndjsonMediaType;
}

/** A short frame as text. */
export function frameText(form: FrameForm, frame: Frame): string {
  return form === "sse"
    ? `${sseHead(frame)}${JSON.stringify(frame.data)}\n\n`
    : `${JSON.stringify(lineOf(frame))}\n`;
}

/** Writes one frame, however long it is. */
export async function writeFrame(json: JsonSteps, form: FrameForm, frame: Frame): Promise<void> {
  if (form === "sse") {
    await json.raw(sseHead(frame));
    await json.value(frame.data);
    await json.raw("\n\n");
  } else {
    await json.value(lineOf(frame));
    await json.raw("\n");
  }
}

function sseHead({ event, id }: Frame): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: `;
}

/** Name and id are members before the others. */
function lineOf({ event, id, data }: Frame): Readonly<Record<string, unknown>> {
  return { event, ...(id === undefined ? {} : { id }), ...data };
}
