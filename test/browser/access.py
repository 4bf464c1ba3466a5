#!/usr/bin/env python3
"""The page and its token, its address, and when it asks at all. Prints TAP."""

import os
import pathlib
import re
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(os.environ["PG_HELLO_STAGE"]) / "support"))
from private_server import PrivateServer, free_port  # noqa: E402
from tap import Tap, run_to_end  # noqa: E402
from chromium import Chromium, row  # noqa: E402
from gatekeeper import Gatekeeper  # noqa: E402

TOKEN = "secret-token.123~+/="
SETUP = """
    CREATE EXTENSION pg_hello;
    CREATE FUNCTION works() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
    CREATE FUNCTION others() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
    SELECT works(), others();
"""


def only_401(lines):
    return [line for line in lines if not (line.startswith("network ") and " 401 " in line)]


def needs_token(tap, browser, gatekeeper):
    browser.driver.get(gatekeeper.url)
    page = browser.until("the question for a token", lambda page: "token-form" in page["texts"])
    tap.equal(page["tables"], {}, "without a token there are no numbers")
    tap.equal(browser.run("return document.activeElement.id"), "token", "... and the field for it has the focus")
    asked = len(gatekeeper.seen)
    for wrong, fault in (("wrong", "This token was not accepted."), ("caf\u00e9", "This is no token: it has other characters, or none."),
                         ("", "This is no token: it has other characters, or none.")):
        browser.fill("#token", wrong)
        browser.find("#token-form button").click()
        browser.until(f"the refusal of '{wrong}'", lambda page, fault=fault: page["texts"].get("token-fault") == fault)
    tap.ok(len(gatekeeper.seen) - asked <= 4, "what is no token is not sent, and nobody asks while one is waited for", gatekeeper.seen[asked:])
    browser.fill("#token", f" {TOKEN} ")
    browser.find("#token-form button").click()
    browser.until("functions", lambda page: row(page, "functions-table", "works()"))
    tap.ok(True, "with the token there are")
    stored = browser.run("return [Object.values(sessionStorage), Object.keys(localStorage), document.cookie, location.href]")
    tap.ok(stored[:3] == [[TOKEN], [], ""] and TOKEN not in stored[3], "it is kept in this tab's session only", stored)
    sent = {path.split("?")[0] for path, authorization in gatekeeper.seen if authorization}
    tap.ok(sent and all(path.startswith("/db1/api/v1/") for path in sent), "it is sent to /api only", sent)
    tap.ok(all(path.startswith("/db1/") for path, _ in gatekeeper.seen), "nothing is asked for outside of the page's own prefix", gatekeeper.seen)

    browser.driver.refresh()
    browser.until("functions", lambda page: row(page, "functions-table", "works()"))
    tap.ok(True, "a reload keeps it")
    browser.driver.switch_to.new_window("tab")
    browser.driver.get(gatekeeper.url)
    browser.until("the question for a token", lambda page: "token-form" in page["texts"])
    tap.ok(True, "another tab does not have it")
    browser.driver.close()
    browser.driver.switch_to.window(browser.driver.window_handles[0])
    browser.find("#forget").click()
    browser.until("the question for a token", lambda page: "token-form" in page["texts"])
    tap.equal(browser.run("return sessionStorage.length"), 0, "it can be forgotten")
    tap.equal(only_401(browser.log()), [], "the console knows of nothing but answers with 401")


def has_addresses(tap, browser, url):
    browser.driver.get(url)
    page = browser.until("a choice", lambda page: page["totals"])
    wanted = "others()" if page["texts"]["chosen-title"] == "works()" else "works()"
    browser.choose(wanted)
    browser.until("the choice", lambda page: page["texts"]["chosen-title"] == wanted)
    address = browser.run("return location.href")
    tap.ok(re.fullmatch(re.escape(url) + r"#/postgres/\d+", address), "a chosen function has an address", address)
    browser.driver.get("about:blank")
    browser.driver.get(address)
    browser.until("the same choice", lambda page: page["texts"].get("chosen-title") == wanted and page["totals"])
    tap.ok(True, "... that leads back to it")
    for odd in ("#/%ff/1", "#/postgres/99999999999", "#/<script>/x", "#functions"):
        browser.driver.get("about:blank")
        browser.driver.get(url + odd)
        page = browser.until(f"functions at {odd}", lambda page: row(page, "functions-table", "works()") and page["totals"])
    tap.ok(True, "addresses that mean nothing are passed over")
    for gone in ("#/postgres/1", "#/postgres/9999999999"):
        browser.driver.get("about:blank")
        browser.driver.get(url + gone)
        browser.until("the news that there is no such function", lambda page: page["texts"].get("chosen-about", "").startswith("This function is not there any more"))
        browser.until("the other functions", lambda page: row(page, "functions-table", "works()"))
    tap.ok(True, "... and those of a function that is gone say so")
    said = [line for line in browser.log() if not (line.startswith("network ") and "/api/v1/functions/postgres/" in line)]
    tap.equal(said, [], "the console knows of nothing but that")


def asks_no_more_than_it_must(tap, browser, gatekeeper):
    """The gatekeeper counts."""
    browser.driver.get("about:blank")
    browser.driver.get(gatekeeper.url)
    browser.fill("#token", TOKEN)
    browser.find("#token-form button").click()
    browser.until("a choice", lambda page: page["totals"])

    def asked(seconds):
        before = sum("/functions?" in path for path, _ in gatekeeper.seen)
        time.sleep(seconds)  # that nothing comes can only be waited for
        return sum("/functions?" in path for path, _ in gatekeeper.seen) - before

    browser.until("the usual pace", lambda page: page["texts"]["connection"].endswith(", every 3 s"))
    count = asked(7)
    tap.ok(2 <= count <= 4, "the page asks every three seconds", count)
    browser.find("#pause").click()
    tap.equal(asked(4), 0, "not while it is paused")
    tap.ok(browser.read()["texts"]["connection"].startswith("Paused at "), "... and says so")
    tap.equal(browser.find("#pause").get_attribute("aria-pressed"), "true", "... to everybody")
    browser.find("#pause").click()
    browser.until("the usual pace", lambda page: page["texts"]["connection"].endswith(", every 3 s"))
    browser.run("Object.defineProperty(document, 'hidden', {value: true, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))")
    tap.equal(asked(4), 0, "not while nobody sees it")
    browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    tap.ok(asked(2) >= 1, "... and at once when somebody does")
    tap.equal(only_401(browser.log()), [], "the console has nothing else to say")


def has_head(tap, url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        policies = answer.headers.get_all("Content-Security-Policy")
        tap.equal(len(policies), 1, "the page has one Content-Security-Policy")
        tap.ok(policies[0].startswith("default-src 'none'") and "unsafe" not in policies[0], "... a strict one", policies)
        tap.equal(answer.headers["Content-Type"], "text/html; charset=utf-8", "it is HTML")
        body = answer.read().decode("utf-8")
        tap.ok("works()" not in body and "127.0.0.1" not in body, "... without data")


def run_tests(tap, server, chromium, chromedriver):
    server.sql(SETUP)
    port = server.settings["pg_hello.port"]
    has_head(tap, f"http://127.0.0.1:{port}/")
    with Gatekeeper(port, TOKEN) as gatekeeper, Chromium(chromium, chromedriver) as browser:
        needs_token(tap, browser, gatekeeper)
        asks_no_more_than_it_must(tap, browser, gatekeeper)
        has_addresses(tap, browser, f"http://127.0.0.1:{port}/")


def main():
    server = PrivateServer(settings={"pg_hello.port": free_port()})
    return run_to_end(run_tests, Tap(), server, *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
