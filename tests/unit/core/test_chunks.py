"""Chunks never change once assigned; one patient's bad file never stops the others; current work is not redone."""

from functools import partial
from pathlib import Path

import pytest
from consilium.core import chunks
from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.core.store import read_facts, write_text


def test_new_patients_open_new_chunks(tmp_path):
    kept = tmp_path / "chunks.tsv"
    first = chunks.assign(["A", "B", "C"], 2, kept)
    assert first == {"00001": ["A", "B"], "00002": ["C"]}
    chunks.keep(first, kept)
    second = chunks.assign(["A", "X", "C"], 2, kept)
    assert second == {"00001": ["A"], "00002": ["C"], "00003": ["X"]}
    chunks.keep(second, kept)
    assert chunks.assign(["B", "X"], 2, kept) == {"00001": ["B"], "00003": ["X"]}


def _task(tmp_path: Path, patient: str, content: str) -> chunks.Task:
    file = tmp_path / f"{patient}.txt"
    write_text(file, content)
    sample = Sample(patient, "text", "pathology", str(file), "", "pathology", 2)
    return chunks.Task(patient, (sample,), tmp_path / "patients" / patient / "text")


def _work(count: Path, task: chunks.Task, folder: Path) -> list[Problem]:
    with open(count, "a") as handle:
        handle.write(task.patient)
    content = Path(task.samples[0].path).read_text()
    if content == "bad":
        raise InputError(Problem(task.samples[0].path, "bad", "good", "mend", patient=task.patient))
    if content == "odd":
        raise KeyError("odd")
    (folder / "out.txt").write_text(content)
    return []


@pytest.mark.parametrize("threads", [1, 2])
def test_bad_patients_are_quarantined_and_the_rest_goes_on(tmp_path, threads):
    count, manifest = tmp_path / "count", tmp_path / "m.json"
    tasks = [_task(tmp_path, *t) for t in (("A", "good"), ("B", "bad"), ("C", "odd"), ("D", "fine"))]
    chunks.run_chunk("extract", "text", tasks, partial(_work, count), manifest, {"k": 1}, threads)
    entries = {e["patient"]: e for e in chunks.read_manifests([manifest])}
    assert [entries[p]["status"] for p in "ABCD"] == ["done", "quarantined", "quarantined", "done"]
    assert entries["B"]["problems"][0]["found"] == "bad"
    assert "KeyError" in entries["C"]["problems"][0]["found"]
    assert (tmp_path / "patients/D/text/out.txt").read_text() == "fine"


def test_unchanged_patients_are_not_computed_again(tmp_path):
    count, manifest = tmp_path / "count", tmp_path / "m.json"

    def run(settings: dict, **contents: str) -> str:
        count.write_text("")
        tasks = [_task(tmp_path, p, c) for p, c in contents.items()]
        chunks.run_chunk("extract", "text", tasks, partial(_work, count), manifest, settings)
        return count.read_text()

    assert run({"k": 1}, A="1", B="1") == "AB"
    first = read_facts(manifest)
    assert run({"k": 1}, A="1", B="1") == ""
    assert read_facts(manifest) == first
    assert run({"k": 1}, A="1", B="2") == "B"
    assert run({"k": 2}, A="1", B="2") == "AB"


def test_a_failed_run_keeps_what_was_there(tmp_path):
    task = _task(tmp_path, "A", "good")
    manifest = tmp_path / "m.json"
    chunks.run_chunk("extract", "text", [task], partial(_work, tmp_path / "count"), manifest, {})

    def interrupted(task, folder):
        (folder / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        chunks.run_chunk("extract", "text", [task], interrupted, manifest, {"k": 2})
    assert (task.folder / "out.txt").read_text() == "good" and not (task.folder / "half.txt").exists()
