"""Made rows: what they keep, that they see training rows alone, and the rule that judges them."""

import json

import numpy as np
import pytest
from consilium.core.provenance import value_digest
from consilium.learn.augment import ablation, classic, files, judges, privacy, sampler, verdict
from consilium.learn.augment.export import Maker
from consilium.learn.augment.settings import ARMS, Ablation
from consilium.learn.cohort import data
from consilium.learn.models.work import Ledger, Settings
from consilium.learn.settings import Plan
from learn_cohorts import classes, cohort, mixed, numbers, series, table, volume

METHODS = [a for a in ARMS if a != "none"]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Few steps: these tests ask what a GAN sees and keeps, not how good it is."""
    from consilium.learn.augment import gan

    monkeypatch.setattr(gan, "STEPS", 2)


@pytest.fixture(scope="module")
def half():
    """40 training patients with table, series and volume, a fifth of each absent."""
    c, y = mixed(60, 3, 2.0)
    return judges.Half(c, classes(y), np.arange(40), np.arange(40, 60), 1)


def fitted(half, method, seed=1):
    return sampler.fit(method, half.inputs, half.layouts, half.mask, half.target, seed)


@pytest.mark.parametrize("method", METHODS)
def test_made_rows_have_the_classes_blocks_and_shapes_of_their_rows(half, method):
    rows = np.arange(0, 40, 2)
    inputs, mask, target = fitted(half, method).made(rows, np.random.default_rng(0))
    assert len(target) == len(mask) == len(inputs["omics/expression"])
    if method in ("classic", "mixup"):
        assert target.y.tolist() == half.target.y[rows].tolist() and (mask == half.mask[rows]).all()
    for i, (name, x) in enumerate(inputs.items()):
        assert x.shape[1:] == half.inputs[name].shape[1:] and x.dtype == np.float32 and np.isfinite(x).all()
        assert not x[~mask[:, i]].any(), "absent must stay absent"
    series_at = list(inputs).index("ehr/series")
    assert half.layouts["ehr/series"] == "series" and half.layouts["imaging/t1"] == "volume"
    assert mask[:, series_at].any() == (method != "gan"), "a GAN makes no series and must not pretend to"


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bytes_and_no_real_row_among_the_made(half, method):
    a, b = (fitted(half, method).made(np.arange(40), np.random.default_rng(5))[0] for _ in range(2))
    assert all(a[n].tobytes() == b[n].tobytes() for n in a)
    other = fitted(half, method, seed=2).made(np.arange(40), np.random.default_rng(6))[0]
    assert any(a[n].tobytes() != other[n].tobytes() for n in a)
    if method != "mixup":  # a patient may be mixed with itself
        real = half.inputs["omics/expression"][half.inputs["omics/expression"].any(axis=1)]
        assert min(np.abs(real - row).max(axis=1).min() for row in a["omics/expression"] if row.any()) > 1e-4


def test_a_held_out_patient_changes_nothing_in_the_sampler():
    """Another outcome, other values, even infinite ones, of held-out patients: the made rows keep their bytes."""
    c, y = mixed(60, 4, 2.0)
    train, held = np.arange(40), np.arange(40, 60)
    moved = [b.take(np.arange(60)) for b in c.blocks]
    for b in moved:
        b.values[held] = b.values[held] * -50 + 7
    other = cohort(*moved)
    swapped = y.copy()
    swapped[held] = 1 - swapped[held]
    out = []
    for one, outcome in ((c, y), (other, swapped)):
        h = judges.Half(one, classes(outcome), train, held, 1)
        out.append(fitted(h, "gan_classic").made(np.arange(40), np.random.default_rng(0))[0])
    assert all(out[0][n].tobytes() == out[1][n].tobytes() for n in out[0])
    changed = judges.Half(other, classes(swapped), held, train, 1)  # the test can fail: trained on them, it does
    first = fitted(changed, "gan").made(np.arange(20), np.random.default_rng(0))[0]
    second = fitted(judges.Half(c, classes(y), held, train, 1), "gan").made(np.arange(20), np.random.default_rng(0))[0]
    assert any(first[n].tobytes() != second[n].tobytes() for n in first)


def test_the_gan_learns_the_classes_of_a_plain_table(monkeypatch):
    from consilium.learn.augment import gan

    monkeypatch.setattr(gan, "STEPS", 60)
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 40)
    x = rng.normal(size=(80, 6)).astype(np.float32)
    x[:, 2] += 4 * y
    made = sampler.fit("gan", {"t": x}, {"t": "table"}, np.ones((80, 1), bool), classes(y), 1)
    rows, _, target = made.made(np.arange(80), np.random.default_rng(1))
    gap = rows["t"][target.y == 1].mean(axis=0) - rows["t"][target.y == 0].mean(axis=0)
    assert gap[2] > 1.5 and np.abs(np.delete(gap, 2)).max() < 1.2


def test_a_penalty_of_the_gradient_is_that_of_a_known_critic():
    """Critic 3 x1 + 4 x2: its gradient has norm 5 everywhere, so the mean of (norm - 1)^2 is 16."""
    import torch
    from consilium.learn.augment import gan

    class Plane(torch.nn.Module):
        def forward(self, x, told):
            return 3 * x[:, 0] + 4 * x[:, 1] + 0 * told[:, 0]

    a, b = torch.randn(7, 2), torch.randn(7, 2)
    assert float(gan._steepness(Plane(), a, b, torch.ones(7, 1), torch.rand(7))) == pytest.approx(16, abs=1e-4)


def test_interpolation_of_a_made_volume_is_linear():
    import torch
    from consilium.learn.augment import gan

    x = torch.tensor([0.0, 2.0, 4.0]).reshape(1, 1, 3, 1, 1)
    assert gan._doubled(x, 2, 5).flatten().tolist() == [0, 1, 2, 3, 4]


def test_a_turned_volume_keeps_its_middle_and_a_mixture_lies_between():
    v = np.zeros((3, 1, 9, 9, 9), dtype=np.float32)
    v[:, 0, 3:6, 3:6, 3:6] = 1
    moved = classic.changed(v, "volume", np.zeros(()), np.random.default_rng(0))
    assert (moved[:, 0, 4, 4, 4] > 0.5).all() and not np.array_equal(moved, v)
    x = np.array([[0.0, 10.0], [4.0, 20.0]], dtype=np.float32)
    out = classic.mixed(x, "table", np.array([0]), np.array([1]), np.array([0.75]))
    assert out.tolist() == [[1.0, 12.5]]
    s = np.array([[[2.0, 0.0, 1.0, 0.0]], [[6.0, 9.0, 1.0, 1.0]]], dtype=np.float32)  # values, then masks
    assert classic.mixed(s, "series", np.array([0]), np.array([1]), np.array([0.5])).tolist() == [
        [[4.0, 0.0, 1.0, 0.0]]
    ]


def test_partners_are_of_the_same_class():
    y = np.array([0, 1, 2, 0, 1, 2, 0])
    rows = np.array([6, 5, 4, 3, 2, 1, 0])
    assert (y[classic.partners(y, rows, np.random.default_rng(0))] == y[rows]).all()


def test_networks_learn_from_made_rows_and_the_ledger_says_so():
    from consilium.learn.fusion.nested import fit_all

    c, y = mixed(48, 5, 3.0)
    runs = []
    for method in ("none", "mixup"):
        ledger = Ledger()
        settings = Settings(("s",), 3, 1, (3,), baselines=False, augmentation=method)
        trained, _, facts = fit_all(c, classes(y), list(c.patients), settings, ledger)
        assert facts["augmentation"] == method
        assert ledger.patients[ledger.steps["network and its augmentation"]] == sorted(c.patients)
        runs.append(trained.nets[0].weights)
    assert any((runs[0][k] != runs[1][k]).any() for k in runs[0])
    target = numbers(np.arange(48.0))
    assert sampler.wanted("gan", {}, {}, np.zeros((48, 0), bool), target, 1) is None, "no class, no arm"


def test_the_corrected_interval():
    """Against its closed form, and R's qt(.975, 9) = 2.262157 (printed by R 4.3)."""
    d = np.array([0.02, 0.01, 0.03, 0.0, 0.02, 0.01, 0.04, -0.01, 0.02, 0.01])
    mean, low, high = verdict.corrected_interval(d)
    half = 2.262157 * np.sqrt((0.1 + 1) * d.var(ddof=1))
    assert (mean, low, high) == pytest.approx((0.015, 0.015 - half, 0.015 + half), abs=1e-7)
    assert np.isnan(verdict.corrected_interval(np.array([0.1, 0.2]))[1])


