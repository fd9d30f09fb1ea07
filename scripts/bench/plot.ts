/**
 * Line charts as SVG, for a page with a light or a dark background: no background of their own, and
 * colours in between. The x axis is logarithmic, because it shows how something grows.
 */

export interface Point {
  /** Above 0. */
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** For what belongs to the series before it, whose colour it shares. */
  readonly dashed?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  /** A linear axis begins at 0, so that flat looks flat; on a logarithmic one all y are above 0. */
  readonly yScale: "linear" | "log";
  readonly series: readonly Series[];
  /** A line to stay below. */
  readonly target?: { readonly y: number; readonly name: string };
}

const width = 720;
const height = 400;
const area = { left: 76, right: 510, top: 48, bottom: 340 } as const;
const legendLine = 20;
const textColor = "#7d8590";
const targetColor = "#d1242f";
const seriesColors = ["#3b82f6", "#e0822f", "#2da44e", "#a371f7", "#db61a2", "#1b9aaa"];

/** Throws for a chart without points: there is no axis for it. */
export function lineChart(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points);
  if (points.length === 0) throw new RangeError(`The chart ${chart.title} has no points`);
  const xs = points.map(({ x }) => x);
  const ys = [...points.map(({ y }) => y), ...(chart.target ? [chart.target.y] : [])];
  const xAxis = logAxis(xs);
  const yAxis = chart.yScale === "log" ? logAxis(ys) : linearAxis(Math.max(...ys));
  const place = (point: Point): Point => ({
    x: area.left + xAxis.share(point.x) * (area.right - area.left),
    y: area.bottom - yAxis.share(point.y) * (area.bottom - area.top),
  });
  const label = escapeText(`${chart.title}: ${chart.yTitle} against ${chart.xTitle}`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `width="${width}" height="${height}" role="img" aria-label="${label}" ` +
    `font-family="system-ui, sans-serif" font-size="13" fill="${textColor}">`,
    text({ x: area.left, y: 24 }, chart.title, 'font-size="16" font-weight="600"'),
    ...axisLines(chart, { xAxis, yAxis, place }),
    ...targetLines(chart, place),
    ...chart.series.flatMap((series, at) => seriesLines(chart, { series, at, place })),
    "</svg>\n",
  ].join("\n");
}

interface Axis {
  readonly ticks: readonly number[];
  /** Where a value lies, from 0 at the start of the axis to 1 at its end. */
  readonly share: (value: number) => number;
}

/** From the power of ten below the lowest value to that above the highest. */
export function logAxis(values: readonly number[]): Axis {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at)),
    share: (value) => (Math.log10(value) - low) / (high - low),
  };
}

const ticksWanted = 5;

/** From 0 to at least `max`, in steps of 1, 2 or 5 times a power of ten. */
export function linearAxis(max: number): Axis {
  const rough = (max > 0 ? max : 1) / ticksWanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough) ?? power;
  const count = Math.ceil((max > 0 ? max : 1) / step);
  const end = count * step;
  return {
    ticks: Array.from({ length: count + 1 }, (_, at) => at * step),
    share: (value) => value / end,
  };
}

type Place = (point: Point) => Point;

function axisLines(
  chart: Chart,
  { xAxis, yAxis, place }: { readonly xAxis: Axis; readonly yAxis: Axis; readonly place: Place },
): readonly string[] {
  const anyX = xAxis.ticks[0] ?? 1;
  const anyY = yAxis.ticks[0] ?? 1;
  const grid = `stroke="${textColor}" stroke-opacity="0.25"`;
  const middle = (area.top + area.bottom) / 2;
  return [
    ...yAxis.ticks.flatMap((tick) => {
      const { y } = place({ x: anyX, y: tick });
      const end = `text-anchor="end"`;
      return [
        line({ x: area.left, y }, { x: area.right, y }, grid),
        text({ x: area.left - 8, y: y + 4 }, shortNumber(tick), end),
      ];
    }),
    ...xAxis.ticks.flatMap((tick) => {
      const { x } = place({ x: tick, y: anyY });
      return [
        line({ x, y: area.top }, { x, y: area.bottom }, grid),
        text({ x, y: area.bottom + 20 }, shortNumber(tick), `text-anchor="middle"`),
      ];
    }),
    text({ x: (area.left + area.right) / 2, y: area.bottom + 44 }, chart.xTitle, centred),
    text({ x: 18, y: middle }, chart.yTitle, `${centred} transform="rotate(-90 18 ${middle})"`),
  ];
}

const centred = `text-anchor="middle"`;

function targetLines({ target }: Chart, place: Place): readonly string[] {
  if (target === undefined) return [];
  const { y } = place({ x: 1, y: target.y });
  const style = `stroke="${targetColor}" stroke-dasharray="2 4"`;
  return [
    line({ x: area.left, y }, { x: area.right, y }, style),
    text({ x: area.left + 8, y: y - 6 }, target.name, `fill="${targetColor}"`),
  ];
}

function seriesLines(
  chart: Chart,
  { series, at, place }: { readonly series: Series; readonly at: number; readonly place: Place },
): readonly string[] {
  const main = chart.series.slice(0, at + 1).filter((each) => each.dashed !== true).length - 1;
  const color = seriesColors[Math.max(0, main) % seriesColors.length]!;
  const dash = series.dashed === true ? ` stroke-dasharray="6 4"` : "";
  const stroke = `stroke="${color}" stroke-width="2"${dash}`;
  const places = series.points.map(place);
  const path = places.map(({ x, y }) => `${round(x)},${round(y)}`).join(" ");
  const legendY = area.top + 40 + at * legendLine;
  return [
    `<polyline points="${path}" fill="none" ${stroke}/>`,
    ...places.map(({ x, y }) =>
      `<circle cx="${round(x)}" cy="${round(y)}" r="3" fill="${color}"/>`
    ),
    line({ x: area.right + 12, y: legendY }, { x: area.right + 36, y: legendY }, stroke),
    text({ x: area.right + 42, y: legendY + 4 }, series.name),
  ];
}

function line(from: Point, to: Point, style: string): string {
  return `<line x1="${round(from.x)}" y1="${round(from.y)}" x2="${round(to.x)}" ` +
    `y2="${round(to.y)}" ${style}/>`;
}

function text(at: Point, words: string, style = ""): string {
  const more = style === "" ? "" : ` ${style}`;
  return `<text x="${round(at.x)}" y="${round(at.y)}"${more}>${escapeText(words)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** 10000 → 10 k, 2000000 → 2 M. */
export function shortNumber(value: number): string {
  for (const [unit, name] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))} ${name}`;
  }
  return String(Number(value.toPrecision(3)));
}

function escapeText(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
