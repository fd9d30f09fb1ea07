/**
 * Draws a history as an HTML page: one lane per client, one bar per call, time to the right. Of a
 * long history it draws the part around the trouble, because nobody finds one call among thousands.
 */

import type { Call, Operation, Outcome, SeenRecord } from "./history.ts";

const laneHeight = 34;
const barHeight = 24;
const barWidthMin = 3;
/** Room for the times above the lanes. */
const topMargin = 20;
const rightMargin = 40;
const widthMin = 1_400;
const widthMax = 30_000;
/** So wide that a label can be read. */
const widthPerCall = 150;
/** More bars would hide the trouble; three quarters of them show what led to it. */
const drawnMax = 400;
const drawnBefore = 300;
/** Of the longest order so many calls are listed. */
const listedMax = 12;

export interface TimelineOptions {
  readonly title: string;
  /** Ids in the order in which they could be placed; they are numbered and drawn green. */
  readonly longest: readonly number[];
  /** Ids of the calls to look at first: they have a thick edge and are always drawn. */
  readonly suspects?: readonly number[];
}

/** A whole page without scripts or outside resources. There must be a call. */
export function renderTimeline(calls: readonly Call[], options: TimelineOptions): string {
  const suspects = new Set(options.suspects);
  const view = lookAround(calls, suspects);
  const title = escapeHtml(options.title);
  const height = topMargin + view.clients.length * laneHeight;
  const names = view.clients.map((client, lane) =>
    `<text x="4" y="${topMargin + lane * laneHeight + 17}">${escapeHtml(client)}</text>`
  );
  const place = new Map(options.longest.map((id, at) => [id, at + 1]));
  const bars = view.drawn.map((call) => drawBar(call, { view, place, suspects }));
  return `<!doctype html>
<meta charset="utf-8">
<title>${title}</title>
<style>
  body { font: 14px sans-serif; } text, li { font: 11px monospace; }
  .lanes { display: flex; } .scroll { overflow-x: auto; } svg { flex: none; display: block; }
  .placed { fill: #bfe6bf; } .open { fill: #f4b6b0; } .other { fill: #d8dde6; }
  .unknown { fill-opacity: 0.4; } rect { stroke: #777; } .suspect rect { stroke: #b00; }
  .suspect rect { stroke-width: 3; } line { stroke: #b00; stroke-dasharray: 4; }
</style>
<h1>${title}</h1>
<p>${explain(calls, { view, options })}</p>
<div class="lanes">
<svg width="110" height="${height}">
${names.join("\n")}
</svg>
<div class="scroll"><svg width="${view.width}" height="${height}">
${[...drawTimes(view), ...drawLimits(view, { suspects, height }), ...bars].join("\n")}
</svg></div>
</div>
${listOrder(calls, options)}`;
}

/** What of the history is drawn, and where. */
interface View {
  /** In the order of their begin. */
  readonly drawn: readonly Call[];
  /** How many calls are left out, by why, and how many of them are lost writes begun before. */
  readonly leftOut: { readonly before: number; readonly after: number; readonly lost: number };
  readonly clients: readonly string[];
  readonly width: number;
  readonly startAt: number;
  readonly endAt: number;
  readonly pixelsPerTime: number;
}

function lookAround(calls: readonly Call[], suspects: ReadonlySet<number>): View {
  const sorted = calls.toSorted((a, b) => a.startedAt - b.startedAt);
  const trouble = sorted.findLastIndex(({ id }) => suspects.has(id));
  const wanted = (trouble < 0 ? sorted.length : trouble) - drawnBefore;
  const from = Math.max(0, Math.min(wanted, sorted.length - drawnMax));
  const near = sorted.slice(from, from + drawnMax);
  const before = sorted.slice(0, from).filter(({ id }) => !suspects.has(id));
  const drawn = [...sorted.slice(0, from).filter(({ id }) => suspects.has(id)), ...near];
  const clients = [...new Set(drawn.map(({ client }) => client))];
  const perClient = Map.groupBy(drawn, ({ client }) => client);
  const densest = Math.max(0, ...[...perClient.values()].map(({ length }) => length));
  const width = Math.min(Math.max(widthMin, densest * widthPerCall), widthMax);
  const times = near.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt]).filter(isFinite);
  const startAt = Math.min(...times);
  const endAt = Math.max(...times);
  return {
    ...{ drawn, clients, width, startAt, endAt },
    leftOut: {
      before: before.length,
      after: sorted.length - from - near.length,
      lost: before.filter(({ outcome }) => outcome.kind === "unknown").length,
    },
    pixelsPerTime: (width - rightMargin) / Math.max(endAt - startAt, Number.EPSILON),
  };
}

/** What lies outside of the picture is drawn at its edge. */
function xOf(time: number, { startAt, endAt, pixelsPerTime }: View): number {
  return (Math.min(Math.max(time, startAt), endAt) - startAt) * pixelsPerTime;
}

function explain(
  calls: readonly Call[],
  { view, options }: { readonly view: View; readonly options: TimelineOptions },
): string {
  const { before, after, lost } = view.leftOut;
  const lines = [
    options.longest.length === 0
      ? "The calls with a thick edge contradict each other."
      : "Green calls could be put in the numbered order; red ones could not be put behind them.",
    "Pale bars have no answer: they may take effect at any time later, or never.",
    "Point at a bar to read it: @ is the revision of a record, v its version.",
  ];
  if (before + after > 0) {
    lines.push(
      `Of ${calls.length} calls ${before} before these and ${after} after them are left out; ` +
        `${lost} of those before are lost writes.`,
    );
  }
  if (options.suspects !== undefined && options.suspects.length > 0) {
    lines.push('<a href="#suspect">Go to the trouble.</a>');
  }
  return lines.join("\n");
}

