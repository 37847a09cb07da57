"""Genomes: linkage, inheritance, star alleles at their true places, reference, VCF files."""

import gzip
import re
import struct
from collections import Counter

import numpy as np
import pandas as pd
import pysam
import pytest
from consilium.simulate import panels, pharmacogenes, sequence, truth, variants
from consilium.simulate.genomes import ABSENT, simulate
from consilium.simulate.regions import GRCH38


@pytest.fixture(scope="module")
def written(cohort, tmp_path_factory):
    """Reference and VCFs of the cohort on disk: (folder, styles, sample rows)."""
    everybody, genomes = cohort
    root = tmp_path_factory.mktemp("genomes")
    sequence.write(root / "raw/genomics/reference.fa.gz", genomes.sequences)
    style = variants.styles(everybody, genomes, seed=7)
    rows = variants.write(everybody, genomes, style, root, seed=7)
    return root / "raw/genomics", style, rows


def test_same_seed_same_genomes(cohort):
    everybody, genomes = cohort
    again = simulate(everybody, seed=7, reference_people=40)
    assert np.array_equal(genomes.haplotypes, again.haplotypes)
    pd.testing.assert_frame_equal(genomes.sites, again.sites)


def test_children_carry_their_parents_strands(cohort):
    everybody, genomes = cohort
    x = (genomes.sites["chrom"] == "chrX").to_numpy()
    checked = 0
    for child in everybody[everybody["child"]].itertuples():
        own = genomes.haplotypes[genomes.row(child.patient)]
        for strand, parent in ((0, child.mother), (1, child.father)):
            if not parent:
                continue
            theirs = genomes.haplotypes[genomes.row(parent)]
            use = ~x if strand else np.ones(len(x), dtype=bool)
            assert ((own[strand] == theirs[0]) | (own[strand] == theirs[1]))[use].all()
            informative = use & (theirs[0] != theirs[1])
            from_first = own[strand][informative] == theirs[0][informative]
            assert 5 < np.abs(np.diff(from_first.astype(int))).sum() < 60, "chromosomes assort, few crossovers"
            checked += 1
        if child.sex == "female" and child.father:
            father = genomes.haplotypes[genomes.row(child.father)]
            assert (own[1, x] == father[0, x]).all()
    assert checked >= 6


def test_males_have_one_x(cohort):
    everybody, genomes = cohort
    x = (genomes.sites["chrom"] == "chrX").to_numpy()
    males = (everybody["sex"] == "male").to_numpy()
    assert (genomes.haplotypes[males][:, 1][:, x] == ABSENT).all()
    assert (genomes.haplotypes[~males] != ABSENT).all() and (genomes.haplotypes[:, :, ~x] != ABSENT).all()


def test_kinship_of_relatives_and_strangers(cohort):
    everybody, genomes = cohort
    keep = ((genomes.sites["kind"] == "common") & (genomes.sites["chrom"] != "chrX")).to_numpy()
    dosage = (genomes.haplotypes[:, :, keep] > 0).sum(axis=1).astype(int)
    het = (dosage == 1).astype(int)

    def king(i, j):  # KING-robust, between-family form (doi 10.1093/bioinformatics/btq559)
        opposite = (np.abs(dosage[i] - dosage[j]) == 2).sum()
        return (
            ((het[i] & het[j]).sum() - 2 * opposite) / (2 * min(het[i].sum(), het[j].sum()))
            + 0.5
            - 0.25 * (het[i].sum() + het[j].sum()) / min(het[i].sum(), het[j].sum())
        )

    related = truth.kinship(everybody)
    pairs = {(a, b) for a, b in related[["patient_a", "patient_b"]].itertuples(index=False)}
    for a, b in pairs:
        assert 0.12 < king(genomes.row(a), genomes.row(b)) < 0.38
    strangers = [(a, b) for a in genomes.patients[:25] for b in genomes.patients[:25] if a < b and (a, b) not in pairs]
    values = [king(genomes.row(a), genomes.row(b)) for a, b in strangers]
    assert np.quantile(values, 0.99) < 0.09


