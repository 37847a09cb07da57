import numpy as np
from consilium.genomics.intake.calls import MISSING, NO_ALT, Calls, CallsBuilder, Part, merge
from hypothesis import given
from hypothesis import strategies as st

M = [MISSING, MISSING]


def calls(*rows: tuple) -> Calls:
    """Rows (pos, ref, alt, genotypes …); a genotype is a pair of codes."""
    builder = CallsBuilder(len(rows[0]) - 3)
    for pos, ref, alt, *genotypes in rows:
        builder.add("chr1", pos, ref, alt, ".", np.array(genotypes), np.zeros(len(genotypes), dtype=bool))
    return builder.by_contig()["chr1"][0]


def merged(*parts: tuple[Calls, list[int]], n: int = 2) -> dict:
    result, clashes = merge([Part(c, np.array(columns)) for c, columns in parts], n)
    return {k: (g.tolist(), int(x)) for k, g, x in zip(result.keys, result.gt, clashes, strict=True)}


def test_a_site_that_one_file_does_not_mention_stays_missing() -> None:
    found = merged((calls((5, "A", "G", [0, 1])), [0]), (calls((9, "C", "T", [1, 1])), [1]))
    assert found == {(5, "A", "G"): ([[0, 1], M], 0), (9, "C", "T"): ([M, [1, 1]], 0)}


def test_reference_rows_fill_variant_rows_and_vanish() -> None:
    found = merged((calls((5, "A", "G", [0, 1])), [0]), (calls((5, "A", NO_ALT, [0, 0])), [1]))
    assert found == {(5, "A", "G"): ([[0, 1], [0, 0]], 0)}


def test_reference_rows_without_variant_stay() -> None:
    found = merged((calls((5, "A", NO_ALT, [0, 0])), [0]), (calls((5, "AC", NO_ALT, [0, 0])), [1]))
    assert found == {(5, "AC", NO_ALT): ([[0, 0], [0, 0]], 0)}


def test_another_allele_of_the_same_kind_is_not_this_one() -> None:
    found = merged((calls((5, "A", "G", [0, 1])), [0]), (calls((5, "A", "T", [1, -2])), [1]))
    assert found == {(5, "A", "G"): ([[0, 1], [0, -2]], 0), (5, "A", "T"): ([[0, 0], [1, -2]], 0)}


def test_a_single_base_says_nothing_of_an_insertion() -> None:
    found = merged((calls((5, "A", "G", [0, 1])), [0]), (calls((5, "A", "AT", [0, 1])), [1]))
    assert found == {(5, "A", "AT"): ([M, [0, 1]], 0), (5, "A", "G"): ([[0, 1], M], 0)}


def test_half_calls_stay_half_and_imply_nothing() -> None:
    found = merged((calls((5, "A", "G", [MISSING, 1])), [0]), (calls((5, "A", "T", [0, 1])), [1]))
    assert found[5, "A", "G"][0] == [[MISSING, 1], [0, 0]]
    assert found[5, "A", "T"][0] == [[MISSING, 0], [0, 1]]


def test_overlapping_files_agree_or_become_missing() -> None:
    one = calls((5, "A", "G", [0, 1], [1, 1]), (7, "C", "T", M, [0, 0]))
    two = calls((5, "A", "G", [1, 0], [0, 1]), (7, "C", "T", [0, 1], M))
    found = merged((one, [0, 1]), (two, [0, 1]))
    assert found == {(5, "A", "G"): ([[0, 1], M], 1), (7, "C", "T"): ([[0, 1], [0, 0]], 0)}


def test_a_third_file_does_not_decide_a_disagreement() -> None:
    parts = [(calls((5, "A", "G", g)), [0]) for g in ([0, 1], [1, 1], [0, 1])]
    assert merged(*parts, n=1) == {(5, "A", "G"): ([M], 1)}


_GENOTYPE = st.sampled_from([[0, 0], [0, 1], [1, 1], M])


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("GT"), _GENOTYPE), min_size=1, max_size=6), st.randoms())
def test_the_order_of_files_changes_nothing(rows: list, rng: object) -> None:
    parts = [(calls((pos, "A", alt, gt)), [i % 2]) for i, (pos, alt, gt) in enumerate(rows)]
    shuffled = parts[:]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    def plain(found: dict) -> dict:
        return {k: ([sorted(g) for g in genotypes], n) for k, (genotypes, n) in found.items()}

    assert plain(merged(*parts)) == plain(merged(*shuffled))
