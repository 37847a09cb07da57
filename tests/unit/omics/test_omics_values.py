"""Names, scales, ranges, quality."""

import numpy as np
import pandas as pd
import pytest
from consilium.omics.identifiers import canonical, name_space
from consilium.omics.quality import patient_quality, site_share
from consilium.omics.scales import outside, to_scale
from sklearn.feature_selection import f_classif


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("expression", "ENSG00000141510.18", "ENSG00000141510"),
        ("expression", "ENSG00000182378.15_PAR_Y", "ENSG00000182378_PAR_Y"),
        ("expression", "tp53", "TP53"),
        ("expression", "TP53|7157", "TP53"),
        ("expression", "?|100130426", "ENTREZ:100130426"),
        ("expression", "2-Sep", ""),
        ("mutation", "Mar-01", ""),
        ("mirna", "hsa-miR-21-5p", "hsa-miR-21-5p"),
        ("methylation", "cg00000029", "cg00000029"),
        ("protein", "4E-BP1_pS65", "4E-BP1_pS65"),
    ],
)
def test_names(kind: str, name: str, expected: str) -> None:
    assert canonical(name, kind) == expected


def test_name_space() -> None:
    assert name_space(["ENSG00000141510.18", "ENSG00000141511"]) == "Ensembl"
    assert name_space(["TP53"]) == "symbols"
    assert name_space(["TP53", "ENSG00000141511"]) == "mixed"


@pytest.mark.parametrize(
    ("kind", "values", "scale", "first"),
    [
        ("expression", [1023.0, 0.0], "log2(x+1)", 10.0),
        ("expression", [12.0, 0.0], "log2", 12.0),
        ("expression", [-1.0, 99.0], "as supplied", -1.0),
        ("mirna", [7.0, 255.0], "log2(x+1)", 3.0),
        ("copy_number", [60.0, 2.0], "as supplied", 60.0),
        ("methylation", [0.5, 0.1], "beta", 0.5),
        ("expression", [np.nan, np.nan], "as supplied", np.nan),
    ],
)
def test_scales(kind: str, values: list[float], scale: str, first: float) -> None:
    out, name = to_scale(np.array([values]), kind)
    assert name == scale
    np.testing.assert_allclose(out[0, 0], first)


def test_ranges() -> None:
    frame = pd.DataFrame([[0.2, 1.2, np.nan, -0.1, 1.0]])
    assert outside(frame, "methylation")[0].tolist() == [False, True, False, True, False]
    assert outside(frame, "mutation")[0].tolist() == [True, True, False, True, False]
    assert not outside(frame, "expression").any()


def test_site_share_agrees_with_the_f_statistic_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 6)), index=[f"P{i}" for i in range(40)])
    sites = pd.Series(rng.choice(["a", "b", "c"], 40), index=frame.index)
    frame += sites.map({"a": 0, "b": 1, "c": 0.3}).to_numpy()[:, None]
    share = site_share(frame, sites)
    n, k = 40, 3
    f = share / (1 - share) * (n - k) / (k - 1)
    np.testing.assert_allclose(f, f_classif(frame.to_numpy(), sites)[0], rtol=1e-9)


def test_site_share_leaves_out_missing_values_and_unknown_sites() -> None:
    frame = pd.DataFrame({"g": [0.0, 0, 1, 1, np.nan, 50], "constant": 1.0}, index=list("ABCDEF"))
    sites = pd.Series({"A": "a", "B": "a", "C": "b", "D": "b", "E": "b", "F": ""})
    share = site_share(frame, sites)
    assert share[0] == 1
    assert np.isnan(share[1])
    assert np.isnan(site_share(frame, sites.map(lambda _: "a"))).all()


def test_patients_far_from_the_others_are_noted_not_removed() -> None:
    frame = pd.DataFrame(np.random.default_rng(1).normal(5, 1, (20, 200)))
    frame.iloc[3] += 4
    frame.iloc[4, :150] = np.nan
    qc = patient_quality(frame, 0.3)
    assert qc.loc[3, "note"] == "median far from the other patients'"
    assert "many values are missing" in qc.loc[4, "note"]
    assert (qc.drop([3, 4])["note"] == "").sum() >= 17
    assert len(qc) == 20
