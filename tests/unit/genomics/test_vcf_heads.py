"""Heads of VCF lines taken many at a time are what the reader of single lines makes of them."""

import os

import numpy as np
import pytest
from consilium.genomics.decoding import heads, splitting
from consilium.genomics.decoding.lines import UnfitError, read
from consilium.genomics.intake.build import CONTIGS
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("CONSILIUM_EXAMPLES", "200"))
_LETTERS = st.sampled_from([bytes([b]) for b in b"\t\r ;.,:=ENDACGTNacgt019|/\0GTPS<>eE+-*_"])
_TEXTS = st.sampled_from([
    b"", b"END=7", b";END=7", b"IDEND=7", b"1e5", b"1.5e-3", b"123456789", b"12345678901", b"012", b"PASS", b"q10",
    b"q10;s50", b"GT:DP", b"GT:GT", b"chrX", b"GL000220.1", b"rs1;rs2", b";rs1", b"x" * 70, b"a\0b", b"5.", b".5",
    b"1.2.3", b"A", b"A,C", b"AT",
])  # fmt: skip


@st.composite
def data_lines(draw: st.DrawFn) -> bytes:
    """An ordinary line, most of them with something in its head put out of order."""
    cells = [draw(st.sampled_from([b"chr1", b"1", b"X", b"chrUn_1"])), str(draw(st.integers(1, 10**9 - 1))).encode(),
             draw(st.sampled_from([b".", b"rs1", b"a:b"])), draw(st.sampled_from([b"A", b"C"])),
             draw(st.sampled_from([b"G", b"T"])), draw(st.sampled_from([b".", b"30", b"30.25"])),
             draw(st.sampled_from([b"PASS", b"."])), draw(st.sampled_from([b".", b"", b"AC=1;AN=2", b"BLEND=1"])),
             draw(st.sampled_from([b"GT", b"GT:DP:GQ"]))]  # fmt: skip
    if draw(st.booleans()):
        cells[draw(st.integers(0, 8))] = draw(_TEXTS)
    head = b"\t".join(cells)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        at = draw(st.integers(0, len(head)))
        head = head[:at] + draw(_LETTERS) + head[at + draw(st.integers(0, 1)) :]
    return head.replace(b"\n", b"") + draw(st.sampled_from([b"\t0|0\t0|1", b"\t0/1:3:9\t./.", b"", b"\t", b"\t1\r"]))


def taken(lines: list[bytes]) -> tuple[bytes, heads.Heads, np.ndarray, list[bytes], np.ndarray, np.ndarray]:
    text = b"".join(line + b"\n" for line in lines)
    ends = np.cumsum([len(line) + 1 for line in lines]) - 1
    starts = ends - [len(line) for line in lines]
    found, chosen, names = heads.plain_lines(text, np.arange(len(lines)), starts, ends)
    return text, found, chosen, names, starts, ends


@given(st.lists(data_lines(), min_size=1, max_size=30))
@settings(max_examples=EXAMPLES)
def test_a_head_taken_with_others_is_the_one_read_alone(lines: list[bytes]) -> None:
    lines = [line or b"." for line in lines]
    text, found, chosen, names, starts, ends = taken(lines)
    for place, i in enumerate(np.flatnonzero(chosen)):
        alone = read(text, int(i), int(starts[i]), int(ends[i]), in_full=False)
        assert (alone.contig, alone.pos) == (names[found.contig[place]], found.pos[place])
        if alone.line is None:
            assert alone.elsewhere
            continue
        assert (alone.line.variants, alone.line.filtered) == (None, False)
        found.contig[place] = CONTIGS.index(alone.line.chrom)
        assert found.line(place) == alone.line


