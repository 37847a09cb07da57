"""Stages of the treatment room: guideline actions for each patient's drugs, and estimated treatment effects."""

from __future__ import annotations

from pathlib import Path


def guidelines(
    patients: Path,
    drugs: Path,
    table: Path,
    out: Path,
    pharmacogenes: Path | None = None,
) -> None:
    """Phenotype x drug -> guideline action with strength and source, for every drug on a patient's list.

    Patients without a row in the drug list get no row: their list was not supplied. Without `pharmacogenes` every drug
    of a guideline is "not assessed: genome not supplied".
    """
    import pandas as pd

    from consilium.core.sheets import read_patients
    from consilium.core.store import read_table, write_table
    from consilium.treatment import guidelines as rules_of
    from consilium.treatment.rulebase import read

    calls = rules_of.calls_by_patient(read_table(pharmacogenes, "pharmacogenes")) if pharmacogenes else {}
    ids = [p.patient for p in read_patients(patients)]
    rows = rules_of.rows(ids, read_table(drugs, "drugs"), calls, read(table))
    columns = ["patient", "drug", "genes", "finding", "status", "action", "strength", "source", "reason"]
    write_table(out, "guidelines", pd.DataFrame(rows, columns=columns))


def effects(
    patients: Path,
    treatment: str,
    outcome: str,
    effects: Path,
    summary: Path,
    seed: int,
    option: str | None = None,
    lower_is_better: bool = False,
    features: list[Path] | None = None,
    kinship: Path | None = None,
) -> None:
    """Effect of one treatment option against the other: average, and individual where the data prove differences.

    treatment, outcome: columns of the patient sheet. features: feature stores, named <room>.zarr.zip. Relatives
    (family, kinship of at least 0.0884) stay on one side of every split.
    """
    import pandas as pd

    from consilium.core.provenance import seed_from
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_features, read_table, write_facts, write_table
    from consilium.treatment import covariates
    from consilium.treatment.effects import Question, estimate

    people = read_patients(patients)
    stores = {path.name.split(".")[0]: read_features(path) for path in features or []}
    x, names = covariates.table(people, stores)
    groups = covariates.groups(people, read_table(kinship, "kinship") if kinship else None, closest=0.0884)
    question = Question(treatment, outcome, option, not lower_is_better)
    rows, facts = estimate(people, question, x, names, groups, seed_from(seed, "treatment", treatment, outcome))
    write_table(effects, "effects", pd.DataFrame(rows))
    write_facts(summary, facts)
