"""The code blocks of a Markdown document, and what its writer says of running them.

A block is fenced, and its language says how it is run:
    sh       as one script of bash
    console  lines that begin with "$ " are commands, the others what they print; "..." stands for
             any text, alone on a line for any lines
    sql      by psql, in the database shop
    ini      each line is a setting of PostgreSQL, which the server must take
    yaml     of Prometheus; promtool must take it
    promql   one expression, or one in each line; promtool must take them
    text     nothing that could be run

A comment on the line before can say more:
    <!-- not run: WHY -->
    <!-- run: exits with 1 -->                     or "0 or 1"; of all commands in the block
    <!-- run: until it prints, then SIGTERM -->    one command that does not end by itself
    <!-- run: in a new database -->                without the extension
"""

import re
from dataclasses import dataclass

LANGUAGES = {"sh", "console", "sql", "ini", "yaml", "promql", "text"}
FENCE = re.compile(r"( *)```(\S*)\s*\Z")
COMMENT = re.compile(r" *<!-- (not run|run): (.+) -->\s*\Z")
EXITS = re.compile(r"exits with (\d+)(?: or (\d+))?\Z")
FLAGS = {"until it prints, then SIGTERM": "until_it_prints", "in a new database": "new_database"}
ITEM = re.compile(r" *(?:[-*]|\d+\.) +")


@dataclass
class Block:
    document: str
    line: int
    language: str
    text: str
    not_run: str = ""
    statuses: tuple = (0,)
    until_it_prints: bool = False
    new_database: bool = False

    @property
    def name(self):
        return f"{self.document}:{self.line} ({self.language})"


def _directive(document, number, line):
    """What the line before a block says: arguments of Block."""
    found = COMMENT.match(line)
    if not found:
        return {}
    kind, what = found.groups()
    if kind == "not run":
        return {"not_run": what}
    if what in FLAGS:
        return {FLAGS[what]: True}
    exits = EXITS.match(what)
    if not exits:
        raise ValueError(f"{document}:{number}: what is '{what}'?")
    return {"statuses": tuple(int(status) for status in exits.groups() if status)}


def blocks_of(document, text):
    """All blocks, in their order. ValueError for one whose language or comment is unknown, and for
    one that is made by indenting, of which nobody can say what it is."""
    lines = text.split("\n")
    found, number, item = [], 0, 0
    while number < len(lines):
        line = lines[number]
        fence = FENCE.match(line)
        if fence:
            start = number
            number += 1
            while not (lines[number].startswith(fence[1] + "```")):
                number += 1
            body = [one.removeprefix(fence[1]) for one in lines[start + 1 : number]]
            if fence[2] not in LANGUAGES:
                raise ValueError(f"{document}:{start + 1}: a block of '{fence[2]}'")
            found.append(Block(document, start + 1, fence[2], "\n".join(body) + "\n",
                               **_directive(document, start, lines[start - 1] if start else "")))
        elif ITEM.match(line):
            item = len(ITEM.match(line)[0])
        elif line.strip():
            if not line.startswith(" "):
                item = 0
            indent = len(line) - len(line.lstrip())
            if indent >= item + 4 and number and not lines[number - 1].strip():
                raise ValueError(f"{document}:{number + 1}: a block without a fence")
        number += 1
    return found


def pattern_of(lines):
    """What is shown, as a regular expression of what may be printed."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r"[^\n]*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[^\n\S]*\n")
    return re.compile("".join(parts))


def sessions_of(block):
    """Of a block of console: (command, lines that it prints), in their order."""
    found = []
    for line in block.text.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        elif not found:
            raise ValueError(f"{block.name} does not begin with a command")
        else:
            found[-1][1].append(line)
    return found
