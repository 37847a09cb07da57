import numpy as np
from consilium.genomics.reads import copy_number, sex
from consilium.genomics.reads.regions import Window


def windows(genes: int = 12, each: int = 12) -> list[Window]:
    """Genes far apart, a window of 1 kb after another."""
    places = [(g, 10_000 + 1_000 * i) for g in range(genes) for i in range(each)]
    return [Window(f"chr{1 + g}", start, start + 1_000, f"G{g}", True) for g, start in places]


def cohort(n: int, parts: list[Window], seed: int, depth: float = 30, spread: float = 0.08) -> np.ndarray:
    rng = np.random.default_rng(seed)
    capture = rng.lognormal(0, 0.4, len(parts))  # windows are caught unequally well, in everybody alike
    people = rng.uniform(0.8, 1.3, n)[:, None] * depth
    return people * capture * rng.lognormal(0, spread, (n, len(parts)))


def test_planted_deletions_and_duplications_are_found_and_nothing_else() -> None:
    parts, found, planted, false = windows(), 0, 0, 0
    for seed in range(10):
        depth = cohort(20, parts, seed)
        rng = np.random.default_rng(100 + seed)
        truth = {}
        for patient, factor in zip(rng.choice(20, 6, replace=False), (0.5, 0.5, 1.5, 1.5, 0.0, 2.0), strict=True):
            gene, size = int(rng.integers(12)), int(rng.integers(3, 12))
            low = gene * 12 + int(rng.integers(0, 13 - size))
            depth[patient, low : low + size] *= factor
            truth[f"P{patient}"] = (factor < 1, low, low + size)
        for f in copy_number.findings([f"P{i}" for i in range(20)], parts, depth):
            assert f.finding != "not assessed"
            if f.finding == "none":
                continue
            at = next(i for i, w in enumerate(parts) if (w.chrom, w.start) == (f.chrom, f.start))
            loss, low, high = truth.get(f.patient, (None, 0, 0))
            hit = low < at + f.n_windows and at < high and (f.finding == "deletion") == loss
            found, false = found + hit, false + (not hit)
        planted += len(truth)
    assert found >= 0.97 * planted and false == 0


def test_medians_leave_the_patient_out() -> None:
    values = np.random.default_rng(1).normal(size=(7, 5))
    for n in (2, 3, 6, 7):
        expected = [[np.median(np.delete(values[:n, w], p)) for w in range(5)] for p in range(n)]
        assert np.allclose(copy_number._median_of_others(values[:n]), expected)


def test_what_is_not_assessed_says_why() -> None:
    parts = windows()
    few = copy_number.findings(["P1", "P2"], parts, cohort(2, parts, 1))
    assert [f.finding for f in few] == ["not assessed"] * 2 and "fewer than 10" in few[0].reason
    depth = cohort(12, parts, 2)
    depth[3] *= np.random.default_rng(3).lognormal(0, 0.6, len(parts))
    depth[4] = 0
    found = copy_number.findings([f"P{i}" for i in range(12)], parts, depth)
    assert {f.patient for f in found if f.finding == "not assessed"} == {"P3", "P4"}
    shallow = copy_number.findings([f"P{i}" for i in range(12)], parts, cohort(12, parts, 2, depth=5))
    assert "windows with a median depth" in shallow[0].reason
    assert copy_number.findings([], parts, np.zeros((0, len(parts)))) == []
    x = [Window("chrX", w.start, w.end, w.genes, False) for w in parts]
    assert "0 windows" in copy_number.findings([f"P{i}" for i in range(12)], x, cohort(12, x, 2))[0].reason


def test_sex_by_reads_over_the_whole_genome_and_over_targets() -> None:
    from consilium.genomics.intake.build import CONTIGS, LENGTHS

    even = {c: LENGTHS["GRCh38"][c] // 1000 for c in CONTIGS[:22]}
    male = {**even, "chrX": 156_040 // 2, "chrY": 57_227 // 3}
    female = {**even, "chrX": 156_040, "chrY": 57_227 // 50}
    verdicts = [sex.from_contigs(r) for r in (male, female, {**female, "chrY": 57_227 // 3})]
    assert [v.sex for v in verdicts if v] == ["male", "female", "unknown"]
    assert verdicts[2] is not None and "neither" in verdicts[2].reason
    assert sex.from_contigs({**male, "chr19": 5 * male["chr19"], "chr13": 100}) is None  # genes, not the genome
    assert sex.from_contigs({"chr1": 50_000}) is None
    parts = [Window("chr1", i, i + 1, "", False) for i in range(0, 400, 2)]
    x = [Window("chrX", 20_000_000 + i, 20_000_001 + i, "", False) for i in range(0, 60, 2)]
    depth = [30.0] * 200
    assert sex.from_windows([*parts, *x], [*depth, *[29.0] * 30]).sex == "female"
    assert sex.from_windows([*parts, *x], [*depth, *[15.5] * 30]).sex == "male"
    assert sex.from_windows(parts, depth).sex == "unknown"
