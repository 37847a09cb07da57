"""The fast way through a joint VCF gives the rows of the full reader, whatever stands in the file."""

import gzip
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest
from consilium.genomics.cohort import joining
from consilium.genomics.cohort.joining import JointFile
from consilium.genomics.decoding import by_arrays, codes, text
from consilium.genomics.decoding.decoded import Decoded
from consilium.genomics.decoding.lines import UnfitError
from consilium.genomics.decoding.merging import plan, stretch
from consilium.genomics.intake import thresholds
from consilium.genomics.intake.build import CONTIGS
from consilium.genomics.intake.calls import ABSENT, MISSING, Calls, Part, merge
from consilium.genomics.intake.patient import Setup
from consilium.genomics.intake.thresholds import Limits
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from vcf_files import SITES, small_setup
from vcf_files import text as vcf_text

NAMES = ("P1", "Stranger", "P2", "P3")
META = "".join(f'##FORMAT=<ID={k},Number=1,Type=Integer,Description="{k}">\n' for k in ("DP", "GQ", "PS"))

EXAMPLES = int(os.environ.get("CONSILIUM_EXAMPLES", "12"))  # more: a longer search
# Shrinking an example of several files takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
_ALLELES = st.sampled_from([("A", "G"), ("A", "T"), ("C", "T"), ("A", "G,T"), ("AT", "A"), ("ATT", "A,AT"), ("A", "."),
                            ("TAT", "TGT"), ("TA", "CG"), ("A", "<DEL>"), ("A", "*,G"), ("A", "AT"), ("N", "A"),
                            ("a", "g")])  # fmt: skip
_CALL = st.sampled_from(["0|0", "0|1", "1|0", "1|1", "0/1", "./.", ".|.", "./1", "0", "1", ".", "0/2", "0|0|1"])
_PLAIN = st.sampled_from(["0|0", "0|1", "1/1", "./."])
_FORMAT = st.sampled_from(["GT", "GT", "GT:DP", "GT:GQ:DP", "GT:PS", "GT:AD:DP:GQ"])


@st.composite
def bodies(draw: st.DrawFn) -> list[str]:
    """Data lines in order of position, most of them ordinary."""
    rows, contig, position = [], "1", 90
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.integers(0, 9)) == 0 and contig == "1":
            contig, position = draw(st.sampled_from(["X", "2", "GL000"])), 50
        position += draw(st.sampled_from([0, 1, 2, 3, 40]))
        ref, alt = draw(st.one_of(st.sampled_from([("A", "G"), ("C", "T")]), _ALLELES))
        form = draw(_FORMAT)
        call = draw(st.sampled_from([_PLAIN, _CALL]))
        cells = []
        for _ in NAMES:
            values = {"GT": draw(call), "DP": draw(st.sampled_from(["3", "12", "30", "."])), "PS": "90", "AD": "3,4",
                      "GQ": draw(st.sampled_from(["5", "99", "."]))}  # fmt: skip
            cut = draw(st.sampled_from([None, None, None, 1]))
            cells.append(":".join([values[k] for k in form.split(":")][:cut]))
        filters = draw(st.sampled_from(["PASS", "PASS", ".", "q10"]))
        name = draw(st.sampled_from([".", "rs1", "rs2;rs3"]))
        info = draw(st.sampled_from([".", "AC=1", "END=95"]))
        rows.append(f"{contig} {position} {name} {ref} {alt} {draw(st.sampled_from(['.', '30.5']))} {filters} {info} "
                    f"{form} {' '.join(cells)}")  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return small_setup(tmp_path_factory.mktemp("setup"))


def rows_of(files: list[tuple[Path, list[str]]], patients: list[str]) -> dict:
    """(contig, pos, ref, alt) -> genotypes, phase and clashes of the merged rows of decoded folders."""
    made = plan([(Decoded(f, len(names)), np.array([patients.index(n) for n in names])) for f, names in files],
                len(patients))  # fmt: skip
    out = {}
    for start in range(0, len(made), 3):  # stretches shorter than the positions that belong together
        stop = min(start + 3, len(made))
        calls, clashes = stretch(made, start, stop)
        for i, row in enumerate(range(start, stop)):
            (contig,), (position,), (allele,) = made.places(slice(row, row + 1))
            key = (CONTIGS[contig], int(position), *made.alleles[allele])
            out[key] = (made.rsid[row], codes.genotypes(calls)[i].tolist(), codes.phased(calls)[i].tolist(),
                        int(clashes[i]))  # fmt: skip
    return out


