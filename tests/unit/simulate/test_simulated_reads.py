"""Reads: depth, errors, contamination and swap as planned, and calls that give the planted genotypes back."""

import numpy as np
import pysam
import pysam.bcftools
import pytest
from consilium.simulate import reads, sequence, strands
from consilium.simulate.genomes import ABSENT
from consilium.simulate.regions import GRCH38


@pytest.fixture(scope="module")
def where(cohort):
    """The targets of three pharmacogenes and some of the panel: enough, and fast."""
    return [t for t in strands.targets(cohort[1]) if t.chrom in ("chr13", "chr10", "chr7", "chr16", "chrX")]


def _bam(tmp_path, cohort, where, name="P.bam", **plan):
    path = tmp_path / name
    depth = reads.write_bam(path, cohort[1], reads.Plan(**plan), where, seed=1)
    return path, depth


def test_bam_is_sorted_indexed_and_deep_as_planned(tmp_path, cohort, where):
    patient = cohort[0].loc[cohort[0]["sex"] == "female", "patient"].iloc[0]
    path, depth = _bam(tmp_path, cohort, where, patient=patient, person=patient, depth=18.0)
    assert depth == pytest.approx(18, rel=0.08)
    with pysam.AlignmentFile(path) as bam:
        assert bam.has_index() and bam.header.get("HD")["SO"] == "coordinate"
        assert bam.header.get_reference_length("chr10") == GRCH38["chr10"]
        all_reads = list(bam)
        counted = sum(
            np.sum(bam.count_coverage(t.chrom, t.first - 1, t.last, quality_threshold=0,
                                       read_callback=lambda r: not r.is_duplicate)) for t in where)  # fmt: skip
    width = sum(t.last - t.first + 1 for t in where)
    assert counted / width == pytest.approx(depth, rel=0.02)
    assert all(r.is_proper_pair and r.mapping_quality == 60 for r in all_reads)
    duplicates = np.mean([r.is_duplicate for r in all_reads])
    assert 0.01 < duplicates < 0.06
    lengths = {abs(r.template_length) for r in all_reads}
    assert 150 < np.median(sorted(lengths)) < 400


def test_same_seed_same_bytes(tmp_path, cohort, where):
    plan = {"patient": "P001", "person": "P001", "depth": 6.0}
    first, _ = _bam(tmp_path, cohort, where[:20], "a.bam", **plan)
    second, _ = _bam(tmp_path, cohort, where[:20], "b.bam", **plan)
    assert first.read_bytes() == second.read_bytes()


def test_alignment_of_insertions_and_deletions():
    assert reads.alignment(np.arange(5, 15)) == (5, "10M")
    assert reads.alignment(np.array([5, 6, 0, 0, 7, 8])) == (5, "2M2I2M")
    assert reads.alignment(np.array([5, 6, 9, 10])) == (5, "2M2D2M")
    assert reads.alignment(np.array([0, 5, 6, 7, 0, 0])) == (5, "1S3M2S")


def _alt_shares(path, genomes, sites):
    shares = []
    with pysam.AlignmentFile(path) as bam:
        for site in sites:
            counts = bam.count_coverage(site.chrom, site.pos - 1, site.pos, quality_threshold=20)
            total = sum(c[0] for c in counts)
            if total >= 6:
                shares.append(counts["ACGT".index(site.alts)][0] / total)
    return np.array(shares)


def test_contamination_and_swap_show_in_the_reads(tmp_path, cohort, where):
    everybody, genomes = cohort
    a, b = (everybody.loc[everybody["population"] == p, "patient"].iloc[0] for p in ("POP_A", "POP_C"))
    sites = genomes.sites[genomes.sites["panel"] & genomes.sites["chrom"].isin(["chr10", "chr13", "chr7", "chr16"])]
    calls = genomes.haplotypes[:, :, sites.index]
    dosage = (calls > 0).sum(axis=1)
    foreign = [s for s, x, y in zip(sites.itertuples(), dosage[genomes.row(a)], dosage[genomes.row(b)], strict=True)
               if x == 0 and y == 2]  # fmt: skip
    assert len(foreign) > 5
    clean, _ = _bam(tmp_path, cohort, where, "clean.bam", patient=a, person=a, depth=20.0)
    mixed, _ = _bam(tmp_path, cohort, where, "mixed.bam", patient=a, person=a, depth=20.0, foreign=b, share=0.1)
    swapped, _ = _bam(tmp_path, cohort, where, "swap.bam", patient=a, person=b, depth=20.0)
    assert _alt_shares(clean, genomes, foreign).mean() < 0.02
    assert 0.04 < _alt_shares(mixed, genomes, foreign).mean() < 0.2
    assert _alt_shares(swapped, genomes, foreign).mean() > 0.97


