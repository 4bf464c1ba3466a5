// Running calls, health and objectives.
import { count, duration, moment, visible } from "./format.js";
import { byId, element, nameCell, numberCell, setText, syncRows } from "./tables.js";

const shownCalls = 20;

export const activePath = `api/v1/active?limit=${shownCalls}`;

export function showActive(answer, choose) {
  const calls = answer.calls.map((call) => ({ ...call, key: `${call.pid} ${call.depth} ${call.started_at_unix_us} ${call.funcid}` }));
  byId("active-none").hidden = calls.length > 0;
  byId("active-table").hidden = calls.length === 0;
  syncRows(byId("active-table").tBodies[0], calls,
    (call) => element("tr", { role: "row" }, nameCell(call, call.funcid === 0 ? null : choose),
      numberCell("Running for"), numberCell("Depth", String(call.depth)), numberCell("Backend", String(call.pid))),
    (row, call) => setText(row.cells[1], duration(Math.max(0, answer.taken_at_unix_us - call.started_at_unix_us) * 1000)));
  const more = answer.active_calls - calls.length;
  setText(byId("active-more"), more > 0 ? `${count(more)} more, which began later.` : "");
}

// --- health ------------------------------------------------------------------------------------------

const marks = { pass: "\u2713", warn: "!", fail: "\u2715" };
const worstFirst = { fail: 0, warn: 1, unknown: 2, pass: 3 };

// The format allows other words for them (draft-inadarei-api-health-check-06, 3.1).
const statuses = { ok: "pass", up: "pass", error: "fail", down: "fail" };
function statusOf(value) {
  const word = String(value).toLowerCase();
  const status = statuses[word] ?? word;
  return status in marks ? status : "unknown";
}

function setStatus(node, status, text) {
  node.classList.remove(...Object.keys(marks));
  if (status in marks) node.classList.add(status);
  setText(node, `${marks[status] ?? "?"} ${text}`);
}

// "42 percent"; whatever a check has observed.
function observed(check) {
  const value = check.observedValue;
  if (value === undefined || value === null) return "";
  const unit = check.observedUnit ?? "";
  if (typeof value === "number" && unit === "s") return duration(value * 1e9);
  const text = typeof value === "number" ? value.toLocaleString("en", { maximumSignificantDigits: 5 })
    : typeof value === "object" ? JSON.stringify(value) : visible(String(value));
  return unit === "" || unit === "count" ? text : unit === "percent" ? `${text} %` : `${text} ${visible(String(unit))}`;
}

function sinceText(text) {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : `since ${moment(ms * 1000)}`;
}

// Why it does not pass, by which rule, and since when; or since when it counts.
function aboutCheck(check) {
  const well = check.status === "pass";
  const parts = [check.output, well ? null : check.rule].filter(Boolean).map((text) => visible(String(text)));
  parts.push(sinceText(well ? check.since : check.statusSince ?? check.since));
  return parts.filter((part) => part !== null).join("; ");
}

function checksOf(report) {
  return Object.entries(report.checks ?? {}).flatMap(([name, found]) => {
    const list = [found].flat().filter((check) => check !== null && typeof check === "object");
    return list.map((check, i) => {
      const part = check.componentId === undefined ? "" : ` ${check.componentId}`;
      return { ...check, key: `${name} ${i}${part}`, name: visible(name + part), status: statusOf(check.status) };
    });
  });
}

function showChecks(section, checks) {
  section.hidden = checks.length === 0;
  syncRows(section.querySelector("tbody"), checks.toSorted((a, b) => worstFirst[a.status] - worstFirst[b.status]),
    (check) => element("tr", {}, element("th", { scope: "row" }, check.name, element("span", { className: "where" })),
      element("td"), element("td", { className: "number" })),
    (row, check) => {
      setText(row.querySelector(".where"), aboutCheck(check));
      setStatus(row.cells[1], check.status, check.status);
      setText(row.cells[2], observed(check));
    });
}

// Returns the whole report's status.
export function showHealth(report) {
  const status = statusOf(report.status);
  setStatus(byId("verdict"), status, `Health: ${status}`);
  const release = report.releaseId === undefined ? "" : ` \u00b7 pg_hello ${visible(String(report.releaseId))}`;
  setText(byId("server"), `${location.host}${release}`);
  const checks = checksOf(report);
  const isObjective = (check) => /^slos?\b/i.test(check.name);
  showChecks(byId("objectives"), checks.filter(isObjective));
  showChecks(byId("health"), checks.filter((check) => !isObjective(check)));
  return status;
}