def figures(**changes):
    base = {k: np.full(10, v) for k, v in (("auc", 0.8), ("log_loss", 0.5), ("ece", 0.1))}
    splits = {f"none_{k}": v for k, v in base.items()} | {k: v + changes.get(k, 0.0) for k, v in base.items()}
    splits["auc"] = splits["auc"] + 0.001 * np.resize([1, -1], 10)
    return splits


@pytest.mark.parametrize(
    ("changes", "group", "against"),
    [
        ({"auc": 0.05}, 0.8, ""),
        ({"auc": 0.05}, 0.779, "sex female loses 0.021 AUC"),
        ({"auc": 0.05, "log_loss": 0.001}, 0.8, "log loss +0.001"),
        ({"auc": 0.05, "ece": 0.011}, 0.8, "calibration error +0.011"),
        ({"auc": 0.001}, 0.8, "the lower bound is not above 0"),
        ({"auc": -0.04}, 0.8, "the lower bound is not above 0"),
    ],
)
def test_each_condition_of_the_rule_can_reject(changes, group, against):
    row = verdict.judge("gan", "network", figures(**changes), {"sex female": (group, 0.8), "site a": (0.9, 0.8)})
    assert row["accepted"] == (against == "") and against in row["reason"]
    none = verdict.judge("none", "network", figures(), {})
    assert verdict.winner([none, row], "network") == ("gan" if row["accepted"] else "none")
    assert verdict.winner([row], "ridge") == "none"


