# With genomics.windows: the DNA around variants that patients carry.

WINDOWS = config["genomics"]["windows"]
WINDOWS_TABLE = [f"{COHORT}/genomics/dna_windows.parquet"] if WINDOWS["length"] else []
WINDOWS_PROBLEMS = (
    [f"{COHORT}/genomics/windows_problems.tsv"] if WINDOWS["length"] else []
)
WINDOWS_REGIONS = [WINDOWS["regions"]] if WINDOWS["regions"] else []
WINDOWS_CHANGING = (
    findings_table("consequences.parquet") if WINDOWS["select"] == "consequence" else []
)


rule genomics_windows:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        sources=f"{COHORT}/genomics/sources.json",
        reference=reference_fasta(),
        regions=WINDOWS_REGIONS,
        gff=[] if WINDOWS_REGIONS else ANNOTATION,
        genes=[] if WINDOWS_REGIONS else FINDING_GENES,
        frequencies=configured("frequencies"),
        consequences=WINDOWS_CHANGING,
        callable=[s.path for s in kinds("genomics", "callable")],
        intake=INTAKE_MANIFESTS,
    output:
        table=f"{COHORT}/genomics/dna_windows.parquet",
        problems=f"{COHORT}/genomics/windows_problems.tsv",
    log:
        f"{LOGS}/genomics_windows.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        samples=config["samples"],
        length=WINDOWS["length"],
        most=WINDOWS["max_per_patient"],
        select=WINDOWS["select"],
        rare=config["genomics"]["rare_frequency"],
        options=" ".join(
            [
                option("--regions", WINDOWS_REGIONS),
                option("--gff", [] if WINDOWS_REGIONS else ANNOTATION),
                option("--genes", [] if WINDOWS_REGIONS else [FINDING_GENES]),
                option("--frequencies", configured("frequencies")),
                option("--consequences", WINDOWS_CHANGING),
                option("--intake", INTAKE_MANIFESTS),
            ]
        ),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py windows --sheet {params.sheet:q} --samples {params.samples:q}"
        " --genotypes {input.genotypes:q} --sources {input.sources:q} --reference {input.reference:q}"
        " --length {params.length} --most {params.most} --select {params.select} --rare {params.rare}"
        " {params.options} --out {output.table:q} --quarantine {output.problems:q} > {log:q} 2>&1"
