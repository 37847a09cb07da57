"""What was planted, as tables: what the workflow must find and never reads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from consilium.simulate import panels, pharmacogenes, variants
from consilium.simulate.genomes import Genomes


def star_alleles(genomes: Genomes, style: pd.DataFrame) -> pd.DataFrame:
    """One row per patient with genotypes or reads and gene: diplotype, phenotype, activity score, how it can be seen.

    planted: there on purpose. het_positions: heterozygous defining positions; phase_needed: two or more of them and no
    phase in the file, so that other diplotypes explain the same genotypes. fully_tested: no defining position was left
    out of the file; gaps names those that were. The order of the alleles of a diplotype means nothing.
    """
    hets = variants.het_counts(genomes).set_index(["patient", "gene"])["het_positions"]
    rows = []
    for one in style.itertuples():
        person = genomes.row(one.patient)
        for g, gene in enumerate(pharmacogenes.GENES):
            order = list(pharmacogenes.FUNCTION[gene])
            first, second = sorted(genomes.alleles[person, :, g], key=order.index)
            phenotype, score = pharmacogenes.phenotype(gene, first, second)
            gaps = [cell.split(":")[1] for cell in one.gaps.split(";") if cell.startswith(f"{gene}:")]
            n = int(hets[(one.patient, gene)])
            rows.append({"patient": one.patient, "gene": gene, "diplotype": f"{first}/{second}",
                         "phenotype": phenotype, "activity_score": score, "planted": (person, gene) in genomes.planted,
                         "source": one.source, "phased": one.phased, "het_positions": n,
                         "phase_needed": n > 1 and not one.phased, "fully_tested": not gaps,
                         "gaps": ";".join(gaps)})  # fmt: skip
    return pd.DataFrame(rows)


def polygenic(people: pd.DataFrame, genomes: Genomes, seed: int) -> pd.DataFrame:
    """patient, planted sum, the scoring file's sum with every genotype known (with and without its rows of the other
    strand), standardised score."""
    return pd.DataFrame({
        "patient": people["patient"], "population": people["population"], "planted_sum": genomes.prs.round(6),
        "file_sum": panels.file_sum(genomes, seed, flips=True).round(6),
        "file_sum_unflipped": panels.file_sum(genomes, seed, flips=False).round(6),
        "z_genome": genomes.z.round(6),
    })  # fmt: skip


def kinship(people: pd.DataFrame) -> pd.DataFrame:
    """Related pairs of patients, their relation and expected kinship coefficient."""
    rows = []
    records = people[people["family"] != ""].to_dict("records")
    for i, a in enumerate(records):
        for b in records[i + 1 :]:
            if a["family"] != b["family"]:
                continue
            if a["child"] and b["child"]:
                rows.append((a["patient"], b["patient"], "siblings", 0.25))
            elif b["patient"] in (a["father"], a["mother"]) or a["patient"] in (b["father"], b["mother"]):
                rows.append((a["patient"], b["patient"], "parent and child", 0.25))
    return pd.DataFrame(rows, columns=["patient_a", "patient_b", "relation", "kinship"])


def sheet_sex(people: pd.DataFrame, style: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Sex as the sheet says it: wrong for one patient who has a VCF, no reads and no relatives in the cohort."""
    out = people[["patient", "sex"]].assign(sex_in_sheet=people["sex"])
    own = set(style.loc[style["source"] == "vcf", "patient"])
    free = people[people["patient"].isin(own) & ~people["has_reads"] & (people["family"] == "")].index
    if len(free):
        i = rng.choice(free)
        out.loc[i, "sex_in_sheet"] = {"male": "female", "female": "male"}[out.loc[i, "sex"]]
    return out.assign(mismatch=out["sex"] != out["sex_in_sheet"])
