# What the genotypes mean: star alleles, the feature block.


rule genomics_pharmacogenes:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
        calls=[s.path for s in kinds("genomics", "pgx_calls")],
        tables=STAR_ALLELES + ALLELES_FROM_READS,
        depths=DEPTH_MANIFESTS if ALLELES_FROM_READS else [],
    output:
        table=f"{COHORT}/genomics/pharmacogenes.tsv",
        quarantine=f"{COHORT}/genomics/pharmacogenes_problems.tsv",
    log:
        f"{LOGS}/genomics_pharmacogenes.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        samples=config["samples"],
        tables=ROOT / "resources" / "star_alleles",
        folder=PATIENTS,
        from_reads=alleles_from_reads("--from-reads")
        + " "
        + option("--depths", DEPTH_MANIFESTS if ALLELES_FROM_READS else []),
        combinations="--combinations" if config["genomics"]["pgx_combinations"] else "",
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py pharmacogenes --genotypes {input.genotypes:q} --sheet {params.sheet:q}"
        " --samples {params.samples:q} --tables {params.tables:q} --ancestry {input.ancestry:q}"
        " --folder {params.folder:q} {params.combinations} {params.from_reads}"
        " --out {output.table:q} --quarantine {output.quarantine:q} > {log:q} 2>&1"


rule genomics_features:
    input:
        samples_qc=f"{COHORT}/genomics/samples_qc.tsv",
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
        stars=f"{COHORT}/genomics/pharmacogenes.tsv",
        scores=f"{COHORT}/genomics/polygenic.tsv",
        problems=[
            f"{COHORT}/genomics/merge_problems.tsv",
            f"{COHORT}/genomics/pharmacogenes_problems.tsv",
            f"{COHORT}/genomics/polygenic_problems.tsv",
            *score_reference_problems(),
            *FINDINGS_PROBLEMS,
            *WINDOWS_PROBLEMS,
        ],
        consequences=findings_table("consequences.parquet"),
        assessed=findings_table("genes_assessed.parquet"),
        windows=WINDOWS_TABLE,
        tables=STAR_ALLELES,
    output:
        features=f"{COHORT}/features/genomics.zarr.zip",
        quarantine=f"{COHORT}/genomics/quarantine.tsv",
    log:
        f"{LOGS}/genomics_features.log",
    conda:
        ENVS / "genomics.yaml"
    params:
        sheet=config["patients"],
        samples=config["samples"],
        tables=ROOT / "resources" / "star_alleles",
        findings=option("--consequences", findings_table("consequences.parquet"))
        + " "
        + option("--assessed", findings_table("genes_assessed.parquet")),
        windows=option("--windows", WINDOWS_TABLE)
        + f" --most-windows {WINDOWS['max_per_patient']}" * len(WINDOWS_TABLE),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py features --sheet {params.sheet:q} --samples {params.samples:q}"
        " --samples-qc {input.samples_qc:q} --ancestry {input.ancestry:q} --stars {input.stars:q}"
        " --scores {input.scores:q} --tables {params.tables:q} --out {output.features:q}"
        " --quarantine {output.quarantine:q} --problems {input.problems:q} {params.findings} {params.windows}"
        " > {log:q} 2>&1"
