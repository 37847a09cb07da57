from types import SimpleNamespace

import pandas as pd
from consilium.core.store import read_table, write_table
from consilium.report.facts import collect
from consilium.report.facts_intake import genotype_files
from consilium.report.page import render_patient

LIFT = ("lifted", "swapped", "new_reference", "flipped", "unmapped", "unverified", "conflict")


def row(patient: str, file: str, build: str, *lift: int) -> dict:
    counts = dict.fromkeys(("n_records", "n_left_out", "n_filtered", "n_other_contigs", "n_polyploid", "n_callable"), 0)
    lifts = {f"n_{k}": v for k, v in zip(LIFT, lift or (None,) * 7, strict=True)}
    return {"patient": patient, "file": file, "build": build, "build_by_known_sites": build, **counts, **lifts}


def test_files_behind_a_patients_genotypes(copy: SimpleNamespace) -> None:
    people = read_table(copy.cohort / "genomics" / "samples_qc.tsv", "samples_qc")
    of = {s: next(iter(people.loc[people["source"] == s, "patient"]), "") for s in ("vcf", "joint")}
    name, source = next((p, s) for s, p in of.items() if p)
    whose = name if source == "vcf" else "*"
    rows = [row("Somebody", "other.vcf", "GRCh38"), row(whose, "old.vcf", "GRCh37", 90, 2, 0, 1, 4, 5, 1)]
    write_table(copy.cohort / "genomics" / "vcf_files.tsv", "vcf_files", pd.DataFrame(rows))
    cohort = copy.read()
    found = genotype_files(cohort, name, source)
    assert [(f["file"], f["build"], f["n_lifted"], f["n_dropped"]) for f in found] == [("old.vcf", "GRCh37", 90, 10)]
    assert genotype_files(cohort, name, "reads") == genotype_files(cohort, name, None) == []
    assert genotype_files(cohort, "Somebody", "vcf")[0]["n_dropped"] is None
    page = render_patient(collect(cohort, name, "title", "digest")[0], copy.patients / name)
    assert "Lifted over from GRCh37: 90 records, in 2 of which REF and ALT changed places; 10 could not be" in page