def rows_of_merge(layers: list[tuple[dict[str, list[Calls]], list[str]]], patients: list[str]) -> dict:
    """The same through `calls.merge`."""
    out = {}
    for chrom in CONTIGS:
        parts = [Part(c, np.array([patients.index(n) for n in names]))
                 for calls, names in layers for c in calls.get(chrom, [])]  # fmt: skip
        if parts:
            merged, clashes = merge(parts, len(patients))
            for i, key in enumerate(merged.keys):
                out[(chrom, *key)] = (merged.rsid[i].encode(), merged.gt[i].tolist(), merged.phased[i].tolist(),
                                      int(clashes[i]))  # fmt: skip
    return out


def decoded(path: Path, patients: list[str], setup: Setup) -> JointFile:
    return joining.decode_joints([str(path)], patients, setup, path.parent / "kept", None)[0]


@given(bodies(), st.booleans())
@settings(max_examples=EXAMPLES, phases=PHASES)
def test_fast_and_full_reading_agree(tmp_path_factory: pytest.TempPathFactory, setup: Setup, rows: list[str],
                                     packed: bool) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("joint")
    path = folder / "joint.vcf"
    path.write_text(vcf_text(rows, NAMES, META))
    if packed:
        pysam.tabix_compress(str(path), f"{path}.gz")
        path = Path(f"{path}.gz")
    patients = ["P1", "P2", "P3"]
    full = joining.read_joint(str(path), patients, setup)
    # A file of other contigs alone is refused by the lines that the full reader is given to check.
    others = all(row.startswith("GL000") for row in rows)
    fast = (decoded if others else decoded_without_full_reading)(path, patients, setup)
    assert fast.patients == full.patients
    assert rows_of([(fast.folder, fast.patients)], patients) == rows_of_merge([(full.calls, full.patients)], patients)
    # Genotypes of records that FILTER takes out, or on other contigs, are not looked at. INFO but END and sample values
    # that nobody reads are looked at by the full reader alone (docs/methods/genomics_cohort.md); each kind is named
    # once, so that what it is given of a file may have it on another line.
    passing = {i for i, row in enumerate(path_lines(rows), start=1) if " q10 " not in row and "GL000" not in row}
    unread = ("genotype used, but INFO AC", "genotype used, but sample value AD")
    used = [[p for p in told(joint.problems) if p[0] in passing and not p[1].startswith(unread)]
            for joint in (fast, full)]  # fmt: skip
    assert used[0] == used[1]
    kinds = [{found.split("=")[0] for _, found in told(joint.problems)} for joint in (fast, full)]
    assert kinds[0] <= kinds[1]


def path_lines(rows: list[str]) -> list[str]:
    return ["#"] * (len(vcf_text(rows, NAMES, META).splitlines()) - len(rows)) + rows


def told(problems: list) -> list[tuple[int, str]]:
    return [(p.line, p.found) for p in problems]


def decoded_without_full_reading(path: Path, patients: list[str], setup: Setup) -> JointFile:
    """With no line given to the full reader for the sake of checking alone."""
    before, by_arrays.IN_FULL = by_arrays.IN_FULL, 0
    try:
        return decoded(path, patients, setup)
    finally:
        by_arrays.IN_FULL = before


