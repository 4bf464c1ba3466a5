// The table of functions: which are asked for, how they are sorted, and how a row looks.
import { count, decimal, duration } from "./format.js";
import { History } from "./history.js";
import { drawLine, svg } from "./plots.js";
import { byId, element, nameCell, numberCell, setText, syncRows } from "./tables.js";

// As many as the server gives at once. From these the page picks those with the greatest rates,
// which the server does not know.
const asked = 1000;

// `server`: by what the server picks them, and what people call that. `value`: null sorts last.
const columns = [
  { key: "name", label: "Function", server: ["function", "name"] },
  { key: "time", label: "Time/s", about: "time per second", server: ["inclusive_ns", "total time"], trend: "time", value: (f) => f.now?.time ?? null, text: duration },
  { key: "calls", label: "Calls/s", about: "calls per second", server: ["calls", "total calls"], trend: "calls", value: (f) => f.now?.calls ?? null, text: decimal },
  { key: "errors", label: "Errors/s", about: "errors per second", server: ["errors", "total errors"], trend: "errors", value: (f) => f.now?.errors ?? null, text: decimal },
  { key: "mean", label: "Mean", about: "mean duration", server: ["mean_ns", "mean duration"], trend: "mean", value: (f) => f.now?.mean ?? null, text: duration },
  { key: "p95", label: "p95", whole: "p95 in all", about: "95th percentile since the last reset", server: ["p95_ns", "p95"], trend: "mean", value: (f) => f.stats.p95_ns, text: duration },
  { key: "total", label: "Calls", whole: "Calls in all", about: "calls since the last reset", server: ["calls", "total calls"], trend: "calls", value: (f) => f.stats.calls, text: count },
];
const numbers = columns.filter((column) => column.value !== undefined);
const trendOf = (column) => columns.find((one) => one.key === (column.trend ?? "time"));

const body = byId("functions-table").tBodies[0];
const headRow = byId("functions-table").tHead.rows[1];
const nameFilter = byId("name-filter");
const datnameFilter = byId("datname-filter");
const sortChoice = byId("sort");
const rowsChoice = byId("rows");

let sort = columns[1];
let functions = [];  // {key, stats, history, now} of the last poll, in the server's order
let chosenKey = null;
let choose = null;
let lastAtUs = null;
let mayMove = true;  // since the last answer, something else has been asked for

export function keyOf(stats) {
  return JSON.stringify([stats.datname, stats.funcid, stats.funcid === 0 ? [stats.schema, stats.function] : 0]);
}

// --- what is asked -----------------------------------------------------------------------------------

// What is typed is looked for anywhere in a name, unless it is a glob itself.
function globOf(text) {
  const literal = text.replaceAll("\\", "\\\\");
  return /[*?]/.test(literal) ? literal : `*${literal}*`;
}

export function listPath() {
  const params = new URLSearchParams({ limit: asked, sort: sort.server[0] });
  if (nameFilter.value !== "") params.append("function", globOf(nameFilter.value));
  if (datnameFilter.value !== "") params.append("datname", globOf(datnameFilter.value));
  return `api/v1/functions?${params}`;
}

// --- the head ----------------------------------------------------------------------------------------

function setSort(key, changed) {
  sort = columns.find((column) => column.key === key);
  sortChoice.value = key;
  for (const [i, column] of columns.entries()) {
    const cell = headRow.cells[i];
    if (column === sort) cell.setAttribute("aria-sort", key === "name" ? "ascending" : "descending");
    else cell.removeAttribute("aria-sort");
  }
  setText(headRow.lastElementChild, trendOf(sort).label);
  mayMove = true;
  if (changed !== null) changed();
}

