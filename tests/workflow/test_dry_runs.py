"""`snakemake -n` for a table of small configurations: what would run, and what a bad sheet or setting says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake_process import snakemake

ROOT = Path(__file__).resolve().parents[2]
PATIENTS = ("patient", "sex", "birth_year", "site", "family", "index_date")
SAMPLES = ("patient", "modality", "kind", "path", "taken_on")

GENOMICS = {f"genomics_{s}" for s in ("intake", "merge", "cohort_qc", "structure", "identity", "pharmacogenes",
                                      "polygenic", "hwe_by_ancestry", "dropped", "features", "families", "homozygosity",
                                      "genotype_identity", "intake_files", "reads_tables")}  # fmt: skip
IMAGING = {"imaging_process", "imaging_features"}
OMICS = {"omics_harmonise"}
EHR = {"ehr_harmonise", "ehr_features"}
TEXT = {"text_extract", "text_features"}
LEARN = {
    f"learn_{s}" for s in ("gather", "folds", "train", "final", "evaluate", "explain", "strata", "reference", "bundle")
}
REPORT = {f"report_{s}" for s in ("quarantine", "summary", "figures", "patients", "cohort")} | {"all"}

ANY_TABLE = str(ROOT / "resources" / "ancestry_1kgp.tsv")
FILES = {
    "joint": ("*", "genomics", "vcf"), "vcf": ("P1", "genomics", "vcf"), "bam": ("P2", "genomics", "bam"),
    "t1": ("P1", "imaging", "T1"), "fmri": ("P2", "imaging", "fMRI"), "ct": ("P2", "imaging", "CT"),
    "expression": ("*", "omics", "expression"), "labs": ("*", "ehr", "labs"), "drugs": ("*", "ehr", "drugs"),
    "pathology": ("P1", "text", "pathology"), "radiology": ("*", "text", "radiology"),
    "packet": ("P1", "genomics", "phenopacket"),
}  # fmt: skip
TASK = {"name": "diagnosis", "type": "classification", "outcome": "diagnosis"}
EFFECT = {"treatment": "arm", "outcome": "response"}
OUTCOMES = {"diagnosis": ("type_1", "type_2"), "arm": ("arm_1", "arm_2"), "response": ("1.5", "2")}


PARTED = "the cohort's 7 samples"  # a folder whose name a shell would part


class Place:
    """A working directory with sheets, files that exist but hold nothing, and a configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, files: tuple[str, ...], **settings: Any) -> None:
        """Six patients with the outcomes that the settings ask for (default: one task and two arms)."""
        settings = {"cohort": "c", "results": PARTED, "patients": f"{PARTED}/patients.tsv", "chunk_size": 2,
                    "samples": f"{PARTED}/samples.tsv",
                    "learn": {"tasks": [TASK]}, "treatment": {"effect": EFFECT}, **settings,
                    "genomics": {"ancestry_reference": ANY_TABLE, **settings.get("genomics", {})}}  # fmt: skip
        asked = [t["outcome"] for t in settings["learn"]["tasks"] if "outcome" in t]
        asked += list((settings["treatment"]["effect"] or {}).values())
        outcomes = {} if settings.get("mode") == "apply" else {k: v for k, v in OUTCOMES.items() if k in asked}
        rows = [
            [f"P{i}", ("female", "male")[i % 2], str(1950 + i), "s1", "", "2020-01-01",
             *(values[i % 2] for values in outcomes.values())]
            for i in range(1, 7)
        ]  # fmt: skip
        self.sheet("patients.tsv", [*PATIENTS, *outcomes], rows)
        samples = []
        for name in files:
            (self.folder / name).write_text("")
            samples.append([*FILES[name], name, ""])
        self.sheet("samples.tsv", list(SAMPLES), samples)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(settings))

    def sheet(self, name: str, header: list[str], rows: list[list[str]]) -> None:
        text = "".join("\t".join(row) + "\n" for row in [header, *rows])
        (self.folder / PARTED).mkdir(exist_ok=True)
        (self.folder / PARTED / name).write_text(text)

    def dry_run(self, profile: Path | None = None, *more: str) -> tuple[int, dict[str, int], str]:
        """(exit status, rule -> jobs, everything printed)"""
        status, said = snakemake(
            "-n", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(self.folder),
            "--configfile", str(self.folder / "config.yaml"), "--workflow-profile", str(profile or "none"),
            *more, cwd=self.folder,
        )  # fmt: skip
        stats = said.split("Job stats:")[1].split("\n\n")[0] if "Job stats:" in said else ""
        jobs = {m.group(1): int(m.group(2)) for m in re.finditer(r"^(\w+) +(\d+)$", stats, re.M)}
        return status, {k: v for k, v in jobs.items() if k != "total"}, said


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


