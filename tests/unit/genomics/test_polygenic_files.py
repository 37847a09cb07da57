"""Scoring files: what is read, and what is refused by name and line."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest
from consilium.core.errors import InputError
from consilium.genomics.scores.scoring_file import read_scoring_file
from hypothesis import given
from hypothesis import strategies as st
from star_fixtures import DATA, needs_data

HEAD = "#pgs_id=PGS1\n#trait_reported=height\n#genome_build=GRCh38\n"
COLUMNS = "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"


def write(folder: Path, text: str, name: str = "score.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_scoring_file(path)
    return str(error.value)


def test_a_plain_file(tmp_path: Path) -> None:
    score = read_scoring_file(write(tmp_path, HEAD + COLUMNS + "chr1\t100\ta\tG\t-0.5\n\nX\t7\tT\t\t1e-3\n"))
    assert (score.name, score.trait, len(score.terms)) == ("PGS1", "height", 2)
    first, second = score.terms
    assert (first.chrom, first.pos, first.effect_allele, first.other_allele, first.weight, first.line) == (
        "1", 100, "A", "G", -0.5, 5,
    )  # fmt: skip
    assert (second.chrom, second.other_allele) == ("X", "") and math.isnan(second.frequency)


def test_harmonised_columns_win_and_a_row_without_position_stays(tmp_path: Path) -> None:
    text = (
        "#genome_build=GRCh37\n#HmPOS_build=GRCh38\n"
        "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\tallelefrequency_effect"
        "\tis_dominant\tis_recessive\thm_chr\thm_pos\n"
        "1\t5\tA\tC\t1\t0.3\tTrue\tFalse\t1\t105\n1\t6\tA\tC\t1\t\tFalse\tTrue\t\t\n"
    )
    score = read_scoring_file(write(tmp_path, text, "my_score.txt"))
    assert score.name == "my_score"
    assert [(t.chrom, t.pos, t.effect) for t in score.terms] == [("1", 105, "dominant"), ("", 0, "recessive")]
    assert score.terms[0].frequency == 0.3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#genome_build=GRCh37\n" + COLUMNS + "1\t1\tA\tC\t1\n", "genome_build 'GRCh37'"),
        (COLUMNS + "1\t1\tA\tC\t1\n", "genome_build 'not given'"),
        (HEAD + "rsID\teffect_allele\teffect_weight\nrs1\tA\t1\n", "no column hm_chr and hm_pos"),
        (HEAD + "chr_name\tchr_position\teffect_allele\n1\t1\tA\n", "no column effect_weight"),
        (HEAD + COLUMNS + "1\t1\tA\tC\tmuch\n", "score.txt:5 [*]: effect_weight 'much'"),
        (HEAD + COLUMNS + "6\t1\tHLA-B*07\tC\t1\n", "effect_allele 'HLA-B*07'"),
        (HEAD + COLUMNS, "no variants"),
        (HEAD, "no table below the header"),
        (HEAD + COLUMNS + "1\t1\tA\tC\t1\t9\t9\n", "7 cells under 5 columns"),
        (HEAD + "chr_name\tchr_position\teffect_allele\tdosage_1_weight\n1\t1\tA\t1\n", "weights per dosage"),
        (HEAD + COLUMNS[:-1] + "\tis_haplotype\n1\t1\tA\tC\t1\tTrue\n", "haplotype terms (A)"),
        (HEAD + COLUMNS[:-1] + "\tis_interaction\n1\t1\tA\tC\t1\tTRUE\n", "interaction terms (A)"),
    ],
)
def test_refusals_name_the_cause(tmp_path: Path, text: str, words: str) -> None:
    assert words in refused(write(tmp_path, text))


def test_every_bad_row_is_named_up_to_twenty(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_scoring_file(write(tmp_path, HEAD + COLUMNS + "1\t1\tA\tC\tx\n" * 30))
    assert len(error.value.problems) == 21 and "10 more rows" in str(error.value)


def test_damaged_files(tmp_path: Path) -> None:
    whole = gzip.compress((HEAD + COLUMNS + "1\t1\tA\tC\t1\n" * 500).encode())
    cut = tmp_path / "cut.txt.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    assert "EOFError" in refused(cut) or "error" in refused(cut)
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    assert "not UTF-8" in refused(binary)
    assert "FileNotFoundError" in refused(tmp_path / "none.txt")


@given(st.text(max_size=400))
def test_any_text_gives_a_score_or_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "x.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        read_scoring_file(path)
    except InputError as error:
        assert error.problems


@pytest.mark.data
@needs_data
def test_odd_catalogue_files_are_refused_and_good_ones_read() -> None:
    folder = DATA / "prs_1kgp" / "pgs_files"
    assert len(read_scoring_file(folder / "PGS000001_hmPOS_GRCh38.txt").terms) == 77
    assert len(read_scoring_file(folder / "PGS000002_hmPOS_GRCh38.txt.gz").terms) == 77
    for name, words in {
        "bad_harmonised.txt": "no row has a position",
        "invalid_scorefile.txt": "GRCh37",
        "custom.txt": "GRCh37",
        "PGS000802_hmPOS_GRCh37.txt": "GRCh37",
        "PGS004255_hmPOS_GRCh38.txt.gz": "weights per dosage",
        "complex_variants_PGS004239.txt": "HLA-DQB1*02:01",
    }.items():
        assert words in refused(folder / name)
