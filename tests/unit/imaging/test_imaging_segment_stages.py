"""Store, training, prediction and collection on small simulated images: the network finds what was planted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.store import read_facts, read_table
from consilium.imaging import stages
from consilium.imaging.segment import collect, folds, model, part, pieces, store, train
from consilium.imaging.segment.grid import Grid
from safetensors.numpy import load_file

PATIENTS, SIDE = 14, 32


def cohort(folder: Path) -> None:
    """Patients with a bright ball in noise, the last two without a mask, one of them excluded by QC."""
    people, samples, entries = ["patient\tsex\tfamily"], ["patient\tmodality\tkind\tpath\ttaken_on"], []
    for i in range(PATIENTS):
        name, random = f"P{i:02d}", np.random.default_rng(i)
        people.append(f"{name}\tfemale\t{'F1' if i < 3 else ''}")
        centre = random.uniform((10, 10, 2), (SIDE - 10, SIDE - 10, 5))
        where = np.indices((SIDE, SIDE, 8)).transpose(1, 2, 3, 0) * (1, 1, 2)
        ball = np.linalg.norm(where - centre * (1, 1, 2), axis=-1) < random.uniform(4, 7)
        values = random.normal(100, 10, ball.shape) + 45 * ball
        process = folder / "patients" / name / "imaging"
        for kind, array in (("FLAIR", values.astype(np.float32)), ("mask", ball.astype(np.uint8))):
            if kind == "mask" and i >= PATIENTS - 2:
                continue
            path = folder / f"{name}_{kind}.nii.gz"
            nib.save(nib.Nifti1Image(array, np.diag([2.5, 2.5, 5.0, 1.0])), path)
            samples.append(f"{name}\timaging\t{kind}\t{path}\t")
            verdict = {"verdict": "exclude" if i == PATIENTS - 1 else "keep", "reason": "dark", "registration": None}
            (process / kind).mkdir(parents=True)
            (process / kind / "qc.json").write_text(json.dumps(verdict))
        entries.append({"patient": name, "folder": str(process), "status": "done", "problems": []})
    (folder / "patients.tsv").write_text("\n".join(people) + "\n")
    (folder / "samples.tsv").write_text("\n".join(samples) + "\n")
    (folder / "manifest.json").write_text(json.dumps({"patients": entries}))


def stored(folder: Path) -> Path:
    out = (folder / name for name in ("images.npy", "masks.npy", "store.json"))
    sheets = (folder / "samples.tsv", folder / "patients.tsv")
    stages.segment_store(*sheets, [folder / "manifest.json"], *out, pixels=SIDE, folds=2)
    return folder / "store.json"


def test_the_store_holds_every_usable_image_and_mask(tmp_path: Path) -> None:
    cohort(tmp_path)
    facts = read_facts(stored(tmp_path))
    assert len(facts["patients"]) == PATIENTS - 1 and facts["skipped"] == {"P13": "excluded by QC: dark"}
    folds = {e["patient"]: e["fold"] for e in facts["patients"]}
    assert folds["P00"] == folds["P01"] == folds["P02"] and folds["P12"] == -1
    images, masks = np.load(tmp_path / "images.npy"), np.load(tmp_path / "masks.npy")
    assert images.shape == masks.shape == ((PATIENTS - 1) * 8, SIDE, SIDE) and images.dtype == np.float16
    third = facts["patients"][3]
    given = nib.load(tmp_path / "P03_mask.nii.gz").get_fdata()
    np.testing.assert_array_equal(masks[third["first"] : third["last"]], given.T)
    first = (tmp_path / "images.npy").read_bytes()
    stored(tmp_path)
    assert (tmp_path / "images.npy").read_bytes() == first


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no model at all")
    with pytest.raises(InputError, match=r"x\.safetensors"):
        model.about(tmp_path / "x.safetensors")


def network(file: Path, weight: float, tuning_dice: np.ndarray, **settings: float) -> Path:
    """A file of one network of a single weight."""
    import torch

    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(net.weight, weight)
    notes = {"seed": int(weight), "n_tuning": 2, "tuning_dice": tuning_dice.tolist()}
    own = replace(train.Settings(), **{"seed": int(weight), **settings})
    model.save(file, model.Model((net,), "FLAIR", Grid(SIDE, 2.5), own, pieces.Rule(), (notes,)))
    return file


def test_networks_are_joined_with_a_rule_for_all(tmp_path: Path) -> None:
    tables = np.zeros((3, 6, 6))
    tables[0, 1, 2], tables[1, 1, 2], tables[1, 5, 5] = 0.9, 0.6, 0.8
    one, two = (network(tmp_path / f"{i}.safetensors", i, tables[i]) for i in (0, 1))
    stages.segment_join([one, two], tmp_path / "both.safetensors")
    facts = model.about(tmp_path / "both.safetensors")
    assert facts["rule"] == {"threshold": 0.4, "smallest_ml": 0.5} and [n["seed"] for n in facts["notes"]] == [0, 1]
    three = network(tmp_path / "2.safetensors", 2, tables[2])
    stages.segment_join([tmp_path / "both.safetensors", three], tmp_path / "all.safetensors")
    weights = load_file(tmp_path / "all.safetensors")
    assert {k: v.item() for k, v in weights.items()} == {"0.weight": 0.0, "1.weight": 1.0, "2.weight": 2.0}
    other = network(tmp_path / "3.safetensors", 3, tables[2], augmentation=1.0)
    with pytest.raises(InputError, match="one configuration"):
        stages.segment_join([one, other], tmp_path / "both.safetensors")


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    file = network(tmp_path / "x.safetensors", 1, np.zeros((6, 6)))
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"x\.safetensors"):
        model.join([file], tmp_path / "y.safetensors")


def test_tuning_patients_are_learned_from_once_the_rule_is_chosen_and_judged_ones_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from consilium.imaging.segment.net import build

    taught, asked = [], []

    def fit(opened: object, patients: list[str], settings: train.Settings, say: object, start: object = None):  # type: ignore[no-untyped-def]
        taught.append((patients, settings, start))
        return build(settings.shape).eval(), [float(len(taught))]

    def tuned(opened: object, entries: list[store.Entry], net: object, *more: object) -> np.ndarray:
        asked.append(([e.patient for e in entries], net, len(taught)))
        return np.eye(6)

    monkeypatch.setattr(train, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(train, "fit", fit)
    monkeypatch.setattr(part, "_tuned", tuned)
    cohort(tmp_path)
    opened = store.load(stored(tmp_path))
    made = part.fit(opened, "0", 0, train.Settings(width=4, epochs=10), print)
    groups = {e.patient: e.group for e in opened.trainable if e.fold != 0}
    learning, tuning = folds.tuning(groups, 0, "0")
    (first, own, none), (again, more, start) = taught
    assert (first, none) == (learning, None) and again == sorted(groups) and set(tuning) <= set(again)
    assert not {e.patient for e in opened.trainable if e.fold == 0} & {*first, *again}
    assert asked == [(tuning, start, 1)]  # by the network that has not learned from them, before the other is trained
    assert (own.epochs, more.epochs) == (10, 5) and own.seed != more.seed
    assert len(made.nets) == 1 and made.nets[0] is not start and made.settings == own
    assert made.notes[0]["loss"] == [1.0, 2.0] and made.notes[0]["n_learning"] == len(learning)
    assert model.common_rule(made.notes) == made.rule


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_they_are_read_back(tmp_path: Path) -> None:
    cohort(tmp_path)
    store, files = stored(tmp_path), [tmp_path / f"{name}.safetensors" for name in "abc"]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        stages.segment_train(store, "0", file, width=4, patch=SIDE, batch=4, epochs=1, seed=seed)
    first, same, other = (file.read_bytes() for file in files)
    assert first == same != other
    model.join([files[0], files[2]], tmp_path / "both.safetensors")
    for file in (files[0], tmp_path / "both.safetensors"):
        model.save(tmp_path / "read.safetensors", model.load(file))
        assert (tmp_path / "read.safetensors").read_bytes() == file.read_bytes()
    member = tmp_path / "member.safetensors"
    stages.segment_train(store, "0", member, 1, width=4, patch=SIDE, batch=4, epochs=1, seed=1)
    assert model.about(member)["notes"][0]["seed"] == model.about(files[0])["notes"][0]["seed"] + 100


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [2, 3])
def test_planted_balls_are_found_by_networks_that_did_not_see_the_patient(tmp_path: Path, dimensions: int) -> None:
    cohort(tmp_path)
    store = stored(tmp_path)
    manifests = []
    for held in ("0", "1", "final"):
        file, members = tmp_path / f"{held}.safetensors", range(2 if held == "0" else 1)
        networks = [tmp_path / f"{held}_{member}.safetensors" for member in members]
        for member in members:
            stages.segment_train(store, held, networks[member], member, dimensions, width=4, patch=SIDE, depth=8,
                                 batch=4, epochs=15, seed=1)  # fmt: skip
        stages.segment_join(networks, file)
        manifests.append(tmp_path / f"{held}.json")
        stages.segment_predict(store, tmp_path / "samples.tsv", held, file, tmp_path / "patients", manifests[-1])
    out = {n: tmp_path / n for n in ("table.tsv", "records.json", "figure.png")}
    stages.segment_collect(manifests, store, tmp_path / "samples.tsv", *out.values())
    table = read_table(out["table.tsv"], "segmentation").set_index("patient")
    assert len(table) == PATIENTS - 1
    assert table["dice"].notna().sum() == PATIENTS - 2 and table["dice"].mean() > 0.8
    assert table.loc["P12", "part"] == "final" and table.loc["P12", "volume_ml"] > 0
    folder = tmp_path / "patients" / "P03" / "segmentation"
    written = nib.load(folder / "mask.nii.gz")
    assert written.get_data_dtype() == np.int8
    expert = nib.load(tmp_path / "P03_mask.nii.gz")
    np.testing.assert_allclose(written.affine, expert.affine)
    shared = (written.get_fdata() * expert.get_fdata()).sum()
    overlap = 2 * shared / (written.get_fdata().sum() + expert.get_fdata().sum())
    assert overlap == pytest.approx(table.loc["P03", "dice"], abs=1e-5)
    names = [f"P{i:02d}" for i in range(PATIENTS)]
    block = collect.blocks_of(str(out["records.json"]), names)["segmentation"]
    assert block["present"].values.tolist() == [True] * (PATIENTS - 1) + [False]
    assert block["reason"].values[-1] == "excluded by QC: dark"
