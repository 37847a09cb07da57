from pathlib import Path

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.core.register import TABLES
from consilium.genomics.intake.panel import FLOOR, Panel, read_panel
from consilium.genomics.structure import ancestry

RNG = np.random.default_rng(11)


def panel(n: int = 600) -> Panel:
    f = RNG.uniform(0.05, 0.95, (n, 3))
    text = np.array(["A"] * n)
    return Panel(np.array(["chr1"] * n), 1000 * np.arange(1, n + 1), text, np.array(["G"] * n), ("X", "Y", "Z"), f)


def people(sites: Panel, k: int, n: int = 20) -> np.ndarray:
    return RNG.binomial(2, sites.frequency[:, k][:, None], (len(sites), n)).astype(np.int8)


def test_people_are_given_to_their_population() -> None:
    sites = panel()
    for k, name in enumerate(sites.populations):
        found = ancestry.assign(people(sites, k), sites)
        assert found.population == [name] * 20
        assert found.reason == [""] * 20
        assert found.posterior.sum(axis=1) == pytest.approx(np.ones(20))


def test_posterior_by_hand() -> None:
    """100 sites, all het, frequency 0.5 in X and 0.1 in Y: ratio (0.18 / 0.5) ** 100."""
    n = 100
    sites = Panel(np.array(["chr1"] * n), np.arange(n), np.array(["A"] * n), np.array(["G"] * n), ("X", "Y"),
                  np.tile([0.5, 0.1], (n, 1)))  # fmt: skip
    hets = np.ones((n, 1), dtype=np.int8)
    likelihood, z = ancestry.frequency_likelihood(hets, sites, np.array([False]))
    assert likelihood[0] == pytest.approx([100 * np.log(0.5), 100 * np.log(0.18)])
    # E and SD of ln P at f = 0.5: genotypes 1/4, 1/2, 1/4.
    low, high = np.log(0.25), np.log(0.5)
    mean, sd = (low + high) / 2, (high - low) / 2
    assert z[0, 0] == pytest.approx(100 * (high - mean) / (sd * 10))
    carried, _ = ancestry.frequency_likelihood(hets, sites, np.array([True]))
    assert carried[0] == pytest.approx([100 * np.log(0.5 / 0.75), 100 * np.log(0.18 / 0.19)])


def test_genotypes_of_nowhere_are_outside() -> None:
    sites = panel()
    nowhere = RNG.binomial(2, RNG.uniform(0.05, 0.95, (len(sites), 1)), (len(sites), 10)).astype(np.int8)
    found = ancestry.assign(nowhere, sites)
    assert found.population == [ancestry.OUTSIDE] * 10
    assert all("badly" in r for r in found.reason)


def test_too_few_sites_are_not_assessed() -> None:
    sites = panel()
    counts = people(sites, 0, 2)
    counts[ancestry.MINIMUM_SITES - 1 :, 0] = -1
    found = ancestry.assign(counts, sites)
    assert found.population == [ancestry.NOT_ASSESSED, "X"]
    assert np.isnan(found.posterior[0]).all()
    table = ancestry.table(["a", "b"], found, np.zeros((2, 3)))
    TABLES["ancestry"].check(table)
    assert [c for c in table.columns if c.startswith(("p_", "PC"))] == ["p_X", "p_Y", "p_Z", "PC1", "PC2", "PC3"]


def test_panel_reading(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    path.write_text(
        "chrom\tpos\tref\talt\tA\tB\nchr2\t5\tA\tC\t0\t1\n1\t9\tG\tT\t0.25\t.5\nX\t7\tA\tG\t0.1\t0.1\nchr1\t3\tAT\tA\t0.1\t0.1\n"
    )
    sites = read_panel(path)
    assert list(zip(sites.chrom, sites.pos, strict=True)) == [("chr1", 9), ("chr2", 5)]
    assert sites.frequency.tolist() == [[0.25, 0.5], [FLOOR, 1 - FLOOR]]
    path.write_text("chrom\tpos\tref\talt\tA\nchr2\t5\tA\tC\t2\nchr2\tx\tA\tC\t0.1\n")
    with pytest.raises(InputError) as error:
        read_panel(path)
    assert [p.line for p in error.value.problems] == [2, 3]
    path.write_text("chrom\tpos\tref\talt\n")
    with pytest.raises(InputError, match="of a population"):
        read_panel(path)


def test_carried_alleles_alone_decide_where_reference_calls_are_absent() -> None:
    sites = panel(1500)
    counts = np.concatenate([people(sites, k) for k in range(3)], axis=1)
    found = ancestry.assign(np.where(counts == 0, -1, counts).astype(np.int8), sites)
    assert found.population == ["X"] * 20 + ["Y"] * 20 + ["Z"] * 20
    assert set(found.reason) == {ancestry.VARIANTS_ONLY}


def test_shipped_reference(root: Path) -> None:
    sites = read_panel(root / "resources" / "ancestry_1kgp.tsv")
    assert sites.populations == ("AFR", "AMR", "EAS", "EUR", "SAS")
    assert len(sites) > 900
