"""Writes resources/dicom_profile.tsv: what DICOM PS3.15, table E.1-1, says of each attribute in the basic profile.

Source: that table as JSON (objects with "tag" and "basicProfile"), as github.com/innolitics/dicom-standard extracts it
into standard/confidentiality_profile_attributes.json. Keywords are those of pydicom's dictionary.
"""

import argparse
import csv
import json
import re
from pathlib import Path

from pydicom.datadict import keyword_for_tag

ACTIONS = re.compile(r"[XZDKCU](/[XZDKCU])*\*?")
COLUMNS = ("tag", "keyword", "action")


def rows_of(table: list[dict[str, str]]) -> list[dict[str, str]]:
    """One row an attribute, tag as GGGGEEEE (x: any digit); the row of all private attributes is left to the code."""
    rows = []
    for entry in table:
        tag = entry["tag"].strip("()").replace(",", "").upper().replace("X", "x")
        if len(tag) != 8:
            continue
        action = entry["basicProfile"].strip()
        if not ACTIONS.fullmatch(action):
            raise SystemExit(f"{entry['tag']}: action '{action}'")
        keyword = "" if "x" in tag else keyword_for_tag(int(tag, 16))
        rows.append({"tag": tag, "keyword": keyword, "action": action})
    return sorted(rows, key=lambda r: r["tag"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True, help="confidentiality_profile_attributes.json")
    parser.add_argument("--version", required=True, help="of the standard, as 2025a")
    parser.add_argument("--out", type=Path, default=Path("resources/dicom_profile.tsv"))
    given = parser.parse_args()
    rows = rows_of(json.loads(given.table.read_text(encoding="utf-8")))
    with open(given.out, "w", newline="", encoding="utf-8") as handle:
        handle.write(f"# DICOM PS3.15 {given.version}, table E.1-1, basic application level confidentiality profile\n")
        table = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    print(f"{given.out}: {len(rows)} attributes")


if __name__ == "__main__":
    main()
