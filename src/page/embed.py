#!/usr/bin/env python3
"""Makes one page of index.html, style.css and the scripts, and C++ of the page.

usage: embed.py OUTPUT INDEX STYLE SCRIPT ...
  OUTPUT  defines what include/pg_hello/page/page.h declares
  INDEX   has @style@ and @script@ where they go
  SCRIPT  a module; those that it imports from stand before it

The scripts become one, so that the page needs nothing from elsewhere and two hashes are all that its
Content-Security-Policy has to allow. Each stays a function of its own, whose result are its exports.
"""

import base64
import hashlib
import pathlib
import re
import sys

IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./([\w.]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def variable(file_name):
    return file_name.removesuffix(".js") + "Exports"


def wrapped(path, known):
    """The module as `const xExports = (() => {...})();`"""
    text = path.read_text(encoding="utf-8")
    for _, source in IMPORT.findall(text):
        if source not in known:
            sys.exit(f"{path}: imports from {source}, which does not stand before it")
    exports = EXPORT.findall(text)
    text = IMPORT.sub(lambda found: f"const {{ {found[1]} }} = {variable(found[2])};", text)
    text = EXPORT.sub("", text)
    if left := re.search(r"^\s*(import|export)\b.*", text, re.MULTILINE):
        sys.exit(f"{path}: not understood: {left[0]}")
    return f"const {variable(path.name)} = (() => {{\n{text}return {{ {', '.join(exports)} }};\n}})();\n"


def source_of(text):
    """A source expression of CSP 3, section 2.3.1: the hash of what stands between the tags."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def policy(style, script):
    return "; ".join([
        "default-src 'none'", f"script-src {source_of(script)}", f"style-src {source_of(style)}", "img-src data:",
        "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    ])


def bytes_of(name, text):
    """An array, since compilers need not take literals as long as this."""
    numbers = [str(byte) for byte in text.encode("utf-8")]
    lines = [", ".join(numbers[at : at + 24]) for at in range(0, len(numbers), 24)]
    return f"constexpr unsigned char {name}[] = {{\n" + ",\n".join(lines) + "\n};\n"


def main():
    output, index, style, *scripts = map(pathlib.Path, sys.argv[1:])
    style_text = style.read_text(encoding="utf-8")
    script = "".join(wrapped(path, [one.name for one in scripts[:i]]) for i, path in enumerate(scripts))
    if re.search(r"</(script|style)|<!--", script + style_text, re.IGNORECASE):
        sys.exit("the style or a script would end its element, or begin a comment")
    page = index.read_text(encoding="utf-8").replace("@style@", style_text).replace("@script@", script)
    output.write_text(
        f"// Made by {pathlib.Path(__file__).name}.\n"
        '#include "pg_hello/page/page.h"\n\n'
        "namespace pg_hello::page {\nnamespace {\n\n"
        f"{bytes_of('kHtmlBytes', page)}"
        f'constexpr char kPolicy[] =\n    "{policy(style_text, script)}";\n\n'
        "}  // namespace\n\n"
        "std::string_view Html() { return {reinterpret_cast<const char*>(kHtmlBytes), sizeof(kHtmlBytes)}; }\n\n"
        "std::string_view ContentSecurityPolicy() { return kPolicy; }\n\n"
        "}  // namespace pg_hello::page\n",
        encoding="utf-8")


if __name__ == "__main__":
    main()
