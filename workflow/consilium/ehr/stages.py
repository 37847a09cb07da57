"""ehr: labs, vital signs, drugs, diagnoses and clinical tables -> values in one unit, alerts, series, features."""

from pathlib import Path

ROOM = "ehr"


def check(samples: Path, patients: Path, analytes: Path, units: Path, drug_names: Path, out: Path) -> None:
    """Read every table of the room as the later stages do and write what they would refuse (table quarantine)."""
    from consilium.core import refused
    from consilium.ehr.intake import read_all

    taken = read_all(samples, patients, analytes, units, drug_names)
    refused.write_quarantine(out, "ehr", taken.problems)


def harmonise(
    samples: Path,
    patients: Path,
    analytes: Path,
    units: Path,
    ranges: Path,
    drug_names: Path,
    observations: Path,
    alerts: Path,
    drugs: Path,
    diagnoses: Path,
    notes: Path,
    quarantine: Path,
) -> None:
    """Read all tables, bring them to canonical units and names, drop what lies after the index date.

    notes (JSON): per file the rows read, kept, doubled and censored; per patient what was dropped or refused; analytes
    and drug names that the resource tables do not list.
    """
    from consilium.core import refused
    from consilium.core.store import write_facts, write_table
    from consilium.ehr import alerts as alarm
    from consilium.ehr import intake
    from consilium.ehr.reference import load_ranges

    taken = intake.read_all(samples, patients, analytes, units, drug_names)
    ranged = alarm.with_ranges(taken.observations, load_ranges(ranges), taken.people)
    ranged = ranged.sort_values(["patient", "analyte", "moment", "value"], kind="stable")
    write_table(alerts, "alerts", alarm.alerts(ranged))
    write_table(observations, "observations", ranged.drop(columns=["moment", "critical_low", "critical_high"]))
    write_table(drugs, "drugs", taken.drugs)
    write_table(diagnoses, "diagnoses", taken.diagnoses)
    refused.write_quarantine(quarantine, "ehr", taken.problems)
    write_facts(notes, taken.notes)


def features(
    samples: Path,
    patients: Path,
    observations: Path,
    notes: Path,
    window_days: float,
    bins: int,
    features: Path,
) -> None:
    """Feature blocks series, summary and clinical, of all patients in sheet order."""
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import read_facts, read_table, write_features
    from consilium.ehr import intake

    people = read_patients(patients)
    rows = read_table(observations, "observations")
    blocks = intake.measured_blocks(people, rows, read_facts(notes), window_days, bins)
    blocks |= intake.clinical_block(people, read_samples(samples))
    write_features(features, dict(sorted(blocks.items())))
