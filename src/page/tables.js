// Rows that stay where their subjects are: made once, changed in place, so that neither focus nor a
// selection is lost at each poll.
import { visible } from "./format.js";

export const byId = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Changes only what is different.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const rowsOfBody = new WeakMap();

// `items` have a unique `key`. `make(item)` returns a row; `update(row, item)` fills it in.
// `keepOrder`: rows that are there stay in their places.
export function syncRows(body, items, make, update, keepOrder = false) {
  const old = rowsOfBody.get(body) ?? new Map();
  const rows = new Map();
  for (const item of items) {
    const row = old.get(item.key) ?? make(item);
    rows.set(item.key, row);
    update(row, item);
  }
  for (const [key, row] of old) {
    if (!rows.has(key)) row.remove();
  }
  let at = 0;
  for (const row of rows.values()) {
    if (keepOrder ? !row.isConnected : body.children[at] !== row) body.insertBefore(row, keepOrder ? null : body.children[at] ?? null);
    ++at;
  }
  rowsOfBody.set(body, rows);
}

// A data cell. On a phone, where the table has no visible head, the label stands before the number.
export function numberCell(label, text = "") {
  const cell = element("td", { className: "number", role: "cell" }, text);
  cell.dataset.label = label;
  return cell;
}

// A function's name, to be chosen by, and where it is. `choose` null: it cannot be.
export function nameCell(stats, choose) {
  const [first, ...others] = visible(stats.function).split(",");
  const name = element("bdi", {}, first);
  for (const part of others) name.append(",", element("wbr"), part);
  const where = element("bdi", { className: "where" }, visible(`${stats.datname} \u00b7 ${stats.schema}`));
  const cell = element("th", { scope: "row", role: "rowheader" });
  if (choose === null) {
    cell.append(name);
  } else {
    const button = element("button", { type: "button", className: "plain" }, name);
    button.addEventListener("click", () => choose(stats));
    cell.append(button);
  }
  cell.append(where);
  return cell;
}
