"""Combinations and partial alleles. The wanted names are those of PharmCAT's own tests of its research mode (facts read
from them, v3.1.x), in today's names: *80 with the repeat of *28 is *80+*28."""

import re

import numpy as np
import pytest
from consilium.genomics.stars.combinations import combined
from consilium.genomics.stars.findings import call_patients
from consilium.genomics.stars.observed import HALF_CALL, observe, with_file_bases
from consilium.genomics.stars.pharmacogenes import NOT_CALLED, QUALIFIED
from consilium.genomics.stars.phenotypes import INDETERMINATE
from star_fixtures import GENES, Row, store


def called(name: str, bases: dict[int, str], missing: tuple[int, ...] = (), combinations: bool = True):
    """The finding of a person with `bases` ("A|G" by position), reference elsewhere, nothing at `missing`."""
    gene = GENES[name]
    rows: list[Row] = []
    for locus in (at for at in gene.loci if at.pos not in missing):
        text = bases.get(locus.pos, f"{locus.ref}/{locus.ref}")
        pair = text.replace("|", "/").split("/")
        alts = sorted({b for b in pair if b not in (locus.ref, ".")} | set(locus.alts))
        codes = ["." if b == "." else str([locus.ref, *alts].index(b)) for b in pair]
        rows.append((locus.chrom, locus.pos, locus.ref, ",".join(alts), [("|" if "|" in text else "/").join(codes)]))
    return call_patients({name: gene}, store(rows, ["P"]), ["P"], combinations=combinations)["P"][0]


TOLD = [
    ("CYP2B6", {40991369: "T/T", 41016810: "T/T"}, (), "[*2 + *5]/[*2 + *5]"),
    ("CYP2B6", {41004377: "G|A", 41004381: "G|A", 41006936: "T|T", 41009358: "G|G"}, (), "*13/[*6 + *14]"),
    ("CYP2B6", {41006936: "T|G", 41006968: "T|A", 41012316: "T|G"}, (), "*9/[g.41006968T>A + g.41012316T>G]"),
    ("CYP2B6", {41006936: "T/G", 41012316: "T/G"}, (), "*1/[*9 + g.41012316T>G]"),
    ("CYP2B6", {41006968: "A|A"}, (), "g.41006968T>A/g.41006968T>A"),
    ("CYP2B6", {41006936: "T|G", 41009358: "G|A", 41010006: "C|G"}, (40991224,),
     "*1/[*6 + g.41010006G>C] *1/[*36 + g.41010006G>C]"),
    ("CYP2B6", {40991367: "A|T", 40991369: "C|T", 41004381: "A|G", 41006936: "T|G"}, (), "*10/[*9 + *14]"),
    ("CYP2B6", {41004381: "G/A", 41006936: "T/T", 41009358: "G/G"}, (41004377,),
     "*6/[*6 + *14] *6/[*13 + *14] *13/[*6 + *14] *13/[*13 + *14]"),
    ("UGT1A1", {233759924: "C|T", 233760233: "CAT|CATAT", 233760498: "G|A", 233760973: "C|A"}, (),
     "*1/[*6 + *27 + *80+*28]"),
    ("UGT1A1", {233759924: "C/T", 233760233: "CAT/CATAT", 233760498: "G/A", 233760973: "C/A"}, (),
     "*1/[*6 + *27 + *80+*28]"),
    ("UGT1A1", {233760233: "CAT/CATAT", 233760498: "G/A", 233760973: "C/T"}, (), "*1/[*6 + *28 + g.233760973C>T]"),
    ("UGT1A1", {233760498: "A/A", 233760973: "C/T"}, (), "*6/[*6 + g.233760973C>T]"),
    ("CYP2C19", {94761900: "T|C", 94775367: "A|G", 94781859: "A|A", 94842866: "G|G"}, (), "*2/[*17 + g.94781859G>A]"),
    ("TPMT", {18143724: "C/T"}, (), "*1/g.18143724C>T"),
]  # fmt: skip


