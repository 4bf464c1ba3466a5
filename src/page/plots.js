// Plots in plain SVG. Each is an image with a text alternative, which its caller writes.
import { decimal, duration } from "./format.js";
import { spanUs } from "./history.js";

const namespace = document.querySelector("svg").namespaceURI;

export function svg(name, attributes = {}, text = "") {
  const element = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

// Points that follow each other without a gap.
function segmentsOf(points) {
  const segments = [];
  for (const point of points) {
    if (segments.at(-1)?.at(-1).atUs === point.fromUs) segments.at(-1).push(point);
    else segments.push([point]);
  }
  return segments;
}

// The last minutes of a history as a line from zero to the greatest value, which is returned.
export function drawLine(plot, history, measure, nowUs) {
  const { width, height } = plot.viewBox.baseVal;
  const points = history.points.filter((point) => point[measure] !== null);
  const most = points.reduce((most, point) => Math.max(most, point[measure]), 0);
  const span = spanUs();
  const x = (us) => (((us - nowUs) / span + 1) * width).toFixed(2);
  const y = (value) => (height - 1 - (most > 0 ? value / most : 0) * (height - 3)).toFixed(2);
  let line = "";
  let area = "";
  for (const segment of segmentsOf(points)) {
    const steps = segment.map((point) => `${x(point.atUs)} ${y(point[measure])}`);
    line += `M${steps.join("L")}${steps.length === 1 ? "h0.01" : ""}`;
    area += `M${x(segment[0].atUs)} ${height}L${steps.join("L")}L${x(segment.at(-1).atUs)} ${height}Z`;
  }
  if (plot.childElementCount === 0) plot.append(svg("path", { class: "area" }), svg("path"));
  plot.firstElementChild.setAttribute("d", area);
  plot.lastElementChild.setAttribute("d", line);
  return most;
}

// --- the heatmap: rows of half an octave, whose bounds the server's buckets have too ---------------

const overflowRow = 15;  // above 2^7 s
const edgeNs = (row) => 2 ** (row / 2) * 1e9;  // the upper one

// Bounds are whole nanoseconds, so some lie a little above the power that they stand for.
function rowOf(bucket) {
  return bucket.le_ns === null ? overflowRow : Math.ceil(2 * Math.log2(bucket.le_ns / 1e9) - 0.01);
}

function byRow(buckets) {
  const rows = new Map();
  for (const bucket of buckets) rows.set(rowOf(bucket), (rows.get(rowOf(bucket)) ?? 0) + bucket.count);
  return rows;
}

// Rows that have calls, from the shortest durations on, for a table.
export function rowsOf(buckets) {
  return [...byRow(buckets)].sort(([a], [b]) => a - b).map(([row, calls]) => ({
    key: String(row),
    longerThanNs: edgeNs(row - 1),
    atMostNs: row === overflowRow ? null : edgeNs(row),
    calls,
  }));
}

const levels = 5;
const left = 56;
const bottom = 20;
const top = 6;

function durationTicks(low, high) {
  const ticks = [];
  for (let power = 0; power < 13; ++power) {
    for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  return ticks.filter((ns) => ns >= edgeNs(low - 1) * 0.99 && ns <= edgeNs(high) * 1.01);
}

function ago(seconds) {
  if (seconds === 0) return "now";
  return seconds % 60 === 0 ? `\u2212${seconds / 60} min` : `\u2212${seconds} s`;
}

function drawTimes(plot, width, height, x) {
  const seconds = spanUs() / 1e6;
  const step = [15, 30, 60, 120].find((step) => (width - left) * step / seconds >= 64) ?? 300;
  for (let back = 0; back <= seconds; back += step) {
    const at = x(back);
    const anchor = back === 0 ? "end" : at < left + 24 ? "start" : "middle";
    plot.append(svg("text", { x: at, y: height - 4, "text-anchor": anchor }, ago(back)));
  }
}

function drawDurations(plot, width, low, high, y) {
  let lastY = Infinity;
  for (const ns of durationTicks(low, high)) {
    const at = y(2 * Math.log2(ns / 1e9));
    if (lastY - at < 22) continue;
    lastY = at;
    plot.append(svg("line", { x1: left, x2: width, y1: at, y2: at }),
      svg("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, duration(ns)));
  }
}

// Returns the calls per second that the darkest level stands for.
export function drawHeatmap(plot, columns, nowUs) {
  const { width, height } = plot.getBoundingClientRect();
  plot.replaceChildren();
  if (width === 0) return 0;
  plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const cells = columns.map((column) => ({ ...column, rows: byRow(column.buckets) }));
  const rows = cells.flatMap((column) => [...column.rows.keys()]);
  let low = rows.length === 0 ? -20 : Math.min(...rows);
  let high = rows.length === 0 ? -10 : Math.max(...rows);
  while (high - low < 9) {
    high = Math.min(high + 1, overflowRow);
    low = low - 1;
  }
  const span = spanUs();
  const x = (us) => left + Math.max(0, (us - nowUs) / span + 1) * (width - left);
  const y = (row) => top + (high - row) / (high - low + 1) * (height - top - bottom);
  drawTimes(plot, width, height, (back) => x(nowUs - back * 1e6));
  drawDurations(plot, width, low, high, y);
  const rate = (column, calls) => calls / ((column.atUs - column.fromUs) / 1e6);
  const most = Math.max(0, ...cells.flatMap((column) => [...column.rows.values()].map((calls) => rate(column, calls))));
  for (const column of cells) {
    for (const [row, calls] of column.rows) {
      const level = Math.max(1, Math.ceil(levels * Math.sqrt(rate(column, calls) / most)));
      plot.append(svg("rect", {
        class: `heat-${Math.min(level, levels)}`,
        x: x(column.fromUs),
        y: y(row),
        width: x(column.atUs) - x(column.fromUs),
        height: y(row - 1) - y(row),
      }));
    }
  }
  return most;
}

export function drawLegend(legend, most) {
  legend.textContent = "";
  if (most === 0) return;
  legend.append("few calls");
  for (let level = 1; level <= levels; ++level) {
    const swatch = document.createElement("i");
    swatch.className = `heat-${level}`;
    legend.append(swatch);
  }
  legend.append(`${decimal(most)} a second`);
}
