"""From variant records to bases: split and joined records, indels in every spelling, what counts as tested."""

from __future__ import annotations

import numpy as np
import pytest
from consilium.genomics.stars.observed import HALF_CALL, UNDOCUMENTED, UNTESTED, observe, spellings, trimmed
from star_fixtures import GENES, Row, store


def codes(gene: str, rows: list[Row], pos: int) -> list[int]:
    record = GENES[gene]
    seen = observe(store(rows, ["p"]), record)
    at = next(i for i, locus in enumerate(record.loci) if locus.pos == pos)
    return [int(c) for c in seen.codes[0, at]]


def test_trimming() -> None:
    assert trimmed(10, "AGGAGTC", "AGGAGTCGGAGTC") == (10, "A", "AGGAGTC")
    assert trimmed(10, "CAG", "CTG") == (11, "A", "T")


@pytest.mark.parametrize(
    ("ref", "alt", "expected"),
    [
        ("A", "AGGAGTC", 2),  # short form of the insertion
        ("AGGAGTC", "AGGAGTCGGAGTC", 2),
        ("AGGAGTC", "A", 1),
        ("AGGAGTC", "AGGAGTCGGAGTC,A", 2),  # joined record: allele 1 is the insertion
        ("A", ".", 0),  # reference base alone, anchored where the indel would be
        ("A", "C", UNTESTED),  # a substitution says nothing of insertions
        ("A", "AT", UNDOCUMENTED),
    ],
)
def test_nudt15_indel(ref: str, alt: str, expected: int) -> None:
    text = "0/0" if alt == "." else "0/1"
    found = codes("NUDT15", [("chr13", 48037782, ref, alt, [text])], 48037782)
    assert found == ([UNTESTED] * 2 if expected == UNTESTED else [0, expected])


def test_indels_moved_to_the_right_are_the_same_alleles() -> None:
    locus = next(x for x in GENES["NUDT15"].loci if x.pos == 48037782)
    moved = [s for s, code in spellings(locus).items() if code == 2]
    assert (48037801, "C", "CGGAGTC") not in moved and (48037801, "G", "GGAGTCG") in moved
    for pos, ref, alt in moved:
        assert codes("NUDT15", [("chr13", pos, ref, alt, ["1|0"])], 48037782) == [2, 0]
    # PharmCAT and PGxPOP place CYP2C9*25 at the two ends.
    assert codes("CYP2C9", [("chr10", 94942212, "AAGAAATGGAA", "A", ["1/1"])], 94942205) == [1, 1]


def test_split_records_are_put_together() -> None:
    rows: list[Row] = [("chr6", 18130687, "T", "C", ["0/1"]), ("chr6", 18130687, "T", "G", ["0/1"])]
    assert sorted(codes("TPMT", rows, 18130687)) == [1, 2]  # not ordered: one on each strand
    rows = [("chr6", 18130687, "T", "C", ["0|1"]), ("chr6", 18130687, "T", "G", ["1|0"])]
    assert codes("TPMT", rows, 18130687) == [2, 1]
    rows = [("chr6", 18130687, "T", "C", ["0|1"]), ("chr6", 18130687, "T", "G", ["0|1"])]
    assert codes("TPMT", rows, 18130687) == [0, UNDOCUMENTED]  # two bases on one strand
    rows = [("chr6", 18130687, "T", "C", ["0/1"]), ("chr6", 18130687, "T", "G", ["./."])]
    assert codes("TPMT", rows, 18130687) == [0, 1]  # merged files: the other record is another patient's


def test_missing_half_and_wrong_reference() -> None:
    assert codes("TPMT", [("chr6", 18130687, "T", "C", ["./."])], 18130687) == [UNTESTED, UNTESTED]
    assert codes("TPMT", [("chr6", 18130687, "T", "C", ["0/."])], 18130687) == [HALF_CALL, HALF_CALL]
    assert codes("TPMT", [("chr6", 18130687, "T", "C", ["1"])], 18130687) == [HALF_CALL, HALF_CALL]
    assert codes("TPMT", [("chr6", 18130687, "C", "T", ["0/0"])], 18130687) == [UNTESTED, UNTESTED]
    assert codes("TPMT", [("chr6", 18130687, "T", "A", ["0/1"])], 18130687) == [0, UNDOCUMENTED]


def test_names_without_chr_and_longer_substitutions() -> None:
    assert codes("TPMT", [("6", 18130687, "T", "C", ["1|1"])], 18130687) == [1, 1]
    assert codes("TPMT", [("chr6", 18130686, "AT", "AC", ["0|1"])], 18130687) == [0, 1]


def test_a_deletion_over_a_position() -> None:
    over: list[Row] = [("chr6", 18130680, "AAAAAAAAAA", "A", ["0|1"]), ("chr6", 18130687, "T", "C", ["0|0"])]
    assert codes("TPMT", over, 18130687) == [0, UNDOCUMENTED]
    alone: list[Row] = [("chr6", 18130680, "AAAAAAAAAA", "A", ["0|0"])]
    assert codes("TPMT", alone, 18130687) == [UNTESTED, UNTESTED]  # its absence tests nothing
    documented: list[Row] = [
        ("chr10", 94942205, "CAATGGAAAGA", "C", ["0|1"]), ("chr10", 94942213, "A", "G", ["0|0"]),
    ]  # fmt: skip
    assert codes("CYP2C9", documented, 94942205) == [0, 1]


def test_phase_blocks() -> None:
    rows: list[Row] = [("chr6", 18130687, "T", "C", ["0|1"]), ("chr6", 18138997, "C", "T", ["0/1"])]
    gene = GENES["TPMT"]
    seen = observe(store(rows, ["p"]), gene)
    at = [next(i for i, x in enumerate(gene.loci) if x.pos == p) for p in (18130687, 18138997)]
    assert list(seen.block[0, at]) == [0, -1]


def test_no_record_is_untested() -> None:
    seen = observe(store([], ["p", "q"]), GENES["CYP2C19"])
    assert seen.codes.shape == (2, 35, 2) and np.all(seen.codes == UNTESTED)
