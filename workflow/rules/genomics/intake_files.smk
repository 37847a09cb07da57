# The genotype files as a table: build, faults, lifting over.


rule genomics_intake_files:
    input:
        sources=f"{COHORT}/genomics/sources.json",
        intake=INTAKE_MANIFESTS,
    output:
        f"{COHORT}/genomics/vcf_files.tsv",
    log:
        f"{LOGS}/genomics_intake_files.log",
    conda:
        ENVS / "genomics.yaml"
    params:
        intake=option("--intake", INTAKE_MANIFESTS),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py intake-files --sources {input.sources:q} {params.intake}"
        " --out {output:q} > {log:q} 2>&1"
