#!/usr/bin/env python3
"""The page as people have it before them: with any names, with thousands of functions, in the dark, on a phone,
by keyboard and by ear; and what it may not do. Prints TAP.

usage: looks.py CHROMIUM CHROMEDRIVER [AXE_MIN_JS]
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(os.environ["PG_HELLO_STAGE"]) / "support"))
from private_server import PrivateServer, free_port, test_dir, wait_for  # noqa: E402
from tap import Tap, run_to_end  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from accessibility import is_accessible, passes_axe  # noqa: E402
from chromium import Chromium, row  # noqa: E402

NAMES = {
    "<script>window.hit = 1</script>": None,
    "</button><img src=x onerror=\"window.hit = 1\">": None,
    "'\" onclick='window.hit = 1' &lt;\\u0041 ${1}": None,
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd": None,
    "\u202egnp.txt\u202c \u200bx": "\\u202egnp.txt\\u202c \\u200bx",
    "W" * 63: None,
    "line\nbreak": "line\\u000abreak",
}
DATABASE = "\"><svg onload>a/b%2F #?é"
MANY = 1200


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def create_functions(server):
    server.sql("CREATE EXTENSION pg_hello")
    server.sql('CREATE SCHEMA "<b>schema</b>"')
    for name in NAMES:
        function = f'"<b>schema</b>".{quoted(name)}'
        server.sql(f"CREATE FUNCTION {function}() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT {function}()")
    server.sql(f"CREATE DATABASE {quoted(DATABASE)} TEMPLATE template0")
    server.sql("CREATE FUNCTION elsewhere() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; SELECT elsewhere()", DATABASE)


def create_many_functions(server):
    server.sql("CREATE DATABASE many")
    server.sql(f"""DO $$ BEGIN FOR i IN 1..{MANY} LOOP
        EXECUTE format('CREATE FUNCTION many_%s() RETURNS integer LANGUAGE plpgsql AS ''BEGIN RETURN 1; END''', i);
        EXECUTE format('SELECT many_%s() FROM generate_series(1, %s)', i, i % 100 + 1);
    END LOOP; END $$""", "many")


def shown_name(server, name):
    """As SQL shows it, with what cannot be seen spelled out."""
    function = name if name == name.lower() and name.isalnum() and name.isascii() else quoted(name)
    return f"{function}()" if NAMES.get(name) is None else f'"{NAMES[name]}"()'


def takes_any_name(tap, server, browser):
    browser.select("#rows", "100")
    expected = {shown_name(server, name) for name in NAMES}
    page = browser.until("all names", lambda page: expected <= {cells[0] for cells in page["tables"]["functions-table"]})
    tap.ok(True, "every name is shown as it is in SQL")
    tap.ok(any("<b>schema</b>" in where for where in page["wheres"]), "... and its schema")
    for name in [*sorted(expected), "elsewhere()"]:
        browser.choose(name)
        browser.until(f"{name} chosen", lambda page, name=name: page["texts"]["chosen-title"] == name.replace("\n", " ") and page["totals"])
    tap.ok(DATABASE in browser.read()["texts"]["chosen-about"], "... and chosen, in any database", browser.read()["texts"]["chosen-about"])
    address = browser.run("return location.href")
    browser.driver.get("about:blank")
    browser.driver.get(address)
    browser.until("elsewhere() chosen by its address", lambda page: page["texts"].get("chosen-title") == "elsewhere()" and page["totals"])
    tap.equal(browser.run("return typeof window.hit"), "undefined", "no name is run")
    tags = set(browser.run("return [...document.querySelectorAll('main table *, #chosen-title *, #chosen-about *')].map((e) => e.localName)"))
    ours = {"thead", "tbody", "tr", "td", "th", "button", "bdi", "wbr", "span", "svg", "path"}
    tap.equal(tags - ours, set(), "... and none makes elements")


def widths(browser, page_width):
    browser.look(page_width, 740)
    return browser.run("return [document.documentElement.scrollWidth, innerWidth]")


def fits_a_phone(tap, server, browser, axe):
    for name in ('"' + "W" * 63 + '"()', "elsewhere()"):
        browser.look()
        browser.choose(name)
        browser.until(f"{name} chosen", lambda page, name=name: page["texts"]["chosen-title"] == name and page["totals"])
        for width in (360, 320):
            tap.equal(widths(browser, width), [width, width], f"nothing is wider than {width} px with {name[:9]}")
    browser.look(360, 740)
    wait_for("the heatmap's new width", lambda: browser.run("return document.querySelector('#heatmap').viewBox.baseVal.width < 330"))
    page = browser.read()
    tap.ok(page["tables"]["functions-table"] and page["tables"]["health"], "everything is there")
    small = browser.run("""return [...document.querySelectorAll('button, input, select, summary, a')].filter((e) => e.checkVisibility() && !e.matches('.skip'))
        .map((e) => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()]).filter(([, box]) => box.height < 24 || box.width < 24).map(([html]) => html)""")
    tap.equal(small, [], "what can be touched is 24 px high and wide (WCAG 2.2, 2.5.8)")
    browser.select("#sort", "name")
    by_name = server.sql('''SET pg_hello.track = none; SELECT function FROM pg_hello_stats WHERE schema = 'public'
        ORDER BY datname COLLATE "C", function COLLATE "C"''').split("\n")
    browser.until("the order of names", lambda page: [cells[0] for cells, where in zip(page["tables"]["functions-table"], page["wheres"])
                                                      if where.endswith("public")] == by_name)
    tap.ok(True, "the order can be chosen there")
    is_accessible(tap, browser, "on a phone")
    passes_axe(tap, browser, "on a phone", axe)
    browser.driver.save_screenshot(str(test_dir() / "phone.png"))
    browser.select("#sort", "time per second")
    browser.look()


def follows_light_and_dark(tap, browser, axe):
    grounds = {}
    for scheme in ("light", "dark"):
        browser.look(dark=scheme == "dark")
        grounds[scheme] = browser.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        is_accessible(tap, browser, scheme)
        passes_axe(tap, browser, scheme, axe)
        browser.driver.save_screenshot(str(test_dir() / f"{scheme}.png"))
    tap.ok(min(grounds["light"]) > 200 and max(grounds["dark"]) < 60, "the ground is light in the light and dark in the dark", grounds)
    browser.look()


def focused(browser):
    return browser.run("return document.activeElement.textContent.trim()")


def needs_no_mouse(tap, browser):
    browser.driver.get(browser.run("return location.href.split('#')[0]"))
    browser.until("functions", lambda page: page["totals"])
    browser.find("body").send_keys(Keys.TAB)
    tap.equal(focused(browser), "Skip to the functions", "the first key leads past everything")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    tap.equal(browser.run("return document.activeElement.id"), "functions", "... to the functions")
    browser.select("#rows", "100")
    browser.until("all functions", lambda page: row(page, "functions-table", "elsewhere()"))
    for _ in range(40):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if browser.run("return document.activeElement.matches('tbody button')") and focused(browser) != browser.read()["texts"]["chosen-title"]:
            break
    name = focused(browser)
    outline = browser.run("const style = getComputedStyle(document.activeElement); return [style.outlineStyle, style.outlineWidth]")
    tap.equal(outline, ["solid", "2px"], "what has the focus can be seen")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.until(f"{name} chosen", lambda page: page["texts"]["chosen-title"] == name and page["totals"])
    tap.equal(browser.run("return document.activeElement.getAttribute('aria-current')"), "true", "the key Enter chooses, and the focus stays")
    order = [cells[0] for cells in browser.read()["tables"]["functions-table"]]
    at = browser.read()["texts"]["connection"]
    browser.until("the next poll", lambda page: page["texts"]["connection"] != at)
    tap.equal((focused(browser), [cells[0] for cells in browser.read()["tables"]["functions-table"]]), (name, order), "... over the next poll, and nothing moves")
    tap.equal(browser.read()["texts"]["announcement"], f"{name} is chosen.", "the choice is announced")


def copes_with_thousands(tap, server, browser):
    create_many_functions(server)
    matching = lambda regex: int(server.sql(f"SET pg_hello.track = none; SELECT count(*) FROM pg_hello_stats WHERE function ~ '{regex}'"))
    page = browser.until("thousands", lambda page: "the first 1,000 by total time" in page["texts"]["counted"])
    tap.ok(True, "it says what it leaves out", page["texts"]["counted"])
    browser.until("a slower pace", lambda page: page["texts"]["connection"].endswith(", every 5 s"))
    for text, regex in (("many_17", "many_17"), ("*_1?", r"_1.\(")):
        browser.fill("#name-filter", text)
        expected = matching(regex)
        page = browser.until(f"what has {text}", lambda page, n=expected: f"of {n} functions that match" in page["texts"]["counted"])
        rows = page["tables"]["functions-table"]
        tap.ok(len(rows) == min(expected, 100) and all("many_" in cells[0] for cells in rows), f"the filter {text} finds what SQL finds", expected, page["texts"]["counted"])
    browser.fill("#name-filter", "many")
    browser.select("#rows", "10")
    browser.driver.find_elements("css selector", "#functions-table thead tr:last-child button")[6].click()
    page = browser.until("many by calls", lambda page: page["texts"]["counted"].startswith("10 of 1,200 functions that match")
                         and page["tables"]["functions-table"][0][6] == "100")
    tap.ok(all(cells[6] == "100" for cells in page["tables"]["functions-table"]), "the top ten by calls", page["tables"]["functions-table"])
    sort = browser.run("return [...document.querySelectorAll('th[aria-sort]')].map((th) => [th.innerText.trim(), th.getAttribute('aria-sort')])")
    tap.equal(sort, [["Calls", "descending"]], "... and the head says so")
    browser.select("#rows", "1000")
    browser.until("a thousand rows", lambda page: len(page["tables"]["functions-table"]) == 1000)
    spent = browser.run("const t = performance.now(); document.querySelector('#rows').dispatchEvent(new Event('change')); return performance.now() - t")
    print(f"# a thousand rows are brought up to date in {spent:.0f} ms", flush=True)
    browser.select("#rows", "10")
    browser.fill("#datname-filter", "nowhere")
    browser.until("nothing", lambda page: page["texts"]["counted"].startswith("0 of 0 functions that match"))
    browser.fill("#datname-filter", "")
    browser.fill("#name-filter", "\u20ac" * 200)
    browser.until("a fault", lambda page: page["texts"].get("filter-fault", "").startswith("The value of the parameter function "))
    tap.ok(True, "a filter that the server refuses is explained")
    browser.fill("#name-filter", "")
    browser.until("all again", lambda page: "that match" not in page["texts"]["counted"] and "filter-fault" not in page["texts"])


VIOLATIONS = """
const done = arguments[arguments.length - 1];
const seen = [];
document.addEventListener("securitypolicyviolation", (event) => {
  seen.push(event.effectiveDirective);
  if (seen.length === 3) done(seen.sort());
});
try { document.body.innerHTML = "<b>x</b>"; seen.push("no TypeError"); } catch (fault) { if (!(fault instanceof TypeError)) throw fault; }
fetch("http://127.0.0.1:1/").catch(() => {});
document.body.append(Object.assign(document.createElement("img"), {src: "http://127.0.0.1:1/"}));
"""


def may_do_nothing_else(tap, browser):
    """The Content-Security-Policy works: the page itself could not do what it never does."""
    done = browser.driver.execute_async_script(VIOLATIONS)
    tap.equal(done, ["connect-src", "img-src", "require-trusted-types-for"], "no text becomes elements, and nothing is asked of others")


def run_tests(tap, server, chromium, chromedriver, axe=None):
    create_functions(server)
    with Chromium(chromium, chromedriver) as browser:
        browser.driver.get(f"http://127.0.0.1:{server.settings['pg_hello.port']}/")
        browser.until("functions", lambda page: page["totals"])
        takes_any_name(tap, server, browser)
        follows_light_and_dark(tap, browser, axe)
        browser.select("#rows", "100")
        browser.until("all functions", lambda page: row(page, "functions-table", "elsewhere()"))
        fits_a_phone(tap, server, browser, axe)
        needs_no_mouse(tap, browser)
        copes_with_thousands(tap, server, browser)
        said = [line for line in browser.log() if not (line.startswith("network ") and " 400 " in line)]
        tap.equal(said, [], "the console has nothing to say, but of the filter that was refused")
        may_do_nothing_else(tap, browser)


def main():
    server = PrivateServer(settings={"pg_hello.port": free_port()})
    return run_to_end(run_tests, Tap(), server, *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
