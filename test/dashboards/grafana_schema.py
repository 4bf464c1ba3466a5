#!/usr/bin/env python3
"""The dashboards are what Grafana's published schema says they may be: whole dashboards, and of each panel its
options, its fields' configuration and its queries, each checked by TypeScript against the types of its
kind. Then, that it would be seen if they were not.

usage: grafana_schema.py SCHEMA_DIRECTORY SOURCE_ROOT     the first as scripts/fetch-grafana-schema makes it
"""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

PRELUDE = """\
import type { Dashboard, Panel } from '@grafana/schema';
import type { Prometheus } from 'prometheus-query';
%s
// As it stands in a file: values of enumerations are their texts, and what has a default can be left out.
type Json<T> = unknown extends T ? T
  : T extends string ? `${T}`
  : T extends Array<infer U> ? Json<U>[]
  : T extends object ? { [K in keyof T]?: Json<T[K]> }
  : T;
type Fields<Custom> = Omit<NonNullable<Panel['fieldConfig']>, 'defaults'> & {
  defaults: Omit<Json<NonNullable<Panel['fieldConfig']>['defaults']>, 'custom'> & { custom: Json<Custom> } };
type PanelOf<Options, Custom> = Omit<Json<Panel>, 'options' | 'fieldConfig' | 'targets'> & {
  type: string; options: Json<Options>; fieldConfig: Json<Fields<Custom>>;
  targets: (Json<Prometheus> & { expr: string; refId: string })[] };
type Board = Omit<Json<Dashboard>, 'panels'> & { schemaVersion: number };
"""
PANEL_TYPES = "node_modules/@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x"

# Each is a mistake that Grafana would pass over in silence.
MISTAKES = {
    "a dashboard's property that there is not": lambda board: board.update(graphTooltips=1),
    "a number that is none of an enumeration": lambda board: board.update(graphTooltip=7),
    "an option that there is not": lambda board: panel_of(board, "timeseries")["options"]["legend"].update(calc=[]),
    "a text that is none of an enumeration": lambda board: panel_of(board, "timeseries")["options"]["tooltip"].update(
        mode="many"),
    "another kind's option": lambda board: panel_of(board, "stat")["options"].update(cellGap=1),
    "a field's configuration that there is not": lambda board: panel_of(board, "timeseries")["fieldConfig"]["defaults"][
        "custom"].update(fillOpactiy=8),
    "a query's property that there is not": lambda board: board["panels"][0]["targets"][0].update(legend="x"),
    "a query's format that there is not": lambda board: board["panels"][0]["targets"][0].update(format="tables"),
}


def panel_of(board, kind):
    return next(panel for panel in board["panels"] if panel["type"] == kind)


class Checker:
    def __init__(self, schema, work):
        self.schema, self.work = schema, work
        (work / "node_modules").symlink_to(schema / "node_modules")
        (work / "tsconfig.json").write_text(json.dumps({"compilerOptions": {
            "strict": True, "noEmit": True, "skipLibCheck": True, "module": "nodenext", "target": "esnext", "types": [],
            # Not among what the package exports.
            "paths": {"prometheus-query": ["./node_modules/@grafana/prometheus/dist/types/dataquery.d.ts"]}}}))

    def types(self, kind):
        """The module of a panel's kind, and whether it configures fields."""
        file, = (self.schema / PANEL_TYPES.format(kind=kind)).glob("*_types.gen.d.ts")
        text = file.read_text(encoding="utf-8")
        return str(file.relative_to(self.schema / "node_modules")).removesuffix(".d.ts"), "FieldConfig" in text

    def write(self, name, board):
        """Grafana's own kinds only; one that it does not know is an error here."""
        kinds = {panel["type"]: self.types(panel["type"]) for panel in board["panels"]}
        imports = "".join(f"import type * as {kind} from '{module}';\n" for kind, (module, _) in kinds.items())
        lines = [PRELUDE % imports]
        whole = {key: value for key, value in board.items() if key != "panels"}
        lines.append(f"const board: Board = {json.dumps(whole, indent=1)};")
        for panel in board["panels"]:
            kind = panel["type"]
            custom = f"{kind}.FieldConfig" if kinds[kind][1] else "Record<string, never>"
            lines.append(f"// {panel['title']}\nconst panel{panel['id']}: PanelOf<{kind}.Options, {custom}> ="
                         f" {json.dumps(panel, indent=1)};")
        lines.append("export { board };\n")
        (self.work / f"{name}.ts").write_text("\n".join(lines), encoding="utf-8")

    def complaints(self):
        """Of each file."""
        done = subprocess.run(["node", "node_modules/typescript/lib/tsc.js", "-p", "."], cwd=self.work,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        found = {file.stem: [] for file in self.work.glob("*.ts")}
        for line in done.stdout.splitlines():
            name = line.partition(".ts(")[0]
            if name not in found and not line.startswith(" "):
                sys.exit(f"TypeScript itself failed: {line}")
            if name in found:
                found[name].append(line)
        return found


def main():
    schema, root = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    boards = {file.stem: json.loads(file.read_text(encoding="utf-8"))
              for file in (root / "dashboards/grafana").glob("*.json")}
    if not boards:
        sys.exit("there are no dashboards")
    newest = json.loads((schema / "node_modules/@grafana/schema/package.json").read_text())["version"]
    with tempfile.TemporaryDirectory() as work:
        checker = Checker(schema, pathlib.Path(work))
        for name, board in boards.items():
            checker.write(name, board)
        for number, mistake in enumerate(MISTAKES.values()):
            wrong = copy.deepcopy(boards["overview"])
            mistake(wrong)
            checker.write(f"mistake{number}", wrong)
        complaints = checker.complaints()
    failures = [line for name in boards for line in complaints[name]]
    failures += [f"not seen: {what}" for number, what in enumerate(MISTAKES) if not complaints[f"mistake{number}"]]
    print(*failures, sep="\n")
    panels = sum(len(board["panels"]) for board in boards.values())
    print(f"{len(boards)} dashboards with {panels} panels, Grafana's schema {newest}; {len(MISTAKES)} mistakes")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
