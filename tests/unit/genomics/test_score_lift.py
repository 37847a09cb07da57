"""Scoring files on GRCh37 with a chain file: places, strand, what has no place, and the sites that are then wanted."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.genomics.intake import panel
from consilium.genomics.intake.lifting import Lift, read_chain
from consilium.genomics.scores.frequencies import no_frequencies
from consilium.genomics.scores.matching import NAMES, Rules, match, sites_of
from consilium.genomics.scores.rows import read_scores
from consilium.genomics.scores.score_build import build_by_sites
from consilium.genomics.scores.score_lift import lifted
from consilium.genomics.scores.scoring_file import site_keys
from vcf_files import ROOT

KNOWN_SITES = ROOT / "resources" / "build_sites.tsv"
CHAIN = """chain 1000 chr1 249250621 + 1000 2100 chr1 248956422 + 5000 6090 1
500\t100\t90
500

chain 900 chr2 243199373 + 20000 20100 chr5 181538259 - 7000 7100 2
100

"""
ROWS = [  # chromosome, position, effect allele, other allele; chromosome and position in GRCh38, alleles there
    ("1", "1001", "A", "G", "chr1", 5001, "A", "G"),
    ("1", "1500", "A", "G", "chr1", 5500, "A", "G"),
    ("1", "1501", "A", "G", "", 0, "A", "G"),  # the gap
    ("1", "1601", "C", "T", "chr1", 5591, "C", "T"),
    ("1", "1498", "ATG", "A", "chr1", 5498, "ATG", "A"),
    ("1", "1499", "ATG", "A", "", 0, "ATG", "A"),  # its last base lies in the gap
    ("2", "20001", "A", "G", "chr5", 181531259, "T", "C"),
    ("2", "20100", "C", "", "chr5", 181531160, "G", ""),
    ("2", "20050", "AT", "A", "", 0, "AT", "A"),  # its first base is another one on that strand
    ("3", "1001", "A", "G", "", 0, "A", "G"),
]
HEAD = "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"


def files(folder: Path, header: str = "#pgs_id=OLD\n#genome_build=GRCh37\n") -> tuple[Path, Path]:
    score, chain = folder / "score.txt", folder / "a.chain"
    score.write_text(header + HEAD + "".join("\t".join(row[:4]) + "\t0.5\n" for row in ROWS))
    chain.write_text(CHAIN)
    return score, chain


def test_terms_lie_at_their_places_on_the_strand_of_grch38(tmp_path: Path) -> None:
    score, chain = files(tmp_path)
    (found,), problems = read_scores([score], build_by_sites(KNOWN_SITES), chain)
    assert not problems and found.note == "lifted over from GRCh37: 4 of 10 variants have no place in GRCh38"
    terms, chroms = found.terms, {"chr1": 0, "chr5": 4}
    assert terms.pos.tolist() == [row[5] for row in ROWS]
    assert [c for c, row in zip(terms.chrom, ROWS, strict=True) if row[5]] == [chroms[r[4]] for r in ROWS if r[5]]
    assert terms.effect_allele.tolist() == [row[6] for row in ROWS]
    assert terms.other_allele.tolist() == [row[7] for row in ROWS]
    assert terms.without_place.tolist() == [not row[5] for row in ROWS]


def test_what_has_no_place_is_named_and_the_rest_matched(tmp_path: Path) -> None:
    score, chain = files(tmp_path)
    (found,), _ = read_scores([score], None, chain)
    at = site_keys(np.array([0, 4]), np.array([5001, 181531259]))
    sites = sites_of(np.arange(2), at, np.array([["G", "A"], ["T", "C"]], dtype=object))
    fates = [NAMES[m] for m in match(found, sites, Rules(), no_frequencies()).match]
    assert fates[0] == "effect allele is alternative" and fates[6] == "effect allele is reference"
    assert [i for i, fate in enumerate(fates) if fate == "no place in GRCh38"] == [2, 5, 8, 9]


def test_each_position_is_where_the_chain_puts_it(tmp_path: Path) -> None:
    """All positions of the chain at once, and one by one."""
    score, chain = files(tmp_path)
    (one,), _ = read_scores([score], None, chain)
    places = Lift(read_chain(chain))
    positions = np.arange(900, 2200)
    n = len(positions)
    many = replace(
        one.terms, chrom=np.zeros(n, dtype=np.int64), pos=positions, effect_allele=np.full(n, "A", dtype=object),
        other_allele=np.full(n, "G", dtype=object), weight=np.ones(n), effect=np.zeros(n, dtype=np.int8),
        frequency=np.full(n, np.nan), line=positions,
    )  # fmt: skip
    blocks = [places.block("chr1", int(p)) for p in positions]
    assert lifted(many, places).pos.tolist() == [
        b.at(int(p)) if b else 0 for b, p in zip(blocks, positions, strict=True)
    ]


def test_the_sites_that_are_wanted_are_those_of_grch38(tmp_path: Path) -> None:
    score, chain = files(tmp_path)
    known = panel.read_panel(ROOT / "resources" / "ancestry_1kgp.tsv")
    wanted = panel.read_wanted(known, [], [score], chain)
    assert [p for p, _ in wanted.within("chr5", 181531000, 181532000)] == [181531160, 181531210, 181531259]
    assert wanted.within("chr1", 1000, 2000) == [] and wanted.within("chr1", 5001, 5001) == [(5001, "")]


@pytest.mark.parametrize(
    ("header", "build", "with_chain", "words"),
    [
        ("#genome_build=GRCh37\n", "grch37", False, "genomics.chain"),
        ("#genome_build=GRCh37\n", "grch38", True, "known variants lie as in GRCh38"),
        ("#genome_build=GRCh38\n", "grch37", True, "known variants lie as in GRCh37"),
        ("", "grch37", True, "say so in its header"),
        ("#genome_build=GRCh37\n#HmPOS_build=GRCh37\n", "grch37", True, "harmonised to GRCh38"),
    ],
)
def test_what_states_no_build_or_a_wrong_one_is_not_lifted(
    tmp_path: Path, header: str, build: str, with_chain: bool, words: str
) -> None:
    score, chain = files(tmp_path)
    with open(KNOWN_SITES) as handle:
        sites = list(csv.DictReader(handle, delimiter="\t"))[:5]
    rows = "".join(f"{s['chrom'][3:]}\t{s['pos_' + build]}\t{s['alt']}\t{s['ref']}\t1\n" for s in sites)
    score.write_text(header + HEAD + rows)
    found, problems = read_scores([score], build_by_sites(KNOWN_SITES), chain if with_chain else None)
    assert not found and words in str(InputError(problems))


def test_a_chain_that_is_none_is_a_problem_of_the_file(tmp_path: Path) -> None:
    score, chain = files(tmp_path)
    chain.write_text("no chain\n")
    found, problems = read_scores([score], None, chain)
    assert not found and "chain" in str(InputError(problems))