def test_bcftools_calls_the_planted_genotypes_back(tmp_path, cohort, where):
    """NUDT15 and CYP3A5 in a carrier of an indel, called from reads and reference alone."""
    _, genomes = cohort
    sequence.write(
        tmp_path / "reference.fa.gz", {w: s for w, s in genomes.sequences.items() if w.chrom in ("chr13", "chr7")}
    )
    repeat = genomes.sites.index[genomes.sites["pos"] == 48037782][0]
    het = genomes.haplotypes[:, 0, repeat] != genomes.haplotypes[:, 1, repeat]
    patient = genomes.patients[int(np.flatnonzero(het)[0])]
    path, _ = _bam(tmp_path, cohort, where, patient=patient, person=patient, depth=22.0)
    star = genomes.sites[genomes.sites["gene"].isin(["NUDT15", "CYP3A5"])]
    regions = ",".join(f"{s.chrom}:{s.pos - 5}-{s.pos + 5}" for s in star.itertuples())
    piled = tmp_path / "piled.bcf"
    pysam.bcftools.mpileup("-Ob", "-f", str(tmp_path / "reference.fa.gz"), "-r", regions, "-o", str(piled), str(path),
                           catch_stdout=False)  # fmt: skip
    called = tmp_path / "called.vcf"
    pysam.bcftools.call("-mv", "-Ov", "-o", str(called), str(piled), catch_stdout=False)
    found = {}
    with pysam.VariantFile(str(called)) as vcf:
        for record in vcf:
            found[record.pos] = sorted(record.samples[0].alleles)
    for i, site in star.iterrows():
        bases = [site["ref"], *site["alts"].split(",")]
        pair = [bases[a] for a in genomes.haplotypes[genomes.row(patient), :, i]]
        if set(pair) == {site["ref"]}:
            assert site["pos"] not in found
        elif len(site["ref"]) == 1 and all(len(b) == 1 for b in pair):
            assert found[site["pos"]] == sorted(pair)
        else:
            assert site["pos"] in found, "the indel is called at its left-aligned place"


def test_plans_name_the_swap_the_contaminated_and_the_shallow(cohort):
    everybody, _ = cohort
    plans = reads.plans(everybody, seed=1)
    assert len(plans) == everybody["has_reads"].sum()
    swapped = {p.patient: p.person for p in plans if p.patient != p.person}
    assert len(swapped) == 2 and {swapped[v] for v in swapped.values()} == set(swapped.values())
    assert sum(p.share > 0 for p in plans) == 1 and sum(p.depth == reads.LOW_DEPTH for p in plans) == 1
    for plan in plans:
        one = everybody.set_index("patient").loc[plan.patient]
        if plan.share or plan.patient != plan.person or plan.depth == reads.LOW_DEPTH:
            assert one["has_genomics"], "the planted flaws need genotypes to be compared with"


def test_males_have_half_the_depth_on_x(tmp_path, cohort, where):
    everybody, genomes = cohort
    male = everybody.loc[everybody["sex"] == "male", "patient"].iloc[0]
    x = [t for t in where if t.chrom == "chrX"]
    assert (genomes.haplotypes[genomes.row(male), 1][genomes.sites["chrom"] == "chrX"] == ABSENT).all()
    _, depth = _bam(tmp_path, cohort, x, patient=male, person=male, depth=20.0)
    assert depth == pytest.approx(10, rel=0.15)
