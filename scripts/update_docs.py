"""Writes the tables in config/README.md and docs/outputs.md from the schema and the register; --check only compares."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consilium.core.contract import Table
from consilium.core.register import TABLES
from consilium.core.settings import SCHEMA

ROOT = Path(__file__).resolve().parents[1]


def key_rows(node: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, sub in node.get("properties", {}).items():
        name = f"{prefix}{key}"
        kind = sub.get("enum") or sub.get("type", "")
        kind = " or ".join(map(str, kind)) if isinstance(kind, list) else kind
        default = f"`{json.dumps(sub['default'])}`" if "default" in sub else "none: needed" if prefix == "" else ""
        yield f"| `{name}` | {kind} | {default} | {sub['description']} |"
        yield from key_rows(sub, f"{name}.")
        if isinstance(sub.get("items"), dict):
            yield from key_rows(sub["items"], f"{name}[].")


def config_table() -> str:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *key_rows(schema)])


def table_chapter(table: Table) -> str:
    rows = []
    for c in table.columns:
        empty = c.missing or ("never empty" if c.dtype == "str" else "–")
        rows.append(f"| `{c.name}` | {c.dtype} | {c.unit or '–'} | {empty} | {c.meaning} |")
    head = [
        f"### `{table.path}`",
        "",
        table.meaning,
        "",
        "| column | type | unit | empty means | meaning |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def filled(path: Path, content: str) -> str:
    """The file with everything between its markers replaced by `content`."""
    text = path.read_text(encoding="utf-8")
    begin, end = "<!-- generated: begin -->", "<!-- generated: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"{path}: the markers {begin} … {end} are gone")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def main() -> None:
    pages = {
        ROOT / "config" / "README.md": config_table(),
        ROOT / "docs" / "outputs.md": "\n".join(table_chapter(t) for t in TABLES.values()),
    }
    stale = [path for path, content in pages.items() if filled(path, content) != path.read_text(encoding="utf-8")]
    if "--check" in sys.argv[1:]:
        sys.exit("stale, run scripts/update_docs.py: " + ", ".join(map(str, stale)) if stale else 0)
    for path in stale:
        path.write_text(filled(path, pages[path]), encoding="utf-8")


if __name__ == "__main__":
    main()
