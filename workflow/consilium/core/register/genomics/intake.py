"""Tables of the genomics room. The genotype files: what each held, and what became of it."""

from __future__ import annotations

from consilium.core.contract import Column as C
from consilium.core.contract import Table

NOT_LIFTED = "the file is on GRCh38"

TABLES = (
    Table(
        "vcf_files",
        "cohort/genomics/vcf_files.tsv",
        "Every VCF that was used: its build, what was left out, what became of its records when lifted over.",
        (
            C("patient", "str", "whose file it is; * for a joint file"),
            C("file", "str", "path in samples.tsv"),
            C("build", "str", "GRCh38, or GRCh37: then lifted over"),
            C("build_by_known_sites", "str", "build that variants at known places speak for, or not told"),
            C("n_records", "int", "data lines"),
            C("n_left_out", "int", "records not used because of a fault"),
            C("n_filtered", "int", "records whose FILTER is neither PASS nor '.': no call"),
            C("n_other_contigs", "int", "records off the primary assembly"),
            C("n_polyploid", "int", "genotypes of more than two strands: missing"),
            C("n_callable", "int", "reference calls at needed positions that the callable regions (BED) gave"),
            C("n_lifted", "int", "records kept at a GRCh38 position", "", NOT_LIFTED),
            C("n_swapped", "int", "of those, REF and ALT changed places", "", NOT_LIFTED),
            C("n_new_reference", "int", "of those, no allele was the GRCh38 base", "", NOT_LIFTED),
            C("n_flipped", "int", "of those, on the other strand", "", NOT_LIFTED),
            C("n_unmapped", "int", "dropped: no known place in GRCh38", "", NOT_LIFTED),
            C("n_unverified", "int", "dropped: the GRCh38 base is not known", "", NOT_LIFTED),
            C("n_conflict", "int", "dropped: alleles that do not fit the GRCh38 base", "", NOT_LIFTED),
        ),
    ),
)
