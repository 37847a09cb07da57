"""omics: expression, methylation, miRNA, protein, copy-number and mutation tables -> checked matrices, features."""

from pathlib import Path


def check(samples: Path, patients: Path, out: Path) -> None:
    """Read every omics table as the harmonise stage does and write what it would refuse (table quarantine)."""
    from consilium.core import refused
    from consilium.core.sheets import KINDS, read_patients, read_samples
    from consilium.core.store import write_table
    from consilium.omics.harmonise import read_kind

    people = read_patients(patients)
    rows = [s for s in read_samples(samples) if s.modality == "omics"]
    kinds = [read_kind(k, [s for s in rows if s.kind == k], people, 1.0) for k in KINDS["omics"]]
    write_table(out, "quarantine", refused.quarantine("omics", [p for k in kinds if k for p in k.problems]))


def harmonise(
    samples: Path,
    patients: Path,
    max_missing_rate: float,
    features: Path,
    qc: Path,
    features_qc: Path,
    notes: Path,
    quarantine: Path,
) -> None:
    """Read all omics tables: one matrix a kind with one spelling per feature, on a fixed scale, with quality tables.

    Features with a larger share of missing values than max_missing_rate are dropped and listed in features_qc.
    """
    from consilium.core import refused
    from consilium.core.sheets import KINDS, read_patients, read_samples
    from consilium.core.store import write_facts, write_features, write_table
    from consilium.omics import tables
    from consilium.omics.harmonise import block, read_kind

    people = read_patients(patients)
    rows = [s for s in read_samples(samples) if s.modality == "omics"]
    found = [read_kind(k, [s for s in rows if s.kind == k], people, max_missing_rate) for k in KINDS["omics"]]
    kinds = [k for k in found if k]
    write_features(features, {k.kind: block(k, people) for k in kinds if k.values.size})
    write_table(qc, "omics_qc", tables.qc(kinds))
    write_table(features_qc, "omics_features", tables.features(kinds))
    write_table(quarantine, "quarantine", refused.quarantine("omics", [p for k in kinds for p in k.problems]))
    write_facts(notes, {"kinds": {k.kind: k.notes for k in kinds if k.notes}})
