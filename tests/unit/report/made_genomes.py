"""Tables of the genomics room."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from consilium.core.store import write_table
from made_names import GENES, IDS, has


def genomics(cohort: Path, patients: Path, people: pd.DataFrame, rng: np.random.Generator) -> None:
    who = [p for i, p in enumerate(IDS) if has(i, 7)]
    sex = dict(zip(people["patient"], people["sex"], strict=True))
    flagged = {who[7]: "61 % of sites without a call"}
    qc = pd.DataFrame(
        [
            {
                "patient": p,
                "source": "joint",
                "n_sites": 9213,
                "n_called": 9213 - 40 * (k % 5),
                "missing_rate": 0.004 * (k % 5) if p not in flagged else 0.61,
                "het_rate": 0.24 + 0.01 * rng.standard_normal(),
                "titv": 2.1,
                "n_singletons": k,
                "x_het_rate": 0.31 if sex[p] == "female" and p != "P013" else 0.002,
                "sex_sheet": sex[p],
                "sex_inferred": ("male" if p == "P013" else sex[p]),
                "verdict": "flag" if p in flagged else "keep",
                "reason": flagged.get(p, ""),
            }
            for k, p in enumerate(who)
        ]
    )
    write_table(cohort / "genomics/samples_qc.tsv", "samples_qc", qc)
    names = ("POP_A", "POP_B", "POP_C")
    rows = []
    for k, p in enumerate(who):
        post = rng.dirichlet([0.3 + 20 * (k % 3 == j) for j in range(3)])
        best = int(np.argmax(post))
        rows.append(
            {
                "patient": p,
                "n_sites": 812,
                "population": names[best],
                "probability": post[best],
                "outside_p": 0.2,
                "reason": "",
                **{f"p_{n}": v for n, v in zip(names, post, strict=True)},
                "PC1": (k % 3) + 0.15 * rng.standard_normal(),
                "PC2": (k % 3 == 1) + 0.15 * rng.standard_normal(),
                "PC3": rng.standard_normal(),
            }
        )
    write_table(cohort / "genomics/ancestry.tsv", "ancestry", pd.DataFrame(rows))
    write_table(
        cohort / "genomics/kinship.tsv",
        "kinship",
        pd.DataFrame(
            [
                {
                    "patient_a": "P005",
                    "patient_b": "P006",
                    "n_sites": 9000,
                    "kinship": 0.247,
                    "ibs0": 0.0002,
                    "relationship": "first degree",
                    "same_family_in_sheet": True,
                },
                {
                    "patient_a": "P012",
                    "patient_b": "P027",
                    "n_sites": 9010,
                    "kinship": 0.499,
                    "ibs0": 0.0,
                    "relationship": "duplicate",
                    "same_family_in_sheet": False,
                },
            ]
        ),
    )
    write_table(
        cohort / "genomics/identity.tsv",
        "identity",
        pd.DataFrame(
            [
                {
                    "patient": p,
                    "sample": "bam",
                    "n_sites": 420,
                    "concordance": 0.41 if p == "P002" else 0.992,
                    "verdict": "swap" if p == "P002" else "match",
                    "likely_patient": "P009" if p == "P002" else "",
                    "contamination": 0.11 if p == "P020" else 0.004,
                    "contamination_verdict": "contaminated" if p == "P020" else "clean",
                    "mean_depth": 31.2,
                    "reason": "",
                }
                for i, p in enumerate(IDS)
                if i % 6 == 1 and p in who
            ]
        ),
    )
    _relations(cohort / "genomics", who, sex)
    _pharmacogenes(cohort, patients, who)
    write_table(
        cohort / "genomics/polygenic.tsv",
        "polygenic",
        pd.DataFrame(
            [
                {
                    "patient": p,
                    "score": "PGS000586",
                    "trait": "breast cancer",
                    "sum": -0.7 + 0.4 * rng.standard_normal(),
                    "average": 0.001,
                    "n_used": 298,
                    "n_missing": k % 4,
                    "n_total": 313,
                    "overlap": 298 / 313,
                    "status": "assessed",
                    "reason": "developed in one population",
                }
                for k, p in enumerate(who)
            ]
        ),
    )
    _adjusted(cohort, who)


def _adjusted(cohort: Path, who: list[str]) -> None:
    """Every third patient is not placed; the others have a percentile, and risks where the population fits."""
    rows = []
    for k, p in enumerate(who):
        placed, fits = k % 3 != 0, k % 2 == 0
        z = (k % 7 - 3) / 2
        rows.append(
            {
                "patient": p, "score": "PGS000586", "trait": "breast cancer", "trait_id": "EFO_1",
                "sum_reference": z if placed else None, "lost_variance": 0.01 if placed else None,
                "z_norm1": z, "z_norm2": z if placed else None, "population": "EUR" if placed else "",
                "n_population": 258 if placed else 0, "z_population": z + 0.1 if placed else None,
                "percentile": 50 + 14 * z if placed else None, "risk": 0.14 if placed and fits else None,
                "prevalence": 0.12, "auc": 0.64, "risk_population": "EUR" if fits else "AFR",
                "risk_source": "a register",
                "risk_reason": "" if placed and fits else "prevalence and AUC are of AFR",
                "n_trait_scores": 2 if placed else 0, "trait_lowest": 10.0 if placed else None,
                "trait_highest": max(10.0, 50 + 14 * z) if placed else None,
                "status": "assessed" if placed else "not assessed",
                "reason": "" if placed else "ancestry: outside the reference",
            }
        )  # fmt: skip
    second = [r | {"score": "PGS000002", "percentile": 10.0 if r["population"] else None} for r in rows]
    write_table(cohort / "genomics/polygenic_adjusted.tsv", "polygenic_adjusted", pd.DataFrame(rows + second))


def _relations(folder: Path, who: list[str], sex: dict[str, str]) -> None:
    """P005 and P006 are related; P003 and P004 exchanged; everybody has runs but the last."""
    trio = {"child": "P006", "father": "P005", "mother": "P003", "basis": "sheet", "n_sites": 8100, "n_errors": 640,
            "error_rate": 0.079, "father_ibs0": 0.0, "mother_ibs0": 0.06, "verdict": "does not fit",
            "reason": "opposite homozygotes with the mother"}  # fmt: skip
    write_table(folder / "mendel.tsv", "mendel", pd.DataFrame([trio]))
    families = [{"patient": p, "family": "F1" if p in ("P005", "P006") else "", "sheet_family": "", "n_relatives": 0,
                 "agrees": "no" if p == "P006" else "yes", "reason": "related to P005" if p == "P006" else ""}
                for p in who]  # fmt: skip
    write_table(folder / "families.tsv", "families", pd.DataFrame(families))
    runs = [{"patient": p, "n_sites": 90_000, "spanned_mb": 2650.0, "n_runs": k % 3, "total_mb": 2.1 * (k % 3),
             "longest_mb": 2.2 * (k % 3 > 0), "n_long": 0.0, "long_mb": 0.0, "f_roh": 0.0008 * (k % 3), "f": 0.01,
             "f_sites": 812, "reason": ""}
            for k, p in enumerate(who)]  # fmt: skip
    runs[-1] |= dict.fromkeys(("n_runs", "total_mb", "longest_mb", "n_long", "long_mb", "f_roh", "f"), np.nan) | {
        "reason": "too thin"
    }
    write_table(folder / "homozygosity.tsv", "homozygosity", pd.DataFrame(runs))
    partner = {"P003": "P004", "P004": "P003"}
    own = [{"patient": p, "sex_sheet": sex[p], "sex_genotypes": sex[p], "sex_depth": "unknown",
            "n_conflicts": int(p in partner), "verdict": "swap" if p in partner else "consistent",
            "likely_patient": partner.get(p, ""), "contamination": np.nan, "contamination_sites": 0,
            "contamination_verdict": "not assessed", "contamination_reason": "no allele depths",
            "reason": "mother does not fit" if p in partner else ""} for p in who]  # fmt: skip
    write_table(folder / "genotype_identity.tsv", "genotype_identity", pd.DataFrame(own))


def _pharmacogenes(cohort: Path, patients: Path, who: list[str]) -> None:
    rows = []
    for k, p in enumerate(who):
        full = []
        for g, gene in enumerate(GENES):
            state = (k + g) % 5
            call = {3: "qualified", 4: "not_called"}.get(state, "called")
            diplotypes = [] if call == "not_called" else [f"*1/*{1 + state}"] + (["*2/*17"] if state == 3 else [])
            phenotypes = (
                [] if not diplotypes else [("Normal", "Intermediate", "Poor", "Normal")[state] + " Metabolizer"]
            )
            if state == 3:
                phenotypes.append("Intermediate Metabolizer")
            untested = [{"position": "chr10:94781859", "rsid": "rs4244285", "could_be": ["*2"]}] if state >= 3 else []
            score = 2.0 - state if gene in ("CYP2C9", "DPYD") and diplotypes and state < 3 else None
            reason = {3: "one defining position untested", 4: "the deciding position is untested"}.get(state, "")
            full.append(
                {
                    "gene": gene,
                    "diplotypes": diplotypes,
                    "phenotypes": phenotypes,
                    "activity_score": score,
                    "call": call,
                    "excluded_probability": 0.13 if untested else 0.0,
                    "untested": untested,
                    "phased": state == 0,
                    "source": "PharmVar tables",
                }
            )
            rows.append(
                {
                    "patient": p,
                    "gene": gene,
                    "diplotypes": " or ".join(diplotypes),
                    "phenotypes": " or ".join(phenotypes),
                    "activity_score": score,
                    "call": call,
                    "excluded_probability": 0.13 if untested else 0.0,
                    "untested": len(untested),
                    "phased": state == 0,
                    "reason": reason,
                    "origin": "genotypes",
                }
            )
        folder = patients / p / "genomics"
        folder.mkdir(parents=True)
        (folder / "pharmacogenes.json").write_text(json.dumps(full))
    write_table(cohort / "genomics/pharmacogenes.tsv", "pharmacogenes", pd.DataFrame(rows))
