/** What a watch tells, as frames. */

import type {
  ChangeEvent,
  RevisionChanges,
  WatchFrame,
  WatchOpening,
} from "../service/contract.ts";
import { type Frame, type FrameForm, frameText } from "./frames.ts";
import { textLength } from "./json_steps.ts";
import { keyFields, recordJson } from "./record_json.ts";
import { timeText } from "./times.ts";

/** A revision with more text than this becomes several frames, of which the last has the id. */
const frameLengthMax = 1024 * 1024;

type Json = Readonly<Record<string, unknown>>;

/** The first frame. Its id is the position before the first event that may follow. */
export function readyFrame({ watch, header, oldest }: WatchOpening): Frame {
  const { after } = watch;
  const { revision } = header;
  return { event: "ready", id: after, data: { from: after + 1, revision, compacted: oldest } };
}

/** Of keys and values; longer ones are written step by step. */
const shortBytes = 16 * 1024;
const known = {
  sse: new WeakMap<RevisionChanges, ShortFrame>(),
  ndjson: new WeakMap<RevisionChanges, ShortFrame>(),
};

interface ShortFrame {
  readonly text: string;
  readonly id: number | undefined;
}

/**
 * The one frame of a short change as text: all who watch a key are given the same change, which is
 * made JSON once. Undefined where it is not short.
 */
export function shortText(form: FrameForm, changes: RevisionChanges): ShortFrame | undefined {
  const told = known[form].get(changes);
  if (told !== undefined) return told;
  const [event] = changes.events;
  if (changes.events.length !== 1 || event === undefined || bytesOf(event) > shortBytes) {
    return undefined;
  }
  const [frame] = changeFrames(changes);
  if (frame === undefined) return undefined;
  const short = { text: frameText(form, frame), id: frame.id };
  known[form].set(changes, short);
  return short;
}

function bytesOf(event: ChangeEvent): number {
  const value = event.kind === "put" ? event.record.value.length : 0;
  return value + (event.prev?.value.length ?? 0);
}

/** The frames of what a watch has given. */
export function framesOf(given: WatchFrame): readonly Frame[] {
  switch (given.kind) {
    case "changes":
      return changeFrames(given.changes);
    case "progress":
      return [{ event: "progress", id: given.revision, data: { revision: given.revision } }];
    case "lagging":
      return [{ event: "lagging", data: { at: given.at, revision: given.revision } }];
    case "compacted":
      return [{ event: "compacted", data: { oldest: given.oldest } }];
    case "closing":
      return [{ event: "closing", data: {} }];
  }
}

function changeFrames({ revision, times, events, isPartial }: RevisionChanges): readonly Frame[] {
  const time = timeText(times.wallMs);
  const pieces = piecesOf(events.map(eventJson));
  return pieces.map((piece, at): Frame => {
    const data = { revision, time, events: piece };
    const isLast = at === pieces.length - 1 && !isPartial;
    return isLast
      ? { event: "change", id: revision, data }
      : { event: "change", data: { ...data, partial: true } };
  });
}

function piecesOf(events: readonly Json[]): readonly (readonly Json[])[] {
  let piece: Json[] = [];
  let length = 0;
  const pieces = [piece];
  for (const event of events) {
    const more = textLength(event);
    if (piece.length > 0 && length + more > frameLengthMax) {
      pieces.push(piece = []);
      length = 0;
    }
    piece.push(event);
    length += more;
  }
  return pieces;
}

function eventJson(event: ChangeEvent): Json {
  const prev = event.prev === undefined ? {} : { prev: recordJson(event.prev) };
  return event.kind === "put"
    ? { type: "put", ...recordJson(event.record), ...prev }
    : { type: "delete", ...keyFields(event.key), mod: event.mod, ...prev };
}
