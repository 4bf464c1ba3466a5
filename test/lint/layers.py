#!/usr/bin/env python3
"""The arrows between rooms go one way.

Each room of the core may include only rooms that stand before it on the way of the data, and only
the ones listed. Nothing includes src/pg. PostgreSQL's, libpq's, CLI11's, cpp-httplib's, libarchive's,
nlohmann/json's, OpenSSL's, protozero's and zlib's headers stay in the places that are theirs.

usage: layers.py SOURCE_ROOT
"""

import pathlib
import re
import sys

MAY_INCLUDE = {
    "measure": set(),
    "shared": {"measure"},
    "pending": {"measure", "shared"},
    "persistence": {"measure", "shared"},
    # The other way into shared memory: not from calls, but from asking.
    "probing": {"measure", "shared"},
    "snapshot": {"measure", "shared"},
    "selection": {"measure", "shared", "snapshot"},
    # What is counted over time, from one picture after the other.
    "objectives": {"measure", "selection", "shared", "snapshot"},
    "health": {"measure", "objectives", "shared", "snapshot"},
    # Each check is a metric, too.
    "exposition": {"health", "measure", "selection", "shared", "snapshot"},
    "api": {"measure", "selection", "snapshot"},
    "http": set(),
    "page": set(),
    "endpoints": {"api", "exposition", "health", "http", "page", "selection", "snapshot"},
    # A client: it knows the server by SQL and HTTP only.
    "ctl": set(),
    "pg": {
        "measure", "shared", "pending", "persistence", "probing", "snapshot", "selection", "exposition",
        "api", "health", "http", "endpoints", "objectives",
    },
}

# header (regular expression) -> the files that may include it
ONLY_IN = {
    r"CLI/.*": {
        f"src/ctl/{name}.cpp"
        for name in ("backup_command", "completion_command", "diagnose_command", "harden_command", "health_command",
                     "load_command", "logs_command", "main", "maintain_command", "performance_report_command",
                     "restore_command", "update_command")
    },
    r"archive(_entry)?\.h": {"src/ctl/archive.cpp"},
    r"httplib\.h": {"src/ctl/http_get.cpp", "src/http/router.cpp"},
    r"libpq-fe\.h": {"src/ctl/session.cpp"},
    r"nlohmann/.*": {
        "src/api/json_text.h", "src/health/health_json.cpp", "src/ctl/work_table.h",
        *(f"src/ctl/{name}.cpp"
          for name in ("bundle", "endpoint_verdict", "harden_result", "load_result", "log_decoder", "log_events",
                       "manifest", "performance_report_text", "report", "settings_snapshot", "update_state", "work_table")),
    },
    r"openssl/.*": {"src/ctl/sha256.cpp", "src/http/tls.cpp"},
    r"zlib\.h": {"src/ctl/log_files.cpp", "src/http/content_coding.cpp"},
    r"protozero/.*": {"src/exposition/protobuf_format.cpp"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def room_of_file(path):
    parts = path.parts
    return parts[2] if parts[0] == "include" else parts[1]


def room_of_include(name):
    ours = re.fullmatch(r"(?:pg_hello/)?([a-z_]+)/[a-z_0-9]+\.h", name)
    return ours.group(1) if ours and ours.group(1) in MAY_INCLUDE else None


def faults(root):
    files = sorted([*root.glob("include/pg_hello/*/*.h"), *root.glob("src/*/*.h"), *root.glob("src/*/*.cpp")])
    if len(files) < 20:
        yield f"only {len(files)} files found below {root}: is this the source root?"
    for file in files:
        path = file.relative_to(root)
        room = room_of_file(path)
        if room not in MAY_INCLUDE:
            yield f"{path}: room '{room}' is not on the plan in {pathlib.Path(__file__).name}"
            continue
        for name in INCLUDE.findall(file.read_text()):
            for pattern, allowed in ONLY_IN.items():
                if re.fullmatch(pattern, name) and str(path) not in allowed:
                    yield f"{path}: includes {name}, which only {', '.join(sorted(allowed))} may"
            target = room_of_include(name)
            if target and target != room and target not in MAY_INCLUDE[room]:
                yield f"{path}: room '{room}' must not include '{target}' ({name})"
            if name == "postgres.h" and str(path) != "src/pg/pg.h":
                yield f"{path}: includes postgres.h; src/pg/pg.h is the way to it"


def main():
    found = list(faults(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "all arrows go one way")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
