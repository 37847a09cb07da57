"""How long networks train is chosen in the inner folds."""

from types import SimpleNamespace

import numpy as np
import pytest
from consilium.learn.fusion import fusion, networked
from consilium.learn.models import preproc
from consilium.learn.models.base import Folded
from consilium.learn.models.work import Ledger, Settings, start
from learn_cohorts import classes, cohort, table

LENGTHS = (1, 20)


@pytest.fixture(scope="module")
def case():
    """60 patients, one block of which the first column tells the class."""
    rng = np.random.default_rng(3)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 5))
    x[:, 0] += 5.0 * y
    people = cohort(table("omics/a", x))
    work = start(people, classes(y), [str(i) for i in range(60)], Settings((1,), 3, 1, LENGTHS), Ledger())
    block = people.blocks[0]
    designs = [preproc.fit(block.take(np.flatnonzero(work.inner != j))) for j in work.folds]
    model = SimpleNamespace(name=block.name, design=preproc.fit(block))
    parts = fusion.Parts(np.ones((60, 1), dtype=bool), np.zeros((60, 1, 2)))
    return work, [Folded(model, designs, {}, [])], parts


def test_the_length_with_the_smaller_inner_loss_is_trained(case):
    work, folded, parts = case
    nets, (logits, gates), facts = networked.fit(work, folded, parts)
    assert facts["epochs"] == 20 and len(nets) == 1 and nets[0].curve == ()
    assert {(c["inner"], c["epoch"]) for c in facts["curves"]} >= {(j, 20) for j in work.folds}
    said = logits[:, 0, 1] - logits[:, 0, 0]
    assert np.mean((said > 0) == (work.target.y == 1)) > 0.9 and gates.shape == (60, 1)
    assert work.ledger.patients[work.ledger.steps["epochs of the networks"]] == sorted(work.cohort.patients)


def test_a_fold_has_no_say_in_the_length_it_is_asked_of(case, monkeypatch):
    work, folded, parts = case
    own = networked.Training(work, folded, parts.mask, None)
    each = [own.out_of_fold(epochs)[0][0] for epochs in LENGTHS]
    answers, asked = [1, 0, 1, 0], []

    def smallest(candidates, target, at):
        asked.append(list(target.y))
        assert len(candidates) == len(LENGTHS) and all(len(c) == len(target) for c in candidates)
        return answers[len(asked) - 1]

    monkeypatch.setattr(fusion, "smallest", smallest)
    _, (logits, _), facts = networked.fit(work, folded, parts)
    assert asked == [list(work.target.y[work.inner != j]) for j in work.folds] + [list(work.target.y)]
    for j, answer in zip(work.folds, answers, strict=False):
        np.testing.assert_array_equal(logits[work.inner == j], each[answer][work.inner == j])
    assert facts["epochs"] == LENGTHS[0]


def test_of_equal_losses_the_first_is_taken(case):
    work = case[0]
    evidence = np.random.default_rng(0).normal(size=(60, 2))
    truth = np.eye(2)[work.target.y]
    assert fusion.smallest([evidence, evidence], work.target, work.at) == 0
    assert fusion.smallest([evidence, truth], work.target, work.at) == 1