def test_neighbours_are_linked_and_windows_are_not(cohort):
    _, genomes = cohort
    keep = ((genomes.sites["kind"] == "common") & (genomes.sites["chrom"] == "chr22")).to_numpy()
    far = ((genomes.sites["kind"] == "common") & (genomes.sites["chrom"] == "chr1")).to_numpy()
    haplotypes = genomes.haplotypes.reshape(-1, len(keep))
    first, second = haplotypes[:, keep] > 0, haplotypes[:, far] > 0
    near = [
        np.corrcoef(first[:, i], first[:, i + 1])[0, 1] ** 2
        for i in range(0, 300)
        if first[:, i].std() * first[:, i + 1].std()
    ]
    apart = [
        np.corrcoef(first[:, i], second[:, i])[0, 1] ** 2
        for i in range(0, 300)
        if first[:, i].std() * second[:, i].std()
    ]
    assert np.mean(near) > 3 * np.mean(apart)


def test_populations_differ_but_not_in_the_score(cohort):
    everybody, genomes = cohort
    panel = genomes.sites[genomes.sites["panel"]]
    assert len(panel) >= 300 and (panel[["POP_A", "POP_B", "POP_C"]].std(axis=1) > 0.15).sum() > 150
    means = everybody.assign(z=genomes.z).groupby("population")["z"].mean()
    assert means.abs().max() < 0.8 and 0.6 < genomes.z.std() < 1.4


def test_haplotypes_have_the_bases_of_their_star_alleles(cohort):
    _, genomes = cohort
    table = pd.read_csv(pharmacogenes.TABLES / "alleles.tsv", sep="\t", dtype=str, keep_default_na=False)
    text = {(g, a): d for g, a, d in table[["gene", "allele", "definition"]].itertuples(index=False)}
    for g, gene in enumerate(pharmacogenes.GENES):
        here = np.flatnonzero(genomes.sites["gene"] == gene)
        sites = genomes.sites.iloc[here]
        for person in range(len(genomes.patients)):
            for strand in (0, 1):
                definition = text[gene, genomes.alleles[person, strand, g]]
                bases = {} if definition == "all" else dict(c.split(":") for c in definition.split(";"))
                for i, site in zip(here, sites.itertuples(), strict=True):
                    carried = [site.ref, *site.alts.split(",")][genomes.haplotypes[person, strand, i]]
                    assert carried in bases.get(str(site.pos), site.ref).split("|")


def test_phenotypes_agree_with_the_resource_table():
    """The truth's own rules against the table that the genomics room uses: written separately, equal in the end."""
    alleles = pd.read_csv(pharmacogenes.TABLES / "alleles.tsv", sep="\t", dtype=str, keep_default_na=False)
    function = {(g, a): f for g, a, f in alleles[["gene", "allele", "function"]].itertuples(index=False)}
    table = pd.read_csv(pharmacogenes.TABLES / "phenotypes.tsv", sep="\t", dtype=str, keep_default_na=False)
    known = {
        (r.gene, *sorted((r.function_1, r.function_2))): (r.phenotype, r.activity_score) for r in table.itertuples()
    }
    n = 0
    for gene in pharmacogenes.GENES:
        names = list(pharmacogenes.FUNCTION[gene])
        for first in names:
            for second in names:
                expected, score = known[(gene, *sorted((function[gene, first], function[gene, second])))]
                found = pharmacogenes.phenotype(gene, first, second)
                assert found[0] == expected, (gene, first, second)
                assert found[1] == float(score) if score else np.isnan(found[1])
                n += 1
    assert n > 200


