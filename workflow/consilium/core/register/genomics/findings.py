"""Tables of the genomics room. Findings: variants in genes of a list, what was looked at, diseases by HPO terms."""

from __future__ import annotations

from consilium.core.contract import PATIENT, Table
from consilium.core.contract import Column as C

_VARIANT = (
    C("chrom", "str", "chromosome, chr1 to chr22, chrX, chrY, chrM"),
    C("pos", "int", "1-based position, GRCh38"),
    C("ref", "str", "reference allele, shortest form"),
    C("alt", "str", "alternative allele"),
)
_NO_AMINO_ACID = "none changed, or not computed"

TABLES = (
    Table(
        "gene_findings",
        "cohort/genomics/gene_findings.tsv",
        "Variants that ClinVar calls pathogenic, likely pathogenic or disputed, carried by a patient in a gene of the "
        "list; and rare truncating variants of genes that the patient's HPO terms point to.",
        (
            PATIENT,
            C("gene", "str", "symbol"),
            *_VARIANT,
            C(
                "verdict",
                "str",
                "report, possible, carrier, conflicting evidence, not of the kind reported, or not assessed",
            ),
            C("reason", "str", "why, or a caution", missing="nothing to say"),
            C("significance", "str", "ClinVar's words"),
            C("kind", "str", "P, LP, P/LP or conflicting", missing="not classified so"),
            C("stars", "int", "review stars, 0 to 4; higher is better reviewed", "", "not in ClinVar"),
            C("review", "str", "review status", missing="not in ClinVar"),
            C("conflicts", "str", "submissions by classification", missing="not disputed"),
            C("diseases", "str", "diseases that ClinVar names", missing="none named"),
            C("variation_id", "str", "ClinVar variation identifier", missing="not in ClinVar"),
            C(
                "zygosity",
                "str",
                "homozygous, heterozygous, hemizygous, mitochondrial, one copy, or one copy at least",
            ),
            C(
                "phase",
                "str",
                "in trans with, in cis with or phase unknown to another variant of the gene",
                missing="no other variant, or no question",
            ),
            C("consequence", "str", "molecular consequence", missing="not known"),
            C("consequence_by", "str", "bcftools csq or ClinVar", missing="not known"),
            C("amino_acids", "str", "change of amino acids", missing=_NO_AMINO_ACID),
            C("frequency", "float", "largest population frequency known", "fraction", "not known"),
            C("gene_list", "str", "list that the gene is on, or HPO ranking"),
            C("phenotype", "str", "phenotype by that list", missing="not given"),
            C("inheritance", "str", "AD, AR, XL or MT", missing="not given"),
            C("hpo_rank", "int", "place of the gene's disease for the patient's HPO terms", "", "not ranked"),
            C("release", "str", "ClinVar release"),
        ),
    ),
    Table(
        "genes_assessed",
        "cohort/genomics/genes_assessed.parquet",
        "Every gene of the list for every patient: was it looked at, and what was found.",
        (
            PATIENT,
            C("gene", "str", "symbol"),
            C("gene_list", "str", "list that the gene is on, or HPO ranking"),
            C("status", "str", "assessed, partly assessed or not assessed"),
            C("statement", "str", "in a sentence"),
            C("n_findings", "int", "rows of gene_findings"),
            C("n_sites", "int", "variants of the gene that ClinVar calls P, LP or disputed"),
            C("n_sites_tested", "int", "of these, sites with a call in the patient"),
            C("n_bases", "int", "bases that must be seen", "bases", "not known"),
            C("n_uncovered", "int", "of these, not seen well enough for a call", "bases", "not known"),
            C("coverage_by", "str", "callable regions or depth of the reads", missing="not known"),
            C("reason", "str", "why not assessed, or partly", missing="assessed"),
            C("release", "str", "ClinVar release"),
            C("annotation", "str", "gene annotation", missing="none"),
        ),
    ),
    Table(
        "consequences",
        "cohort/genomics/consequences.parquet",
        "Consequences by bcftools csq, one row a patient, variant and transcript of the genes looked at.",
        (
            PATIENT,
            *_VARIANT,
            C("gene", "str", "symbol", missing="not given in the annotation"),
            C("transcript", "str", "Ensembl transcript", missing="none"),
            C("biotype", "str", "of the transcript", missing="none"),
            C("consequence", "str", "terms of bcftools csq, joined by &"),
            C("amino_acids", "str", "change of amino acids", missing="none changed"),
            C("dna_change", "str", "the changes it was made from, joined by +", missing="outside coding bases"),
            C("copies", "int", "strands that carry the variant"),
            C("method", "str", "with its strand (neighbours on it counted together) or alone"),
            C(
                "frequency",
                "float",
                "population frequency",
                "fraction",
                "not in the frequency file, or none configured",
            ),
            C("rare", "bool", "at most genomics.rare_frequency, or not in the file", "", "no file configured"),
        ),
    ),
    Table(
        "hpo_ranking",
        "cohort/genomics/hpo_ranking.tsv",
        "Diseases by the likeness of their nearest published case to the patient's HPO terms.",
        (
            PATIENT,
            C("rank", "int", "place, 1 = nearest"),
            C("disease", "str", "name"),
            C("disease_id", "str", "OMIM or MONDO identifier"),
            C("genes", "str", "genes of its published cases, joined by a comma", missing="none named"),
            C("score", "float", "cosine of the weighted terms; higher is nearer", "0 to 1"),
            C("nearest_case", "str", "the published case"),
            C("n_terms", "int", "observed terms of the patient"),
            C("copies", "int", "strands with a causal variant in most of its published cases", "", "not told"),
            C("shared", "str", "terms that both have"),
        ),
    ),
)
