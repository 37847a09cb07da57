import numpy as np
import pytest
from consilium.genomics.intake.panel import Panel
from consilium.genomics.reads.alignments import Counts
from consilium.genomics.structure import contamination, identity

RNG = np.random.default_rng(2)
N = 400
F = RNG.uniform(0.1, 0.9, (N, 2))
PANEL = Panel(np.array(["chr1"] * N), np.arange(N), np.array(["A"] * N), np.array(["G"] * N), ("X", "Y"), F)


def person(k: int = 0) -> np.ndarray:
    return RNG.binomial(2, F[:, k])


def reads_of(own: np.ndarray, foreign: np.ndarray, share: float, depth: float = 20) -> Counts:
    p = contamination.alt_probability()
    n = RNG.poisson(depth, N)
    alt = RNG.binomial(n, (1 - share) * p[own] + share * p[foreign])
    return Counts(n - alt, alt, np.zeros(N, dtype=np.int64))


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.25])
@pytest.mark.parametrize("populations", [(0, 0), (0, 1)])
def test_planted_share_is_found(share: float, populations: tuple[int, int]) -> None:
    found = contamination.estimate(reads_of(person(populations[0]), person(populations[1]), share), PANEL)
    assert found.alpha == pytest.approx(share, abs=0.015 + 0.18 * share)  # three SD of its error at 400 sites
    assert found.verdict(0.03) == ("contaminated" if share else "clean")


def test_few_sites_are_not_assessed() -> None:
    counts = reads_of(person(), person(), 0.2)
    shallow = Counts(
        *(np.where(np.arange(N) < 49, v, np.minimum(v, 3)) for v in (counts.n_ref, counts.n_alt, counts.n_other))
    )
    found = contamination.estimate(shallow, PANEL)
    assert np.isnan(found.alpha)
    assert found.verdict(0.03) == "not assessed"
    assert "50 are needed" in found.reason


@pytest.mark.parametrize(("share", "depth"), [(0.0, 20), (0.0, 3), (0.25, 20)])
def test_match_and_swap(share: float, depth: float) -> None:
    me, other = person(), person()
    sibling = np.where(RNG.random(N) < 0.5, me, person())
    genotypes = np.stack([me, other, sibling], axis=1).astype(np.int8)
    counts = reads_of(me, person(1), share, depth)
    found = identity.compare(counts, genotypes, PANEL, contamination.estimate(counts, PANEL))
    names, usable = ["me", "other", "sibling"], np.ones(3, dtype=bool)
    assert identity.judge(found, names, 0, usable).verdict == "match"
    for own in (1, 2):
        verdict = identity.judge(found, names, own, usable)
        assert (verdict.verdict, verdict.likely_patient) == ("swap", "me")
    if not share and depth == 20:
        assert found.concordance[0] > 0.99 > 0.9 > found.concordance[2] > found.concordance[1]


def test_swap_with_somebody_unknown() -> None:
    genotypes = np.stack([person(), person()], axis=1).astype(np.int8)
    found = identity.compare(
        reads_of(person(), person(), 0), genotypes, PANEL, contamination.Contamination(0.0, 0.0, N)
    )
    verdict = identity.judge(found, ["a", "b"], 0, np.ones(2, dtype=bool))
    assert (verdict.verdict, verdict.likely_patient) == ("swap", "")
    assert "no other patient fits" in verdict.reason


def test_genotypes_from_the_same_reads_prove_nothing() -> None:
    me = person()
    counts = reads_of(me, me, 0)
    clean = contamination.Contamination(0.0, 0.0, N)
    found = identity.compare(counts, np.stack([me, person()], axis=1).astype(np.int8), PANEL, clean)
    assert identity.judge(found, ["a", "b"], 0, np.array([False, True])).verdict == "not assessed"
    other = identity.compare(counts, np.stack([me, me], axis=1).astype(np.int8), PANEL, clean)
    assert identity.judge(other, ["a", "b"], 0, np.array([False, True])).likely_patient == "b"


def test_no_common_site() -> None:
    genotypes = np.full((N, 1), -1, dtype=np.int8)
    found = identity.compare(
        reads_of(person(), person(), 0), genotypes, PANEL, contamination.Contamination(0.0, 0.0, N)
    )
    assert np.isnan(found.concordance[0])
    assert identity.judge(found, ["a"], 0, np.ones(1, dtype=bool)).verdict == "not assessed"


def test_no_reads_and_no_patients() -> None:
    nothing = Counts(*(np.zeros(N, dtype=np.int64) for _ in range(3)))
    found = identity.compare(nothing, np.empty((N, 0), dtype=np.int8), PANEL, contamination.estimate(nothing, PANEL))
    assert identity.judge(found, [], None, np.ones(0, dtype=bool)).verdict == "not assessed"
