"""omics: tables of patients, or of a patient's cells or tiles -> checked matrices and bags, features."""

from pathlib import Path


def check(samples: Path, patients: Path, max_instances: int, out: Path) -> None:
    """Read every omics table as the harmonise stage does and write what it would refuse (table quarantine)."""
    from consilium.core import refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.omics import bags
    from consilium.omics.harmonise import TITLES, read_kind

    people = read_patients(patients)
    rows = [s for s in read_samples(samples) if s.modality == "omics"]
    kinds = [
        *(read_kind(k, [s for s in rows if s.kind == k], people, 1.0) for k in TITLES),
        *(bags.read_bags(k, [s for s in rows if s.kind == k], people, 1.0, max_instances) for k in bags.TITLES),
    ]
    refused.write_quarantine(out, "omics", [p for k in kinds if k for p in k.problems])


def harmonise(
    samples: Path,
    patients: Path,
    max_missing_rate: float,
    max_instances: int,
    features: Path,
    qc: Path,
    features_qc: Path,
    notes: Path,
    quarantine: Path,
) -> None:
    """Read all omics tables: one matrix a kind with one spelling per feature, on a fixed scale, with quality tables; of
    cells and tiles one bag of max_instances a patient.

    Features with a larger share of missing values than max_missing_rate are dropped and listed in features_qc.
    """
    from consilium.core import refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import write_facts, write_features, write_table
    from consilium.omics import bags, tables
    from consilium.omics.harmonise import TITLES, Kind, block, read_kind

    people = read_patients(patients)
    rows = [s for s in read_samples(samples) if s.modality == "omics"]
    of = {k: [s for s in rows if s.kind == k] for k in (*TITLES, *bags.TITLES)}
    matrices = [m for k in TITLES if (m := read_kind(k, of[k], people, max_missing_rate))]
    many = [b for k in bags.TITLES if (b := bags.read_bags(k, of[k], people, max_missing_rate, max_instances))]
    out = {k.kind: block(k, people) for k in matrices if k.values.size}
    write_features(features, out | {b.kind: bags.block(b, people) for b in many if b.notes["patients"]})
    kinds: list[Kind | bags.Bags] = [*matrices, *many]
    write_table(qc, "omics_qc", tables.qc(kinds))
    write_table(features_qc, "omics_features", tables.features(kinds))
    refused.write_quarantine(quarantine, "omics", [p for k in kinds for p in k.problems])
    write_facts(notes, {"kinds": {k.kind: k.notes for k in kinds if k.notes}})
