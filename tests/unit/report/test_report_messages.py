"""What a physician reads first of predictions."""

from __future__ import annotations

import pytest
from consilium.report.key_messages import _diagnosis, _risk

FOUND = {
    "why": "",
    "metric": "mae",
    "value": 4.8,
    "lower": 3.5,
    "upper": 6.3,
    "n": 58,
    "model": "stack",
    "signal": "found",
}
TASK = {"name": "response", "type": "regression", "why": "", "abstained": False, "reason": "", "performance": FOUND,
        "risk": None, "value": 53.6, "lower": 43.3, "upper": 63.8, "place": None}  # fmt: skip
NONE = FOUND | {"signal": "none"}


def risk(**change: object) -> list[tuple[str, str]]:
    return [(m["level"], m["text"]) for m in _risk({"risk": {"tasks": [TASK | change]}})]


def test_a_predicted_number_stands_with_its_interval():
    assert risk() == [("info", "Response: predicted 53.6 (90 % interval 43.3 to 63.8).")]
    assert risk(upper=None) == [("info", "Response: predicted 53.6.")]
    assert risk(value=None) == []
    assert risk(abstained=True, reason="far away")[0] == ("caution", "Response: no prediction is made. Far away.")


def test_what_models_without_a_signal_say_is_not_to_be_used():
    ((level, text),) = risk(performance=NONE)
    assert level == "caution" and "not to be used, no signal was found: predicted 53.6" in text
    assert "no signal" not in risk()[0][1]


@pytest.mark.parametrize("signal", ["none", "found", "weak"])
def test_a_class_without_a_signal_is_not_to_be_used(signal):
    task = TASK | {"name": "diagnosis", "type": "classification", "predicted": "a", "set": ["a"],
                   "probabilities": [{"name": "a", "p": 0.7}],
                   "performance": FOUND | {"metric": "auc", "lower": 0.6, "signal": signal}}  # fmt: skip
    (message,) = _diagnosis({"diagnosis": {"tasks": [task]}})
    start = "Not to be used, no signal was found: most probably a" if signal == "none" else "Most probably a"
    assert message["text"].startswith(f"{start} (70 %).")
    assert message["level"] == ("caution" if signal == "none" else "info")
