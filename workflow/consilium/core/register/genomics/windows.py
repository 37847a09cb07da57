"""Tables of the genomics room: DNA around the variants that patients carry."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

TABLES = (
    Table(
        "dna_windows",
        "cohort/genomics/dna_windows.parquet",
        "With genomics.windows: the reference and the patient's own sequence around each kept variant, column under "
        "column, the first changed column in the middle.",
        (
            PATIENT,
            C("chrom", "str", "chromosome, chr1 to chr22, chrX, chrY, chrM"),
            C("pos", "int", "1-based position, GRCh38"),
            C("ref", "str", "reference allele, shortest form"),
            C("alt", "str", "alternative allele"),
            C("copies", "int", "strands that carry the variant"),
            C("carried", "int", "wanted variants of this patient; at most genomics.windows.max_per_patient are kept"),
            C("reference", "str", "bases of the FASTA, forward strand; - inserted in the patient, N unknown"),
            C("sequence", "str", "the patient's, on a strand with the variant; - deleted, N not tested or not known"),
        ),
    ),
)
