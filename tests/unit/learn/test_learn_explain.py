"""Explanations: exact shares, Tree-SHAP, back-projection, integrated gradients, windows, and gates that can fail."""

import json
from dataclasses import replace

import numpy as np
import pytest
from consilium.learn import train
from consilium.learn.cohort import folds
from consilium.learn.explain import attribution, gates, gradients, importance, pieces, refits, verdict, windows
from consilium.learn.models import boosting, linear, preproc
from consilium.learn.settings import Plan
from learn_cohorts import classes, cohort, mixed, numbers, series, table, volume

QUICK = Plan(inner_folds=3, network_seeds=0)
NOTHING = {"rows": [], "blocks": [], "importance": [], "why": ""}


def block_model(block, target, trees=False):
    design = preproc.fit(block)
    x = design.matrix(block)
    from consilium.learn.fusion.model import BlockModel

    fitted = linear.averaged(linear.fit(x, target, linear.SMALL_GRID), np.array([0.6, 0.4]))
    mix = {"elastic_net": 0.5, "lightgbm": 0.5} if trees else {"elastic_net": 1.0}
    return BlockModel(block.name, design, fitted, boosting.fit(x, target, 1) if trees else None, mix)


@pytest.mark.parametrize("kind", ["two", "three", "numbers"])
def test_shares_of_linear_models_and_trees_add_up_to_what_the_block_says(kind):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 6))
    values[rng.random(values.shape) < 0.1] = np.nan
    y = np.nan_to_num(values[:, 0]) + 0.5 * np.nan_to_num(values[:, 1]) * np.nan_to_num(values[:, 2])
    target = numbers(y) if kind == "numbers" else classes(np.digitize(y, [0.0] if kind == "two" else [-0.5, 0.5]),
                                                          2 if kind == "two" else 3)  # fmt: skip
    block = table("omics/expression", values)
    model = block_model(block, target, trees=True)
    found = pieces.of(model.design, block, block)
    for k in range(target.width):
        shared = attribution.shares(model, found, np.full(80, k))
        np.testing.assert_allclose(shared.phi.sum(axis=1) + shared.constant, model.evidence(block)[:, k], atol=1e-7)
    assert np.abs(shared.phi).sum(axis=0).argmax() == 0


@pytest.mark.slow
def test_contributions_that_do_not_add_up_are_withheld(monkeypatch):
    p, _ = planted(1.5)
    exact = attribution.shares

    def broken(*asked):
        found = exact(*asked)
        return attribution.Shared(1.1 * found.phi, found.constant)

    honest = train.outer_fold(p, "true", 0, QUICK)["explanations"]
    assert all(b["additive"] for b in honest["blocks"])
    monkeypatch.setattr(attribution, "shares", broken)
    found = verdict.judged([train.outer_fold(p, "true", 0, QUICK)["explanations"]], NOTHING, "", 1)
    told = {b["modality"]: b["reason"] for b in found["facts"]["blocks"]}
    assert told["omics/expression"] == "contributions do not add up to the prediction" and not found["rows"]


def test_back_projection_of_a_volume_is_exact_voxel_by_voxel():
    rng = np.random.default_rng(2)
    block = volume("imaging/t1", rng.normal(size=(40, 7, 8, 9)))
    model = block_model(block, classes(rng.integers(0, 2, 40)))
    weights = model.linear.weights[:, 1] - model.linear.weights.mean(axis=1)
    voxels = pieces.voxel_map(model.design, weights)
    z = model.design.z_scores(block)
    np.testing.assert_allclose((z * voxels).sum(axis=(1, 2, 3)), model.evidence(block)[:, 1], atol=1e-9)
    found = pieces.of(model.design, block, block)
    boxed = attribution.shares(model, found, np.ones(40, dtype=int)).phi
    code, names = pieces.boxes((7, 8, 9))
    expected = [np.bincount(code.ravel(), (z[i] * voxels).ravel(), len(names)) for i in range(40)]
    np.testing.assert_allclose(boxed, np.array(expected)[:, [names.index(n) for n in found.names]], atol=1e-9)
    empty = found.design(np.zeros_like(found.values, dtype=bool))
    assert not empty.any() and found.design(np.ones_like(found.values, dtype=bool)) == pytest.approx(found.x)