def test_ordinary_heads_are_taken() -> None:
    lines = [b"1\t%d\trs%d\tA\tG\t%s\tPASS\tAC=%d\tGT\t0|0\t0|1" % (p, p, q, p)
             for p in (1, 20, 333, 99_999_999) for q in (b".", b"5", b"30.25")]  # fmt: skip
    *_, chosen, names, _, _ = taken([*lines, b"1" * 5000])
    assert chosen.tolist() == [True] * len(lines) + [False] and names[:1] == [b"1"]


@pytest.mark.parametrize(("column", "cell"), [
    (0, b""), (1, b"012"), (1, b"1234567890"), (1, b"7a"), (1, b""), (2, b"a b"), (2, b";a"), (2, b""), (2, b"a\0b"),
    (3, b"G"), (3, b"AT"), (3, b"N"), (4, b"a"), (4, b"G,T"), (4, b"."), (5, b""), (5, b".5"), (5, b"1.2.3"),
    (5, b"-1"), (6, b"q10"), (6, b"PASSED"), (6, b""), (7, b"END=9"), (7, b"AC=1;END=9"), (8, b"DP"), (8, b"GT:GT"),
    (8, b"GT:"),
])  # fmt: skip
def test_what_is_no_ordinary_head_is_left(column: int, cell: bytes) -> None:
    ordinary = b"1 7 . A G . PASS . GT".split()
    odd = [*ordinary[:column], cell, *ordinary[column + 1 :]]
    lines = [b"\t".join([*head, b"0|0"]) for head in (ordinary, odd, *[ordinary] * 8)]
    *_, chosen, _, _, _ = taken(lines)
    assert chosen[:6].tolist() == [True, False, True, True, True, True]
    assert not taken([*lines[:1], b"\t".join(ordinary), b"\t".join([*ordinary, b"0|0\r"]), *lines[2:]])[2][1:3].any()


def test_heads_wider_than_the_first_ones_are_left() -> None:
    long = b"1\t7\t.\tA\tG\t.\tPASS\tX=" + b"y" * 6000 + b"\tGT\t0|0"
    short = b"1\t7\t.\tA\tG\t.\tPASS\t.\tGT\t0|0"
    *_, chosen, _, _, _ = taken([short, long, *[short] * 98])
    assert not chosen[1] and chosen[[0, *range(2, 96)]].all()
    assert not chosen[99]  # less text than a head may have stands behind it


@pytest.mark.parametrize("cells", [2, 2000])  # lines short and long, whose ends are looked for in two ways
def test_a_piece_is_all_its_lines(cells: int) -> None:
    body = b"\t0|0" * cells
    heads_of = [b"1\t%d\t.\tA\tG\t.\tPASS\t.\tGT" % p for p in (100, 5000, 9000)]
    odd = [b"2\t100\t.\tAT\tA\t.\tPASS\t.\tGT", b"2\t200\t.\tA\tG\t.\tq10\t.\tGT", b"GL1\t5\t.\tA\tG\t.\tPASS\t.\tGT"]
    wrong = [b"3\t7\tA B\tA\tG\t.\tPASS\t.\tGT", b"3\t8\t.\tC\tG\t.\tPASS\t.\tGT"]
    text = b"".join(head + body + b"\n" for head in [*heads_of, *odd]) + b"#a comment\n\n"
    text += b"".join(head + body + b"\n" for head in wrong)
    found = splitting.split(b"left over\n" + text, 10, 1, None, None)
    assert (found.n_lines, found.n_filtered, found.n_other_contigs) == (10, 1, 1)
    assert [n for n, _, _ in found.slow] == [0, 8]
    assert [found.fast.line(i).number for i in range(len(found.fast))] == [1, 2, 3, 9]
    assert found.fast.line(2).keys == [(1, ("chr2", 100, "AT", "A"))]
    assert found.runs == [(b"1", 100, 9000), (b"2", 100, 200), (b"GL1", 5, 5), (b"3", 7, 8)]
    with pytest.raises(UnfitError):
        splitting.split(text[: text.index(b"#")] + wrong[1] + body + b"\n" + wrong[0] + body + b"\n", 0, 0, None, None)
