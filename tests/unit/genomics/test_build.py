import pytest
from consilium.genomics.intake.build import LENGTHS, KnownSites, SiteEvidence, build_of_lengths, canonical, in_par
from vcf_files import SITES, known_sites


@pytest.mark.parametrize(
    ("name", "found"),
    [("1", "chr1"), ("chr1", "chr1"), ("Chr7", "chr7"), ("X", "chrX"), ("23", "chrX"), ("MT", "chrM"), ("chrM", "chrM"),
     ("chr1_KI270706v1_random", None), ("GL000192.1", None), ("chr23x", None), ("", None)],
)  # fmt: skip
def test_contig_names(name: str, found: str | None) -> None:
    assert canonical(name) == found


def test_build_of_lengths() -> None:
    assert build_of_lengths({"1": 248956422, "chrX": 156040895}) == "GRCh38"
    assert build_of_lengths({"1": 249250621, "MT": 16569}) == "GRCh37"
    assert build_of_lengths({"1": 247249719}) == "other"  # NCBI36
    assert build_of_lengths({"1": None, "chr2": 5000}) == ""
    assert build_of_lengths({"1": 248956422, "2": 243199373}) == "other"  # one contig of each build
    assert build_of_lengths({}) == ""


def test_every_known_site_speaks_for_one_build() -> None:
    sites = known_sites()
    for (chrom, position), alleles in sites.grch37.items():
        evidence = SiteEvidence()
        ref, alt = sorted(alleles)
        sites.count(evidence, chrom, position, ref, (alt,))
        assert evidence.grch37 == 1
    assert all(p <= LENGTHS["GRCh38"][c] for c, p in sites.grch38)


def test_evidence_must_be_clear() -> None:
    assert SiteEvidence(1, 0).build == ""
    assert SiteEvidence(5, 3).build == ""
    assert SiteEvidence(0, 2).build == "GRCh37"
    assert SiteEvidence(40, 1).build == "GRCh38"


def test_alleles_must_fit() -> None:
    sites = KnownSites(SITES)
    (chrom, position), alleles = next(iter(sites.grch38.items()))
    evidence = SiteEvidence()
    sites.count(evidence, chrom, position, min(set("ACGT") - alleles), ("<NON_REF>",))
    assert evidence == SiteEvidence()


def test_pseudo_autosomal_regions() -> None:
    assert in_par(10_001) and in_par(156_030_895)
    assert not in_par(2_781_480) and not in_par(70_000_000)