// `changed`: called when other functions must be asked for. `chosen`: with the stats of a function.
export function setUpFunctions(changed, chosen) {
  choose = chosen;
  for (const column of columns) {
    const button = element("button", { type: "button", className: "plain", title: `Sort by ${column.about ?? "name"}` }, column.label);
    button.addEventListener("click", () => setSort(column.key, changed));
    // On a phone, where the head is not to be seen, there is a select instead of the buttons.
    const label = element("span", { className: "narrow" }, column.label);
    headRow.append(element("th", { scope: "col", role: "columnheader", className: column.value ? "number" : "" }, button, label));
    sortChoice.append(element("option", { value: column.key }, column.about ?? "name"));
  }
  headRow.append(element("th", { scope: "col", role: "columnheader", className: "number" }));
  setSort("time", null);
  sortChoice.addEventListener("change", () => setSort(sortChoice.value, changed));
  rowsChoice.addEventListener("change", () => show());
  let typing = null;
  for (const input of [nameFilter, datnameFilter]) {
    input.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        mayMove = true;
        changed();
      }, 300);
    });
  }
  byId("choice").addEventListener("submit", (event) => event.preventDefault());
}

// --- the rows ----------------------------------------------------------------------------------------

function makeRow(one) {
  const row = element("tr", { role: "row" }, nameCell(one.stats, one.stats.funcid === 0 ? null : choose));
  for (const column of numbers) row.append(numberCell(column.whole ?? column.label));
  const plot = svg("svg", { class: "plot", role: "img", viewBox: "0 0 100 32", preserveAspectRatio: "none" });
  row.append(element("td", { className: "trend", role: "cell" }, plot));
  return row;
}

function updateRow(row, one) {
  for (const [i, column] of numbers.entries()) setText(row.cells[i + 1], column.text(column.value(one)));
  row.cells[3].classList.toggle("bad-number", one.now !== null && one.now.errors > 0);
  row.classList.toggle("chosen", one.key === chosenKey);
  const button = row.querySelector("button");
  if (button !== null && one.key === chosenKey) button.setAttribute("aria-current", "true");
  else button?.removeAttribute("aria-current");
  const { key, about, value, text } = trendOf(sort);
  const plot = row.lastElementChild.firstElementChild;
  const most = drawLine(plot, one.history, key, lastAtUs);
  plot.setAttribute("aria-label", `${about}: now ${text(value(one))}, at most ${text(most)} in the last minutes`);
}

function sorted() {
  if (sort.value === undefined) return functions;
  const valueOf = (one) => sort.value(one) ?? -1;
  return functions.toSorted((a, b) => valueOf(b) - valueOf(a));
}

// Nothing moves away from under a pointer or a focus.
function isInUse() {
  return body.querySelector(":focus-visible") !== null || (matchMedia("(hover: hover)").matches && body.matches(":hover"));
}

function show() {
  const shown = sorted().slice(0, Number(rowsChoice.value));
  syncRows(body, shown, makeRow, updateRow, !mayMove && isInUse());
}

// --- what comes --------------------------------------------------------------------------------------

const histories = new Map();

export function showFunctions(list) {
  const atUs = list.taken_at_unix_us;
  for (const stats of list.functions) {
    const key = keyOf(stats);
    if (!histories.has(key)) histories.set(key, new History());
    histories.get(key).add(stats, atUs, lastAtUs);
  }
  lastAtUs = atUs;
  functions = list.functions.map((stats) => {
    const key = keyOf(stats);
    const history = histories.get(key);
    return { key, stats, history, now: history.at(atUs) };
  });
  // What is left out now may come back, but not for ever.
  if (histories.size > 4 * asked) {
    const kept = new Set(functions.map((one) => one.key));
    for (const key of histories.keys()) {
      if (!kept.has(key)) histories.delete(key);
    }
  }
  show();
  mayMove = false;
  const [found, matching] = [list.functions.length, list.matching_functions];
  let text = `${count(body.rows.length)} of ${count(matching)} functions`;
  if (matching !== list.tracked_functions) text += ` that match, ${count(list.tracked_functions)} in all`;
  if (found < matching) text += `; this page has the first ${count(found)} by ${sort.server[1]}, so filter for others`;
  setText(byId("counted"), `${text}.`);
}

export function firstFunction() {
  return functions.find((one) => one.stats.funcid !== 0)?.stats ?? null;
}

export function historyOf(stats) {
  return histories.get(keyOf(stats))?.copy() ?? new History();
}

export function markChosen(key) {
  chosenKey = key;
  show();
}
