"""DNA around variants: its plain numbers, encoders against what they promise, whole fits, bundles, explanations."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from bundle_made import packed
from consilium.core.errors import InputError
from consilium.learn.augment import sampler
from consilium.learn.bundle import apply, card, export, pack
from consilium.learn.cohort import dna as plain
from consilium.learn.cohort import likeness
from consilium.learn.explain import gradients, networked, pieces
from consilium.learn.models import linear, preproc
from consilium.learn.networks import encoders_dna, network
from consilium.learn.networks.plan import NetworkPlan
from learn_cohorts import classes, cohort, dna, table
from sklearn.metrics import roc_auc_score

COMPLEMENT = str.maketrans("ACGT", "TGCA")
# The same triples in another order, and the same five bases around the C in the middle that is changed.
MOTIFS = ("CAGATCAGGTCA", "CAGGTCAGATCA")


def window(rng: np.random.Generator, motif: str, length: int, seen: bool) -> tuple[int, str, str]:
    """(strands, reference, patient): C>T in the middle of `motif`, on either strand; else only the change is known."""
    half = length // 2
    bases = rng.choice(list("ACGT"), length)
    bases[half - 5 : half + len(motif) - 5] = list(motif)
    bases[half] = "C"
    reference = "".join(bases)
    patient = f"{reference[:half]}T{reference[half + 1 :]}" if seen else f"{'N' * half}T{'N' * half}"
    if rng.random() < 0.5:
        reference, patient = (s[::-1].translate(COMPLEMENT) for s in (reference, patient))
    return int(rng.integers(1, 3)), reference, patient


def patients(y: np.ndarray, seed: int, windows: int = 4, length: int = 25) -> list[list[tuple[int, str, str]]]:
    """Everybody carries one variant in a motif, where y is 0 in another one than where it is 1."""
    rng = np.random.default_rng(seed)
    out = []
    for k in y:
        seen = rng.random() < 0.5
        mine = [window(rng, MOTIFS[k] if i == 0 else "", length, seen) for i in range(windows)]
        out.append([mine[i] for i in rng.permutation(windows)])
    return out


def test_plain_numbers_of_windows():
    block = dna("genomics/windows", [
        [(1, "AACGNTTTA", "AACTNTTTA"), (2, "TAAG-GCCC", "NNNNTNNNN")], [], [(1, "ACGTACGTN", "NNNN-NNNN")],
        [(2, "ACGTACGTN", "NNNNCNNNN")],
    ], 3, 9)  # fmt: skip
    raw, names = preproc.raw_table(block)
    assert names == list(plain.NAMES) and len(plain.UNITS) == len(names) == 32 + 6 + 3
    row = dict(zip(names, raw[0], strict=True))
    # AAC ACG TTT TTA, TAA AAG GCC CCC: nothing across N or a gap; TTT is AAA on the other strand, TTA is TAA.
    said = {n.removeprefix("share of "): v for n, v in row.items() if n.startswith("share") and v}
    assert said == {"AAC": 1 / 8, "ACG": 1 / 8, "AAA": 1 / 8, "TAA": 2 / 8, "AAG": 1 / 8, "GCC": 1 / 8, "CCC": 1 / 8}
    assert {k: row[k] for k in ("C>A", "T>G", "insertions", "deletions", "variants")} == {
        "C>A": 0, "T>G": 0, "insertions": 2, "deletions": 0, "variants": 2}  # the middle of the first is N  # fmt: skip
    assert np.isnan(raw[1]).all()
    assert raw[2][names.index("deletions")] == 1 and raw[2][names.index("variants")] == 1
    assert raw[3][names.index("T>G")] == 2, "A>C is T>G on the other strand"


@pytest.mark.parametrize("kind", [encoders_dna.DnaCNN, encoders_dna.DnaMean])
def test_windows_have_no_order_and_either_strand_says_the_same(kind):
    torch.manual_seed(0)
    model = kind(51).eval()
    x = np.nan_to_num(dna("d", patients(np.arange(4) % 2, 1), 6, 25).values)
    said = model(torch.from_numpy(x))
    torch.testing.assert_close(model(torch.from_numpy(x[:, [3, 5, 0, 1, 4, 2]])), said)
    torch.testing.assert_close(model(torch.from_numpy(x[:1])), said[:1])  # whoever else is asked
    other = x.copy()
    turned = np.array([0, 4, 3, 2, 1, 5])[x[:, :, 1:].astype(int)].reshape(4, 6, 2, 25)[..., ::-1]
    other[:, :, 1:] = turned.reshape(4, 6, 50)
    torch.testing.assert_close(model(torch.from_numpy(other)), said)
    mixed = x.copy()
    mixed[:, :, 1:] = x[:, :, 1:].reshape(4, 6, 2, 25)[..., np.random.default_rng(0).permutation(25)].reshape(4, 6, 50)
    assert torch.allclose(model(torch.from_numpy(mixed)), said, atol=1e-5) == (kind is encoders_dna.DnaMean)
    assert torch.isfinite(model(torch.zeros(2, 6, 51))).all()  # nobody has a window


def test_an_untested_base_is_no_reference_base():
    torch.manual_seed(0)
    model = encoders_dna.DnaCNN(51).eval()
    known = np.nan_to_num(dna("d", [[(1, "A" * 25, "A" * 12 + "C" + "A" * 12)]], 1, 25).values)
    untested = np.nan_to_num(dna("d", [[(1, "A" * 25, "N" * 12 + "C" + "N" * 12)]], 1, 25).values)
    assert not torch.allclose(model(torch.from_numpy(known)), model(torch.from_numpy(untested)), atol=1e-3)


@pytest.mark.parametrize("shuffled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_broken_motif_is_found_out_of_fold_by_its_order_alone(shuffled):
    alike = [preproc.raw_table(dna("d", [[(1, m + "N", m + "N")]], 1, 13))[0] for m in MOTIFS]
    np.testing.assert_array_equal(*alike)
    rng = np.random.default_rng(1)
    n, length = 110, 19
    y = rng.permutation(np.arange(n + 70) % 2)
    block = dna("genomics/windows", patients(y, 2, 3, length), 3, length)
    train_rows, asked = np.arange(n), np.arange(n, n + 70)
    seen = rng.permutation(y[:n]) if shuffled else y[:n]
    design = preproc.fit(block.take(train_rows))
    x = design.network_input(block)
    net = network.fit({"d": x[:n]}, {"d": "dna"}, np.ones((n, 1), bool), classes(seen), 8, 1)
    logits, _ = net.outputs({"d": x[asked]})
    found = roc_auc_score(y[asked], logits[:, 0, 1] - logits[:, 0, 0])
    assert (0.3 < found < 0.7) if shuffled else found > 0.9
    counted = design.matrix(block)
    for fitted in linear.fit(counted[:n], classes(seen), (linear.Penalty("ridge", 1.0),)):
        assert 0.3 < roc_auc_score(y[asked], fitted.evidence(counted[asked])[:, 1]) < 0.7


@pytest.fixture(scope="module")
def fitted():
    """(problem, model, files of the bundle) of a table and windows, with a network."""
    rng = np.random.default_rng(3)
    y = rng.permutation(np.arange(60) % 2)
    windows = [mine if rng.random() > 0.1 else [] for mine in patients(y, 4, 2, 15)]
    whole = cohort(table("omics/expression", rng.normal(size=(60, 5))), dna("genomics/windows", windows, 3, 15))
    return packed(whole, y, epochs=2)


@pytest.mark.slow
def test_a_bundle_gives_the_same_numbers_and_says_what_does_not_fit(fitted):
    p, model, files = fitted
    again, dictionary = pack.unpack(files), json.loads(files["dictionary.json"])
    other, notes = apply.aligned(p.cohort, dictionary, "")
    assert not notes["unknown_features"] and not notes["lacking_features"]
    for choice in ("stack", "network"):
        np.testing.assert_allclose(again.eta(again.parts(other), choice), model.eta(model.parts(p.cohort), choice),
                                   atol=1e-6)  # fmt: skip
    made_up = card.selftest_cohort(again, dictionary)
    assert made_up.block("genomics/windows").present[0] and len(again.predictions(made_up)) == 4
    own = p.cohort.block("genomics/windows")
    with pytest.raises(InputError, match=r"2 windows of 15 columns.*3 windows of 15 columns.*genomics\.windows"):
        apply.aligned(replace(p.cohort, blocks=(replace(own, values=own.values[:, :2]),)), dictionary, "here")
    with pytest.raises(InputError, match="block genomics/windows of layout dna"):
        export._can_be_told(model, "here")


@pytest.mark.slow
def test_counts_of_linear_models_are_explained_and_a_networks_reading_is_not(fitted):
    p, model, _ = fitted
    inputs = {b.name: b.design.network_input(p.cohort.block(b.name)) for b in model.blocks}
    mask, target = model.parts(p.cohort).mask, np.zeros(60, dtype=int)
    found, miss = gradients.average_gradients(model.nets[0], inputs, mask, target)
    assert not found["genomics/windows"].any() and found["omics/expression"].any() and miss < 0.1
    assert "bases are codes" in networked.CODES["dna"]
    block = p.cohort.block("genomics/windows")
    design = next(b.design for b in model.blocks if b.name == block.name)
    units = dict(zip(design.names, pieces.of(design, block, block).units, strict=True))
    assert units["C>T"] == "strands" and units["share of AAC"] == "share of triples"


def test_copies_are_found_and_made_rows_keep_their_dna():
    rng = np.random.default_rng(0)
    windows = patients(np.zeros(30, dtype=int), 5, 6)
    windows[7] = windows[3][::-1]
    block = dna("genomics/windows", windows, 6, 25)
    assert [(c.a, c.b) for c in likeness.near_copies(block)] == [(3, 7)]
    x = preproc.fit(block).network_input(block)
    made = sampler.fit("mixup", {"d": x}, {"d": "dna"}, np.ones((30, 1), bool), classes(np.arange(30) % 2), 1)
    np.testing.assert_array_equal(made.made(np.arange(30), rng)[0]["d"], x)
    plans = [NetworkPlan(pretrain=how, pretrain_epochs=1) for how in ("none", "denoise")]
    nets = [network.fit({"d": x}, {"d": "dna"}, np.ones((30, 1), bool), classes(np.arange(30) % 2), 1, 1, plan=plan)
            for plan in plans]  # fmt: skip
    assert all(np.array_equal(nets[0].weights[k], nets[1].weights[k]) for k in nets[0].weights)
