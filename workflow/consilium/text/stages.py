"""text: pathology and radiology reports -> coded findings with negation, uncertainty and the words that say so."""

from pathlib import Path


def check(samples: Path, patients: Path, out: Path) -> None:
    """Read every report as the extract stage does and write what it would refuse (table quarantine)."""
    from consilium.core import refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.text.reading import read_documents

    known = {p.patient for p in read_patients(patients)}
    _, problems = read_documents([s for s in read_samples(samples) if s.modality == "text"], known)
    refused.write_quarantine(out, "text", problems)


def extract(
    samples: Path, patients: Path, most_words: int, findings: Path, words: Path, documents: Path, quarantine: Path,
    threads: int = 1,
) -> None:  # fmt: skip
    """Read all reports and write every finding with its span (table findings).

    words (table report_words): with most_words the first so many words of each patient, without names, dates, numbers.

    documents (JSON): per patient the reports read, with kind, date and number of findings, and those left out of the
    features because they are dated after the index date.
    """
    from consilium.core import refused
    from consilium.core.sheets import read_patients, read_samples
    from consilium.core.store import write_columns, write_facts, write_table
    from consilium.text import tables
    from consilium.text.reading import read_documents

    people = read_patients(patients)
    rows = [s for s in read_samples(samples) if s.modality == "text"]
    read, problems = read_documents(rows, {p.patient for p in people})
    found = tables.findings(read, threads)
    write_table(findings, "findings", found)
    write_columns(words, "report_words", tables.words(read, people, most_words))
    write_facts(documents, tables.documents(read, found, people, problems))
    refused.write_quarantine(quarantine, "text", problems)


def features(
    patients: Path, findings: Path, words: Path, documents: Path, most_words: int, features: Path
) -> None:  # fmt: skip
    """Feature block findings: patient x concept, 1 present, 0.5 hedged, 0 denied, NaN not mentioned; with most_words
    also block words."""
    from consilium.core.sheets import read_patients
    from consilium.core.store import read_facts, read_table, write_features
    from consilium.text import words as reading
    from consilium.text.features import block
    from consilium.text.tables import reasons

    people = read_patients(patients)
    why = reasons(read_facts(documents), people)
    blocks = {"findings": block(read_table(findings, "findings"), why, people)} if "" in why.values() else {}
    if blocks and most_words:
        said = read_table(words, "report_words")
        rows = list(zip(said["patient"], said["word"], strict=True))
        blocks["words"] = reading.block(rows, why, people, most_words)
    write_features(features, blocks)