def test_every_population_has_every_important_phenotype(cohort):
    everybody, genomes = cohort
    style = variants.styles(everybody, genomes, seed=7)
    table = truth.star_alleles(genomes, style).merge(everybody[["patient", "population"]])
    planted = table[table["planted"]]
    assert (planted["source"] != "reads").all() and planted["fully_tested"].all()
    assert not planted["phase_needed"].any()
    seen = planted.groupby(["gene", "phenotype"])["population"].nunique()
    assert (seen == 3).all()
    assert {"Poor Metabolizer", "Ultrarapid Metabolizer", "Rapid Metabolizer"} <= set(seen["CYP2C19"].index)
    assert "-1639 AA" in seen["VKORC1"].index and len(seen) == 27


def test_reference_has_true_bases_and_lengths(cohort, written):
    _, genomes = cohort
    with pysam.FastaFile(str(written[0] / "reference.fa.gz")) as fasta:
        assert all(GRCH38[c] == n for c, n in zip(fasta.references, fasta.lengths, strict=True))
        for site in genomes.sites.itertuples():
            assert fasta.fetch(site.chrom, site.pos - 1, site.pos - 1 + len(site.ref)) == site.ref
        assert set(fasta.fetch("chr22", 0, 200_000)) == {"N"}
        # NUDT15: the GAGTCG repeat of the genome, three units (rs746071566 adds or takes one).
        assert fasta.fetch("chr13", 48037781, 48037801) == "AGGAGTCGGAGTCGGAGTCG"


def test_reference_index_is_what_samtools_makes(cohort, tmp_path):
    path = tmp_path / "reference.fa.gz"
    sequence.write(path, {w: s for w, s in cohort[1].sequences.items() if w.chrom in ("chr21", "chr22")})
    ours = [path.with_name(path.name + suffix).read_bytes() for suffix in (".fai", ".gzi")]
    pysam.faidx(str(path))
    assert ours == [path.with_name(path.name + suffix).read_bytes() for suffix in (".fai", ".gzi")]
    assert struct.unpack("<Q", ours[1][:8])[0] > 1_000


def test_vcfs_open_and_tell_what_was_planted(cohort, written):
    _, genomes = cohort
    folder, style, rows = written
    assert len(rows) == (style["source"] == "vcf").sum() + 1
    star = genomes.sites[genomes.sites["gene"] != ""]
    for one in style[(style["source"] == "vcf") & ~style["unnormalised"]].itertuples():
        gaps = {int(cell.split(":")[1]) for cell in one.gaps.split(";") if cell}
        path = folder / f"{one.patient}.vcf.gz"
        if not one.bgzip:  # pysam cannot go through a file of plain gzip
            plain = folder / "plain.vcf"
            plain.write_bytes(gzip.decompress(path.read_bytes()))
            path = plain
        with pysam.VariantFile(str(path)) as vcf:
            chrom = "chr22" if one.chr_names else "22"
            assert vcf.header.contigs[chrom].length == GRCH38["chr22"]
            found = {(r.contig.removeprefix("chr"), r.pos): r for r in vcf}
        for i, site in star.iterrows():
            record = found.get((site["chrom"].removeprefix("chr"), site["pos"]))
            if site["pos"] in gaps:
                assert record is None
                continue
            bases = [site["ref"], *site["alts"].split(",")]
            expected = [bases[a] for a in genomes.haplotypes[genomes.row(one.patient), :, i]]
            called = record.samples[0]
            assert (list(called.alleles) if one.phased else sorted(called.alleles)) == (
                expected if one.phased else sorted(expected)
            )
            assert called.phased == one.phased


