"""The cohort's store: equal to what bio2zarr writes, the same bytes however it was made, readable by the field."""

import hashlib
import shutil
from pathlib import Path

import bio2zarr.vcf
import numpy as np
import pytest
import zarr
from consilium.core.store import read_facts
from consilium.genomics import stages
from consilium.genomics.cohort import matrix, planes, vcfzarr, workers
from consilium.genomics.decoding import codes, merging
from consilium.genomics.decoding.decoded import Decoded, Rows, Writer, save
from consilium.genomics.intake.calls import Calls
from vcf_files import SITES, write

PEOPLE = [f"P{i}" for i in range(7)]
CELLS = np.array(["0|0", "0|1", "1|1", "0/1", "./.", "1/1"])
PANEL = "chrom\tpos\tref\talt\tX\nchr1\t99\tA\tC\t0.5\n"


def rows(n: int, people: int, seed: int, start: int = 1000) -> list[str]:
    """Biallelic records with a haploid stretch on X, insertions and deletions, and half calls."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        cells = CELLS[rng.integers(0, len(CELLS), people)]
        if i % 50 == 7:
            cells = rng.choice(["0", "1", "0/1", "./.", "./1"], people)
        ref, alt = (("A", "G"), ("C", "T"), ("AT", "A"), ("G", "GTT"))[i % 4]
        contig = "chr1" if i < n // 2 else "chrX"
        out.append(f"{contig} {start + 20 * i} {f'rs{i}' if i % 3 else '.'} {ref} {alt} . . . GT {' '.join(cells)}")
    return out


class Folder:
    """A cohort of one joint file, and of own files where given."""

    def __init__(self, folder: Path, joint: list[str], people: list[str]) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "panel.tsv").write_text(PANEL)
        write(folder / "joint.vcf.gz", joint, tuple(people))
        self.patients, self.files = list(people), [f"*\tgenomics\tvcf\t{folder / 'joint.vcf.gz'}"]

    def add(self, patient: str, own: list[str]) -> None:
        write(self.folder / f"{patient}.vcf", own, (patient,))
        self.patients.append(patient)
        self.files.append(f"{patient}\tgenomics\tvcf\t{self.folder / patient}.vcf")

    def merge(self, threads: int = 1, **more: int) -> Path:
        at = self.folder
        (at / "patients.tsv").write_text("patient\tsex\n" + "".join(f"{p}\tunknown\n" for p in self.patients))
        (at / "samples.tsv").write_text("patient\tmodality\tkind\tpath\n" + "\n".join(self.files) + "\n")
        common = {"samples": at / "samples.tsv", "panel": at / "panel.tsv", "known_sites": SITES}
        own = ",".join(p for p in self.patients if (at / f"{p}.vcf").exists())
        stages.intake(patients=own, folder=at / "patients", manifest=at / "intake.json", **common)
        stages.merge(sheet=at / "patients.tsv", intake=[at / "intake.json"], genotypes=at / "g.vcz",
                     sources=at / "sources.json", quarantine=at / "q.tsv", kept=at / "kept", threads=threads,
                     **common, **more)  # fmt: skip
        return at / "g.vcz"


def digest(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file()}  # fmt: skip


@pytest.fixture
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 30 rows, so that a small store has several."""
    monkeypatch.setattr(vcfzarr, "_TALLEST", 30)


def test_arrays_are_those_of_bio2zarr(tmp_path: Path, low: None) -> None:
    """Same rows (biallelic, normalised, chromosomes named chr…): same values, shapes and kinds of type.

    Left aside: contig_* (all chromosomes here, the header's there), variant_CLASHES and the planes, which only we have.
    """
    import pysam

    made = Folder(tmp_path / "ours", rows(200, 7, 1), PEOPLE)
    store = made.merge()
    meta = "##contig=<ID=chr1,length=248956422>\n##contig=<ID=chrX,length=156040895>\n"
    meta += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    plain = write(tmp_path / "joint.vcf", rows(200, 7, 1), tuple(PEOPLE), meta)
    pysam.tabix_index(str(plain), preset="vcf", csi=True, force=True)
    theirs = tmp_path / "theirs.vcz"
    bio2zarr.vcf.convert([Path(f"{plain}.gz")], theirs, variants_chunk_size=30, icf_path=tmp_path / "i.icf",
                         worker_processes=0, show_progress=False)  # fmt: skip
    expected, found = (zarr.open_group(str(p), mode="r", zarr_format=2) for p in (theirs, store))
    assert set(expected.array_keys()) <= set(found.array_keys())
    for name in sorted(set(expected.array_keys()) - {"contig_id", "contig_length", "region_index", "variant_contig"}):
        a, b = expected[name], found[name]
        assert a.shape == b.shape and a.attrs["_ARRAY_DIMENSIONS"] == b.attrs["_ARRAY_DIMENSIONS"], name
        assert np.array_equal(a[:], b[:], equal_nan=name == "variant_quality"), name
        assert np.dtype(a.dtype).kind == np.dtype(b.dtype).kind, name
    names = [np.asarray(g["contig_id"][:])[g["variant_contig"][:]].tolist() for g in (expected, found)]
    assert names[0] == names[1]
    a, b = expected["region_index"][:], found["region_index"][:]
    assert np.delete(a, 1, axis=1).tolist() == np.delete(b, 1, axis=1).tolist()


