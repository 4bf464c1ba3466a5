"""Whether everybody can use the page: our own rules, and axe-core's if it is there."""

import pathlib

# Roles that mean nothing without a name (WAI-ARIA 1.2), as Chromium hands them to assistive technology.
NAMED = {"button", "checkbox", "columnheader", "combobox", "form", "heading", "image", "link", "navigation", "region",
         "rowheader", "search", "searchbox", "table", "textbox"}
LANDMARKS = {"banner", "contentinfo", "main", "navigation", "region", "search"}

# WCAG 2.2, 1.4.3: text against the ground that it stands on.
FAINT_TEXTS = """
const luminance = (colour) => {
  const [r, g, b] = colour.map((value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = (element) => {
  for (; element !== null; element = element.parentElement) {
    const colour = parse(getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
  }
  return [255, 255, 255];
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (walker.currentNode.data.trim() === "" || !element.checkVisibility() || element.closest("noscript, script, .unseen")) continue;
  const style = getComputedStyle(element);
  const ours = luminance(parse(element instanceof SVGElement ? style.fill : style.color).slice(0, 3));
  const theirs = luminance(ground(element));
  const contrast = (Math.max(ours, theirs) + 0.05) / (Math.min(ours, theirs) + 0.05);
  if (contrast < 4.5) faint.push(`${walker.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
}
return faint;
"""

AXE = """
const done = arguments[arguments.length - 1];
axe.run({resultTypes: ["violations"]}).then(
  (result) => done({
    passes: result.passes.length,
    violations: result.violations.map((rule) => `${rule.id}: ${rule.help}: ${rule.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`)}),
  (fault) => done({passes: 0, violations: [String(fault)]}));
"""


def tree(browser):
    nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    value = lambda node, key: node.get(key, {}).get("value", "")
    return [(value(node, "role"), value(node, "name").strip()) for node in nodes if not node["ignored"]]


def is_accessible(tap, browser, what):
    found = tree(browser)
    nameless = [role for role, name in found if role in NAMED and not name]
    tap.equal(nameless, [], f"{what}: everything has a name")
    roles = {role for role, _ in found}
    tap.equal(LANDMARKS - roles, set(), "... the parts of the page can be jumped to")
    tap.ok({"columnheader", "rowheader"} <= roles, "... cells have their heads", roles)
    tap.equal([name for role, name in found if role == "heading"][0], "pg_hello", "... the first heading is the page's")
    tap.equal(browser.run(FAINT_TEXTS), [], "... every text can be told from its ground")
    live = browser.run("return document.querySelectorAll('[aria-live], [role=status], [role=log]').length")
    tap.equal(live, 1, "... one place speaks by itself")


def passes_axe(tap, browser, what, file):
    if file is None:
        print(f"# {what}: axe-core is not there, its rules are NOT RUN", flush=True)
        return
    # Not as a script of the page, which its Content-Security-Policy would not allow.
    browser.run(pathlib.Path(file).read_text(encoding="utf-8") + "\nwindow.axe = axe;")
    result = browser.driver.execute_async_script(AXE)
    tap.ok(result["violations"] == [] and result["passes"] > 10, f"{what}: axe-core finds nothing, by {result['passes']} rules", *result["violations"])