@given(st.lists(bodies(), min_size=2, max_size=3))
@settings(max_examples=EXAMPLES, phases=PHASES)
def test_several_files_are_joined_as_by_merge(
    tmp_path_factory: pytest.TempPathFactory, setup: Setup, files: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("joints")
    patients = ["P2", "P1", "P4", "P3"]
    samples = [("P1", "P2", "P4", "x"), ("P3", "a", "b", "c"), ("P4", "P3", "d", "e")]
    fast, full = [], []
    for i, rows in enumerate(files):
        path = folder / f"{i}.vcf"
        path.write_text(vcf_text(rows, samples[i], META))
        joint = joining.read_joint(str(path), patients, setup)
        full.append((joint.calls, joint.patients))
        one = decoded(path, patients, setup)
        fast.append((one.folder, one.patients))
        (folder / "kept").rename(folder / f"kept{i}")
        fast[-1] = (folder / f"kept{i}" / one.folder.name, one.patients)
    assert rows_of(fast, patients) == rows_of_merge(full, patients)


@given(bodies())
@settings(max_examples=EXAMPLES, phases=PHASES)
def test_limits_of_depth_and_quality(tmp_path_factory: pytest.TempPathFactory, setup: Setup, rows: list[str]) -> None:
    """The fast way applies them in arrays; the text with those calls taken out is what it must equal."""
    folder = tmp_path_factory.mktemp("limits")
    path = folder / "joint.vcf"
    path.write_text(vcf_text(rows, NAMES, META))
    patients, limits = ["P1", "P2", "P3"], Limits(10, 20)
    (folder / "scratch").mkdir()
    limited, lost = thresholds.applied(path, limits, patients, folder / "scratch")
    full = joining.read_joint(str(limited), patients, setup)
    fast = decoded(path, patients, replace(setup, limits=limits))
    assert rows_of([(fast.folder, fast.patients)], patients) == rows_of_merge([(full.calls, full.patients)], patients)
    assert all(n <= lost.get(p, 0) for p, n in fast.n_below.items())


def test_codes_of_every_cell() -> None:
    cells = [b"0|0\t", b"1/0\t", b"./.\t", b".|1\t", b"1\t0|", b".\t1/", b"2|1\t"]
    found = np.frombuffer(b"".join(cells), dtype=np.uint32)[None]
    alleles, phased, usable = codes.alleles_of(found)
    assert usable[0]
    expected = [[0, 0], [1, 0], [-1, -1], [-1, 1], [1, ABSENT], [MISSING, MISSING], [2, 1]]
    assert alleles[0].tolist() == expected
    assert phased[0].tolist() == [True, False, False, True, False, False, True]
    ones = np.where(alleles == 2, 0, alleles)
    assert codes.genotypes(codes.of_allele(alleles, phased, 1))[0].tolist() == ones[0].tolist()
    assert not codes.from_diploid(found)[1][0]
    assert codes.from_diploid(found[:, :4])[1][0]
    assert not codes.alleles_of(np.frombuffer(b"0|0x", dtype=np.uint32)[None])[2][0]


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 1 << 20])
def test_pieces_hold_every_line_once(tmp_path: Path, size: int) -> None:
    content = "".join(f"line {i} {'x' * (i % 97)}\n" for i in range(400)).encode() + b"no end"
    plain = tmp_path / "a.vcf"
    plain.write_bytes(content)
    with pysam.BGZFile(str(tmp_path / "a.vcf.gz"), "w") as out:
        for i in range(0, len(content), 500):
            out.write(content[i : i + 500])
            out.flush()
    for path in (plain, tmp_path / "a.vcf.gz"):
        read = [text.read(p) for p in text.pieces(path, size)]
        assert b"".join(part[start:] for part, start in read) == content


def test_a_damaged_block_is_noticed(tmp_path: Path) -> None:
    plain = tmp_path / "a.vcf"
    plain.write_bytes(np.random.default_rng(1).bytes(300_000))
    pysam.tabix_compress(str(plain), f"{plain}.gz")
    raw = bytearray(Path(f"{plain}.gz").read_bytes())
    raw[150_000] ^= 0xFF
    Path(f"{plain}.gz").write_bytes(raw)
    with pytest.raises(ValueError):
        for piece in text.pieces(Path(f"{plain}.gz")):
            text.read(piece)


@pytest.mark.parametrize("stated", [0, 1, 70_000, 2**32 - 1])
def test_a_block_that_states_another_size_is_noticed(tmp_path: Path, stated: int) -> None:
    packed = tmp_path / "a.vcf.gz"
    (tmp_path / "a.vcf").write_bytes(b"a line\n" * 1000)
    pysam.tabix_compress(str(tmp_path / "a.vcf"), str(packed))
    assert text.read(text.pieces(packed)[0])[0] == b"a line\n" * 1000
    raw = bytearray(packed.read_bytes())
    end = int.from_bytes(raw[16:18], "little") + 1
    raw[end - 4 : end] = stated.to_bytes(4, "little")
    packed.write_bytes(raw)
    with pytest.raises(ValueError):
        for piece in text.pieces(packed):
            text.read(piece)