@pytest.mark.parametrize(("gene", "bases", "missing", "names"), TOLD)
def test_the_names_of_pharmcats_tests(gene, bases, missing, names) -> None:
    found = called(gene, bases, missing)
    assert found.diplotypes == tuple(re.split(" (?=[*]1?[0-9]/)", names))
    assert found.call == QUALIFIED and found.phenotypes == (INDETERMINATE,) and "research" in found.reason
    assert np.isnan(found.activity_score)


@pytest.mark.parametrize(("gene", "bases", "missing", "names"), TOLD)
def test_without_the_option_nothing_of_them_is_named(gene, bases, missing, names) -> None:
    found = called(gene, bases, missing, combinations=False)
    assert found.call == NOT_CALLED or gene == "TPMT"  # there, an undocumented base counts as reference, qualified
    assert not any("[" in name or "g." in name for name in found.diplotypes)


def test_a_pair_of_defined_alleles_goes_before_combinations() -> None:
    bases = {41004377: "G/A", 41006936: "T/G"}  # *8 and *9, or both on one strand
    assert called("CYP2B6", bases).diplotypes == ("*8/*9",)
    assert called("CYP2B6", bases, combinations=True) == called("CYP2B6", bases, combinations=False)


def test_phase_from_statistics_is_disregarded_first_and_what_it_would_mean_is_said() -> None:
    found = called("UGT1A1", {233759924: "T|C", 233760233: "CATAT|CAT", 233760498: "A|G"})
    assert found.diplotypes == ("*6/*80+*28",) and found.call == QUALIFIED
    assert "with it: *1/[*6 + *80+*28]" in found.reason


def test_untested_positions_that_hide_a_frequent_allele_leave_no_combination() -> None:
    bases = {41004377: "A|G", 41004381: "G|A", 41016810: "C|T"}
    assert called("CYP2B6", bases).diplotypes == ("*1/[*5 + *8 + *14]",)
    found = called("CYP2B6", bases, missing=(41006936, 41009358))
    assert found.call == NOT_CALLED and found.excluded_probability > 0.1


def test_half_calls_are_read_with_the_option_only() -> None:
    bases = {97573863: ".|T", 97579893: ".|C"}  # HapB3 on the second strand; the first was not called there
    assert "half call" in called("DPYD", bases, combinations=False).reason
    found = called("DPYD", bases)
    assert found.diplotypes == ("Reference/c.1129-5923C>G, c.1236G>A (HapB3)",)
    assert found.call == QUALIFIED and 0.005 < found.excluded_probability < 0.1
    named = called("CYP2C9", {94942290: "T/."})
    assert named.diplotypes == ("*1/*2",) or named.call == NOT_CALLED
    assert named.excluded_probability > 0.01  # *2 may lie on the strand that was not called


def test_bases_that_no_allele_has_stay_apart_from_those_of_the_table() -> None:
    gene = GENES["CYP2B6"]
    at = gene.locus("rs45482602")  # C>A of *3; the file has C>T
    rows: list[Row] = [("chr19", gene.loci[at].pos, "C", "T", ["0/1"])]
    wide = with_file_bases(store(rows, ["P"]), gene)
    assert wide.loci[at].alts == ("A", "T") and gene.loci[at].alts == ("A",)
    assert observe(store(rows, ["P"]), wide).codes[0, at].tolist() == [0, 2]
    half: list[Row] = [("chr19", gene.loci[at].pos, "C", "A", ["./1"])]
    assert observe(store(half, ["P"]), gene).codes[0, at].tolist() == [HALF_CALL] * 2
    assert observe(store(half, ["P"]), gene, halves=True).codes[0, at].tolist() == [-1, 1]


def test_too_many_readings_are_none() -> None:
    gene = GENES["CYP2B6"]
    codes = np.zeros((len(gene.loci), 2), dtype=np.int8)
    assert combined(gene, [codes] * 128).names and not combined(gene, [codes] * 129).names