def problem_files(tmp_path, target, c, fold):
    from consilium.core.store import write_facts
    from consilium.learn.cohort import tasks

    data.save(tmp_path / "inputs.safetensors", c)
    lines = ["patient\tgroup\tfold\trepeats", *(f"{p}\t{p}\t{f}\t" for p, f in zip(c.patients, fold, strict=True)), ""]
    (tmp_path / "folds.tsv").write_text("\n".join(lines))
    about = {
        "status": "assessed",
        "name": "t",
        "seed": 1,
        "blocks": [],
        "horizons": [],
        "target": tasks.as_facts(target),
    }
    write_facts(tmp_path / "task.json", about)
    return tmp_path / "inputs.safetensors", tmp_path / "folds.tsv", tmp_path / "task.json"


def test_the_stage_writes_a_verdict_that_no_held_out_patient_saw(tmp_path):
    c, y = mixed(48, 6, 3.0)
    have = table("omics/expression", np.random.default_rng(0).normal(size=(48, 3)) + y[:, None])
    given = problem_files(tmp_path, classes(y), cohort(have), np.arange(48) % 4)
    out = [tmp_path / n for n in ("a.json", "a.tsv", "d.tsv")]
    plan = Ablation.from_json(json.dumps({"epochs": 2, "augmentation": {"repeats": 2, "seeds": 1}}))
    files.ablate(*given, "", "1", plan, *out)
    facts = json.loads(out[0].read_text())
    held = {p for p, f in zip(c.patients, np.arange(48) % 4, strict=True) if f == 1}
    log = facts["fitted_on"]
    assert facts["n"] == 36 and len(log["steps"]) == 4 and not facts["leaks"]
    for digest, ids in log["patients"].items():
        assert value_digest(sorted(ids)) == digest and not held & set(ids) and len(ids) == 18
    assert len(out[2].read_text().splitlines()) == 1 + 2 * 2 * len(ARMS) * 2
    assert facts["chosen"] in ARMS and {a["arm"] for a in facts["arms"]} == set(ARMS)
    first = [p.read_bytes() for p in out]
    files.ablate(*given, "", "1", plan, *out)
    assert [p.read_bytes() for p in out] == first
    auto = Plan.from_json('{"augmentation": {"method": "auto"}}')
    assert auto.decided("").augmentation == "none"
    facts["chosen"] = "mixup"
    out[0].write_text(json.dumps(facts))
    assert auto.decided(str(out[0])).augmentation == "mixup"
    assert Plan.from_json('{"augmentation": {"method": "gan"}}').decided(str(out[0])).augmentation == "gan"


def test_halves_without_a_shared_block_are_not_assessed(tmp_path):
    y = np.resize([0, 1], 48)
    few = table("omics/expression", np.random.default_rng(0).normal(size=(48, 3)), np.arange(48) < 20)
    given = problem_files(tmp_path, classes(y), cohort(few), np.arange(48) % 4)
    out = [tmp_path / n for n in ("a.json", "a.tsv", "d.tsv")]
    files.ablate(*given, "", "all", Ablation(), *out)
    facts = json.loads(out[0].read_text())
    assert facts["status"] == "not assessed" and "share a feature block" in facts["reason"]


