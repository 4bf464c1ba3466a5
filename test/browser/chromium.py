"""A headless Chromium, driven by chromedriver: Debian's, without a way to anywhere but the page."""

import contextlib
import re

from private_server import test_dir, wait_for
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

ARGUMENTS = (
    "--headless=new", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-gpu",
    # Containers have neither the namespaces nor the /dev/shm that it would like; it sees our page only.
    "--no-sandbox", "--disable-dev-shm-usage",
)

# What the page shows, in one step: between two of them it may have changed. Tables are lists of rows,
# which are lists of texts.
READ = """
const text = (node) => (node === null ? "" : node.innerText.trim());
const visible = (node) => node.checkVisibility({visibilityProperty: true});
return {
  tables: Object.fromEntries([...document.querySelectorAll("table")].filter(visible).map((table) => [
    table.id || table.closest("section").id,
    [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => (cell.querySelector("bdi, svg") === null ? cell.innerText.trim()
        : cell.querySelector("bdi")?.textContent ?? cell.querySelector("svg").getAttribute("aria-label")))),
  ])),
  wheres: [...document.querySelectorAll("#functions-table .where")].map(text),
  texts: Object.fromEntries([...document.querySelectorAll("[id]")].filter((node) => node instanceof HTMLElement && visible(node))
    .map((node) => [node.id, text(node)])),
  totals: Object.fromEntries([...document.querySelectorAll("#totals div")].map((pair) => [text(pair.firstChild), text(pair.lastChild)])),
  plots: Object.fromEntries([...document.querySelectorAll("svg[id]")].map((plot) => [plot.id, plot.getAttribute("aria-label")])),
  title: document.title,
};
"""


class Chromium:
    def __init__(self, chromium, chromedriver):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in (*ARGUMENTS, f"--user-data-dir={test_dir() / 'chromium'}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(chromedriver, log_path=str(test_dir() / "chromedriver.log")))
        self.messages = []
        self.look()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def look(self, width=1280, height=900, dark=False):
        """The screen's size in CSS pixels, and what the person at it prefers."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
        scheme = "dark" if dark else "light"
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def read(self):
        return self.run(READ)

    def until(self, what, condition, seconds=60):
        """Waits until condition(what the page shows) is true; returns what it shows then."""

        def shows():
            page = self.read()
            return page if condition(page) else None

        try:
            return wait_for(what, shows, seconds, pause=0.2)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; the page shows {self.read()}") from None

    def choose(self, function):
        """Clicks on a function's name in the table."""
        with contextlib.suppress(StaleElementReferenceException):
            for button in self.driver.find_elements(By.CSS_SELECTOR, "#functions-table th button"):
                if button.text == function:
                    button.click()
                    return
        raise RuntimeError(f"no function {function} in the table")

    def select(self, selector, text):
        Select(self.find(selector)).select_by_visible_text(text)

    def fill(self, selector, text):
        """Types over what is there."""
        self.find(selector).send_keys(Keys.CONTROL + "a" + Keys.NULL, text or Keys.BACKSPACE)

    def log(self):
        """What the console has had to say since the last call."""
        return [f"{entry['source']} {entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]


def row(page, table, name):
    """The cells of the one row whose first is that name; None if there is none."""
    found = [cells for cells in page["tables"].get(table, []) if cells[0] == name]
    return found[0] if len(found) == 1 else None


UNITS = {"ns": 1e-6, "µs": 1e-3, "ms": 1, "s": 1e3, "min": 60e3, "h": 3600e3, "d": 86400e3}


def number(text):
    """A count or, in milliseconds, a duration, as the page writes them; None for "not known"."""
    if text == "–":
        return None
    found = re.fullmatch(r"([\d,]+(?:\.\d+)?)(?: (\S+))?", text)
    if found is None:
        raise ValueError(f"no number: {text!r}")
    return float(found[1].replace(",", "")) * (UNITS[found[2]] if found[2] else 1)


# Signs of arithmetic that went wrong.
NONSENSE = re.compile(r"NaN|undefined|Infinity|null|[-−]\d+(\.\d+)?( (ns|µs|ms))?$")


def nonsense(page):
    cells = [cell for cells in page["tables"].get("functions-table", []) for cell in cells[1:]]
    return [text for text in [*cells, *page["totals"].values()] if text and NONSENSE.search(text)]
