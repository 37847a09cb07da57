"""Sheets and configuration for 40 people of the 1000 Genomes Project, from the folder of real data."""

import argparse
import csv
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCORE = "genomics/prs_1kgp/PGS000586_hmPOS_GRCh38.txt.gz"
CONFIG = """\
cohort: pgx
patients: {out}/patients.tsv
samples: {out}/samples.tsv
genomics:
  polygenic_scores: [{score}]
report:
  title: 40 people of the 1000 Genomes Project
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with open(HERE / "pgx_people.tsv", encoding="utf-8") as handle:
        people = list(csv.DictReader(handle, delimiter="\t"))
    joint = [
        *sorted((args.data / "genomics/pgx_panel_1kgp/GRCh38").glob("*.vcf.gz")),
        args.data / "genomics/cohort_1kgp/tiny1000G.vcf.gz",
        args.data / "genomics/prs_1kgp/PGS000586_GRCh38.vcf.gz",
    ]
    args.out.mkdir(parents=True, exist_ok=True)
    rows = ["patient\tsex\tsite", *(f"{p['patient']}\t{p['sex']}\t{p['superpopulation']}" for p in people)]
    (args.out / "patients.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    rows = ["patient\tmodality\tkind\tpath", *(f"*\tgenomics\tvcf\t{path}" for path in joint)]
    (args.out / "samples.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    text = CONFIG.format(out=args.out, score=args.data / SCORE)
    (args.out / "config.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
