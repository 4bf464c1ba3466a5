#!/usr/bin/env python3
"""Stages a private server: the installed PostgreSQL and this build's extension in one directory.

PostgreSQL finds its files relative to its own binaries, so a copy of bin/ beside links to
everything else is a complete server, into which the extension can be put without touching the
system's. The tests' own files are copied in as well, so that the unprivileged user as whom servers
must run can read them wherever the checkout lies.

usage: stage.py --pg-config PG_CONFIG --stage DIR --owner USER [--program FILE] -- MODULE... -- SQL_FILE... -- TREE...
  FILE      goes to bindir
  MODULE    goes to pkglibdir
  SQL_FILE  goes to sharedir/extension
  TREE      directory or file, copied to the stage under its own name
"""

import argparse
import os
import pathlib
import pwd
import shutil
import subprocess
import sys


def ask(pg_config, name):
    return pathlib.Path(
        subprocess.run([pg_config, name], check=True, capture_output=True, text=True).stdout.strip()
    )


def link_tree(source, target):
    """target becomes a tree of real directories and links to source's files."""
    for folder, _, files in os.walk(source):
        here = target / pathlib.Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in files:
            os.symlink(os.path.join(folder, name), here / name)


def replace(source, target):
    """Copies over whatever is there, also a running server's module or a link to the system's."""
    if target.is_symlink() or target.exists():
        target.unlink()
    shutil.copy2(source, target)


def stage_server(pg_config, root):
    bindir, pkglibdir, sharedir = (ask(pg_config, f"--{d}") for d in ("bindir", "pkglibdir", "sharedir"))
    inside = lambda path: root / path.relative_to("/")
    if not inside(bindir).exists():
        shutil.copytree(bindir, inside(bindir))
        link_tree(pkglibdir, inside(pkglibdir))
        link_tree(sharedir, inside(sharedir))
    return inside(bindir), inside(pkglibdir), inside(sharedir)


def chown_tree(root, owner):
    user = pwd.getpwnam(owner)
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files, "."]:
            os.chown(os.path.join(folder, name), user.pw_uid, user.pw_gid, follow_symlinks=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pg-config", required=True)
    parser.add_argument("--stage", required=True, type=pathlib.Path)
    parser.add_argument("--owner")
    parser.add_argument("--program", action="append", default=[])
    split = sys.argv.index("--")
    groups = [[]]
    for word in sys.argv[split + 1 :]:
        groups.append([]) if word == "--" else groups[-1].append(word)
    options = parser.parse_args(sys.argv[1:split])
    modules, sql_files, trees = groups

    root = options.stage
    root.mkdir(parents=True, exist_ok=True)
    os.chmod(root, 0o755)
    bindir, pkglibdir, sharedir = stage_server(options.pg_config, root)
    for program in options.program:
        replace(program, bindir / pathlib.Path(program).name)
    for module in modules:
        replace(module, pkglibdir / pathlib.Path(module).name)
    for file in sql_files:
        replace(file, sharedir / "extension" / pathlib.Path(file).name)
    for tree in trees:
        target = root / pathlib.Path(tree).name
        if os.path.isfile(tree):
            replace(tree, target)
            continue
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(tree, target, ignore=shutil.ignore_patterns("__pycache__"))
    if os.getuid() == 0 and options.owner:
        chown_tree(root, options.owner)
    print(bindir)


if __name__ == "__main__":
    main()
