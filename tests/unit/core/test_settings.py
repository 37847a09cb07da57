"""The configuration: defaults from the schema, every problem at once."""

import json

import pytest
from consilium.core import settings
from consilium.core.errors import InputError
from consilium.core.sheets import Patient


def test_defaults_come_from_the_schema():
    full = settings.validated({"cohort": "x"})
    schema = json.loads(settings.SCHEMA.read_text())
    assert full["chunk_size"] == schema["properties"]["chunk_size"]["default"]
    assert full["learn"]["outer_folds"] == 5 and full["treatment"]["effect"] is None


def test_every_key_is_described():
    def walk(node: dict, name: str) -> None:
        for key, sub in node.get("properties", {}).items():
            assert sub.get("description"), f"{name}.{key} has no description"
            walk(sub, f"{name}.{key}")
            walk(sub.get("items", {}), f"{name}.{key}[]")

    walk(json.loads(settings.SCHEMA.read_text()), "config")


def test_all_problems_at_once():
    wrong = {
        "cohort": "a b",
        "result": "x",
        "mode": "apply",
        "chunk_size": 0,
        "learn": {"tasks": [{"name": "t", "type": "survival"}], "inner": 3},
    }
    with pytest.raises(InputError) as caught:
        settings.validated(wrong)
    text = str(caught.value)
    for words in ("cohort = 'a b'", "'result'", "chunk_size = 0", "'inner'"):
        assert words in text, words


def test_what_the_schema_cannot_say():
    tasks = [{"name": "t", "type": "survival", "time": "d"}, {"name": "t", "type": "regression"}]
    with pytest.raises(InputError) as caught:
        settings.validated({"cohort": "x", "mode": "apply", "learn": {"tasks": tasks}})
    text = str(caught.value)
    for words in ("two tasks named 't'", "no 'event'", "no 'outcome'", "without a bundle"):
        assert words in text, words


def test_outcome_columns_are_those_the_config_names():
    config = settings.validated(
        {
            "cohort": "x",
            "learn": {"tasks": [{"name": "s", "type": "survival", "time": "d", "event": "e"}]},
            "treatment": {"effect": {"treatment": "arm", "outcome": "e"}},
        }
    )
    assert settings.outcome_columns(config) == ["d", "e", "arm"]


def test_association_names_its_columns_and_its_problems():
    analysis = {"name": "ldl", "outcome": "ldl", "kind": "continuous", "covariates": ["age", "sex", "site", "statin"]}
    config = settings.validated({"cohort": "c", "genomics": {"association": [analysis]}})
    assert settings.outcome_columns(config) == ["ldl", "statin"]
    assert config["genomics"]["association"][0]["components"] == 10
    with pytest.raises(InputError) as told:
        wrong = {**analysis, "covariates": ["birth_year"]}
        settings.validated({"cohort": "c", "genomics": {"association": [wrong, analysis]}})
    assert "two association analyses named 'ldl'" in str(told.value) and "covariate 'birth_year'" in str(told.value)


def test_a_band_upside_down_and_an_unknown_fmri_key_are_named():
    assert settings.validated({"cohort": "c"})["imaging"]["fmri"]["dummy_scans"] == "auto"
    with pytest.raises(InputError, match="band_hz"):
        settings.validated({"cohort": "c", "imaging": {"fmri": {"band_hz": [0.1, 0.01]}}})
    with pytest.raises(InputError, match="motion_regressors"):
        settings.validated({"cohort": "c", "imaging": {"fmri": {"motion_regressors": 12}}})


@pytest.mark.parametrize(("wrong", "words"), [
    ({"resluts": "x"}, "unknown key in 'the top level': 'resluts'; .* \\('results' for 'resluts'\\?\\)"),
    ({"learn": {"tasks": [{"name": "t"}]}}, "no key 'type' in 'learn.tasks.0'; allowed: classification, ordinal, "),
    ({"seed": "one"}, "seed = 'one'; allowed: a whole number, at least 0; "),
    ({"imaging": {"fmri": {"dummy_scans": -1}}}, "-1; allowed: auto or a whole number, at least 0, at most 50"),
    ({"imaging": {"segmentation": {"use": "maybe"}}}, "use = 'maybe'; allowed: true, false, auto; "),
])  # fmt: skip
def test_what_is_allowed_is_said_in_words(wrong, words):
    with pytest.raises(InputError, match=words):
        settings.validated({"cohort": "x", **wrong})


