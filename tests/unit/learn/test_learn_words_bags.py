"""Words and bags: what models and bundles may know of them, their encoders against plain definitions, whole fits."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from bundle_made import packed
from consilium.core.errors import InputError
from consilium.learn import stages
from consilium.learn.bundle import apply, card, export, pack
from consilium.learn.cohort import data, likeness
from consilium.learn.cohort import words as saying
from consilium.learn.explain import gradients, networked, pieces, verdict
from consilium.learn.models import preproc
from consilium.learn.networks import encoders_bag, encoders_words, network
from consilium.learn.networks.plan import NetworkPlan
from learn_cohorts import bag, classes, cohort, store, table, words
from sklearn.metrics import roc_auc_score

NOTHING = {"rows": [], "blocks": [], "importance": [], "why": ""}


def reports(y: np.ndarray, seed: int, length: int = 8) -> list[str]:
    """Everybody's report has the words `no` and `growth`: side by side where y is 0, the other way round where it is 1;
    the second report names a patient."""
    rng = np.random.default_rng(seed)
    out = []
    for k in y:
        said = [f"w{i}" for i in rng.integers(0, 25, length)]
        at = rng.integers(0, length)
        said[at:at] = ["growth", "no"] if k else ["no", "growth"]
        out.append(" ".join(said))
    out[1] += " brightwater"
    return out


def test_a_word_that_few_patients_share_is_forgotten_when_rooms_are_gathered(tmp_path):
    block = words("text/words", ["a b", "a c a", "a b", "a b", "a b", "a b", "", "d"])
    store(tmp_path / "text.zarr.zip", "text", [block], tuple("ABCDEFGH"))
    (tmp_path / "patients.tsv").write_text("patient\tsex\n" + "".join(f"{p}\tmale\n" for p in "ABCDEFGH"))

    def gathered(mode):
        groups = json.dumps({"groups": [], "age_bands": []})
        stages.gather([tmp_path / "text.zarr.zip"], tmp_path / "patients.tsv", "", groups, mode, tmp_path / mode)
        return data.load(tmp_path / mode).block("text/words")

    found, everything = gathered("train"), gathered("apply")
    assert found.features == ("a", "b")
    np.testing.assert_array_equal(found.values[1, :4], [0, -1, 0, np.nan])
    assert found.reasons[6:] == ("not supplied", saying.NOTHING) and not found.present[6:].any()
    assert everything.features == tuple("abcd") and everything.present[7]


def test_a_design_knows_words_of_five_training_patients_alone_and_says_where_they_stand():
    block = words("text/words", ["a b x", "a", "b a", "a y", "b a", "b", "b"])
    design = preproc.fit(block.take(np.arange(6)))
    assert design.names == ("a",)  # b is said by four of the six
    other = saying.under(block, ["z", "b", "a", "x", "y"])
    codes = design.network_input(block)
    assert codes[2].tolist() == [1, 2, *[0] * 10] and codes[0].tolist()[:4] == [2, 1, 1, 0]
    moved = preproc.Design(
        "words", design.names, design.arrays | {"vocabulary": np.array([2]), "columns": np.array([2])}
    )
    np.testing.assert_array_equal(moved.network_input(other), codes)
    np.testing.assert_array_equal(moved.matrix(other), design.matrix(block))


def test_a_bag_in_numbers():
    values = np.array([[[1.0, np.nan], [3.0, 4.0], [np.nan, np.nan]], [[np.nan] * 2] * 3, [[2.0, 1.0]] * 3])
    block = bag("omics/cells", values, np.array([True, False, True]))
    raw, names = preproc.raw_table(block)
    assert names == [f"s{i} {s}" for s in preproc.SPREAD for i in range(2)] + ["instances"]
    np.testing.assert_allclose(raw[0], [2, 4, 1, 0, 1, 4, 3, 4, 2])
    np.testing.assert_allclose(raw[2], [2, 1, 0, 0, 2, 1, 2, 1, 3])
    assert np.isnan(raw[1]).all()


def test_shares_of_attention_are_those_of_the_paper_and_order_and_empty_places_mean_nothing():
    torch.manual_seed(0)
    pool = encoders_bag.AttentionPool(4)
    h, there = torch.randn(2, 5, 4), torch.tensor([[True] * 5, [True, True, False, False, False]])
    score = (torch.tanh(pool.what(h)) * torch.sigmoid(pool.gate(h))) @ pool.score.weight[0] + pool.score.bias
    for row, n in ((0, 5), (1, 2)):
        share = torch.exp(score[row, :n]) / torch.exp(score[row, :n]).sum()
        torch.testing.assert_close(pool(h, there)[row], share @ h[row, :n])
    model = encoders_bag.MIL(6).eval()
    x = torch.cat([torch.randn(3, 5, 3), torch.ones(3, 5, 3)], 2)
    longer = torch.cat([x[:, torch.tensor([3, 1, 0, 4, 2])], torch.zeros(3, 4, 6)], 1)
    torch.testing.assert_close(model(longer), model(x))


@pytest.mark.parametrize("kind", [encoders_words.WordTransformer, encoders_words.WordMean])
def test_words_are_read_as_far_as_they_go_whoever_else_is_asked(kind):
    torch.manual_seed(0)
    model = kind().eval()
    x = torch.tensor([[4.0, 5, 6, 0, 0, 0, 0], [7.0, 4, 5, 6, 9, 8, 0]])
    torch.testing.assert_close(model(x)[:1], model(x[:1]))
    turned = model(x[:1, [1, 0, 2]])
    assert torch.allclose(turned, model(x[:1])) == (kind is encoders_words.WordMean)


@pytest.mark.parametrize("shuffled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_order_of_two_words_is_learnt_out_of_fold_and_nothing_from_shuffled_outcomes(shuffled):
    rng = np.random.default_rng(1)
    y = rng.permutation(np.arange(260) % 2)
    block = words("text/words", reports(y, 2))
    seen = rng.permutation(y[:180]) if shuffled else y[:180]
    design = preproc.fit(block.take(np.arange(180)))
    x = design.network_input(block)
    net = network.fit({"t": x[:180]}, {"t": "words"}, np.ones((180, 1), bool), classes(seen), 14, 1)
    logits, _ = net.outputs({"t": x[180:]})
    found = roc_auc_score(y[180:], logits[:, 0, 1] - logits[:, 0, 0])
    assert (0.3 < found < 0.7) if shuffled else found > 0.9


@pytest.mark.parametrize("shuffled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_one_cell_that_has_two_marks_at_once_is_found_by_attention(shuffled):
    """Everybody has cells with either mark: means and extremes of the features say nothing."""
    rng = np.random.default_rng(1)
    y = rng.permutation(np.arange(320) % 2)
    cells = rng.normal(size=(320, 12, 4))
    cells[:, :2, :2] = 3 * np.where(y[:, None, None], np.array([[1, 1], [0, 0]]), np.eye(2)) + 0.3 * cells[:, :2, :2]
    block = bag("omics/cells", cells)
    x = preproc.fit(block.take(np.arange(240))).network_input(block)
    seen = rng.permutation(y[:240]) if shuffled else y[:240]
    net = network.fit({"c": x[:240]}, {"c": "bag"}, np.ones((240, 1), bool), classes(seen), 25, 1)
    logits, _ = net.outputs({"c": x[240:]})
    found = roc_auc_score(y[240:], logits[:, 0, 1] - logits[:, 0, 0])
    assert (0.3 < found < 0.7) if shuffled else found > 0.9


@pytest.fixture(scope="module")
def fitted():
    """(problem, model, files of the bundle) of a table, words and a bag, with a network."""
    rng = np.random.default_rng(3)
    y = rng.permutation(np.arange(72) % 2)
    values = rng.normal(size=(72, 4, 3)) + 1.2 * y[:, None, None]
    text = words("text/words", [r + (" alarm" if k else " calm") for r, k in zip(reports(y, 4), y, strict=True)], 14)
    whole = cohort(table("omics/expression", rng.normal(size=(72, 5))), saying.of_many(text, saying.MIN_PATIENTS),
                   bag("omics/cells", values, rng.random(72) > 0.1))  # fmt: skip
    return packed(whole, y, epochs=3)


@pytest.mark.slow
def test_a_bundle_gives_the_same_numbers_under_another_list_of_words_and_names_nobody(fitted):
    p, model, files = fitted
    assert not [name for name, content in files.items() if b"brightwater" in content]
    again, dictionary = pack.unpack(files), json.loads(files["dictionary.json"])
    text = p.cohort.block("text/words")
    shuffled = saying.under(text, ["another", *text.features[::-1], "word"])
    blocks = tuple(shuffled if b.name == "text/words" else b for b in p.cohort.blocks)
    other, notes = apply.aligned(replace(p.cohort, blocks=blocks), dictionary, "")
    assert not notes["unknown_features"] and not notes["lacking_features"]
    np.testing.assert_allclose(again.eta(again.parts(other)), model.eta(model.parts(p.cohort)), atol=1e-9)
    np.testing.assert_allclose(again.eta(again.parts(other), "network"), model.eta(model.parts(p.cohort), "network"),
                               atol=1e-6)  # fmt: skip
    made_up = card.selftest_cohort(again, dictionary)
    assert made_up.block("text/words").present[0] and len(again.predictions(made_up)) == 4
    short = replace(text, values=text.values[:, :5])
    with pytest.raises(InputError, match=r"5 words.*text\.words"):
        apply.aligned(replace(p.cohort, blocks=(short,)), dictionary, "here")
    few = replace(p.cohort.block("omics/cells"), values=p.cohort.block("omics/cells").values[:, :2])
    with pytest.raises(InputError, match=r"2 instances.*omics\.max_instances"):
        apply.aligned(replace(p.cohort, blocks=(few,)), dictionary, "here")
    with pytest.raises(InputError, match="block text/words of layout words"):
        export._can_be_told(model, "here")


@pytest.mark.slow
def test_networks_explain_bags_and_say_why_not_words(fitted):
    p, model, _ = fitted
    net, inputs = model.nets[0], {b.name: b.design.network_input(p.cohort.block(b.name)) for b in model.blocks}
    mask, target = model.parts(p.cohort).mask, np.zeros(72, dtype=int)
    found, miss = gradients.average_gradients(net, inputs, mask, target)
    assert not found["text/words"].any() and found["omics/cells"].any() and miss < 0.1
    view = networked.seen(model.blocks[0].design, p.cohort.blocks[0], p.cohort.blocks[0])
    phi = view.attributed(inputs["omics/cells"], found["omics/cells"], None)
    whole = (inputs["omics/cells"] * found["omics/cells"]).sum(axis=(1, 2))
    assert view.found.names == p.cohort.blocks[0].features
    np.testing.assert_allclose(phi.sum(axis=1), whole, atol=1e-9)
    untold = {"modality": "text/words", "explainer": networked.EXPLAINER, "pieces": 0, "why": networked.CODES["words"]}
    judged = verdict.judged([NOTHING | {"blocks": [untold]}], NOTHING, "", 1)["facts"]["blocks"]
    assert (judged[0]["status"], judged[0]["reason"]) == ("withheld", networked.CODES["words"])


@pytest.mark.slow
def test_words_of_linear_models_are_their_pieces(fitted):
    p, model, _ = fitted
    text, number = p.cohort.block("text/words"), [b.name for b in model.blocks].index("text/words")
    found = pieces.of(model.blocks[number].design, text, text)
    assert "alarm" in found.names and set(found.units) == {"1 = in the reports"}
    weight = model.blocks[number].linear.weights[found.names.index("alarm")]
    assert weight[1] > 0.1 > weight[0]


def test_copies_of_bags_are_found_whatever_the_order_of_their_cells():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 5, 8))
    values[7] = values[3][::-1]
    assert [(c.a, c.b) for c in likeness.near_copies(bag("omics/cells", values))] == [(3, 7)]


def test_made_rows_keep_words_and_move_only_cells_that_are_there():
    from consilium.learn.augment import sampler

    rng = np.random.default_rng(0)
    seen = np.repeat(np.arange(4) < 2, 3).reshape(4, 3)
    cells = np.concatenate([rng.normal(size=(20, 4, 3)) * seen, np.broadcast_to(seen, (20, 4, 3))], axis=2)
    inputs = {"c": cells.astype(np.float32), "w": rng.integers(0, 9, (20, 6)).astype(np.float32)}
    layouts, target = {"c": "bag", "w": "words"}, classes(np.arange(20) % 2)
    for method in ("classic", "mixup"):
        made = sampler.fit(method, inputs, layouts, np.ones((20, 2), bool), target, 1)
        found, mask, _ = made.made(np.arange(20), np.random.default_rng(1))
        np.testing.assert_array_equal(found["w"], inputs["w"])
        np.testing.assert_array_equal(found["c"][:, :, 3:], inputs["c"][:, :, 3:])
        assert (found["c"][:, 2:] == 0).all() and mask.all()
        assert np.array_equal(found["c"], inputs["c"]) == (method == "mixup")


def test_pretraining_leaves_words_out_of_what_is_rebuilt():
    x = np.random.default_rng(0).integers(0, 9, (24, 6)).astype(np.float32)
    plans = [NetworkPlan(pretrain=how, pretrain_epochs=1) for how in ("none", "denoise")]
    nets = [network.fit({"w": x}, {"w": "words"}, np.ones((24, 1), bool), classes(np.arange(24) % 2), 1, 1, plan=plan)
            for plan in plans]  # fmt: skip
    assert all(np.array_equal(nets[0].weights[k], nets[1].weights[k]) for k in nets[0].weights)
