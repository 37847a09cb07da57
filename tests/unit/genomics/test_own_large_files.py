"""A patient's large VCFs, decoded in pieces, give the bytes, facts and problems of the full reader."""

import json
from pathlib import Path

import pysam
import pytest
from consilium.core.chunks import Task
from consilium.core.errors import InputError, Problem
from consilium.core.sheets import Sample
from consilium.genomics.decoding import by_arrays, own, text
from consilium.genomics.intake.patient import CALLS_FILE, intake_patient
from consilium.genomics.intake.setup import Setup
from consilium.genomics.intake.thresholds import Limits
from hypothesis import given, settings
from hypothesis import strategies as st
from test_decoding import EXAMPLES, META, PHASES, bodies
from vcf_files import small_setup, write

Outcome = tuple[bytes, dict, set[tuple[str, int, str]]]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return small_setup(tmp_path_factory.mktemp("setup"))


def outcome(folder: Path, files: list[Path], setup: Setup, large: bool) -> Outcome | list[tuple[str, int, str]]:
    """(VCF, facts, problems), or what was wrong where no file could be used."""
    task = Task(
        "P1", tuple(Sample("P1", "genomics", "vcf", str(f), "", f"s{i}", i) for i, f in enumerate(files)), folder
    )
    folder.mkdir()

    def said(problems: list[Problem]) -> list[tuple[str, int, str]]:
        return [(p.file, p.line, p.found) for p in problems if p.patient == "P1"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own, "_PACKED", 0 if large else 1 << 60)
        patch.setattr(own, "_PLAIN", 0 if large else 1 << 60)
        patch.setattr(own, "_MOST", 1.0)
        patch.setattr(by_arrays.Layout, "in_full", 0)
        patch.setattr(text.pieces, "__defaults__", (200,))
        try:
            problems = intake_patient(task, folder, setup, folder.parent)
        except InputError as error:
            return said(error.problems)
    assert {p.name for p in folder.iterdir()} == {CALLS_FILE, f"{CALLS_FILE}.csi", "facts.json"}
    return (folder / CALLS_FILE).read_bytes(), json.loads((folder / "facts.json").read_text()), set(said(problems))


def one_column(rows: list[str]) -> list[str]:
    """Records that FILTER takes out, or on other contigs, get a sound genotype: the fast way does not look at it."""
    out = []
    for row in rows:
        cells = row.split(" ")[:10]
        if cells[6] == "q10" or cells[0] == "GL000":
            cells[9] = "0/0"
        out.append(" ".join(cells))
    return out


@given(st.lists(bodies(), min_size=1, max_size=3), st.booleans(), st.sampled_from([Limits(), Limits(10, 20)]))
@settings(max_examples=EXAMPLES, phases=PHASES)
def test_both_ways_agree(
    tmp_path_factory: pytest.TempPathFactory, setup: Setup, bodies_of: list[list[str]], packed: bool, limits: Limits
) -> None:
    folder = tmp_path_factory.mktemp("own")
    files = []
    for i, rows in enumerate(bodies_of):
        path = write(folder / f"{i}.vcf", one_column(rows), ("whoever",), META)
        if packed:
            pysam.tabix_compress(str(path), f"{path}.gz")
        files.append(Path(f"{path}.gz") if packed else path)
    asked = Setup(setup.panel, setup.known_sites, limits=limits)
    full, large = (outcome(folder / name, files, asked, name == "large") for name in ("full", "large"))
    if isinstance(full, list) or isinstance(large, list):
        assert full == large
        return
    assert large[0] == full[0]
    assert large[1] == full[1]
    # INFO but END and sample values that nobody reads are looked at in one line of a thousand.
    kinds = [{p[2].split("=")[0] for p in found[2]} for found in (large, full)]
    told = [{p for p in found[2] if not p[2].startswith("genotype used, but")} for found in (large, full)]
    assert told[0] == told[1] and kinds[0] <= kinds[1]


def test_one_line_of_a_thousand_is_checked_in_every_value(tmp_path: Path, setup: Setup) -> None:
    meta = '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    rows = [f"1 {p} . A G . PASS DP={'much' if p % 2 else p} GT 0/1" for p in range(100, 4100)]
    path = write(tmp_path / "a.vcf", rows, ("P1",), meta)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own, "_PLAIN", 0)
        samples = (Sample("P1", "genomics", "vcf", str(path), "", "s", 1),)
        problems = intake_patient(Task("P1", samples, tmp_path / "out"), tmp_path / "out", setup, tmp_path)
    assert len(problems) == 1 and problems[0].found == "genotype used, but INFO DP=much"
    assert rows[problems[0].line - path.read_text().count("#") - 1].split(" ")[7] == "DP=much"


@pytest.mark.parametrize("fault", ["two samples", "GRCh37", "blocks", "cut off", "disorder"])
def test_what_the_full_reader_must_take(tmp_path: Path, setup: Setup, fault: str) -> None:
    rows = [f"1 {p} rs{p} A G . PASS . GT 0/1" for p in range(5000, 6000)]
    samples, meta = ("P1",), ""
    if fault == "two samples":
        samples, rows = ("P1", "P2"), [f"{row} 0/0" for row in rows]
    elif fault == "GRCh37":
        meta = "##contig=<ID=1,length=249250621>\n"
    elif fault == "blocks":
        rows = [row.replace("PASS .", f"PASS END={row.split()[1]}").replace(" G ", " <NON_REF> ") for row in rows]
    elif fault == "disorder":
        rows[500], rows[501] = rows[501], rows[500]
    path = write(tmp_path / "a.vcf", rows, samples, meta)
    if fault == "cut off":
        path.write_text(path.read_text()[:-4])
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        real = own.decode
        patch.setattr(own, "decode", lambda *given: seen.append(given) or real(*given))
        large = outcome(tmp_path / "large", [path], setup, large=True)
    full = outcome(tmp_path / "full", [path], setup, large=False)
    assert seen and large == full


def test_small_files_are_read_in_full(tmp_path: Path) -> None:
    path = write(tmp_path / "a.vcf.gz", ["1 5 . A G . PASS . GT 0/1"])
    assert not own.is_large(path) and not own.is_large(tmp_path / "absent.vcf")
    with open(path, "ab") as handle:
        handle.truncate(17 << 20)
    assert own.is_large(path)
    plain = write(tmp_path / "a.vcf", ["1 5 . A G . PASS . GT 0/1"])
    with open(plain, "ab") as handle:
        handle.truncate(17 << 20)
    assert not own.is_large(plain)
