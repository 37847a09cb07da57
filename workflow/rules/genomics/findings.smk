# Findings: diseases by HPO terms, consequences of variants, what ClinVar says of them. Each where it is configured.


def configured(*keys):
    """The files of these keys of the configuration that are given."""
    return [config["genomics"][key] for key in keys if config["genomics"][key]]


FINDING_GENES = config["genomics"]["finding_genes"] or ROOT / "resources/acmg_sf.tsv"
# Which bases a gene must have seen: the annotation, or the exons whose coverage is measured.
ANNOTATION = configured("gff") or configured("genes_bed")
COVERAGE = [f"{COHORT}/genomics/coverage.tsv"] if DEPTH_MANIFESTS else []
PHENOPACKETS = [s.path for s in kinds("genomics", "phenopacket")]
RANKED = bool(PHENOPACKETS and configured("phenopackets"))
WITH_CONSEQUENCES = len(configured("gff", "reference")) == 2 and not any(
    part == ".bed" for part in Path(config["genomics"]["gff"]).suffixes
)
# Tables that this configuration makes, in the order of the rules.
FINDINGS_TABLES = (
    (["hpo_ranking.tsv"] if RANKED else [])
    + (["consequences.parquet"] if WITH_CONSEQUENCES else [])
    + (["gene_findings.tsv", "genes_assessed.parquet"] if configured("clinvar") else [])
)
FINDINGS_PROBLEMS = [
    f"{COHORT}/genomics/{stage}_problems.tsv"
    for stage, made in (
        ("phenotypes", RANKED),
        ("consequences", WITH_CONSEQUENCES),
        ("findings", configured("clinvar")),
    )
    if made
]


def findings_table(name):
    """A table of these rules as an input, if this configuration makes it."""
    return [f"{COHORT}/genomics/{name}"] if name in FINDINGS_TABLES else []


rule genomics_phenotypes:
    input:
        packets=PHENOPACKETS,
        cases=configured("phenopackets"),
        gate=gate(),
    output:
        table=f"{COHORT}/genomics/hpo_ranking.tsv",
        problems=f"{COHORT}/genomics/phenotypes_problems.tsv",
    log:
        f"{LOGS}/genomics_phenotypes.log",
    conda:
        ENVS / "genomics.yaml"
    params:
        samples=config["samples"],
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py phenotypes --samples {params.samples:q} --cases {input.cases:q} --most 20"
        " --out {output.table:q} --quarantine {output.problems:q} > {log:q} 2>&1"


rule genomics_consequences:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        genes=FINDING_GENES,
        gff=configured("gff"),
        reference=reference_fasta(),
        frequencies=configured("frequencies"),
        ranking=findings_table("hpo_ranking.tsv"),
    output:
        table=f"{COHORT}/genomics/consequences.parquet",
        problems=f"{COHORT}/genomics/consequences_problems.tsv",
    log:
        f"{LOGS}/genomics_consequences.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        rare=config["genomics"]["rare_frequency"],
        frequencies=option("--frequencies", configured("frequencies")),
        ranking=option("--ranking", findings_table("hpo_ranking.tsv")),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py consequences --genotypes {input.genotypes:q} --genes {input.genes:q}"
        " --gff {input.gff:q} --reference {input.reference:q} --rare {params.rare} {params.frequencies}"
        " {params.ranking} --out {output.table:q} --quarantine {output.problems:q} > {log:q} 2>&1"


rule genomics_findings:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        sources=f"{COHORT}/genomics/sources.json",
        clinvar=configured("clinvar"),
        genes=FINDING_GENES,
        sites=KNOWN_SITES,
        gff=ANNOTATION,
        coverage=COVERAGE,
        reference=reference_fasta(),
        callable=[s.path for s in kinds("genomics", "callable")],
        intake=INTAKE_MANIFESTS,
        consequences=findings_table("consequences.parquet"),
        ranking=findings_table("hpo_ranking.tsv"),
    output:
        table=f"{COHORT}/genomics/gene_findings.tsv",
        assessed=f"{COHORT}/genomics/genes_assessed.parquet",
        problems=f"{COHORT}/genomics/findings_problems.tsv",
    log:
        f"{LOGS}/genomics_findings.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        samples=config["samples"],
        options=" ".join(
            [
                option("--gff", ANNOTATION),
                option("--reference", reference_fasta()),
                option("--consequences", findings_table("consequences.parquet")),
                option("--ranking", findings_table("hpo_ranking.tsv")),
                option("--intake", INTAKE_MANIFESTS),
                option("--coverage", COVERAGE),
            ]
        ),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py findings --sheet {params.sheet:q} --samples {params.samples:q}"
        " --genotypes {input.genotypes:q} --sources {input.sources:q} --clinvar {input.clinvar:q} --genes {input.genes:q}"
        " --known-sites {input.sites:q} {params.options} --out {output.table:q} --assessed {output.assessed:q}"
        " --quarantine {output.problems:q} > {log:q} 2>&1"
