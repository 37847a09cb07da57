"""DPYD: the lowest-function rule and HapB3, on PharmCAT's own table of cases and on made-up people."""

from __future__ import annotations

import csv
import io
import math
import tarfile
from collections.abc import Iterator

import numpy as np
import pytest
from consilium.genomics.stars.lowest import match_lowest
from consilium.genomics.stars.observed import UNDOCUMENTED, UNTESTED
from consilium.genomics.stars.pharmacogenes import CALLED, QUALIFIED, call
from consilium.genomics.stars.phenotypes import phenotype
from star_fixtures import DATA, GENES, needs_data

GENE = GENES["DPYD"]
CODES = {"0/0": (0, 0), "0/1": (0, 1), "1/1": (1, 1), "missing": (UNTESTED, UNTESTED)}
NAMES = {"ref": "Reference", "HapB3": "c.1129-5923C>G, c.1236G>A (HapB3)", "HapB3Intron": "c.1129-5923C>G"}


def people() -> Iterator[tuple[str, np.ndarray, str, str]]:
    """(id, codes, expected phased, expected unphased) of the table's rows whose calls name a diplotype."""
    path = DATA / "pharmcat_cases" / "test_resources.tar.gz"
    if not path.exists():
        return
    with tarfile.open(path) as archive:
        member = archive.extractfile("test_resources/haplotype/DPYD/hapb3.tsv")
        assert member is not None
        lines = list(csv.reader(io.StringIO(member.read().decode()), delimiter="\t"))
    rsids = [c.strip() for c in lines[2][:7]]
    for n, cells in enumerate(lines[3:], start=4):
        if len(cells) < 12 or not set(cells[:7]) <= set(CODES):
            continue
        codes = np.zeros((len(GENE.loci), 2), dtype=np.int8)
        for rsid, text in zip(rsids, cells[:7], strict=True):
            at = GENE.locus(rsid)
            if at is not None:
                # The table's c.1314A>G is a base that no allele knows (the variant there is T>G).
                codes[at] = [UNDOCUMENTED if c > 0 and rsid == "rs186169810" else c for c in CODES[text]]
        phased = cells[8].strip() or cells[7].strip()
        yield f"line{n}", codes, phased, cells[10].strip() or phased


def score(text: str) -> float:
    """Activity score of a diplotype as the table writes it; NaN if it names something else."""
    value = {n: float(a) for n, a in zip(GENE.alleles, GENE.activity, strict=True)}
    parts = [NAMES.get(p.strip(), p.strip()) for p in text.split("/")]
    return sum(value.get(p, math.nan) for p in parts) if len(parts) == 2 else math.nan


@pytest.mark.data
@needs_data
def test_the_table_of_hapb3_cases() -> None:
    compared = 0
    for name, codes, phased, unphased in people():
        # The table's phased calls put every alternative on the second strand.
        for expected, block in ((phased, 0), (unphased, -1)):
            wanted = score(expected)
            if math.isnan(wanted):
                continue
            found = match_lowest(GENE, codes, np.full(len(GENE.loci), block, dtype=np.int64))
            first, second = (GENE.alleles[a] for a in found.pairs[0])
            assert phenotype(GENE, first, second)[1] == wanted, (name, expected, first, second)
            compared += 1
    assert compared > 80


def with_codes(**sites: tuple[int, int]) -> np.ndarray:
    codes = np.zeros((len(GENE.loci), 2), dtype=np.int8)
    for rsid, pair in sites.items():
        codes[GENE.locus(rsid)] = pair
    return codes


def together(block: int = 0) -> np.ndarray:
    return np.full(len(GENE.loci), block, dtype=np.int64)


def test_two_variants_on_one_strand_or_on_two() -> None:
    cis = with_codes(rs3918290=(0, 1), rs67376798=(0, 1))  # *2A (0) and c.2846A>T (0.5)
    assert call(GENE, cis, together()).activity_score == 1.0
    trans = with_codes(rs3918290=(0, 1), rs67376798=(1, 0))
    assert call(GENE, trans, together()).activity_score == 0.5
    unknown = call(GENE, cis, together(-1))
    assert (unknown.activity_score, unknown.call, unknown.phased) == (0.5, QUALIFIED, False)
    assert "different strands" in unknown.reason


def test_homozygous_counts_twice() -> None:
    finding = call(GENE, with_codes(rs3918290=(1, 1), rs67376798=(0, 1)), together(-1))
    assert (finding.activity_score, finding.phenotypes) == (0.0, ("Poor Metabolizer",))


def test_no_variant_is_reference_only_if_tested() -> None:
    finding = call(GENE, with_codes(), together())
    assert (finding.diplotypes, finding.call) == (("Reference/Reference",), CALLED)
    holes = with_codes(rs3918290=(UNTESTED, UNTESTED), rs75017182=(UNTESTED, UNTESTED))
    holes[GENE.locus("rs56038477")] = UNTESTED
    finding = call(GENE, holes, together())
    assert finding.call == QUALIFIED and finding.excluded_probability > 0.04
    assert "HapB3" in finding.reason and len(finding.untested) == 3


def test_the_exon_site_stands_in_for_the_intron_with_a_warning() -> None:
    finding = call(GENE, with_codes(rs75017182=(UNTESTED, UNTESTED), rs56038477=(0, 1)), together())
    assert finding.activity_score == 1.5 and finding.call == QUALIFIED and "rs75017182 is untested" in finding.reason
    conflict = call(GENE, with_codes(rs56038477=(0, 1)), together())
    assert conflict.activity_score == 2.0 and "intronic base decides" in conflict.reason
