"""Expression matrix of the demo cohort."""

from pathlib import Path

import numpy as np
import pandas as pd
from consilium.simulate import expression


def cohort(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "patient": [f"P{i:03d}" for i in range(n)],
            "site": [f"site_{1 + i % 3}" for i in range(n)],
            "z_lab": rng.normal(size=n),
            "z_genome": rng.normal(size=n),
            "has_expression": True,
        }
    )


def test_shape_identifiers_and_gaps(tmp_path: Path) -> None:
    rows, _ = expression.write(cohort(9), tmp_path, 1)
    table = pd.read_csv(rows[0]["path"], sep="\t", index_col=0)
    assert table.shape == (500, 9)
    assert table.index.is_unique
    assert table.index.str.match(r"ENSG\d{11}\.\d+$").sum() == 250
    assert 0.002 < table.isna().to_numpy().mean() < 0.03
    assert table.min().min() >= 0
    assert table.max().max() < 30


def test_planted_loadings_and_site_shift(tmp_path: Path) -> None:
    people = cohort(300)
    rows, truth = expression.write(people, tmp_path, 1)
    table = pd.read_csv(rows[0]["path"], sep="\t", index_col=0).T
    z = people.set_index("patient")[["z_lab", "z_genome"]]
    r = table.apply(lambda gene: gene.corr(z["z_lab"])).abs()
    assert r.iloc[:10].min() > 0.2
    assert r.iloc[20:].max() < 0.3
    assert list(truth["expression"]["cause"].value_counts()) == [10, 10]


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    a, b = (expression.write(cohort(4), tmp_path / n, 7)[0][0]["path"] for n in "ab")
    assert Path(a).read_bytes() == Path(b).read_bytes()


def test_nobody_has_expression(tmp_path: Path) -> None:
    assert expression.write(cohort(3).assign(has_expression=False), tmp_path, 1) == ([], {})