def test_a_file_out_of_order_is_left_to_the_full_reader(tmp_path: Path, setup: Setup) -> None:
    path = tmp_path / "joint.vcf"
    path.write_text(vcf_text(["1 9 . A G . . . GT 0|0", "1 5 . A G . . . GT 0|0"]))
    with pytest.raises(UnfitError):
        list(by_arrays.pieces_of(path, by_arrays.Layout(1, (0,), SITES, None, (), tmp_path), None))
    found = decoded(path, ["P1"], setup)
    assert found.patients == [] and "position 5 after 9" in found.problems[0].found


def test_broken_packings_are_named(tmp_path: Path, setup: Setup) -> None:
    whole = gzip.compress(vcf_text([f"1 {p} . A G . . . GT 0|0" for p in range(5, 3000)]).encode())
    path = tmp_path / "joint.vcf.gz"
    for content in (whole[: len(whole) // 2], whole[:200] + bytes(50) + whole[250:], whole[:5]):
        path.write_bytes(content)
        found = decoded(path, ["P1"], setup)
        assert found.patients == [] and "gzip" in found.problems[0].found and found.problems[0].file == str(path)


def test_a_variant_on_both_sides_of_a_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"1 {p} . A G . . . GT 0|0" for p in (5, 9)] + ["1 9 . A G . . . GT 0|1"]
    path = tmp_path / "joint.vcf"
    path.write_text(vcf_text(rows))
    monkeypatch.setattr(text.pieces, "__defaults__", (20,))
    with pytest.raises(UnfitError):
        list(by_arrays.pieces_of(path, by_arrays.Layout(1, (0,), SITES, None, (), tmp_path, in_full=0), None))


@pytest.mark.parametrize("rows", [
    # A record of several bases whose shortest form is a single base that two more records give.
    ["1 84 . C T . . . GT 0/1", "1 88 . TAT TGT . . . GT 0|1", "1 89 . A G . . . GT 0|0", "1 89 rs1 A G . . . GT 1/1"],
    # Two bases at once, of which the next record names one.
    ["1 84 . C T . . . GT 0/1", "1 88 rs2 TA CG . . . GT 0/1", "1 89 rs1 A G . . . GT 0/1", "1 99 . C T . . . GT 0/0"],
    ["1 88 . AT A,G . . . GT 1/2", "1 88 rs2 AT A . . . GT 0/1", "1 88 . A <DEL> . . . GT 0/1", "2 7 . A C . . . GT 0"],
])  # fmt: skip
def test_wherever_a_file_is_cut(tmp_path: Path, setup: Setup, monkeypatch: pytest.MonkeyPatch, rows: list[str]) -> None:
    path = tmp_path / "joint.vcf"
    path.write_text(vcf_text(rows))
    full = joining.read_joint(str(path), ["P1"], setup)
    for size in range(20, 200, 3):
        monkeypatch.setattr(text.pieces, "__defaults__", (size,))
        fast = decoded_without_full_reading(path, ["P1"], setup)
        assert rows_of([(fast.folder, ["P1"])], ["P1"]) == rows_of_merge([(full.calls, ["P1"])], ["P1"])
        assert told(fast.problems) == told(full.problems) and fast.facts["n_records"] == full.facts["n_records"]
        shutil.rmtree(path.parent / "kept")


def test_cells_whose_widths_add_up_by_chance(tmp_path: Path, setup: Setup) -> None:
    """A haploid and a triploid cell are as long as two diploid ones."""
    path = tmp_path / "joint.vcf"
    path.write_text(vcf_text(["1 90 . C T . PASS . GT 0|0 1 0|0|1 0|0"], NAMES))
    fast = decoded_without_full_reading(path, ["P1", "P2", "P3"], setup)
    found = rows_of([(fast.folder, fast.patients)], ["P1", "P2", "P3"])
    assert found["chr1", 90, "C", "T"][1] == [[0, 0], [-1, -1], [0, 0]]