def test_unnormalised_files_say_the_same_otherwise(cohort, written):
    _, genomes = cohort
    folder, style, _ = written
    chosen = style[style["unnormalised"]]
    assert len(chosen) == 3
    texts = {w: s.tobytes().decode() for w, s in genomes.sequences.items()}
    planted_indels = 0
    for one in chosen.itertuples():
        lines = gzip.decompress((folder / f"{one.patient}.vcf.gz").read_bytes()).decode().splitlines()
        found, lost, moved = Counter(), set(), 0
        for chrom, pos, _, ref, alts, *_, called in (line.split("\t") for line in lines if line[0] != "#"):
            chrom = "chr" + chrom.removeprefix("chr")
            window = sequence.window_of(list(texts), chrom, int(pos))
            at = int(pos) - window.start - 1
            assert texts[window][at : at + len(ref)] == ref
            for digit in re.split(r"[|/]", called.split(":")[0]) if len(ref) + len(alts) > 2 else ():
                if digit == ".":
                    lost.add((chrom, int(pos)))
                elif digit != "0":
                    normal = _normal(texts[window], at, ref, alts.split(",")[int(digit) - 1])
                    found[(chrom, *normal)] += 1
                    moved += normal[0] != at or normal[1] != ref
        expected = Counter()
        for i, site in genomes.sites[genomes.sites["ref"].str.len() + genomes.sites["alts"].str.len() > 2].iterrows():
            window = sequence.window_of(list(texts), site["chrom"], site["pos"])
            for call in genomes.haplotypes[genomes.row(one.patient), :, i]:
                if call not in (0, ABSENT) and (site["chrom"], site["pos"]) not in lost:
                    alt = site["alts"].split(",")[call - 1]
                    normal = _normal(texts[window], site["pos"] - window.start - 1, site["ref"], alt)
                    expected[(site["chrom"], *normal)] += 1
                    planted_indels += site["gene"] != "" and len(alt) != len(site["ref"])
        males = one.haploid_x is False and genomes.haplotypes[genomes.row(one.patient), 1, -1] == ABSENT
        for key in [k for k in expected if males and k[0] == "chrX"]:
            expected[key] *= 2  # a man's X, written as homozygous
        assert found == expected and moved > 20
    assert planted_indels >= 3


def _normal(text, at, ref, alt):
    """Left-aligned parsimonious form (Tan et al., doi 10.1093/bioinformatics/btv112)."""
    while True:
        if ref[-1] == alt[-1] and min(len(ref), len(alt)) > 0:
            ref, alt = ref[:-1], alt[:-1]
            if not ref or not alt:
                at -= 1
                ref, alt = text[at] + ref, text[at] + alt
            continue
        while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
            at, ref, alt = at + 1, ref[1:], alt[1:]
        return at, ref, alt


def test_files_of_the_score_and_the_panel(cohort, tmp_path):
    everybody, genomes = cohort
    panels.write_score(tmp_path / "score.txt.gz", genomes.sites, seed=7)
    panels.write_ancestry(tmp_path / "ancestry.tsv", genomes.sites)
    score = pd.read_csv(tmp_path / "score.txt.gz", sep="\t", comment="#", dtype={"hm_chr": str})
    at = {(s.chrom.removeprefix("chr"), s.pos): (i, s.ref, s.alts) for i, s in
          enumerate(genomes.sites.itertuples())}  # fmt: skip
    total, unflipped = np.zeros(len(everybody)), np.zeros(len(everybody))
    flip = str.maketrans("ACGT", "TGCA")
    for row in score.itertuples():
        i, ref, alt = at[row.hm_chr, row.hm_pos]
        effect = row.effect_allele if row.effect_allele in (ref, alt) else row.effect_allele.translate(flip)
        term = row.effect_weight * (genomes.haplotypes[:, :, i] == (effect == alt)).sum(axis=1)
        total += term
        unflipped += term * (effect == row.effect_allele)
    told = truth.polygenic(everybody, genomes, seed=7)
    assert np.allclose(total, told["file_sum"], atol=1e-5)
    assert np.allclose(unflipped, told["file_sum_unflipped"], atol=1e-5) and not np.allclose(total, unflipped)
    assert np.ptp(told["file_sum"] - told["planted_sum"]) < 1e-5, "a constant apart"
    panel = pd.read_csv(tmp_path / "ancestry.tsv", sep="\t")
    assert list(panel.columns) == ["chrom", "pos", "ref", "alt", "POP_A", "POP_B", "POP_C"]
    assert panel[["POP_A", "POP_B", "POP_C"]].to_numpy().max() <= 1
