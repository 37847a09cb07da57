"""The parts of segmentation that need no network: grid, scale, store, folds, clean-up, Dice, picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from consilium.core.sheets import Sample
from consilium.imaging.segment import (
    augment,
    collect,
    fill,
    folds,
    grid,
    net,
    picture,
    pieces,
    place,
    predict,
    sampler,
    sides,
    store,
    train,
    transplant,
)
from consilium.imaging.volume import Volume
from hypothesis import given
from hypothesis import strategies as st


def image(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Volume:
    values = np.random.default_rng(0).normal(100, 20, shape).astype(np.float32)
    return Volume(values, np.diag([*spacing, 1.0]), "FLAIR", "nifti")


@pytest.mark.parametrize("shape", [(48, 48, 5), (41, 56, 3), (56, 41, 3)])
def test_pixels_of_the_right_size_are_taken_as_they_are(shape: tuple[int, int, int]) -> None:
    volume = image(shape, (2.5, 2.51, 6.0))
    there = grid.Grid(48, 2.5)
    taken = there.take(volume.voxels, volume.affine, -1.0)
    assert taken.shape == (shape[2], 48, 48)
    assert np.isin(taken.round(3), np.append(volume.voxels.round(3), np.float32(-1))).all()
    back = there.put_back(taken, shape, volume.affine)
    reached = there.put_back(np.ones_like(taken), shape, volume.affine) > 0.5
    assert reached.sum() == shape[2] * min(shape[0], 48) * min(shape[1], 48)
    np.testing.assert_allclose(back[reached], volume.voxels[reached], atol=1e-3)


def test_other_pixel_sizes_are_resampled_about_the_centre() -> None:
    volume = image((120, 100, 4), (1.0, 1.0, 5.0))
    volume.voxels[:] = 0
    volume.voxels[50:70, 40:60] = 1  # 20 mm square about the centre
    taken = grid.Grid(32, 4.0).take(volume.voxels, volume.affine, 0.0)
    assert taken[0].sum() * 16 == pytest.approx(400, rel=0.05)
    rows, columns = np.nonzero(taken[0] > 0.1)
    assert rows.mean() == pytest.approx(15.5, abs=0.6) and columns.mean() == pytest.approx(15.5, abs=0.6)


def head(shape: tuple[int, int, int], scalp: float) -> np.ndarray:
    """Values 100 +- 20 within an ellipse of 60 x 50 mm half axes (1 mm), 8 mm of `scalp` around it, else 0."""
    rows, columns = np.indices(shape[:2]) - np.array(shape[:2]).reshape(2, 1, 1) / 2
    brain, whole = (np.hypot(rows / (60 + more), columns / (50 + more)) < 1 for more in (0, 8))
    values = np.where(brain[..., None], image(shape, (1.0, 1.0, 5.0)).voxels, scalp)
    return np.where(whole[..., None], values, 0).astype(np.float32)


def test_scale_sees_the_brain_and_neither_gain_nor_scalp() -> None:
    dark, bright = head((160, 140, 3), 150.0), head((160, 140, 3), 400.0)
    np.testing.assert_allclose(grid.scaled(dark, "FLAIR", 1.0), grid.scaled(dark * 7, "FLAIR", 1.0), atol=1e-4)
    middle = (slice(60, 100), slice(50, 90))
    for voxels in (dark, bright):
        brain = grid.scaled(voxels, "FLAIR", 1.0)[middle]
        assert abs(brain.mean()) < 0.05 and brain.std() == pytest.approx(1, abs=0.05)
    wide = grid.deep(np.kron(dark, np.ones((2, 2, 1))), 0.5)
    assert wide.sum() / 4 == pytest.approx(grid.deep(dark, 1.0).sum(), rel=0.05)  # a depth in mm, not in pixels
    holed = dark.copy()
    holed[75:85, 65:75] = 0  # a dark ventricle is no air outside
    assert grid.deep(holed, 1.0).sum() == grid.deep(dark, 1.0).sum() - 300


def test_scale_without_a_deep_inside_or_any_spread_and_of_ct() -> None:
    small = image((20, 20, 4), (1.0, 1.0, 1.0)).voxels
    small[:5] = 0  # air
    assert abs(grid.scaled(small, "FLAIR", 1.0)[5:].mean()) < 0.05
    assert np.isfinite(grid.scaled(np.full((8, 8, 2), 5.0, dtype=np.float32), "FLAIR", 1.0)).all()
    air, water = grid.scaled(np.array([[[-1000.0, 0.0, np.nan]]], dtype=np.float32), "CT", 1.0)[0, 0, :2]
    assert (air, water) == pytest.approx((-1.4, 0.6))


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.sampled_from("ABCDEFGHIJ"), min_size=5),
       st.integers(2, 5), st.integers(0, 3))  # fmt: skip
def test_folds_never_part_a_group_and_do_not_depend_on_order(groups: dict[str, str], number: int, seed: int) -> None:
    found = folds.assign(groups, number, seed)
    assert set(found) == set(groups)
    assert all(found[a] == found[b] for a in groups for b in groups if groups[a] == groups[b])
    assert found == folds.assign(dict(reversed(groups.items())), number, seed)
    sizes = [list(found.values()).count(f) for f in range(number)]
    assert max(sizes) - min(sizes) <= max(list(groups.values()).count(g) for g in groups.values())
    for member in range(3):
        learning, tuning = folds.tuning(groups, seed, "0", member)
        assert sorted(learning + tuning) == sorted(groups)
        assert not {groups[p] for p in learning} & {groups[p] for p in tuning}


def test_each_network_has_tuning_patients_of_its_own_until_everybody_was_one() -> None:
    groups = {f"P{i:02d}": f"P{i:02d}" for i in range(59)}
    tuned = [folds.tuning(groups, 0, "3", member)[1] for member in range(9)]
    assert all(len(t) == 7 for t in tuned)
    assert len(set().union(*tuned[:8])) == 56
    assert set().union(*tuned) == set(groups)  # the ninth: three that are left and four for the second time
    # What the first network of a fold leaves out is what networks: 1 has always left out.
    assert tuned[0] == ["P07", "P09", "P18", "P20", "P31", "P48", "P52"]


def test_another_seed_gives_other_folds() -> None:
    groups = {f"P{i}": f"P{i}" for i in range(40)}
    assert folds.assign(groups, 5, 0) != folds.assign(groups, 5, 1)


def test_dice_of_known_overlaps() -> None:
    a, b = np.zeros((2, 4, 4), dtype=bool), np.zeros((2, 4, 4), dtype=bool)
    assert pieces.dice(a, b) == 1.0
    a[0, :2] = True  # 8
    assert pieces.dice(a, b) == 0.0
    b[0, 1:3] = True  # 8, 4 shared
    assert pieces.dice(a, b) == 0.5
    b[1, 0, 0] = True  # a false voxel in a slice without a lesion counts
    assert pieces.dice(a, b) == pytest.approx(8 / 17)


def test_small_pieces_go_and_the_rule_is_chosen_by_dice() -> None:
    truth = np.zeros((4, 20, 20), dtype=bool)
    truth[1:3, 4:12, 4:12] = True
    probability = np.where(truth, 0.65, 0.05)
    probability[0, 17:19, 17:19] = 0.9  # a false piece of 4 voxels
    table = pieces.reached([probability], [truth], [0.1])
    rule = pieces.best([table], [1])
    assert rule.smallest_ml == 0.5 and rule.threshold == 0.5
    assert pieces.dice(pieces.cleaned(probability, 0.1, rule), truth) == 1.0
    assert pieces.cleaned(probability, 0.1, pieces.Rule(0.5, 0.0)).sum() == truth.sum() + 4
    assert table.max() == table[2, 2] == 1.0 and table[4:, :].max() == 0  # above .65 only the false piece is left
    faint = pieces.reached([probability * 0.6], [truth], [0.1])
    assert pieces.best([faint], [1]).threshold == 0.3
    assert np.isnan(pieces.reached([], [], [])).all()


def test_the_only_lesion_is_not_dropped_for_being_smaller_than_others() -> None:
    probability = np.zeros((3, 20, 20))
    probability[1, 2:6, 2:6], probability[1, 12:14, 12:14] = 0.9, 0.9  # 16 and 4 voxels

    def voxels(voxel_ml: float) -> int:
        return int(pieces.cleaned(probability, voxel_ml, pieces.Rule(0.5, 8.0)).sum())

    assert voxels(0.1) == 16  # 1.6 ml, and .4 ml beside it
    assert voxels(3.0) == 20  # 48 and 12 ml
    assert voxels(0.03) == 0  # .48 ml: less than the least


def test_what_a_lesion_encloses_in_a_slice_is_part_of_it() -> None:
    probability = np.zeros((3, 12, 12))
    probability[1, 2:10, 2:10] = 0.9
    probability[1, 4:8, 4:8] = 0.1  # a cavity
    probability[2, 2:10, 2:9], probability[2, 4:8, 4:9] = 0.9, 0.1  # open to one side
    found = pieces.cleaned(probability, 0.1, pieces.Rule(0.5, 0.0))
    assert found[1].sum() == 64 and found[2].sum() == 56 - 20 and not found[0].any()


def test_the_rule_of_several_networks_weighs_their_tuning_patients_alike() -> None:
    low, high = np.zeros((6, 6)), np.zeros((6, 6))
    low[0, 0], low[5, 5], high[5, 5], high[0, 0] = 0.9, 0.5, 0.8, 0.6
    assert pieces.best([low, high], [1, 1]) == pieces.Rule(0.3, 0.0)  # .75 against .65
    assert pieces.best([low, high], [1, 3]) == pieces.Rule(0.8, 4.0)  # .675 against .725
    assert pieces.best([[], high], [0, 2]) == pieces.Rule(0.8, 4.0)  # a network without tuning patients
    assert pieces.best([[]], [0]) == pieces.Rule()


def test_an_array_written_by_slices_is_an_npy_file(tmp_path: Path) -> None:
    parts = [np.arange(n * 64, dtype=np.float16).reshape(n, 8, 8) for n in (3, 1, 5)]
    with open(tmp_path / "a.npy", "wb") as handle:
        stack = fill.Stack(handle, 8, "<f2")
        for part in parts:
            stack.add(part)
        stack.close()
    found = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, np.concatenate(parts))


def row(kind: str, number: int = 1) -> Sample:
    name = kind if number == 1 else f"{kind}-{number}"
    return Sample("P1", "imaging", kind, f"{name}.nii", "", name, 2)


def test_a_mask_brings_its_own_image() -> None:
    rows = [row("FLAIR"), row("FLAIR", 2), row("T1"), row("mask", 2)]
    fine = {s.sample: "" for s in rows}
    assert [s.sample if s else "" for s in fill.pair(rows, "FLAIR", fine)[:2]] == ["FLAIR-2", "mask-2"]
    assert [s.sample if s else "" for s in fill.pair(rows, "FLAIR", fine | {"FLAIR-2": "excluded"})[:2]] == [
        "FLAIR",
        "",
    ]
    assert fill.pair(rows, "FLAIR", fine | {"FLAIR": "dark", "FLAIR-2": "dark"}) == (None, None, "dark")
    assert fill.pair(rows, "CT", fine) == (None, None, "not supplied")


def test_parts_judge_everybody_once() -> None:
    entries = [store.Entry(f"P{i}", f"P{i}", i % 3 if i < 6 else -1, 0, 1, 5.0, "FLAIR", "mask" if i < 6 else "")
               for i in range(8)]  # fmt: skip
    judged = [e.patient for part in ("0", "1", "2", "final") for e in store.judged(entries, part)]
    assert sorted(judged) == [e.patient for e in entries]
    assert len(store.judged(entries, "given")) == 8


def test_neighbours_lie_about_six_mm_apart() -> None:
    assert net.neighbours(4, 6.0).tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]
    assert net.neighbours(9, 2.0)[4].tolist() == [1, 4, 7]
    assert net.neighbours(3, 20.0)[1].tolist() == [0, 1, 2]


def test_the_other_side_of_a_head_that_lies_off_the_middle() -> None:
    import torch

    stack = np.full((2, 9, 20), -3.0, dtype=np.float32)
    stack[:, :, 4:15] = 0  # tissue from column 4 to 14: its middle is 9
    stack[1, 3:6, 5:8] = 2  # a lesion on one side
    assert place.extent(stack).column == 9.0 and place.extent(stack * 0 - 3).column == 9.5
    found = sides.exchanged(torch.from_numpy(stack), torch.full((2,), 9.0)).numpy()
    assert found[1].argmax() == 4 * 20 + 12 and found[1, 4, 12] == 2 and found[1, 4, 6] == 0
    np.testing.assert_allclose(found[0, 4, 5:14], 0, atol=1e-6)
    assert (found[0, 4, 16:] == -3).all()


def test_the_place_follows_the_tissue_and_not_the_field_of_view() -> None:
    stack = np.full((12, 16, 16), -3.0, dtype=np.float32)
    stack[2:9, 4:9, 6:13] = 0  # rows 4 to 8, columns 6 to 12
    stack[9, 6, 8] = 0  # a speck above the head is none of it
    of = place.extent(stack)
    assert (of.first, of.last, of.column) == (2, 8, pytest.approx(9, abs=0.01))
    assert [of.height(at) for at in (2, 5, 8)] == [-1, 0, 1] and of.slice_at(of.height(7)) == 7
    height, aside, row = place.channels([of], [5], 16)[0].numpy()
    assert (height == 0).all() and aside[0, 9] == pytest.approx(-1, abs=0.01)
    assert aside[3, 5] == pytest.approx(aside[3, 13], abs=0.01) == pytest.approx(0, abs=0.01)  # 4 pixels: a quarter
    assert row[6, 0] == pytest.approx(0, abs=0.01) and row[10, 15] == pytest.approx(1, abs=0.01)
    shifted = place.extent(np.roll(stack, (1, 2, 3), (0, 1, 2)))
    assert (shifted.first, shifted.last) == (3, 9) and shifted.column == pytest.approx(of.column + 3)


@given(st.integers(0, 2**32 - 1))
def test_what_is_moved_of_a_lesion_lies_about_it(seed: int) -> None:
    mask = np.zeros((1, 30, 30), dtype=bool)
    mask[0, 8:19, 5:16] = True  # 11 x 11: 6 deep
    taken = transplant.region(mask, np.random.default_rng(seed))
    assert taken[0, 13, 10]  # the middle
    if (taken & ~mask).any():
        assert (mask & ~taken).sum() == 0 and not taken[0, :1].any() and not taken[0, 26:].any()


def two_heads() -> store.Store:
    """A head with a lesion (value 3) on the left and one without; all else 0 and 1, air -3."""
    images = np.full((20, 32, 32), -3.0, dtype=np.float16)
    images[:10, 6:26, 6:26], images[10:, 4:28, 4:28] = 0, 1
    masks = np.zeros((20, 32, 32), dtype=np.uint8)
    images[4:7, 12:19, 8:13], masks[4:7, 12:19, 8:13] = 3, 1
    entries = tuple(store.Entry(f"P{i}", f"P{i}", i, 10 * i, 10 * i + 10, 6.0, "FLAIR", "mask") for i in range(2))
    return store.Store(images, masks, entries, {})


def test_a_lesion_is_put_into_another_head_with_its_outline() -> None:
    import torch

    opened = two_heads()
    patches = sampler.Patches(opened, ["P0", "P1"], net.Shape(2, 4), 32, 16, True, 0.4)
    with_lesion, without = opened.entries
    images, masks = (part.expand(40, *part.shape[1:]).clone() for part in patches.read([(with_lesion, 5)]))
    before, [[head], _] = images[0].clone(), patches.read([(without, 5)])
    patches.transplanted([(with_lesion, 5)] * 40, images, masks, np.random.default_rng(0))
    changed = [i for i in range(40) if not torch.equal(images[i], before)]
    assert 10 < len(changed) < 30  # half of them
    moved, outline = images[changed[0]], masks[changed[0]]
    assert tuple(moved.shape) == (7, 32, 32) and outline.sum() > 0
    assert bool((moved[1][outline[0] > 0] == 3).all())  # what is outlined is the lesion
    rim = 7  # no further than the lesion is deep
    assert bool((moved[:4, :, 13 + rim :] == head[:4, :, 13 + rim :]).all())  # the rest is the other's head
    assert moved[1, 4, 4] == 1 and before[1, 4, 4] == -3
    # Place says nothing of what was moved: it would give the outline away.
    np.testing.assert_allclose(moved[5:].numpy(), head[5:].numpy())
    assert moved[4].unique().numel() == 1
    plain = sampler.Patches(opened, ["P0", "P1"], net.Shape(2, 4), 32, 16, True, 0.0)
    assert not plain.transplants and not sampler.Patches(opened, ["P0"], net.Shape(2, 4), 32, 16, True, 0.4).transplants


def test_training_and_prediction_see_the_same_channels() -> None:
    import torch

    opened = two_heads()
    patches = sampler.Patches(opened, ["P0", "P1"], net.Shape(2, 4), 32, 16, False, 0.0)
    seen: list[torch.Tensor] = []

    def network(batch: torch.Tensor) -> torch.Tensor:
        seen.append(batch)
        return batch[:, :1] * 0

    stack = np.asarray(opened.of(opened.entries[0])[0])
    predict.predict([network], stack, 6.0, train.Settings(mirror=False), torch.device("cpu"))
    for at in (0, 5, 9):  # the first view is the image as it is
        np.testing.assert_allclose(
            patches.read([(opened.entries[0], at)])[0][0].numpy(), seen[0][at].numpy(), atol=1e-6
        )


def test_the_weights_that_are_kept_are_the_mean_of_the_last_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    made, steps = [], []
    build, advance = train.build, torch.optim.lr_scheduler.OneCycleLR.step

    def built(shape: net.Shape) -> torch.nn.Module:
        made.append(build(shape))
        return made[-1]

    def weights(of: torch.nn.Module) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in of.parameters()])

    def stepped(self: torch.optim.lr_scheduler.OneCycleLR, *given: int) -> None:
        advance(self, *given)
        steps.append(weights(made[0]))  # also once when it is made: before the first step

    # What `device` sets holds for the whole process: no other test is to run without denormal numbers.
    monkeypatch.setattr(train, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(train, "build", built)
    monkeypatch.setattr(torch.optim.lr_scheduler.OneCycleLR, "step", stepped)
    settings = train.Settings(width=4, patch=32, batch=4, epochs=5)  # 25 steps
    kept, losses = train.fit(two_heads(), ["P0", "P1"], settings, lambda _: None)
    assert len(steps) == 26 and len(losses) == 5 and not kept.training
    mean = steps[1]
    for one in steps[2:]:
        mean = mean + (one - mean) / (25 * train.AVERAGED)
    torch.testing.assert_close(weights(kept), mean)
    assert not torch.allclose(weights(kept), steps[-1], atol=1e-6)


def test_the_probability_is_the_mean_of_the_networks_and_of_their_views() -> None:
    import torch

    def says(logit: float) -> Callable[[torch.Tensor], torch.Tensor]:
        """A network with that logit right of the middle (column 8 on) and its negative left of it, in every view."""
        signs = torch.where(torch.arange(16) < 8, -1.0, 1.0)
        return lambda seen: (logit * signs).expand(len(seen), 1, 16, 16)

    image, settings = np.zeros((2, 16, 16), dtype=np.float32), train.Settings(mirror=False)
    one, two = (predict.predict([says(v)], image, 5.0, settings, torch.device("cpu")).probability for v in (2.0, -1.0))
    both = predict.predict([says(2.0), says(-1.0)], image, 5.0, settings, torch.device("cpu"))
    middle = (slice(None), 8, slice(10, 14))  # turning leaves it on its side
    np.testing.assert_allclose(one[middle], 1 / (1 + np.exp(-2)), atol=1e-3)
    np.testing.assert_allclose(both.probability, (one + two) / 2, atol=1e-6)
    p = (1 / (1 + np.exp(-2)) + 1 / (1 + np.exp(1))) / 2
    np.testing.assert_allclose(both.entropy[middle], -p * np.log2(p) - (1 - p) * np.log2(1 - p), atol=1e-3)


def test_strength_scales_what_augmentation_changes() -> None:
    import torch

    images = torch.linspace(-2, 2, 64).reshape(1, 1, 8, 8).expand(16, 1, 8, 8)

    def changed(strength: float) -> tuple[float, float, float]:
        generator = torch.Generator().manual_seed(0)
        moves = augment.draw(torch.zeros(16, 2), 0.5, False, strength, generator)
        new = augment.recoloured(images, grid.CLIP, strength, generator)
        return float(moves.angle.abs().max()), float(moves.scale.log().abs().max()), float((new - images).abs().mean())

    assert changed(0) == pytest.approx((0, 0, 0), abs=1e-5)
    half, whole = changed(0.5), changed(1)
    assert half[:2] == pytest.approx([w / 2 for w in whole[:2]]) and 0 < half[2] < whole[2]


def test_patients_without_a_prediction_keep_their_reason() -> None:
    facts = {"features": {"volume_ml": {"value": 2.0, "unit": "ml"}, "ratio_mean": {"value": None, "unit": ""}}}
    kept = collect.records({"P1": (Path(), facts)}, {"patients": [{"patient": "P1"}, {"patient": "P3"}],
                                                    "skipped": {"P2": "excluded by QC: dark"}})  # fmt: skip
    block = collect.block(kept, ["P1", "P2", "P3", "P4"])
    assert block is not None
    assert block["reason"].values.tolist() == [
        "", "excluded by QC: dark", "prediction failed, see the quarantine list", "not supplied"
    ]  # fmt: skip
    assert block["values"].values[0, 0] == 2.0 and np.isnan(block["values"].values[1:]).all()
    assert collect.block({}, ["P1"]) is None


def test_best_median_and_worst_are_shown() -> None:
    def of(dice: float | None) -> tuple[Path, dict[str, float | None]]:
        return Path(), {"dice": dice}

    done = {f"P{i}": of(d) for i, d in enumerate((0.9, 0.1, 0.5, None, 0.8))}
    assert [p for _, p in collect.shown(done)] == ["P0", "P4", "P1"]
    assert collect.shown({"P1": of(None)}) == [] and len(collect.shown({"P1": of(0.5)})) == 1


def test_a_picture_has_the_same_bytes_twice(tmp_path: Path) -> None:
    volume = image((30, 30, 4), (2.0, 2.0, 5.0))
    found, expert = np.zeros((30, 30, 4), dtype=bool), np.zeros((30, 30, 4), dtype=bool)
    found[5:12, 5:12, 2], expert[6:14, 6:14, 2] = True, True
    case = picture.Case("best", volume, found, expert, found.astype(np.float32))
    assert picture.slice_of(case) == 2
    for name in ("a.png", "b.png"):
        picture.draw(tmp_path / name, [case, case])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
