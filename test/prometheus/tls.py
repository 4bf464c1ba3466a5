#!/usr/bin/env python3
"""A real Prometheus over HTTPS: with the certificates that the README asks for, and without."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.environ["PG_HELLO_STAGE"], "support"))
from private_server import PrivateServer, run, test_dir, wait_for  # noqa: E402
from harness import Prometheus, Tap, promtool, run_to_end  # noqa: E402


def make_certificates(folder):
    """An authority, and a certificate by it for the server and for a client."""
    openssl = lambda *words: run("openssl", *words, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority",
            "-keyout", "ca.key", "-out", "ca.crt")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (folder / f"{name}.ext").write_text("subjectAltName = IP:127.0.0.1\n", encoding="utf-8")
        openssl("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.crt")
        (folder / f"{name}.key").chmod(0o600)


def jobs(folder):
    authority = f"      ca_file: {folder}/ca.crt\n"
    client = f"      cert_file: {folder}/client.crt\n      key_file: {folder}/client.key\n"
    https = "    scheme: https\n    tls_config:\n"
    return {
        "with_certificate": https + authority + client,
        "without_certificate": https + authority,
        "wrong_authority": https + client,
        "plain_http": "",
    }


def run_tests(tap, server, folder):
    server.sql("CREATE EXTENSION pg_hello")
    asked = "SELECT port FROM pg_hello_info() WHERE listening"
    port = wait_for("the HTTPS port", lambda: server.sql(asked))
    with Prometheus(f"127.0.0.1:{port}", jobs(folder)) as prometheus:
        code, output = promtool("check", "config", str(prometheus.config))
        tap.ok(code == 0, "promtool check config", output)
        wait_for("a scrape of each job", lambda: len(prometheus.query("up")) == 4)
        up = {labels["job"]: value for labels, value in prometheus.query("up")}
        tap.equal(up["with_certificate"], 1.0, "a client with a certificate scrapes")
        tap.equal(up["without_certificate"], 0.0, "... one without does not")
        tap.equal(up["wrong_authority"], 0.0, "... nor one that does not know the server's authority")
        tap.equal(up["plain_http"], 0.0, "... and nobody in plain text")
        tap.equal(prometheus.value("count(pg_hello_build_info)"), 1.0, "one of four got metrics")


def main():
    tap = Tap()
    for program in ("prometheus", "promtool", "openssl"):
        if shutil.which(program) is None:
            print(f"1..0 # SKIP {program} is not installed")
            return 0
    folder = test_dir() / "certificates"
    folder.mkdir()
    make_certificates(folder)
    server = PrivateServer(settings={
        "pg_hello.ssl": "on",
        "pg_hello.ssl_cert_file": folder / "server.crt",
        "pg_hello.ssl_key_file": folder / "server.key",
        "pg_hello.ssl_ca_file": folder / "ca.crt",
    })
    return run_to_end(run_tests, tap, server, folder)


if __name__ == "__main__":
    sys.exit(main())
