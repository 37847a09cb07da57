"""Association tables, sites and the list of what was dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from consilium.core.store import write_table
from made_names import IDS

SITES = 3000


def association(cohort: Path, rng: np.random.Generator) -> None:
    sites = pd.DataFrame({"chrom": [f"chr{1 + i // 150}" for i in range(SITES)],
                          "pos": [1_000_000 + 10_000 * (i % 150) for i in range(SITES)], "ref": "A", "alt": "G",
                          "rsid": ""})  # fmt: skip
    frequency = rng.beta(0.4, 1.2, SITES)
    missing = rng.beta(0.3, 12, SITES)
    quality = {"n_called": 26, "missing_rate": missing, "alt_freq": frequency, "hwe_p": 0.5,
               "filter": np.where(missing > 0.1, "flag", "pass"),
               "reason": np.where(missing > 0.1, "11% of patients without a call", "")}  # fmt: skip
    write_table(cohort / "genomics/variants_qc.tsv", "variants_qc", sites.assign(**quality))
    p = rng.uniform(size=SITES)
    p[200], p[:60] = 3e-10, np.nan
    why = np.where(np.isnan(p), "rarer allele's frequency under 0.01", "pass")
    fits = {"n": 300, "n_cases": None, "alt_freq": frequency, "beta": 0.1, "se": 0.05, "p": p,
            "test": np.where(np.isnan(p), "", "linear"), "filter": why}  # fmt: skip
    tested = sites.assign(**fits)
    write_table(cohort / "genomics/association_lipids.parquet", "association_variants", tested)
    hits = tested.sort_values("p").head(10).assign(analysis="lipids")
    write_table(cohort / "genomics/association_hits.tsv", "association_hits", hits)
    about = {"analysis": "lipids", "outcome": "ldl", "kind": "continuous", "status": "assessed", "reason": "", "n": 300,
             "n_cases": None, "n_left_out": 3, "covariates": "age, sex", "components": 10, "n_tested": SITES - 60,
             "n_filtered": 60, "inflation": 1.012, "inflation_lower": 0.95, "inflation_upper": 1.07,
             "n_significant": 1}  # fmt: skip
    refused = {"analysis": "rare_disease", "outcome": "case", "kind": "binary", "status": "not assessed",
               "reason": "2 cases and 28 controls, fewer than 20 in one group", "n_left_out": 0,
               "covariates": ""}  # fmt: skip
    write_table(cohort / "genomics/association.tsv", "association", pd.DataFrame([about, refused]))
    _dropped(cohort, tested)


def _dropped(cohort: Path, tested: pd.DataFrame) -> None:
    out = tested.loc[tested["filter"] != "pass", ["chrom", "pos", "ref", "alt"]].assign(
        what="site", patient="", step="association lipids", action="not tested",
        rule="rarer allele's frequency under 0.01",
    )  # fmt: skip
    person = {"what": "patient", "patient": IDS[7], "chrom": "", "pos": None, "ref": "", "alt": "",
              "step": "samples_qc", "action": "flagged", "rule": "61% of cohort sites without a call"}  # fmt: skip
    write_table(cohort / "genomics/dropped.tsv", "dropped", pd.concat([pd.DataFrame([person]), out]))