def test_percentiles_count_ties_half_and_leave_gaps_open():
    known = np.array([[1.0], [2.0], [2.0], [np.nan], [4.0]])
    got = pieces.percentiles(np.array([[2.0], [0.0], [9.0], [np.nan]]), known)
    np.testing.assert_allclose(got[:, 0], [0.5, 0.0, 1.0, np.nan])


def test_values_units_and_missing_columns_go_with_their_names():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(40, 4, 2))
    values[:20, :, 1] = np.nan
    values[::3, 0, 0] = np.nan
    block = series("ehr/series", values)
    design = preproc.fit(block)
    found = pieces.of(design, block, block)
    about = dict(zip(found.names, found.units, strict=True))
    assert about["s0 last"] == "u" and about["s0 slope"] == "u a time unit" and about["s0 count"] == "values"
    j = found.names.index("s0 max")
    np.testing.assert_allclose(found.values[:, j], np.nanmax(values[:, :, 0], axis=1), rtol=1e-6)
    gap = next(j for j, n in enumerate(found.names) if n.endswith("missing"))
    assert found.units[gap] == "1 = not measured" and found.values[:20, gap].all() and not found.values[20:, gap].any()


def test_windows_say_when_the_values_that_mattered_were_measured():
    rng = np.random.default_rng(4)
    y = np.repeat([0, 1], 30)
    values = rng.normal(size=(60, 12, 2))
    values[:, -2:, 0] += 3 * y[:, None]
    whole = cohort(series("ehr/series", values), table("omics/expression", rng.normal(size=(60, 5))))
    p = train.Problem("t", whole, [], classes(y), whole.patients, np.arange(60) % 3, (), 1)
    given = _given(p, 0)
    parts = given.trained.parts(given.held)
    found = windows.occlusion(given.trained, given.held, parts, "ehr/series", np.ones(len(parts.mask), dtype=int))
    size = [np.abs(change).mean() for _, change, _ in found]
    assert len(found) == 6 and np.argmax(size) == 5 and found[5][0] == "values from time 10 to 11"


def _given(p, fold):
    """What train hands to the explanations of one fold."""
    from consilium.learn.explain import fold as explaining

    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explaining, "explained", lambda given: kept.append(given) or {})
        train.outer_fold(p, "true", fold, QUICK)
    return kept[0]


# --- integrated gradients


def test_integrated_gradients_of_a_linear_net_are_its_weights():
    """Analytic: evidence of a linear net is x @ w, so the average gradient is w and the attribution w * x."""
    import torch
    from consilium.learn.networks.network import Net

    class Flat(torch.nn.Module):
        def forward(self, x):
            n = len(x["a"])
            logits = torch.stack([x["a"] @ torch.tensor([[1.0], [-2.0], [0.5]]), x["b"].sum((1, 2))[:, None]], dim=1)
            return logits, torch.zeros(n, 2)

    net = Net({"a": ("table", (3,)), "b": ("series", (2, 2))}, 1, {})
    rng = np.random.default_rng(5)
    inputs = {"a": rng.normal(size=(70, 3)).astype(np.float32), "b": rng.normal(size=(70, 2, 2)).astype(np.float32)}
    mask = np.ones((70, 2), dtype=bool)
    mask[3, 1] = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Net, "module", lambda self, device: Flat())
        found, miss = gradients.average_gradients(net, inputs, mask, np.zeros(70, dtype=int))
    both, alone = np.array([1.0, -2.0, 0.5]) / 2 * np.sqrt(2), np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(found["a"][0], both, rtol=1e-5)
    np.testing.assert_allclose(found["a"][3], alone, rtol=1e-5)  # the absent block has no share
    np.testing.assert_allclose(found["b"][3], 0, atol=1e-7)
    assert miss < 1e-5


