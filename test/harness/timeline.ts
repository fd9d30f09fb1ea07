/** Draws a history as an HTML page: one lane per client, one bar per call, time to the right. */

import type { Call, Operation, Outcome } from "./history.ts";

const laneHeight = 34;
const barHeight = 24;
const leftMargin = 90;
const width = 1600;

export interface TimelineOptions {
  readonly title: string;
  /** Ids in the order in which they could be placed; they are numbered and drawn green. */
  readonly longest: readonly number[];
}

/** A whole page without scripts or outside resources. */
export function renderTimeline(calls: readonly Call[], options: TimelineOptions): string {
  const times = calls.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt]).filter(isFinite);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const scale = (width - leftMargin - 40) / Math.max(last - first, Number.EPSILON);
  const clients = [...new Set(calls.map(({ client }) => client))];
  const place = new Map(options.longest.map((id, at) => [id, at + 1]));
  const bars = calls.map((call) => {
    const x = leftMargin + (call.startedAt - first) * scale;
    const end = leftMargin + (Math.min(call.endedAt, last) - first) * scale;
    const y = clients.indexOf(call.client) * laneHeight;
    return drawBar(call, { x, y, width: Math.max(end - x, 3), place: place.get(call.id) });
  });
  const lanes = clients.map((client, at) =>
    `<text x="4" y="${at * laneHeight + 17}">${escapeHtml(client)}</text>`
  );
  return `<!doctype html>
<meta charset="utf-8">
<title>${escapeHtml(options.title)}</title>
<style>
  body { font: 14px sans-serif; } svg { overflow: visible; } text { font: 11px monospace; }
  .placed { fill: #bfe6bf; } .open { fill: #f4b6b0; } .unknown { fill-opacity: 0.4; }
  rect { stroke: #555; }
</style>
<h1>${escapeHtml(options.title)}</h1>
<p>Green calls could be put in the numbered order; red ones could not be put behind them.
Pale bars have no answer. Point at a bar to read it.</p>
<svg width="${width}" height="${clients.length * laneHeight}">
${[...lanes, ...bars].join("\n")}
</svg>
`;
}

function drawBar(
  call: Call,
  at: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly place: number | undefined;
  },
): string {
  const classes = [
    at.place === undefined ? "open" : "placed",
    ...(call.outcome.kind === "unknown" ? ["unknown"] : []),
  ].join(" ");
  const label = `${at.place === undefined ? "" : `${at.place}. `}${describeCall(call)}`;
  const [x, y] = [at.x.toFixed(1), at.y.toFixed(1)];
  return `<g><title>${escapeHtml(`call ${call.id}: ${label}`)}</title>` +
    `<rect class="${classes}" x="${x}" y="${y}" width="${at.width.toFixed(1)}" ` +
    `height="${barHeight}"/><text x="${(at.x + 2).toFixed(1)}" y="${at.y + 16}">` +
    `${escapeHtml(label)}</text></g>`;
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
      return `${outcome.record.value} @${outcome.record.mod}`;
    case "absent":
      return "absent";
    case "written":
      return `written @${outcome.mod}`;
    case "conditionFailed":
      return `condition failed, ${
        outcome.current === undefined ? "absent" : `@${outcome.current.mod}`
      }`;
    case "deleted":
      return `deleted ${outcome.count}`;
    case "notApplied":
    case "unknown":
      return `${outcome.kind} (${outcome.reason})`;
  }
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
