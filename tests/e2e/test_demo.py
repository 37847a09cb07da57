"""The demo cohort, broken files included, through the whole workflow: every planted thing is found again.

Two runs at once, on one core and on two: the number of cores never shows in a byte.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from workspace import Workspace

pytestmark = pytest.mark.slow
# Enough patients for a model that is assessed; images of three, who have every kind between them, DICOM and NIfTI.
PATIENTS, WITH_IMAGES = 32, 3
SURVIVAL_KNOWN = 8  # too few for a model: it must say so


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[int, Workspace]:
    """Cores -> the same cohort, not yet worked on; 0 is for the run that stops."""
    folders = {cores: tmp_path_factory.mktemp(f"cores_{cores}_") for cores in (2, 1, 0)}
    first = Workspace(folders[2])
    first.make_cohort(PATIENTS, WITH_IMAGES, chunk_size=16)
    tasks = [
        {"name": "diagnosis", "type": "classification", "outcome": "diagnosis"},
        {"name": "survival", "type": "survival", "time": "survival_days", "event": "event"},
    ]
    # What is left out goes the same path again, several times.
    without = {"planted_control": False, "leave_one_site_out": False}
    first.configure(learn={**without, "tasks": tasks})
    first.forget(["survival_days", "event"], SURVIVAL_KNOWN)
    return {2: first, **{cores: first.copy(folders[cores]) for cores in (1, 0)}}


@pytest.fixture(scope="module")
def demo(places):
    """The run on two cores; beside it goes the one on one core."""
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda cores: places[cores].snakemake(cores=cores), (2, 1)))
    for done in runs:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    places[2].log = runs[0].stdout + runs[0].stderr
    return places[2]


def _patients(place) -> list[str]:
    rows = (place.folder / "demo/patients.tsv").read_text().splitlines()[1:]
    return [row.split("\t")[0] for row in rows]


def test_every_patient_has_a_report_and_no_trace_reaches_the_user(demo):
    for patient in _patients(demo):
        page = (demo.patients / patient / "report.html").read_text()
        assert patient in page and "research use only" in page.lower()
    assert (demo.cohort / "report.html").exists()
    assert "Traceback" not in demo.log
    defects = list(demo.results.rglob("defect.txt")) + list(demo.folder.glob("logs/defects/*"))
    assert not defects, [d.read_text() for d in defects]


def test_one_core_and_two_cores_give_the_same_bytes(demo, places):
    two, one = demo.hashes(), places[1].hashes()
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert any("predictions.tsv" in name for name in one) and any(name.endswith("report.html") for name in one)


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
    for path in sorted(demo.results.rglob("*")):
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
    for task, status in (("diagnosis", "assessed"), ("survival", "not assessed")):
        predictions = demo.table(f"learn/{task}/predictions.tsv")
        assert set(predictions["patient"]) == set(_patients(demo))
        gates = json.loads((demo.cohort / "learn" / task / "gates.json").read_text())
        assert gates["status"] == status and bool(gates["reason"]) == (status == "not assessed"), gates
        shuffled = [g for g in gates["gates"] if g["gate"] == "permuted outcomes give chance"]
        assert [g["passed"] and 0 < g["figures"]["value"] < 1 for g in shuffled] == [True] * (status == "assessed")


def test_stop_names_every_broken_file_before_any_other_job(places):
    """on_bad_input: stop: the list of broken files comes first, with exit code 1."""
    place = places[0]
    place.configure(on_bad_input="stop")
    done = place.snakemake()
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Traceback" not in said
    assert not place.patients.exists()
    broken = place.truth("faults")
    missing = [f for f in broken["file"] if Path(f).name not in said]
    # Some faults only show when pixels or reads are measured; what headers and parsing show must be there.
    assert len(missing) <= len(broken) // 3, missing


def test_adding_one_patient_runs_only_that_patients_jobs(demo):
    """Last in the module: it changes the cohort. The jobs of other patients' files must not be among those to run."""
    sheets = demo.folder / "demo"
    samples = (sheets / "samples.tsv").read_text().splitlines()
    rows = [next(s for s in samples if s[0] != "*" and f"\t{kind}\t" in s) for kind in ("genomics\tvcf", "imaging\tT1")]
    rows += [(sheets / "patients.tsv").read_text().splitlines()[1]]
    *files, person = ["N001" + row[row.index("\t") :] + "\n" for row in rows]
    with open(sheets / "patients.tsv", "a") as handle:
        handle.write(person)
    with open(sheets / "samples.tsv", "a") as handle:
        handle.writelines(files)
    done = demo.snakemake("--dry-run")
    counts = {rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)$", done.stdout + done.stderr, flags=re.MULTILINE)}
    of_a_chunk = {
        rule: n for rule, n in counts.items() if rule in ("genomics_intake", "genomics_reads", "imaging_process")
    }
    assert of_a_chunk == {"genomics_intake": 1, "imaging_process": 1}, counts
    assert "N001" not in {e["patient"] for e in _entries(demo)}


def _entries(place) -> list[dict]:
    manifests = (place.results / "chunks").glob("*/*.json")
    return [entry for m in manifests for entry in json.loads(m.read_text()).get("patients", [])]
