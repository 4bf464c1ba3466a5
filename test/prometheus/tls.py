#!/usr/bin/env python3
"""A real Prometheus over HTTPS: with the certificates and the token that the README asks for, and without."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from certificates import make_certificates  # noqa: E402
from private_server import PrivateServer, test_dir, wait_for  # noqa: E402
from harness import Prometheus, Tap, promtool, run_to_end  # noqa: E402


def jobs(folder):
    authority = f"      ca_file: {folder}/ca.crt\n"
    client = f"      cert_file: {folder}/client.crt\n      key_file: {folder}/client.key\n"
    https = "    scheme: https\n    tls_config:\n"
    token = f"    authorization:\n      credentials_file: {folder}/token\n"
    return {
        "with_both": https + authority + client + token,
        "without_token": https + authority + client,
        "wrong_token": https + authority + client + token.replace("/token", "/token.wrong"),
        "without_certificate": https + authority + token,
        "wrong_authority": https + client + token,
        "plain_http": token,
    }


def run_tests(tap, server, folder):
    server.sql("CREATE EXTENSION pg_hello")
    asked = "SELECT port FROM pg_hello_info() WHERE listening"
    port = wait_for("the HTTPS port", lambda: server.sql(asked))
    with Prometheus(f"127.0.0.1:{port}", jobs(folder)) as prometheus:
        code, output = promtool("check", "config", str(prometheus.config))
        tap.ok(code == 0, "promtool check config", output)
        wait_for("a scrape of each job", lambda: len(prometheus.query("up")) == 6)
        up = {labels["job"]: value for labels, value in prometheus.query("up")}
        tap.equal(up["with_both"], 1.0, "a client with certificate and token scrapes")
        tap.equal(up["without_token"], 0.0, "... one without a token does not")
        tap.equal(up["wrong_token"], 0.0, "... nor one with another")
        tap.equal(up["without_certificate"], 0.0, "... nor one without a certificate")
        tap.equal(up["wrong_authority"], 0.0, "... nor one that does not know the server's authority")
        tap.equal(up["plain_http"], 0.0, "... and nobody in plain text")
        tap.equal(prometheus.value("count(pg_hello_build_info)"), 1.0, "one of six got metrics")


def main():
    tap = Tap()
    for program in ("prometheus", "promtool", "openssl"):
        if shutil.which(program) is None:
            print(f"1..0 # SKIP {program} is not installed")
            return 0
    folder = test_dir() / "certificates"
    folder.mkdir()
    make_certificates(folder)
    for name, token in (("token", "token-of-the-server"), ("token.wrong", "token-of-another-server")):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(token + "\n", encoding="utf-8")
    server = PrivateServer(settings={
        "pg_hello.ssl": "on",
        "pg_hello.ssl_cert_file": folder / "server.crt",
        "pg_hello.ssl_key_file": folder / "server.key",
        "pg_hello.ssl_ca_file": folder / "ca.crt",
        "pg_hello.auth_token_file": folder / "token",
    })
    return run_to_end(run_tests, tap, server, folder)


if __name__ == "__main__":
    sys.exit(main())