def test_readers_of_the_field_open_it(tmp_path: Path) -> None:
    import xarray as xr

    store = Folder(tmp_path / "c", rows(20, 7, 1), PEOPLE).merge()
    data = xr.open_zarr(store, zarr_format=2)  # through the consolidated metadata, as sgkit does
    assert dict(data.sizes) == {"variants": 20, "samples": 7, "ploidy": 2, "alleles": 2, "filters": 1, "contigs": 25,
                                "region_index_values": 2, "region_index_fields": 6}  # fmt: skip
    assert data["call_genotype"].dims == ("variants", "samples", "ploidy")


def test_planes_of_the_store_are_its_genotypes(tmp_path: Path, low: None) -> None:
    store = Folder(tmp_path / "c", rows(100, 7, 2), PEOPLE).merge()
    m = matrix.load(store)
    gt = np.asarray(m.gt)
    expected = np.where((gt >= 0).all(axis=2), gt.sum(axis=2), -1)
    with planes.open_planes(store) as packed:
        assert planes.dosages(packed, np.arange(100)).tolist() == expected.tolist()
        assert packed.odd.any() and not packed.odd.all()
    foreign = tmp_path / "foreign.vcz"
    shutil.copytree(store, foreign)
    shutil.rmtree(foreign / "planes")
    (foreign / ".zmetadata").unlink()
    with planes.open_planes(foreign) as made:
        assert planes.dosages(made, np.arange(100)).tolist() == expected.tolist()
        assert made.odd.tolist() == packed.odd.tolist()


def test_adding_a_patient_decodes_nobody_again(tmp_path: Path, low: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The joint file is unchanged: it is not opened for its genotypes, and the store is that of a full rebuild."""
    joint, own = rows(120, 7, 3), rows(90, 1, 4, start=1010)
    made = Folder(tmp_path / "grown", joint, PEOPLE)
    before = digest(made.merge())
    monkeypatch.setattr("consilium.genomics.cohort.joining._decode_joint", None)  # calling it would fail
    assert digest(made.merge()) == before
    made.add("New", own)
    grown = digest(made.merge())
    monkeypatch.undo()
    monkeypatch.setattr(vcfzarr, "_TALLEST", 30)
    whole = Folder(tmp_path / "whole", joint, PEOPLE)
    whole.add("New", own)
    assert digest(whole.merge()) == grown != before
    assert len(matrix.load(whole.folder / "g.vcz").samples) == 8


def test_a_changed_joint_file_is_decoded_again_and_the_old_one_removed(tmp_path: Path) -> None:
    made = Folder(tmp_path / "c", rows(20, 7, 3), PEOPLE)
    made.merge()
    write(made.folder / "joint.vcf.gz", rows(30, 7, 3), tuple(PEOPLE))
    assert len(matrix.load(made.merge())) == 30
    assert len(list((made.folder / "kept").iterdir())) == 1


def test_limits_are_counted_for_each_patient(tmp_path: Path) -> None:
    lines = [f"chr1 {100 + i} . A G . . . GT:DP:GQ 0|1:30:99 1|1:{d}:{q} ./.:2:9"
             for i, (d, q) in enumerate([(9, 99), (10, 20), (30, 19)])]  # fmt: skip
    made = Folder(tmp_path / "c", lines, ["P0", "P1", "P2"])
    gt = np.asarray(matrix.load(made.merge(min_dp=10, min_gq=20)).gt)
    assert gt[:, 1].tolist() == [[-1, -1], [1, 1], [-1, -1]] and (gt[:, 0] == [0, 1]).all()
    lost = read_facts(made.folder / "sources.json")["calls_under_limits"]
    assert list(lost.values()) == [{"P1": 2}]


def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path: Path, low: None) -> None:
    """Written by one process and by two, from decoded rows."""
    rng = np.random.default_rng(5)
    gt = rng.integers(-1, 2, (200, 3, 2)).astype(np.int8)
    layer = Calls([(i, "A", "G") for i in range(200)], ["."] * 200, gt, np.zeros((200, 3), dtype=bool))
    folder = tmp_path / "decoded"
    folder.mkdir()
    writer, table = Writer(folder, "rest.codes"), Rows()
    writer.add([0] * 200, list(range(200)), writer.numbers([("A", "G")] * 200), [b"."] * 200,
               codes.from_genotypes(layer.gt, layer.phased))  # fmt: skip
    table.take(writer.close())
    save(folder, table)
    plan = merging.plan([(Decoded(folder, 3), np.arange(3))], 3)
    vcfzarr.write(tmp_path / "one.vcz", plan, ["a", "b", "c"])
    with workers.processes(2) as pool:
        vcfzarr.write(tmp_path / "two.vcz", plan, ["a", "b", "c"], pool, 3)
    assert digest(tmp_path / "one.vcz") == digest(tmp_path / "two.vcz")
