# The cohort's genotypes: joined, judged, compared.


rule genomics_merge:
    input:
        joint=JOINT_VCFS,
        regions=CALLABLE_OWN if JOINT_VCFS else [],
        intake=INTAKE_MANIFESTS,
        reads=READS_MANIFESTS,
        reference=reference_files(),
        gate=gate(),
    output:
        genotypes=directory(f"{COHORT}/genomics/genotypes.vcz"),
        sources=f"{COHORT}/genomics/sources.json",
        problems=f"{COHORT}/genomics/merge_problems.tsv",
    log:
        f"{LOGS}/genomics_merge.log",
    conda:
        ENVS / "genomics.yaml"
    threads: 2
    resources:
        mem_mb=8000,
    params:
        samples=config["samples"],
        sheet=config["patients"],
        reference=reference_options(),
        intake=option("--intake", INTAKE_MANIFESTS),
        reads=option("--reads", READS_MANIFESTS),
        kept=f"{RESULTS}/chunks/genomics_joint",
        limits=limit_options(),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py merge --samples {params.samples:q} --sheet {params.sheet:q}"
        " {params.reference} {params.intake} {params.reads} --kept {params.kept:q}"
        " {params.limits} --genotypes {output.genotypes:q}"
        " --sources {output.sources:q} --quarantine {output.problems:q} --threads {threads} > {log:q} 2>&1"


rule genomics_cohort_qc:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        sources=f"{COHORT}/genomics/sources.json",
    output:
        samples_qc=f"{COHORT}/genomics/samples_qc.tsv",
        variants_qc=f"{COHORT}/genomics/variants_qc.tsv",
    log:
        f"{LOGS}/genomics_cohort_qc.log",
    conda:
        ENVS / "genomics.yaml"
    threads: 2
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        missing=config["genomics"]["max_missing_rate"],
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py cohort-qc --genotypes {input.genotypes:q} --sources {input.sources:q}"
        " --sheet {params.sheet:q} --max-missing-rate {params.missing} --samples-qc {output.samples_qc:q}"
        " --variants-qc {output.variants_qc:q} --threads {threads} > {log:q} 2>&1"


rule genomics_structure:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        panel=config["genomics"]["ancestry_reference"],
        components=ancestry_components(),
    output:
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
        kinship=f"{COHORT}/genomics/kinship.tsv",
    log:
        f"{LOGS}/genomics_structure.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        components=component_options(),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py structure --genotypes {input.genotypes:q} --sheet {params.sheet:q}"
        " --panel {input.panel:q} {params.components} --ancestry {output.ancestry:q} --kinship {output.kinship:q} > {log:q} 2>&1"


rule genomics_identity:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        sources=f"{COHORT}/genomics/sources.json",
        reads=READS_MANIFESTS,
        panel=config["genomics"]["ancestry_reference"],
    output:
        f"{COHORT}/genomics/identity.tsv",
    log:
        f"{LOGS}/genomics_identity.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=2000,
    params:
        samples=config["samples"],
        folder=PATIENTS,
        limit=config["genomics"]["max_contamination"],
        reads=option("--reads", READS_MANIFESTS),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py identity --samples {params.samples:q} --genotypes {input.genotypes:q}"
        " --sources {input.sources:q} {params.reads} --panel {input.panel:q} --folder {params.folder:q}"
        " --max-contamination {params.limit} --out {output:q} > {log:q} 2>&1"
