"""What the genotype files held."""

from __future__ import annotations

from pathlib import Path


def intake_files(sources: Path, out: Path, intake: list[Path] | None = None) -> None:
    """Table vcf_files: one row a VCF that was used, from the facts of intake (manifests) and merge (`sources`)."""
    from consilium.core import chunks
    from consilium.core.sheets import WHOLE_COHORT
    from consilium.core.store import read_facts, write_table
    from consilium.genomics.intake import vcf_files

    files = [(WHOLE_COHORT, facts) for facts in read_facts(sources)["files"]]
    for entry in chunks.read_manifests(intake or []):
        facts = Path(entry["folder"]) / "facts.json"
        if entry["status"] == "done" and facts.exists():
            files += [(entry["patient"], f) for f in read_facts(facts)["files"]]
    write_table(out, "vcf_files", vcf_files.table(files))
