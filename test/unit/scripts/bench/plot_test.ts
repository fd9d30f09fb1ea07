import {
  type Chart,
  linearAxis,
  lineChart,
  logAxis,
  shortNumber,
} from "../../../../scripts/bench/plot.ts";
import { assert, describe, it } from "../../../harness/test.ts";

const chart: Chart = {
  title: "Latency",
  xTitle: "keys",
  yTitle: "ms",
  yScale: "linear",
  series: [
    { name: "PUT", points: [{ x: 10, y: 1 }, { x: 1_000, y: 2 }] },
    { name: "GET & <more>", points: [{ x: 10, y: 4 }] },
  ],
};

describe("linearAxis", () => {
  it("begins at 0 and ends at or above the highest value, in even steps", () => {
    assert.deepEqual(linearAxis(4.3).ticks, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(linearAxis(1_024).ticks, [0, 500, 1_000, 1_500]);
    assert.equal(linearAxis(4.3).share(2.5), 0.5);
  });

  it("has an end above 0 for values that are all 0", () => {
    assert.ok(linearAxis(0).ticks.at(-1)! > 0);
  });
});

describe("logAxis", () => {
  it("spans whole powers of ten, as far apart as their exponents", () => {
    const axis = logAxis([30, 2_000]);
    assert.deepEqual(axis.ticks, [10, 100, 1_000, 10_000]);
    assert.ok(Math.abs(axis.share(100) - 1 / 3) < 1e-9);
  });

  it("is not empty for a single value", () => {
    assert.deepEqual(logAxis([100]).ticks, [100, 1_000]);
  });
});

describe("lineChart", () => {
  it("draws a line and its points for each series, and names them", () => {
    const svg = lineChart(chart);
    assert.equal(svg.match(/<polyline /g)?.length, 2);
    assert.equal(svg.match(/<circle /g)?.length, 3);
    assert.ok(svg.includes(">PUT</text>"));
  });

  it("places points between the axes: higher values further up", () => {
    const [first, second] = [...lineChart(chart).matchAll(/cx="([0-9.]+)" cy="([0-9.]+)"/g)];
    // x 10 to 1000 is the whole width; y of 1 and 2 on an axis from 0 to 4.
    assert.deepEqual([first?.[1], second?.[1]], ["76", "510"]);
    assert.deepEqual([first?.[2], second?.[2]], ["267", "194"]);
  });

  it("escapes what has a meaning in XML", () => {
    const svg = lineChart(chart);
    assert.ok(svg.includes(">GET &amp; &lt;more&gt;</text>"));
    assert.ok(!svg.includes("<more>"));
  });

  it("gives a dashed series the colour of the one before it", () => {
    const [plain = "", dashed = ""] = lineChart({
      ...chart,
      series: [chart.series[0]!, { ...chart.series[1]!, dashed: true }],
    }).match(/<polyline [^>]*>/g) ?? [];
    const color = /stroke="(#[0-9a-f]+)"/;
    assert.equal(color.exec(dashed)?.[1], color.exec(plain)?.[1]);
    assert.ok(dashed.includes("stroke-dasharray") && !plain.includes("stroke-dasharray"));
  });

  it("shows the target, also where all values are below it", () => {
    const svg = lineChart({ ...chart, target: { y: 40, name: "limit" } });
    assert.ok(svg.includes(">limit</text>") && svg.includes(">40</text>"));
  });

  it("has no background of its own", () => {
    assert.ok(!lineChart(chart).includes("<rect"));
  });

  it("refuses to draw nothing", () => {
    assert.throws(() => lineChart({ ...chart, series: [] }), /Latency has no points/);
  });
});

describe("shortNumber", () => {
  it("writes thousands and millions short", () => {
    const numbers = [0, 0.5, 100, 10_000, 1_500_000, 10_000_000];
    assert.deepEqual(numbers.map(shortNumber), ["0", "0.5", "100", "10 k", "1.5 M", "10 M"]);
  });
});
