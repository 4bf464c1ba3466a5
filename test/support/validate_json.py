#!/usr/bin/env python3
"""Checks JSON documents against a part of a JSON Schema, exactly as strict as that is.

usage: validate_json.py SCHEMA PART   (one document a line on standard input)
"""

import json
import sys

import jsonschema


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    part = {**schema, "oneOf": [{"$ref": f"#/$defs/{sys.argv[2]}"}]}
    validator = jsonschema.Draft202012Validator(part)
    documents = sys.stdin.buffer.read().decode("utf-8", "strict").splitlines()
    faults = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
              for document in documents for error in validator.iter_errors(json.loads(document))]
    print("\n".join(faults[:20]) or f"{len(documents)} documents are valid")
    return 1 if faults or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