def test_other_outcomes_are_not_assessed(tmp_path):
    c, _ = mixed(30, 7, 0.0)
    given = problem_files(tmp_path, numbers(np.arange(30.0)), c, np.arange(30) % 3)
    out = [tmp_path / n for n in ("a.json", "a.tsv", "d.tsv")]
    files.ablate(*given, "", "all", Ablation(), *out)
    files.synthesise(*given, 10, tmp_path / "s.json", tmp_path / "s.tsv")
    for name in ("a.json", "s.json"):
        facts = json.loads((tmp_path / name).read_text())
        assert facts["status"] == "not assessed" and "classification" in facts["reason"]
    assert (tmp_path / "s.tsv").read_text() == "patient\toutcome\n"


def test_subgroups_are_known_large_and_not_everybody():
    y = np.resize([0, 1], 60)
    sheet = table("sheet/demographics", np.stack([np.full(60, 50.0), np.arange(60) < 40], axis=1))
    sheet = sheet.__class__(**{**sheet.__dict__, "features": ("age", "female")})
    c = cohort(sheet, sites=["a"] * 60)
    groups, small = ablation.subgroups(c, classes(y), dict.fromkeys(c.patients[:30], "EUR"))
    assert {g: len(r) for g, r in groups.items()} == {"sex female": 40, "sex male": 20, "ancestry EUR": 30}
    few = ablation.subgroups(c, classes(np.arange(60) < 3), {})
    assert not few[0] and small == []


def privacy_cohort(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 4))
    x[:, 3] = rng.integers(0, 3, 60)
    x[rng.random(60) < 0.2, 1] = np.nan
    return cohort(table("omics/small", x), series("ehr/s", rng.normal(size=(60, 3, 2))),
                  volume("imaging/t1", rng.normal(size=(60, 4, 4, 4)))), classes(np.resize([0, 1], 60))  # fmt: skip


def test_synthetic_rows_come_back_in_the_features_units():
    c, target = privacy_cohort()
    maker = Maker(c, target, 1)
    (block,), outcome = maker.made(100)
    assert block.name == "omics/small" and block.values.shape == (100, 4) and len(outcome) == 100
    assert set(np.unique(block.values[:, 3])) <= {0.0, 1.0, 2.0}, "a feature of few values keeps to them"
    real = maker.blocks[0]
    again = maker.designs[0].matrix(real)
    assert np.allclose(maker.seen([real]), again)


def test_the_privacy_check_refuses_copies_and_lets_strangers_pass():
    rng = np.random.default_rng(1)
    real, strangers = rng.normal(size=(80, 5)), rng.normal(size=(80, 5)) * 1.3
    own = float(np.median(privacy.nearest(real, real, same=True)))
    copies = float(np.median(privacy.nearest(real + 0.01, real)))
    apart = float(np.median(privacy.nearest(strangers, real)))
    assert copies < own < apart
    told = lambda d, a: privacy.verdict({"synthetic_to_patient": d, "patient_to_patient": own}, a)  # noqa: E731
    assert told(apart, [0.5, 0.55])["passed"]
    assert "nearer to a patient" in told(copies, [0.5, 0.5])["reason"]
    refused = told(apart, [0.6, 0.56])
    assert not refused["passed"] and "AUC 0.580" in refused["reason"]


def test_a_generator_that_copies_its_patients_is_found_out(tmp_path, monkeypatch):
    """The attack must see a leak: rows of the training half with little noise, in place of a GAN's."""
    c, target = privacy_cohort()
    c = cohort(c.block("omics/small"))

    def copying(self, number):
        rows = np.arange(number) % len(self.target)
        return [b.take(rows) for b in self.blocks], self.target.take(rows)

    monkeypatch.setattr(Maker, "made", copying)
    given = problem_files(tmp_path, target, c, np.arange(60) % 3)
    files.synthesise(*given, 60, tmp_path / "s.json", tmp_path / "s.tsv")
    facts = json.loads((tmp_path / "s.json").read_text())
    assert facts["status"] == "refused" and facts["membership_auc"] > 0.95
    assert "nearer to a patient" in facts["reason"] and (tmp_path / "s.tsv").read_text() == "patient\toutcome\n"