@pytest.mark.slow
def test_a_shipped_network_is_explained_by_integrated_gradients_that_add_up(monkeypatch):
    whole, y = mixed(60, 6, 2.0)
    from consilium.learn.fusion import guard

    p = train.Problem("t", whole, [], classes(y), whole.patients, np.arange(60) % 3, (), 1)
    monkeypatch.setattr(guard, "choose", lambda *a: guard.Choice("network", "test", {}, None))
    found = train.outer_fold(p, "true", 0, Plan(inner_folds=3, network_seeds=2, epochs=(6,)))["explanations"]
    assert {b["explainer"] for b in found["blocks"]} == {"network, integrated gradients"}
    assert {b["modality"] for b in found["blocks"]} == {"ehr/series", "imaging/t1", "omics/expression"}
    assert all(b["additive"] for b in found["blocks"])
    assert {r["kind"] for r in found["rows"]} == {"feature", "region", "window"}


# --- gates


def test_a_map_that_ignores_the_weights_fails_e1_and_a_linear_one_passes():
    rng = np.random.default_rng(7)
    x, w = rng.normal(size=(30, 40)), rng.normal(size=40)
    honest = gates.mean_of([gates.alike(x * w, x * rng.normal(size=40)) for _ in range(20)])
    edges = gates.mean_of([gates.alike(np.abs(x), np.abs(x)) for _ in range(20)])
    assert gates.random_weights(honest)["verdict"] == "pass" and gates.random_weights(edges)["verdict"] == "fail"


def test_evidence_that_does_not_agree_with_held_out_outcomes_fails_e2():
    rng = np.random.default_rng(8)
    assert gates.permuted_outcomes(0.0, rng.normal(0.5, 1, 100), 1)["verdict"] == "pass"
    assert gates.permuted_outcomes(0.0, rng.normal(0.0, 1, 100), 1)["verdict"] == "fail"
    assert gates.permuted_outcomes(0.9, rng.normal(0.5, 1, 100), 1)["verdict"] == "fail"
    assert gates.permuted_outcomes(0.0, np.ones(3), 1)["verdict"] == "not assessed"


def test_only_an_order_that_matters_beats_random_orders():
    rng = np.random.default_rng(9)
    x, w = rng.normal(size=(40, 20)), rng.normal(size=20)

    def ask(keep):
        return (x * keep) @ w

    right = gates.order_gain(ask, x * w, np.random.default_rng(1))
    wrong = gates.order_gain(ask, rng.normal(size=x.shape), np.random.default_rng(1))
    assert gates.deletion_insertion(right, 1, 20)["verdict"] == "pass"
    assert gates.deletion_insertion(wrong, 1, 20)["verdict"] == "fail"
    assert gates.deletion_insertion(right, 1, 2)["verdict"] == "not assessed"


def test_ranks_and_their_correlation_are_scipys():
    from scipy.stats import rankdata, spearmanr

    rng = np.random.default_rng(10)
    a, b = rng.integers(0, 5, (6, 12)).astype(float), rng.normal(size=(6, 12))
    np.testing.assert_allclose(gates.ranked(a), rankdata(a, axis=1))
    np.testing.assert_allclose(gates.rank_alike(a, b), [spearmanr(p, q).statistic for p, q in zip(a, b, strict=True)])


def test_fits_to_halves_agree_on_signal_and_not_on_noise():
    """Two bootstrap samples share patients, so their fits to noise agree too: halves are what the gate asks."""
    groups, every = [str(i) for i in range(80)], np.arange(80)

    def likeness(target, x, sides):
        block = table("omics/expression", x)
        model = block_model(block, target)
        found = pieces.of(model.design, block, block)
        pair = [refits.refit(model, found.x[r], target.take(r), 1) for r in sides] if sides else (
            refits.halves(model, found.x, target, groups, 1)[0])  # fmt: skip
        maps = [attribution.shares(m, found, np.ones(80, dtype=int)).phi for m in pair]
        return gates.mean_of([gates.rank_alike(*maps)])

    got = {"signal": [], "noise": [], "noise, bootstrap": []}
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(80, 40)), classes(rng.integers(0, 2, 80))
        got["signal"].append(likeness(classes((x[:, :20].sum(axis=1) > 0).astype(int)), x, None))
        got["noise"].append(likeness(noise, x, None))
        got["noise, bootstrap"].append(likeness(noise, x, [rng.choice(every, 80) for _ in range(2)]))
    signal, noise, shared = (gates.corrected(float(np.mean(v))) for v in got.values())
    assert gates.stability(signal, "halves")["verdict"] == "pass"
    assert gates.stability(noise, "halves")["verdict"] == "fail" and abs(noise) < 0.2 < 0.4 < shared
    assert gates.stability(None, "halves")["verdict"] == "fail"


