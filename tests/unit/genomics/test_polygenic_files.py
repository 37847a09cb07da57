"""Scoring files: what is read, and what is refused by name and line."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from consilium.core.errors import InputError
from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.scores.score_build import build_by_sites
from consilium.genomics.scores.scoring_file import EFFECTS, read_scoring_file
from hypothesis import given
from hypothesis import strategies as st
from star_fixtures import DATA, ROOT, needs_data

KNOWN_SITES = ROOT / "resources" / "build_sites.tsv"

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
    terms = score.terms
    assert [CONTIGS[c] for c in terms.chrom] == ["chr1", "chrX"] and list(terms.pos) == [100, 7]
    assert list(terms.effect_allele) == ["A", "T"] and list(terms.other_allele) == ["G", ""]
    assert list(terms.weight) == [-0.5, 1e-3] and list(terms.line) == [5, 7]
    assert np.isnan(terms.frequency).all()


def test_harmonised_columns_win_and_a_row_without_position_stays(tmp_path: Path) -> None:
    text = (
        "#genome_build=GRCh37\n#HmPOS_build=GRCh38\n"
        "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\tallelefrequency_effect"
        "\tis_dominant\tis_recessive\thm_chr\thm_pos\n"
        "1\t5\tA\tC\t1\t0.3\tTrue\tFalse\t1\t105\n1\t6\tA\tC\t1\t\tFalse\tTrue\t\t\n"
    )
    score = read_scoring_file(write(tmp_path, text, "my_score.txt"))
    assert score.name == "my_score"
    terms = score.terms
    assert list(terms.chrom) == [0, -1] and list(terms.pos) == [105, 0] and list(terms.key) == [105, -1]
    assert [EFFECTS[e] for e in terms.effect] == ["dominant", "recessive"]
    assert terms.frequency[0] == 0.3


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
        (HEAD + COLUMNS[:-1] + "\tis_haplotype\n1\t1\tA\tC\t1\tTrue\n", "haplotype term 'A'"),
        (HEAD + COLUMNS[:-1] + "\tis_interaction\n1\t1\tA\tC\t1\tTRUE\n", "interaction term 'A'"),
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


def test_effect_type_inferred_allele_and_lower_case_count(tmp_path: Path) -> None:
    text = HEAD + COLUMNS[:-1] + "\teffect_type\thm_inferOtherAllele\n" + "".join(
        f"1\t{i}\ta\t{other}\t1\t{kind}\t{inferred}\n"
        for i, (other, kind, inferred) in enumerate(
            [("c", "Dominant", "G"), ("", "recessive", "G"), ("", "additive", "C/G"), ("", "", "")], start=1
        )
    )  # fmt: skip
    terms = read_scoring_file(write(tmp_path, text)).terms
    assert list(terms.other_allele) == ["C", "G", "", ""]
    assert [EFFECTS[e] for e in terms.effect] == ["dominant", "recessive", "additive", "additive"]
    assert "effect_type 'nonadditive'" in refused(write(tmp_path, text.replace("recessive", "nonadditive")))


def test_rows_too_long_or_short_blanks_and_line_ends(tmp_path: Path) -> None:
    body = '1\t7\tA\tC\t0.1\n\n 1 \t 8\tA\tC\t 0.25\n1\t9\tA\tC\t-1e-2\t"x\n'
    assert "score.txt:8 [*]: 6 cells under 5 columns" in refused(write(tmp_path, HEAD + COLUMNS + body))
    whole = HEAD + COLUMNS[:-1] + "\tlocus_name\n" + body
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "ends.txt"
        path.write_bytes(whole.replace("\n", end).encode())
        terms = read_scoring_file(path).terms
        assert list(terms.pos) == [7, 8, 9] and list(terms.weight) == [0.1, 0.25, -0.01]
        assert list(terms.chrom) == [0, 0, 0] and list(terms.line) == [5, 7, 8]


def test_the_build_is_what_the_positions_say(tmp_path: Path) -> None:
    """A file that states no build is read if known variants lie as in GRCh38, refused if not; a wrong header too."""
    build_of = build_by_sites(KNOWN_SITES)
    with open(KNOWN_SITES) as handle:
        sites = list(csv.DictReader(handle, delimiter="\t"))[:5]

    def text(build: str, head: str) -> str:
        rows = "".join(f"{s['chrom'][3:]}\t{s['pos_' + build]}\t{s['alt']}\t{s['ref']}\t1\n" for s in sites)
        return head + COLUMNS + rows

    path = write(tmp_path, text("grch38", "#pgs_id=P\n"))
    assert len(read_scoring_file(path, build_of).terms) == 5
    assert "genome_build 'not given'" in refused(path)
    for build, head, words in (
        ("grch37", "#pgs_id=P\n", "known variants lie as in GRCh37"),
        ("grch37", "#genome_build=GRCh38\n", "'GRCh38', but known variants lie as in GRCh37"),
        ("grch37", "#genome_build=GRCh37\n", "genome_build 'GRCh37'"),
    ):
        with pytest.raises(InputError, match=re.escape(words)):
            read_scoring_file(write(tmp_path, text(build, head)), build_of)
    with pytest.raises(InputError, match="do not tell the build"):
        read_scoring_file(write(tmp_path, COLUMNS + "1\t1\tA\tC\t1\n"), build_of)


@given(st.text(max_size=400))
def test_any_text_gives_a_score_or_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "x.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        read_scoring_file(path)
    except InputError as error:
        assert error.problems


ODD = {
    "PGS000001_hmPOS_GRCh37.txt": ["HmPOS_build 'GRCh37'"],
    "PGS000802_hmPOS_GRCh37.txt": ["HmPOS_build 'GRCh37'"],
    "PGS004255_hmPOS_GRCh38.txt.gz": ["weights per dosage"],
    "PGS001229_hmPOS_GRCh38.txt.gz": ["effect_allele 'P' is no sequence", ":39275 "],
    "bad_harmonised.txt": ["no row has a position"],
    "invalid_scorefile.txt": ["genome_build 'GRCh37'", "no column hm_chr and hm_pos"],
    "custom.txt": ["genome_build 'GRCh37'"],
    "custom_no_oa.txt": ["genome_build 'GRCh37'"],
    "complex_variants_PGS000021.txt": ["diplotype term 'HLA-DR3/HLA-DR4; HLA-DQ8'", "haplotype term 'HLA-A*24'",
                                       "genome_build 'not given'", "no column hm_chr and hm_pos"],
    "complex_variants_PGS004239.txt": ["haplotype term 'HLA-DQB1*02:01'", "effect_allele 'HLA-DQB1_30_Y'"],
    "lift/PGS000001_hmPOS_GRCh37.txt": ["genome_build 'GRCh37'"],
    "lift/lift_to_grch38.txt": ["genome_build 'GRCh37'"],
}  # fmt: skip
GOOD = ("PGS000001_hmPOS_GRCh38.txt", "PGS000002_hmPOS_GRCh38.txt.gz", "lift/PGS000001_hmPOS_GRCh38.txt",
        "lift/lift_to_grch37.txt")  # fmt: skip


@pytest.mark.data
@needs_data
def test_odd_catalogue_files_are_refused_and_good_ones_read() -> None:
    folder = DATA / "prs_1kgp" / "pgs_files"
    positions = [list(read_scoring_file(folder / name).terms.pos[:3]) for name in GOOD]
    assert positions == [[69516650, 69564393, 69516874]] * 4
    for name, words in ODD.items():
        message = refused(folder / name)
        assert all(w in message for w in words), message


@pytest.mark.data
@needs_data
def test_a_combined_file_without_header_is_read_by_its_positions(tmp_path: Path) -> None:
    with gzip.open(DATA / "prs_1kgp" / "pgs_files" / "PGS001229_hmPOS_GRCh38.txt.gz", "rt") as handle:
        lines = [line for line in handle if not re.search(r"\t[PN]\t", line)]
    score = read_scoring_file(write(tmp_path, "".join(lines), "PGS001229.txt"), build_by_sites(KNOWN_SITES))
    assert score.name == "PGS001229" and len(score.terms) > 51_000
