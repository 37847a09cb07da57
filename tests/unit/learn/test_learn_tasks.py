import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.learn.cohort import tasks
from learn_cohorts import classes, times


def read(kind, rows):
    ids = [f"P{i}" for i in range(len(rows))]
    return tasks.read(tasks.Asked("task", kind, "y", "t", "e"), rows, "patients.tsv", ids)


def test_an_empty_cell_is_unknown_not_a_class():
    target, known, said = read("classification", [{"y": "b"}, {"y": ""}, {"y": "a"}])
    assert target.classes == ("a", "b") and known.tolist() == [True, False, True]
    assert target.y.tolist() == [1, -1, 0] and said == ["b", "", "a"]


def test_every_unreadable_cell_is_reported_at_once():
    rows = [{"t": "10", "e": "1"}, {"t": "-3", "e": "1"}, {"t": "5", "e": "2"}, {"t": "", "e": "1"}, {"t": "", "e": ""}]
    with pytest.raises(InputError) as caught:
        read("survival", rows)
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError, match="'high'"):
        read("regression", [{"y": "1.5"}, {"y": "high"}])


def test_rare_classes_are_set_aside_by_name_and_too_few_patients_end_the_task():
    target = classes(np.repeat([0, 1, 2], [15, 15, 3]), 3)
    groups = [f"g{i}" for i in range(33)]
    use, kept, notes, why = tasks.learnable(target, np.ones(33, dtype=bool), groups)
    assert kept == ("a", "b") and use.sum() == 30 and not why and "class 'c'" in notes[0]
    rows = np.arange(12)
    *_, why = tasks.learnable(target.take(rows), np.ones(12, dtype=bool), groups[:12])
    assert why  # one class left, twelve patients
    *_, why = tasks.learnable(classes([0] * 10 + [1] * 30), np.ones(40, dtype=bool), ["one"] * 10 + groups[:30])
    assert "fewer than two classes" in why  # ten relatives are one independent patient


def test_survival_needs_events():
    target = times(np.arange(1, 41), np.r_[np.ones(5), np.zeros(35)])
    *_, why = tasks.learnable(target, np.ones(40, dtype=bool), [str(i) for i in range(40)])
    assert why.startswith("5 events")


def test_horizons_are_quartiles_of_event_times():
    assert tasks.horizons(times([100, 203, 304, 405, 999], [1, 1, 1, 1, 0])) == (180.0, 250.0, 330.0)


def test_facts_round_trip():
    target = times([1.0, 2.0], [1, 0])
    again = tasks.from_facts(tasks.as_facts(target))
    assert again.kind == "survival" and again.time.tolist() == [1, 2] and again.event.tolist() == [1, 0]