def test_penalties_of_an_averaged_model_are_read_back():
    fitted = linear.averaged([linear.Linear(np.ones((2, 1)), g.name) for g in linear.GRID], np.array([0.99, 0.01]))
    grid, shares = refits.penalties(fitted)
    assert [g.name for g in grid] == [linear.GRID[0].name] and shares.tolist() == [1.0]


# --- cohort


def test_shuffling_a_group_of_columns_costs_more_than_one_that_has_a_twin():
    rng = np.random.default_rng(12)
    twin = rng.normal(size=120)
    x = np.stack([twin + 0.1 * rng.normal(size=120), twin + 0.1 * rng.normal(size=120), *rng.normal(size=(3, 120))], 1)
    y = (twin + 0.3 * rng.normal(size=120) > 0).astype(int)
    whole = cohort(table("omics/expression", x))
    p = train.Problem("t", whole, [], classes(y), whole.patients, np.arange(120) % 3, (), 1)
    found = train.outer_fold(p, "true", 0, QUICK)["explanations"]["importance"]
    leaders = importance.groups(whole.blocks[0])
    assert leaders["n1"] == "n0" and leaders["n2"] == "n2"
    ranked = importance.summary(found, 1)
    assert ranked[0]["feature"] == "n0" and ranked[0]["lower"] > 0.1 and abs(ranked[-1]["loss_added"]) < 0.1
    gone = importance.summary(
        [{"modality": "m", "losses": {"a": [1.0, 2.0]}}, {"modality": "m", "losses": {"b": [1.0]}}], 1
    )
    assert {r["feature"]: round(r["loss_added"], 3) for r in gone} == {"a": 1.0, "b": 0.333}


def planted(signal, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1], 60))
    x = rng.normal(size=(120, 8))
    x[:, 0] += signal * y
    x[:, 1] -= signal * y
    whole = cohort(table("omics/expression", x), table("ehr/summary", rng.normal(size=(120, 6))))
    p = train.Problem("t", whole, [], classes(y), whole.patients, np.arange(120) % 3, (), 1)
    results = [train.outer_fold(p, "true", k, QUICK) for k in range(3)]
    return p, results


def test_the_block_with_signal_is_printed_and_the_noise_beside_it_withheld():
    p, results = planted(1.5)
    found = verdict.judged([r["explanations"] for r in results], NOTHING, "", 1)
    status = {b["modality"]: b["status"] for b in found["facts"]["blocks"]}
    assert status == {"omics/expression": "printed", "ehr/summary": "withheld"}
    reason = next(b["reason"] for b in found["facts"]["blocks"] if b["status"] == "withheld")
    assert reason.startswith(("E2", "E4"))  # held-out outcomes, or halves
    assert {r["modality"] for r in found["rows"]} == {"omics/expression"}
    first = [r["feature"] for r in found["rows"] if r["rank"] == 1]
    assert np.mean([f in ("n0", "n1") for f in first]) > 0.9 and len(first) == 120
    steps = results[0]["fitted_on"]["steps"]
    assert any("explanation" in s for s in steps)
    held = set(results[0]["patients"])
    assert not held & {q for ids in results[0]["fitted_on"]["patients"].values() for q in ids}
    assert folds.possible_folds(p.target, p.groups, 3) == 3
    json.dumps(found)  # no numpy scalars


def test_a_model_no_better_than_chance_is_not_explained():
    _, results = planted(1.5)
    found = verdict.judged([r["explanations"] for r in results], NOTHING, "the model is no better than chance", 1)
    assert found["rows"] == [] and {b["status"] for b in found["facts"]["blocks"]} == {"withheld"}
    broken = replace(linear.Linear(np.ones((2, 1)), "x"), penalty="unknown")
    assert refits.penalties(broken)[0] == (linear.GRID[0],)
