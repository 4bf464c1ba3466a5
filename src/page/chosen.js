// The chosen function: its rates, how long its calls take, and all its numbers.
import { count, decimal, duration, moment, visible } from "./format.js";
import { Distribution, quantile } from "./history.js";
import { drawHeatmap, drawLegend, drawLine, rowsOf } from "./plots.js";
import { byId, element, numberCell, setText, syncRows } from "./tables.js";

const kinds = { f: "function", p: "procedure", a: "aggregate", w: "window function", t: "trigger function" };
const shownBy = { own: "in /metrics as the extension's own", pinned: "in /metrics, pinned", budget: "in /metrics", suppressed: "not in /metrics" };
const heatmap = byId("heatmap");

let chosen = null;  // {datname, funcid}
let history = null;
let distribution = null;

export function chosenPath() {
  return chosen === null ? null : `api/v1/functions/${encodeURIComponent(chosen.datname)}/${chosen.funcid}`;
}

// Null if the address names none: "#/datname/funcid".
export function chosenByAddress() {
  const parts = /^#\/([^/]+)\/(\d{1,10})$/.exec(location.hash);
  try {
    return parts === null ? null : { datname: decodeURIComponent(parts[1]), funcid: Number(parts[2]) };
  } catch {
    return null;  // not percent-encoded UTF-8
  }
}

// `known`: what the table knows of its last minutes.
export function chooseFunction(stats, known) {
  chosen = { datname: stats.datname, funcid: stats.funcid };
  window.history.replaceState(null, "", `#/${encodeURIComponent(chosen.datname)}/${chosen.funcid}`);
  history = known;
  distribution = new Distribution();
  byId("chosen-numbers").hidden = true;
  setText(byId("chosen-title"), "Chosen function");
  setText(byId("chosen-about"), "Loading");
}

function showTile(measure, text, atUs) {
  const most = drawLine(byId(`plot-${measure}`), history, measure, atUs);
  const now = text(history.at(atUs)?.[measure] ?? null);
  setText(byId(`tile-${measure}`), now);
  byId(`plot-${measure}`).setAttribute("aria-label", `${measure} per second: now ${now}, at most ${text(most)} in the last minutes`);
}

function pairsOf(stats) {
  const pairs = [
    ["Calls", count(stats.calls)], ["Errors", count(stats.errors)], ["Canceled", count(stats.canceled)],
    ["Running now", count(stats.active)], ["Total time", duration(stats.inclusive_ns)], ["Self time", duration(stats.self_ns)],
    ["Mean", duration(stats.mean_ns)], ["Deviation", duration(stats.stddev_ns)], ["Shortest", duration(stats.min_ns)],
    ["Longest", duration(stats.max_ns)], ["p50", duration(stats.p50_ns)], ["p90", duration(stats.p90_ns)],
    ["p95", duration(stats.p95_ns)], ["p99", duration(stats.p99_ns)],
  ];
  if (stats.iterations > 0) pairs.push(["Iterations", count(stats.iterations)]);
  if (stats.untimed_calls > 0) pairs.push(["Untimed calls", count(stats.untimed_calls)]);
  for (const [errorClass, number] of Object.entries(stats.error_origins)) pairs.push([`Raised ${errorClass}\u2026`, count(number)]);
  return pairs.map(([key, text]) => ({ key, text }));
}

function showDistribution(buckets) {
  const calls = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  syncRows(byId("distribution").tBodies[0], rowsOf(buckets),
    () => element("tr", {}, element("td"), element("td"), numberCell(""), numberCell("")),
    (row, one) => {
      setText(row.cells[0], duration(one.longerThanNs));
      setText(row.cells[1], one.atMostNs === null ? "any" : duration(one.atMostNs));
      setText(row.cells[2], count(one.calls));
      setText(row.cells[3], `${decimal(100 * one.calls / calls)} %`);
    });
}

function describeRecent(buckets) {
  const calls = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (calls === 0) return "No call has ended while this page looked";
  const parts = [0.5, 0.95, 0.99].map((q) => `p${q * 100} ${duration(quantile(buckets, q))}`);
  return `${count(calls)} ${calls === 1 ? "call" : "calls"}: ${parts.join(", ")}`;
}

function showDurations(atUs) {
  const buckets = distribution.sum();
  const recent = describeRecent(buckets);
  setText(byId("recent"), recent);
  drawLegend(byId("legend"), drawHeatmap(heatmap, distribution.columns, atUs));
  heatmap.setAttribute("aria-label", `Heatmap of the durations of calls over the last minutes. ${recent}. The table below has its numbers.`);
  showDistribution(buckets);
}

export function showChosen(answer) {
  if (answer.status !== 200) {
    byId("chosen-numbers").hidden = true;
    setText(byId("chosen-about"), "This function is not there any more, or has no counters.");
    return;
  }
  const stats = answer.body.function;
  const atUs = answer.body.taken_at_unix_us;
  history.add(stats, atUs, history.lastAtUs);
  distribution.add(stats, atUs);

  byId("chosen-numbers").hidden = false;
  setText(byId("chosen-title"), visible(stats.function));
  const about = [`${kinds[stats.kind]} in ${visible(stats.datname)} \u00b7 ${visible(stats.schema)}`, visible(stats.language)];
  if (stats.extension !== null) about.push(`extension ${visible(stats.extension)}`);
  about.push(shownBy[stats.metrics]);
  setText(byId("chosen-about"), about.join(", "));
  showTile("calls", decimal, atUs);
  showTile("errors", decimal, atUs);
  showTile("time", duration, atUs);
  showDurations(atUs);
  setText(byId("totals-title"), `Since ${moment(stats.stats_since_unix_us)}`);
  syncRows(byId("totals"), pairsOf(stats),
    (pair) => element("div", {}, element("dt", {}, pair.key), element("dd")),
    (row, pair) => setText(row.lastElementChild, pair.text));
}

new ResizeObserver(() => {
  if (distribution !== null && distribution.lastAtUs !== null) showDurations(distribution.lastAtUs);
}).observe(heatmap);
