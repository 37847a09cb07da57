"""Writes resources/acmg_sf.tsv from the gene list that ACMG publishes with its statement (the sheet saved as TSV).

Columns of that sheet: Gene, Gene MIM, Disease/Phentyope (sic), Disorder MIM, Phenotype Category, Inheritance,
SF List Version, Variants to report; one row a gene and disease. Several diseases of a gene become one row.
"""

import argparse
import csv
import sys
from pathlib import Path

# What the sheet says under "Variants to report" -> the rule as the workflow names it.
RULES = {
    "All P and LP": "all",
    "P and LP (2 variants)": "two",
    "All hemi or homozygous P and LP or 2 het. P/LP variants": "two",
    "All hemi, het, homozygous P and LP": "all",
    "P and LP (truncating variants only)": "truncating",
    # HFE c.845G>A; its position and alleles on GRCh38.
    "p.C282Y homozygotes only": "homozygous chr6-26092913-G-A",
}
COLUMNS = ("gene", "phenotype", "inheritance", "report", "since")


def rows_of(sheet: Path) -> list[dict[str, str]]:
    genes: dict[str, dict[str, str]] = {}
    with open(sheet, newline="", encoding="utf-8-sig") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            cells = {k.strip(): (v or "").strip() for k, v in row.items() if k}
            rule = RULES.get(cells["Variants to report"])
            if rule is None:
                if not cells["Gene MIM"].isdigit():  # the disclaimer below the table
                    continue
                sys.exit(f"{cells['Gene']}: variants to report '{cells['Variants to report']}': add it to RULES")
            disease = cells["Disease/Phentyope"].partition(" (")[0]
            known = genes.setdefault(
                cells["Gene"],
                {"gene": cells["Gene"], "phenotype": disease, "inheritance": cells["Inheritance"], "report": rule,
                 "since": cells["SF List Version"]},
            )  # fmt: skip
            if known["report"] != rule or known["inheritance"] != cells["Inheritance"]:
                sys.exit(f"{cells['Gene']}: its diseases differ in inheritance or rule")
            if disease not in known["phenotype"].split("; "):
                known["phenotype"] += f"; {disease}"
    return [genes[g] for g in sorted(genes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheet", type=Path, required=True, help="the gene list, saved as TSV")
    parser.add_argument("--version", required=True, help="of the list, as 3.3")
    parser.add_argument("--doi", required=True, help="of the statement")
    parser.add_argument("--out", type=Path, default=Path("resources/acmg_sf.tsv"))
    given = parser.parse_args()
    rows = rows_of(given.sheet)
    with open(given.out, "w", newline="", encoding="utf-8") as handle:
        handle.write(f"# ACMG SF v{given.version}, DOI {given.doi}\n")
        table = csv.DictWriter(handle, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    print(f"{given.out}: {len(rows)} genes")


if __name__ == "__main__":
    main()
