"""Foreign reads from the allele depths of VCFs, planted at known shares."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from consilium.core.sheets import Sample
from consilium.genomics.intake.panel import Panel, read_panel
from consilium.genomics.reads.alignments import Counts
from consilium.genomics.structure.ad_files import foreign_shares
from consilium.genomics.structure.allele_depths import Depths, best, common_error, read_depths, telling
from consilium.genomics.structure.contamination import ERROR_RATE, LEAST_ERROR_RATE, Contamination, estimate

HEADER = """##fileformat=VCFv4.2
##FORMAT=<ID=GT,Number=1,Type=String,Description="g">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">
"""


@pytest.fixture(scope="module")
def panel(root: Path) -> Panel:
    return read_panel(root / "resources" / "ancestry_1kgp.tsv")


def write(
    path: Path, panel: Panel, shares: dict[str, float], only_variants: bool = False, header: str = HEADER,
    error: float = 0.002, rng: np.random.Generator | None = None,
) -> Path:  # fmt: skip
    """A VCF of one European per share, with reads of a second one mixed in, 30x, called from the counts."""
    rng = rng or np.random.default_rng(6)
    f = panel.frequency[:, panel.populations.index("EUR")]
    columns = []
    for alpha in shares.values():
        own, foreign = rng.binomial(2, f), rng.binomial(2, f)
        p = np.array([error, 0.5, 1 - error])
        n = rng.poisson(30, len(f))
        alt = rng.binomial(n, (1 - alpha) * p[own] + alpha * p[foreign])
        seen = alt / np.maximum(n, 1)
        call = np.where(seen < 0.2, 0, np.where(seen > 0.8, 2, 1))
        columns.append([f"{('0/0', '0/1', '1/1')[c]}:{a - b},{b}" for c, a, b in zip(call, n, alt, strict=True)])
    contigs = "".join(f"##contig=<ID={c}>\n" for c in dict.fromkeys(panel.chrom))
    lines = [header + contigs + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(shares)]
    for i, cells in enumerate(zip(*columns, strict=True)):
        if not only_variants or any(not c.startswith("0/0") for c in cells):
            site = (panel.chrom[i], panel.pos[i], ".", panel.ref[i], panel.alt[i], ".", "PASS", ".", "GT:AD")
            lines.append("\t".join([*map(str, site), *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


def foreign_share(depths: Depths, sample: int, panel: Panel) -> Contamination:
    return estimate(telling(depths, sample)[0], panel, telling(depths, sample)[1])


def test_planted_shares_are_found(tmp_path: Path, panel: Panel) -> None:
    shares = {"clean": 0.0, "two": 0.02, "five": 0.05, "quarter": 0.25}
    depths = read_depths(write(tmp_path / "a.vcf", panel, shares), panel)
    assert depths is not None
    found = {name: foreign_share(depths, k, panel) for k, name in enumerate(depths.samples)}
    assert [c.verdict(0.01) for c in found.values()] == ["clean"] + ["contaminated"] * 3
    for name, share in shares.items():
        assert found[name].alpha == pytest.approx(share, abs=0.01)


def test_a_file_of_variants_alone_tells_too(tmp_path: Path, panel: Panel) -> None:
    verdicts = []
    for share in (0.0, 0.02, 0.1, 0.25):
        depths = read_depths(write(tmp_path / "v.vcf", panel, {"x": share}, only_variants=True), panel)
        assert depths is not None
        verdicts.append(foreign_share(depths, 0, panel).verdict(0.01))
    assert verdicts == ["clean", "contaminated", "contaminated", "contaminated"]


def test_files_of_variants_alone_are_judged_by_the_error_rate_of_their_cohort(
    tmp_path: Path, panel: Panel, root: Path
) -> None:
    """Two in a hundred foreign reads: alone hardly told from wrong bases, told beside clean samples."""
    shares = {f"P{k}": 0.0 for k in range(9)} | {"foul": 0.02}
    rng = np.random.default_rng(2)
    rows = []
    for number, (name, share) in enumerate(shares.items()):
        path = write(tmp_path / f"{name}.vcf", panel, {name: share}, only_variants=True, error=0.0005, rng=rng)
        rows.append(Sample(name, "genomics", "vcf", str(path), "", "vcf", number))
    sites = root / "resources" / "ancestry_1kgp.tsv"
    together = foreign_shares(rows, list(shares), sites, 0.01, tmp_path)
    assert {p for p, r in together.items() if r["contamination_verdict"] == "contaminated"} == {"foul"}
    assert together["foul"]["contamination"] == pytest.approx(0.02, abs=0.006)
    alone = foreign_shares(rows[-1:], ["foul"], sites, 0.01, tmp_path)
    assert alone["foul"]["contamination"] < together["foul"]["contamination"]
    assert foreign_shares(rows, list(shares), sites, 0.01, tmp_path, threads=2) == together


def test_the_error_rate_of_a_cohort_is_a_median_within_bounds() -> None:
    def reads(share: float, n: int = 60) -> Counts:
        return Counts(np.full(n, round(1000 * share)), np.full(n, 1000 - round(1000 * share)), np.zeros(n, dtype=int))

    assert common_error([reads(0.002)] * 4) == ERROR_RATE
    assert common_error([reads(0.002)] * 4 + [reads(0.2)]) == pytest.approx(0.002)
    assert common_error([reads(0.002)] * 4 + [reads(0.2, n=9)]) == ERROR_RATE
    assert common_error([reads(0.0)] * 5) == LEAST_ERROR_RATE and common_error([reads(0.03)] * 5) == ERROR_RATE


def test_index_and_turned_alleles_give_the_same_depths(tmp_path: Path, panel: Panel) -> None:
    import pysam

    plain = write(tmp_path / "p.vcf", panel, {"x": 0.1})
    packed = pysam.tabix_index(str(plain), preset="vcf", keep_original=True)
    turned = Panel(panel.chrom, panel.pos, panel.alt, panel.ref, panel.populations, 1 - panel.frequency)
    one, two, other = (read_depths(Path(p), s) for p, s in ((plain, panel), (packed, panel), (packed, turned)))
    assert one is not None and two is not None and other is not None
    assert np.array_equal(one.n_ref, two.n_ref) and np.array_equal(one.genotype, two.genotype)
    assert np.array_equal(other.n_ref, one.n_alt)
    assert np.array_equal(np.where(other.genotype >= 0, 2 - other.genotype, -1), one.genotype)


def test_files_without_depths_and_bad_files_say_nothing(tmp_path: Path, panel: Panel, root: Path) -> None:
    sites = root / "resources" / "ancestry_1kgp.tsv"
    bare = write(tmp_path / "n.vcf", panel, {"x": 0.0}, header=HEADER.replace("AD", "XX"))
    bad, joint = tmp_path / "bad.vcf", write(tmp_path / "j.vcf", panel, {"A": 0.0, "B": 0.2, "C": 0.0})
    bad.write_text("Dear colleague")
    stream, cut = tmp_path / "j.vcf.gz", tmp_path / "cut.vcf.gz"  # one gzip stream, whole and cut off
    stream.write_bytes(gzip.compress(joint.read_bytes()))
    cut.write_bytes(stream.read_bytes()[:900])
    files = [("N", bare), ("X", bad), ("X", cut), ("*", stream), ("Gone", tmp_path / "none.vcf")]
    rows = [Sample(p, "genomics", "vcf", str(f), "", "vcf", i) for i, (p, f) in enumerate(files)]
    found = foreign_shares(rows, ["N", "X", "A", "B", "Gone"], sites, 0.01, tmp_path)
    assert {p: r["contamination_verdict"] for p, r in found.items()} == {"A": "clean", "B": "contaminated"}
    assert foreign_shares(rows, ["N", "X", "A", "B", "Gone"], sites, 0.01, tmp_path, threads=2) == found


def test_the_strongest_evidence_of_several_files_counts() -> None:
    unknown, clean, foul = (Contamination(*v) for v in ((np.nan, np.nan, 9), (0.0, 0.0, 900), (0.1, 80.0, 300)))
    assert best([unknown, clean]) is clean and best([clean, foul, unknown]) is foul
