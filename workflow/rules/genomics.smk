# genomics: VCF, BAM, CRAM -> cohort genotypes with their quality, ancestry, kinship, identity, star alleles, scores,
# findings.

READS_MANIFESTS = manifests("genomics_reads", "genomics", "bam", "cram")
INTAKE_MANIFESTS = manifests("genomics_intake", "genomics", "vcf", "bam", "cram")
JOINT_VCFS = [
    s.path for s in kinds("genomics", "vcf") if s.patient == sheets.WHOLE_COHORT
]
CALLABLE_ALL = [
    s.path for s in kinds("genomics", "callable") if s.patient == sheets.WHOLE_COHORT
]
CALLABLE_OWN = [
    s.path for s in kinds("genomics", "callable") if s.patient != sheets.WHOLE_COHORT
]
LIFT_TABLE = ROOT / "resources" / "lift_grch37.tsv"
CHAIN = [config["genomics"]["chain"]] if config["genomics"]["chain"] else []
KNOWN_SITES = ROOT / "resources" / "build_sites.tsv"
GENE_REGIONS = ROOT / "resources" / "gene_regions.tsv"
STAR_POSITIONS = ROOT / "resources" / "star_alleles" / "positions.tsv"
STAR_ALLELES = [
    ROOT / "resources" / "star_alleles" / f"{name}.tsv"
    for name in (
        "genes",
        "positions",
        "alleles",
        "phenotypes",
        "frequencies",
        "preferred",
    )
]
# Definitions of CYP2D6, only where its star alleles are to be called from reads.
ALLELES_FROM_READS = [
    ROOT / "resources" / "star_alleles_reads" / f"{name}.tsv"
    for name in ("genes", "positions", "alleles", "phenotypes", "frequencies")
    if config["genomics"]["cyp2d6_from_reads"]
]


def alleles_from_reads(flag):
    """The option with the folder of these tables, if wanted."""
    return option(flag, {table.parent for table in ALLELES_FROM_READS})


def reference_files():
    """Files that per-patient work and the merge read beside the patients' own."""
    files = [config["genomics"]["ancestry_reference"], KNOWN_SITES, STAR_POSITIONS]
    files += [LIFT_TABLE, *CHAIN, *CALLABLE_ALL, *ancestry_components()[:1]]
    files += config["genomics"]["polygenic_scores"]
    return files + reference_fasta()


def reference_fasta():
    return [config["genomics"]["reference"]] if config["genomics"]["reference"] else []


def ancestry_components():
    """Both tables of the reference's principal components; none where the config has none."""
    sites = config["genomics"]["ancestry_components"]
    return [sites, Path(sites).with_name("ancestry_populations.tsv")] if sites else []


def component_options():
    return " ".join(
        option(flag, [path])
        for flag, path in zip(("--components", "--populations"), ancestry_components())
    )


def reference_options():
    """Options of the stages that use `reference_files`."""
    return " ".join(
        [
            option("--panel", [config["genomics"]["ancestry_reference"]]),
            option("--known-sites", [KNOWN_SITES]),
            option("--targets", [STAR_POSITIONS, *ancestry_components()[:1]]),
            option("--scores", config["genomics"]["polygenic_scores"]),
            option("--reference", reference_fasta()),
            option("--lift-table", [LIFT_TABLE]),
            option("--chain", CHAIN),
            option("--regions", CALLABLE_ALL),
            option("--validation", [config["genomics"]["validation"]]),
        ]
    )


def limit_options():
    """Depth and quality below which a genotype of a VCF counts as missing."""
    limits = [config["genomics"][k] for k in ("min_dp", "min_gq")]
    return "--min-dp {} --min-gq {}".format(*limits)


def reads_of_chunk(wildcards):
    """Manifest of the chunk's reads, if somebody in the chunk has reads."""
    manifest = f"{RESULTS}/chunks/genomics_reads/{wildcards.chunk}.json"
    return [manifest] if manifest in READS_MANIFESTS else []


include: "genomics/files.smk"
include: "genomics/cohort.smk"
include: "genomics/intake_files.smk"
include: "genomics/relations.smk"
include: "genomics/depth.smk"
include: "genomics/findings.smk"
include: "genomics/scores.smk"
include: "genomics/windows.smk"
include: "genomics/meaning.smk"
include: "genomics/association.smk"