NOTHING_TO_LEARN: dict[str, Any] = {"learn": {"tasks": []}, "treatment": {"effect": None}}
CASES: dict[str, tuple[tuple[str, ...], dict[str, Any], set[str]]] = {
    "one joint VCF": (("joint",), NOTHING_TO_LEARN, GENOMICS - {"genomics_intake"}),
    "a panel for the reference of scores": (
        ("joint",),
        {**NOTHING_TO_LEARN, "genomics": {"polygenic_scores": [ANY_TABLE],
                                          "reference_panel": {"vcf": [ANY_TABLE], "people": ANY_TABLE}}},
        GENOMICS - {"genomics_intake"} | {"genomics_polygenic_reference"},
    ),
    "reads of one patient, CYP2D6 from them": (
        ("bam",),
        {**NOTHING_TO_LEARN, "genomics": {"cyp2d6_from_reads": True}},
        GENOMICS | {"genomics_reads", "genomics_depth"},
    ),
    "findings": (
        ("joint", "packet"),
        {**NOTHING_TO_LEARN, "genomics": dict.fromkeys(("clinvar", "gff", "reference", "phenopackets"), "joint")},
        GENOMICS - {"genomics_intake"} | {f"genomics_{s}" for s in ("phenotypes", "consequences", "findings")},
    ),
    "DNA around variants": (
        ("joint",),
        {**NOTHING_TO_LEARN, "genomics": {"windows": {"length": 101, "regions": "joint"}, "reference": "joint",
                                          "frequencies": "joint"}},
        GENOMICS - {"genomics_intake"} | {"genomics_windows"},
    ),
    "images": (("t1", "fmri", "ct"), NOTHING_TO_LEARN, IMAGING),
    "images and a model of lesions": (
        ("t1",), {**NOTHING_TO_LEARN, "imaging": {"segmentation": {"use": True, "image": "T1", "model": ANY_TABLE}}},
        IMAGING | {f"imaging_segment_{s}" for s in ("store", "predict", "collect")},
    ),
    "a matrix": (("expression",), NOTHING_TO_LEARN, OMICS),
    "labs": (("labs",), NOTHING_TO_LEARN, EHR),
    "drugs without genomes": (("drugs",), NOTHING_TO_LEARN, EHR | {"treatment_guidelines"}),
    "texts": (("pathology", "radiology"), NOTHING_TO_LEARN, TEXT),
    "two arms and labs": (("labs",), {"learn": {"tasks": []}}, EHR | {"treatment_effects"}),
    "everything": (
        tuple(FILES), {},
        GENOMICS | {"genomics_reads", "genomics_depth"} | IMAGING | OMICS | EHR | TEXT | LEARN
        | {"treatment_guidelines", "treatment_effects"},
    ),
    "stop at bad input": (
        ("t1", "labs", "drugs"), {**NOTHING_TO_LEARN, "on_bad_input": "stop"},
        IMAGING | EHR | {"imaging_check", "ehr_check", "report_gate", "report_accept", "treatment_guidelines"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_rules_that_would_run(place, case):
    files, settings, expected = CASES[case]
    place.write(files, **settings)
    status, jobs, said = place.dry_run(None, "--printshellcmds")
    assert status == 0, said[-3000:]
    commands = [shlex.split(command) for command in re.findall(r"^Shell command: (python .*)$", said, re.M)]
    assert len(commands) == sum(jobs.values()) - jobs["all"]
    parted = {*PARTED.replace("'", "").split()}
    assert [words for words in commands if any(word.split("/")[0] in parted for word in words)] == []
    assert set(jobs) - REPORT == expected
    assert set(jobs) >= REPORT
    assert jobs["report_patients"] == 3  # six patients in chunks of two


def test_chunks_without_files_of_a_room_get_no_job(place):
    place.write(("t1",), **NOTHING_TO_LEARN)  # one image, of one of six patients
    _, jobs, _ = place.dry_run()
    assert jobs["imaging_process"] == 1


def test_jobs_per_fold_and_control(place):
    place.write(("labs",), learn={"tasks": [TASK], "outer_folds": 3}, treatment={"effect": None})
    assert place.dry_run()[1]["learn_train"] == 3 + 3 + 1  # folds, the same permuted, a planted signal
    few = {"tasks": [TASK], "outer_folds": 3, "repeats": 2, "permutation_control": False, "planted_control": False}
    place.write(("labs",), learn=few, treatment={"effect": None})
    assert place.dry_run()[1]["learn_train"] == 6


def test_augmentation_is_asked_for_and_never_by_default(place):
    off = {"tasks": [TASK], "outer_folds": 3, "permutation_control": False, "planted_control": False}
    jobs = []
    for asked in ({}, {"ablation": True, "export": 20}, {"method": "auto"}):
        place.write(("labs",), learn={**off, "augmentation": asked}, treatment={"effect": None})
        _, found, _ = place.dry_run()
        jobs.append((found.get("learn_augment", 0), found.get("learn_synthesise", 0), found["learn_train"]))
    assert jobs == [(0, 0, 3), (1, 1, 3), (4, 0, 3)], "auto: one ablation an outer fold, one for the final model"


def test_every_network_of_a_segmentation_fold_is_a_job(place):
    wanted = {"use": True, "min_patients": 6, "folds": 2, "networks": 3}
    place.write((), **NOTHING_TO_LEARN, imaging={"segmentation": wanted})
    rows = [[f"P{i}", "imaging", kind, "image", ""] for i in range(1, 7) for kind in ("FLAIR", "mask")]
    (place.folder / "image").write_text("")
    place.sheet("samples.tsv", list(SAMPLES), rows)
    status, jobs, said = place.dry_run()
    assert status == 0, said[-3000:]
    assert {s: jobs[f"imaging_segment_{s}"] for s in ("store", "train", "join", "predict", "collect")} == {
        "store": 1, "train": 9, "join": 3, "predict": 3, "collect": 1
    }  # fmt: skip


def test_apply_trains_nothing(place):
    bundle = place.folder / "bundle"
    bundle.mkdir()
    (bundle / "manifest.json").write_text(json.dumps({"tasks": [{"name": "diagnosis", "kind": "classification"}]}))
    place.write(("labs",), mode="apply", bundle=str(bundle))
    status, jobs, said = place.dry_run()
    assert status == 0, said[-3000:]
    assert set(jobs) - REPORT == EHR | {"learn_gather", "learn_apply"}


def test_apply_recalibrates_where_wanted_and_knows_the_outcomes_of_the_bundle(place):
    bundle = place.folder / "bundle"
    bundle.mkdir()
    task = {"name": "died", "kind": "classification", "outcome": "death", "time": "", "event": ""}
    (bundle / "manifest.json").write_text(json.dumps({"tasks": [task]}))
    place.write(("labs",), mode="apply", bundle=str(bundle), learn={"tasks": [], "recalibrate": True},
                treatment={"effect": None})  # fmt: skip
    rows = [[f"P{i}", "female", "1950", "s1", "", "2020-01-01", ("yes", "no")[i % 2]] for i in range(1, 51)]
    place.sheet("patients.tsv", [*PATIENTS, "death"], rows[:49])
    status, _, said = place.dry_run()
    assert status == 1 and "49 patients have an outcome of died; allowed: 50" in said
    place.sheet("patients.tsv", [*PATIENTS, "death"], rows)
    status, jobs, said = place.dry_run()
    assert status == 0, said[-3000:]
    assert set(jobs) - REPORT == EHR | {"learn_gather", "learn_apply", "learn_recalibrate"}


def test_all_problems_of_both_sheets_come_in_one_message(place):
    place.write(("labs", "t1"), **NOTHING_TO_LEARN)
    place.sheet("patients.tsv", [*PATIENTS, "colour"], [
        ["P1", "woman", "1950", "", "", "", "red"], ["P1", "female", "1950", "", "", "", ""],
        ["P2", "male", "19x0", "", "", "tomorrow", ""],
    ])  # fmt: skip
    place.sheet("samples.tsv", list(SAMPLES), [
        ["P9", "imaging", "T1", "t1", ""], ["P1", "imaging", "T1", "no_such_file", ""],
        ["P1", "imagin", "T1", "t1", ""], ["*", "imaging", "CT", "t1", ""],
        ["P2", "imaging", "T1", "t{1}", ""],
    ])  # fmt: skip
    status, _, said = place.dry_run()
    assert status == 1 and "Traceback" not in said
    for words in ("unknown column 'colour'", "sex 'woman'", "patient 'P1' again", "birth_year '19x0'",
                  "index_date 'tomorrow'", "patient 'P9'", "no_such_file", "modality 'imagin'",
                  "patient '*' for a CT file", "path 't{1}'; allowed: names without"):  # fmt: skip
        assert words in said, words
    assert said.count("problems with the input") == 1
    assert "patients.tsv:2" in said and "samples.tsv:3" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"colour": "red"}, "unknown key"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"imaging": {"grid": 3}}, "unknown key in 'imaging': 'grid'"),
        ({"mode": "apply", "bundle": None}, "mode apply without a bundle"),
        ({"mode": "apply", "bundle": "nowhere"}, "bundle = 'nowhere', where no manifest.json is"),
        ({"learn": {"tasks": [{"name": "t", "type": "survival"}]}}, "has no 'time'"),
        ({"learn": {"tasks": [{"name": "t", "type": "regression", "outcome": "weight"}]}}, "weight"),
        ({"samples": "nowhere.tsv"}, "no such file"),
        ({"results": "of {cohort}"}, "results = 'of {cohort}'; allowed: names without { and }"),
        ({"genomics": {"clinvar": "no.vcf"}}, "genomics.clinvar = 'no.vcf', which does not exist"),
    ],
)
def test_a_wrong_setting_is_named(place, settings, words):
    place.write(("labs",), **{**NOTHING_TO_LEARN, **settings})
    status, _, said = place.dry_run()
    assert status == 1 and "Traceback" not in said
    assert words in said