def test_every_setting_says_what_it_allows():
    def walk(part):
        for name, of in part.get("properties", {}).items():
            assert settings.allowed_by(of), name
            walk(of)

    walk(json.loads(settings.SCHEMA.read_text()))


def test_files_that_are_not_there_are_all_named(tmp_path):
    (tmp_path / "there.fa").touch()
    given = {"reference": str(tmp_path / "there.fa"), "clinvar": "no.vcf", "polygenic_scores": ["a.txt", "b.txt"],
             "reference_panel": {"vcf": ["c.vcf"], "people": "p.tsv"}}  # fmt: skip
    full = settings.validated({"cohort": "x", "genomics": given, "imaging": {"atlas": {"image": "i.nii"}}})
    told = [p.found.split(" = ")[0] for p in settings.file_problems(full)]
    assert told == ["genomics.polygenic_scores.0", "genomics.polygenic_scores.1", "genomics.reference_panel.vcf.0",
                    "genomics.reference_panel.people", "genomics.clinvar", "imaging.atlas.image"]  # fmt: skip
    assert settings.file_problems(settings.validated({"cohort": "x"})) == []
    braces = settings.validated({"cohort": "x", "results": "r{1}", "genomics": {"clinvar": str(tmp_path / "there.fa")}})
    assert [p.found for p in settings.file_problems(braces)] == ["results = 'r{1}'"]


def test_a_bundle_is_asked_what_it_predicts(tmp_path):
    given = [{"name": "died", "type": "classification", "outcome": "dead"},
             {"name": "pain", "type": "classification", "outcome": "pain"}]  # fmt: skip
    full = settings.validated({"cohort": "x", "mode": "apply", "bundle": str(tmp_path), "learn": {"tasks": given}})
    (absent,) = settings.bundle_problems(full)
    assert "no manifest.json is" in absent.found and settings.bundle_tasks(full) == []
    for wrong in ("[", "{}", '{"tasks": 3}', '{"tasks": [3]}'):
        (tmp_path / "manifest.json").write_text(wrong)
        (odd,) = settings.bundle_problems(full)
        assert "is no bundle's" in odd.found and settings.bundle_tasks(full) == []
    known = {"name": "died", "kind": "classification", "outcome": "death", "time": "", "event": ""}
    (tmp_path / "manifest.json").write_text(json.dumps({"tasks": [known]}))
    column, other = settings.bundle_problems(full)
    assert (column.found, column.allowed) == ("learn.tasks.0.outcome = 'dead'", "'death', as at training")
    assert (other.found, other.allowed) == ("learn.tasks.1 is 'pain', which the bundle does not predict", "died")
    assert settings.outcome_columns(full) == ["dead", "pain", "death"]


def test_outcomes_too_few_to_recalibrate_with_are_said_before_the_run(tmp_path):
    tasks = [{"name": "died", "kind": "classification", "outcome": "death", "time": "", "event": ""},
             {"name": "os", "kind": "survival", "outcome": "", "time": "days", "event": "event"}]  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps({"tasks": tasks}))
    given = {"cohort": "x", "mode": "apply", "bundle": str(tmp_path), "learn": {"recalibrate": True}}
    full, off = settings.validated(given), settings.validated(given | {"learn": {"recalibrate": False}})

    def people(known: int) -> list[Patient]:
        return [
            Patient(f"P{i}", outcomes={"death": "yes" if i < 3 else "", "days": "9", "event": "1" if i < known else ""})
            for i in range(70)
        ]

    (few,) = settings.recalibration_problems(full, people(49))
    assert "3 patients have an outcome of died, 49 patients have an outcome of os" in few.found
    assert settings.recalibration_problems(full, people(50)) == []
    assert settings.recalibration_problems(off, people(0)) == []


def test_a_bundle_is_not_overlooked_in_training():
    with pytest.raises(InputError, match="mode train with bundle = 'b'"):
        settings.validated({"cohort": "x", "bundle": "b"})
    with pytest.raises(InputError, match=r"mode train with learn\.recalibrate"):
        settings.validated({"cohort": "x", "learn": {"recalibrate": True}})
    assert settings.bundle_problems(settings.validated({"cohort": "x"})) == []