function drawTimes(view: View): readonly string[] {
  const count = Math.floor(view.width / 200);
  return Array.from({ length: count }, (_, at) => {
    const time = view.startAt + (at * 200) / view.pixelsPerTime;
    return `<text x="${at * 200}" y="12">${time.toFixed(1)}</text>`;
  });
}

/** Where the answers of the suspects came: by then they had to have a place. */
function drawLimits(
  view: View,
  { suspects, height }: { readonly suspects: ReadonlySet<number>; readonly height: number },
): readonly string[] {
  return view.drawn.filter(({ id }) => suspects.has(id)).map(({ endedAt }) => {
    const x = xOf(endedAt, view).toFixed(1);
    return `<line x1="${x}" x2="${x}" y1="0" y2="${height}"/>`;
  });
}

function drawBar(
  call: Call,
  { view, place, suspects }: {
    readonly view: View;
    readonly place: ReadonlyMap<number, number>;
    readonly suspects: ReadonlySet<number>;
  },
): string {
  const at = place.get(call.id);
  const isSuspect = suspects.has(call.id);
  const look = at !== undefined ? "placed" : place.size === 0 && !isSuspect ? "other" : "open";
  const classes = call.outcome.kind === "unknown" ? `${look} unknown` : look;
  const label = `${at === undefined ? "" : `${at}. `}${describeCall(call)}`;
  const x = xOf(call.startedAt, view);
  const y = topMargin + view.clients.indexOf(call.client) * laneHeight;
  const width = Math.max(xOf(call.endedAt, view) - x, barWidthMin);
  // A label may be longer than its bar, up to the client's next call.
  const following = view.drawn.find((other) =>
    other.client === call.client && other.startedAt > call.startedAt
  );
  const room = Math.max((following ? xOf(following.startedAt, view) : view.width) - x, barWidthMin);
  const isLast = isSuspect &&
    !view.drawn.some((other) => suspects.has(other.id) && other.startedAt > call.startedAt);
  const marks = `${isSuspect ? ' class="suspect"' : ""}${isLast ? ' id="suspect"' : ""}`;
  return `<g${marks}>` +
    `<title>${escapeHtml(describeTimes(call) + label)}</title>` +
    `<rect class="${classes}" x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" ` +
    `height="${barHeight}"/><svg x="${x.toFixed(1)}" y="${y}" width="${room.toFixed(1)}" ` +
    `height="${barHeight}"><text x="3" y="16">${escapeHtml(label)}</text></svg></g>`;
}

/** The end of the longest order in words, and what did not fit behind it. */
function listOrder(calls: readonly Call[], { longest, suspects = [] }: TimelineOptions): string {
  const byId = new Map(calls.map((call) => [call.id, call]));
  const item = (id: number): string => {
    const call = byId.get(id);
    return call === undefined ? "" : `<li>${escapeHtml(describeTimes(call) + describeCall(call))}`;
  };
  const first = Math.max(0, longest.length - listedMax);
  const parts = [
    ...longest.length === 0 ? [] : [
      `<p>The longest order ends with</p>\n<ol start="${first + 1}">`,
      ...longest.slice(first).map(item),
      "</ol>",
    ],
    ...suspects.length === 0 ? [] : [
      `<p>${longest.length === 0 ? "The contradiction" : "and has no place for"}</p>\n<ul>`,
      ...suspects.map(item),
      "</ul>",
    ],
  ];
  return parts.map((part) => `${part}\n`).join("");
}

/** `call 7 of c1 from 3.0 to 4.5: `. */
export function describeTimes({ id, client, startedAt, endedAt }: Call): string {
  const end = endedAt === Infinity ? "without an end" : `to ${endedAt.toFixed(1)}`;
  return `call ${id} of ${client} from ${startedAt.toFixed(1)} ${end}: `;
}

/** `put a = x → written at 5`. */
export function describeCall({ operation, outcome }: Call): string {
  return `${describeOperation(operation)} → ${describeOutcome(outcome)}`;
}

function describeOperation(operation: Operation): string {
  switch (operation.kind) {
    case "get":
    case "delete":
      return `${operation.kind} ${operation.key}`;
    case "put":
      return `put ${operation.key} = ${operation.value}`;
    case "cas":
      return `cas ${operation.key} @${operation.expected} = ${operation.value}`;
  }
}

function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case "found":
      return `${outcome.record.value} ${describeRecord(outcome.record)}${storeAt(outcome)}`;
    case "absent":
      return `absent${storeAt(outcome)}`;
    case "written":
      return `written ${describeRecord(outcome)}`;
    case "conditionFailed":
      return `condition failed, ${
        outcome.current === undefined ? "absent" : describeRecord(outcome.current)
      }${storeAt(outcome)}`;
    case "deleted":
      return `deleted ${outcome.count}${storeAt(outcome)}`;
    case "notApplied":
    case "unknown":
      return `${outcome.kind} (${outcome.reason})`;
  }
}

function describeRecord({ mod, version }: Omit<SeenRecord, "value">): string {
  return version === undefined ? `@${mod}` : `@${mod} v${version}`;
}

function storeAt({ revision }: { readonly revision?: number }): string {
  return revision === undefined ? "" : `, store at ${revision}`;
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
