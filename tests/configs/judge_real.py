"""Hold the results of the two real cohorts against the known answers; writes a page of tables."""

import argparse
import json
import re
from pathlib import Path

import pandas as pd

PGX, GLIOMA = Path("results/pgx/cohort"), Path("results/glioma/cohort")
TABLE_GENES = ("CYP2C19", "CYP3A5", "NUDT15", "SLCO1B1", "TPMT")
SCORE = "PGS000586"
NOTES = {
    "auc": "Area under the ROC curve on outer folds, higher is better. `elastic_net` is penalised logistic regression; "
    "`shipped` is the model whose choice saw training patients only.",
    "c_index": "Concordance on outer folds, higher is better. `elastic_net` is the penalised Cox model and `age_sex` "
    "the Cox model of age and sex; `shipped` is the model whose choice saw training patients only.",
}


def truth_phenotypes(data: Path) -> pd.DataFrame:
    """GeT-RM diplotypes with their phenotype by PyPGx's tables (an independent rule base): patient, gene, truth."""
    getrm = pd.read_csv(data / "genomics/getrm_truth/getrm_open.tsv", sep="\t", dtype=str, keep_default_na=False)
    tables = data / "genomics/pypgx_tables"
    diplotypes = pd.read_csv(tables / "diplotype-table.csv.gz").set_index(["Gene", "Diplotype"])["Phenotype"].to_dict()
    alleles = pd.read_csv(tables / "allele-table.csv.gz", low_memory=False)
    activity = alleles[alleles["Gene"] == "CYP2C9"].set_index("StarAllele")["ActivityScore"].to_dict()
    rows = []
    for row in getrm.itertuples():
        text = row.getrm_genotype.replace(" ", "").replace("(", "").replace(")", "")
        if row.gene == "VKORC1":
            rows.append((row.sample, row.gene, row.getrm_genotype, "".join(sorted(text.replace("/", "")))))
            continue
        pair = text.split("/")
        if len(pair) != 2 or not all(re.fullmatch(r"\*\d+[A-Z]?", a) for a in pair):
            continue
        if row.gene == "CYP2C9":
            score = sum(float(activity.get(a, "nan")) for a in pair)
            truth = {2.0: "Normal", 1.5: "Intermediate", 1.0: "Intermediate", 0.5: "Poor", 0.0: "Poor"}.get(score)
        elif row.gene in TABLE_GENES:
            truth = diplotypes.get((row.gene, "/".join(pair))) or diplotypes.get((row.gene, "/".join(pair[::-1])))
        else:
            continue
        if truth:
            rows.append((row.sample, row.gene, row.getrm_genotype, truth))
    return pd.DataFrame(rows, columns=["patient", "gene", "getrm", "truth"])


def agrees(gene: str, truth: str, phenotypes: str) -> bool:
    """Exactly one phenotype, and the same group; VKORC1 by its genotype at rs9923231."""
    if gene == "VKORC1":
        return phenotypes == f"-1639 {truth}"
    group = truth.replace(" Metabolizer", "").replace(" Function", "").lower().split()[-1]
    return group in phenotypes.lower() and " or " not in phenotypes


def star_alleles(data: Path) -> list[str]:
    called = pd.read_csv(PGX / "genomics/pharmacogenes.tsv", sep="\t", dtype=str, keep_default_na=False)
    joined = truth_phenotypes(data).merge(called, on=["patient", "gene"])
    lines = ["| gene | people with a GeT-RM answer | called | qualified | not called | phenotype right | wrong |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    misses = []
    for gene, rows in joined.groupby("gene"):
        emitted = rows[rows["call"] != "not_called"]
        right = [agrees(gene, r.truth, r.phenotypes) for r in emitted.itertuples()]
        counts = rows["call"].value_counts()
        numbers = [len(rows), *(counts.get(k, 0) for k in ("called", "qualified", "not_called"))]
        lines.append(f"| {gene} | {' | '.join(map(str, numbers))} | {sum(right)} | {len(right) - sum(right)} |")
        misses += [r for r, ok in zip(emitted.itertuples(), right, strict=True) if not ok]
    lines += ["", "Every disagreement:", ""]
    lines += [f"- {r.patient} {r.gene}: GeT-RM {r.getrm} ({r.truth}), here {r.diplotypes} ({r.phenotypes}), {r.call}"
              for r in misses] or ["- none"]  # fmt: skip
    absent = sorted(set(called["gene"]) - set(joined["gene"]))
    reasons = called[called["gene"].isin(absent)].groupby("gene")["call"].value_counts()
    counts = ", ".join(f"{gene} {call.replace('_', ' ')} in {n}" for (gene, call), n in reasons.items())
    lines += ["", f"Not compared (no GeT-RM answer in this form, or not in the panel): {counts or 'none'}."]
    return lines


def scores(data: Path) -> list[str]:
    ours = pd.read_csv(PGX / "genomics/polygenic.tsv", sep="\t")
    ours = ours[ours["score"].str.contains(SCORE)].set_index("patient")
    expected = pd.read_csv(data / "genomics/prs_1kgp/expected_scores_open.csv.gz").set_index("FID")
    both = ours.join(expected[["SUM", "DENOM"]], how="inner")
    error = (both["sum"] - both["SUM"]).abs().max()
    return [
        f"{len(both)} of {len(ours)} people have an expected sum (pgsc_calc v2): largest absolute difference "
        f"{error:.1g} (allowed: 1e-6); variants used {_range(both['n_used'])}, expected {_range(both['DENOM'] // 2)}."
    ]


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def models(task: str) -> list[str]:
    board = pd.read_csv(GLIOMA / "learn" / task / "leaderboard.tsv", sep="\t")
    metric = "auc" if (board["metric"] == "auc").any() else "c_index"
    rows = board[board["metric"] == metric].sort_values("value", ascending=False)
    lines = [NOTES[metric], "", "| model | feature blocks | role | " + metric + " | 95 % interval | n |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for r in rows.itertuples():
        blocks = r.modalities.split(", ")
        named = f"{len(blocks)} blocks" if len(blocks) > 2 else r.modalities
        lines.append(f"| {r.model} | {named} | {r.role} | {r.value:.3f} | {r.lower:.3f} to {r.upper:.3f} | {r.n} |")
    gates = json.loads((GLIOMA / "learn" / task / "gates.json").read_text())["gates"]
    lines += ["", "| check of the model | verdict | detail |", "|---|---|---|"]
    return [*lines, *(f"| {g['gate']} | {g['verdict']} | {g['detail']} |" for g in gates)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    chapters = {
        "40 people: star-allele phenotypes against CDC GeT-RM": star_alleles(args.data),
        "40 people: PGS000586 against pgsc_calc": scores(args.data),
        "74 patients with glioma: grade (II or III)": models("grade"),
        "74 patients with glioma: survival": models("survival"),
    }
    head = ["# On real people with known answers", "", "Written by `make real`; see tests/configs/README.md.", ""]
    body = [line for title, lines in chapters.items() for line in (f"## {title}", "", *lines, "")]
    args.out.write_text("\n".join([*head, *body]), encoding="utf-8")


if __name__ == "__main__":
    main()
