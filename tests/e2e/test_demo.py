"""The demo cohort, broken files included, through the whole workflow: every planted thing is found again."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PATIENTS = 18  # too few for models: they must say so; models are trained in test_slurm.py


@pytest.fixture(scope="module")
def demo(workspace):
    place = workspace("demo")
    place.make_cohort(PATIENTS, faults=True, chunk_size=8)
    done = place.snakemake()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    place.log = done.stdout + done.stderr
    return place


def _patients(place) -> list[str]:
    rows = (place.folder / "demo/patients.tsv").read_text().splitlines()[1:]
    return [row.split("\t")[0] for row in rows]


def test_every_patient_has_a_report_and_no_trace_reaches_the_user(demo):
    for patient in _patients(demo):
        page = (demo.patients / patient / "report.html").read_text()
        assert patient in page and "research use only" in page.lower()
    assert (demo.cohort / "report.html").exists()
    assert "Traceback" not in demo.log
    defects = list((demo.folder / "results").rglob("defect.txt")) + list(demo.folder.glob("logs/defects/*"))
    assert not defects, [d.read_text() for d in defects]


def test_every_broken_file_is_named_with_its_cause(demo):
    listed = demo.table("quarantine.tsv")
    excluded = demo.table("imaging/qc.tsv")
    for fault in demo.truth("faults").itertuples():
        causes = listed[listed["file"].str.contains(Path(fault.file).name, regex=False)]["cause"].tolist()
        if not causes:  # readable, but unfit: the image's own quality verdict says so
            causes = excluded[(excluded["patient"] == fault.patient) & (excluded["verdict"] == "exclude")]["reason"]
        assert len(causes), f"{fault.file} ({fault.what}) is not listed"
    good = {p for p in _patients(demo) if not p.startswith("X")}
    lost = listed[listed["patient"].isin(good)]
    assert lost.empty, lost.to_string()


def test_pharmacogenes_are_reported_as_planted(demo):
    called = demo.table("genomics/pharmacogenes.tsv").set_index(["patient", "gene"])
    truth = demo.truth("pharmacogenes")
    sequenced = truth[truth["patient"].isin(called.index.get_level_values("patient"))]
    assert len(sequenced) > 50
    for row in sequenced.itertuples():
        got = called.loc[(row.patient, row.gene)]
        if got["call"] == "called":
            assert got["phenotypes"] == row.phenotype, (row, got.to_dict())
        else:  # qualified or not called: it must say why, and never contradict the truth silently
            assert got["reason"], (row, got.to_dict())
            if got["call"] == "qualified":
                assert row.phenotype in got["phenotypes"].split(" or "), (row, got.to_dict())


def test_no_planted_identifier_is_in_any_output(demo):
    wanted = sorted({v for v in demo.truth("identifiers")["value"] if len(v) >= 5})
    assert len(wanted) >= 20
    pattern = re.compile("|".join(map(re.escape, wanted)).encode())
    for path in sorted((demo.folder / "results").rglob("*")):
        assert not pattern.search(str(path).encode()), path
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gzip.decompress(data)
            elif path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    data = b"".join(archive.read(n) for n in archive.namelist())
            found = pattern.search(data)
            assert not found, f"{path}: {found.group() if found else ''}"


def test_swap_contamination_and_sex_error_are_caught(demo):
    identity = demo.table("genomics/identity.tsv").set_index("patient")
    for row in demo.truth("reads").itertuples():
        if row.patient not in identity.index:
            continue
        got = identity.loc[row.patient]
        if row.reads_of != row.patient:
            assert got["verdict"] == "swap" and got["likely_patient"] == row.reads_of, got.to_dict()
        elif got["verdict"] != "not assessed":
            assert got["verdict"] == "match", got.to_dict()
        if float(row.contamination) > 0:
            assert got["contamination_verdict"] == "contaminated", got.to_dict()
        elif row.low_depth == "False":
            assert got["contamination_verdict"] == "clean", got.to_dict()
    quality = demo.table("genomics/samples_qc.tsv").set_index("patient")
    for row in demo.truth("sex").itertuples():
        if row.patient in quality.index and quality.loc[row.patient, "sex_inferred"] != "unknown":
            flagged = "sex by genotype" in quality.loc[row.patient, "reason"]
            assert flagged == (row.mismatch == "True"), row


def test_a_second_run_does_nothing(demo):
    done = demo.snakemake()
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr


def test_every_image_measure_has_a_name_for_people(demo, root):
    with open(root / "resources/image_measures.tsv", newline="") as handle:
        named = {row["measure"] for row in csv.DictReader(handle, delimiter="\t")}
    measured = set(demo.table("imaging/qc.tsv")["metric"])
    for path in demo.patients.rglob("features.json"):
        blocks = json.loads(path.read_text())["blocks"]
        blocks.pop("radiomics", None)  # the page only counts them
        for block in blocks.values():
            measured |= {name if name in named else name.split(".")[0] for name in block["features"]}
    assert len(measured) > 50 and measured <= named, measured - named


def test_every_patient_has_a_prediction_or_a_reason(demo):
    for task in ("diagnosis", "survival"):
        predictions = demo.table(f"learn/{task}/predictions.tsv")
        assert set(predictions["patient"]) == set(_patients(demo))
        gates = json.loads((demo.cohort / "learn" / task / "gates.json").read_text())
        assert gates["status"] == "assessed" or gates["reason"]


def test_adding_one_patient_runs_only_that_patients_jobs(demo):
    """Last in the module: it changes the cohort. The jobs of other patients' files must not be among those to run."""
    sheets = demo.folder / "demo"
    samples = (sheets / "samples.tsv").read_text().splitlines()
    kinds = {
        patient: {tuple(s.split("\t")[1:3]) for s in samples if s.startswith(patient)} for patient in _patients(demo)
    }
    like = next(
        p for p, k in kinds.items() if {("genomics", "vcf"), ("imaging", "T1")} <= k and ("genomics", "bam") not in k
    )
    row = next(r for r in (sheets / "patients.tsv").read_text().splitlines() if r.startswith(like))
    with open(sheets / "patients.tsv", "a") as handle:
        handle.write(row.replace(like, "N001", 1) + "\n")
    with open(sheets / "samples.tsv", "a") as handle:
        handle.writelines(s.replace(like, "N001", 1) + "\n" for s in samples if s.startswith(like))
    done = demo.snakemake("--dry-run")
    counts = {rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)$", done.stdout + done.stderr, flags=re.MULTILINE)}
    of_a_chunk = {
        rule: n for rule, n in counts.items() if rule in ("genomics_intake", "genomics_reads", "imaging_process")
    }
    assert of_a_chunk == {"genomics_intake": 1, "imaging_process": 1}, counts
    assert "N001" not in {e["patient"] for e in _entries(demo)}


def _entries(place) -> list[dict]:
    manifests = (place.folder / "results/demo/chunks").glob("*/*.json")
    return [entry for m in manifests for entry in json.loads(m.read_text()).get("patients", [])]
