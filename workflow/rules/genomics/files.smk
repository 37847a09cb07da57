# One patient's files: checked, read, normalised.


rule genomics_check:
    input:
        files=[s.path for s in kinds("genomics")],
        reference=reference_files(),
        tables=STAR_ALLELES,
    output:
        f"{COHORT}/genomics/check.tsv",
    log:
        f"{LOGS}/genomics_check.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=2000,
    params:
        samples=config["samples"],
        sheet=config["patients"],
        tables=ROOT / "resources" / "star_alleles",
        reference=reference_options(),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py check --samples {params.samples:q} --sheet {params.sheet:q}"
        " --tables {params.tables:q} {params.reference} --out {output:q} > {log:q} 2>&1"


rule genomics_reads:
    input:
        files=chunk_files("genomics", "bam", "cram"),
        reference=reference_files(),
        gate=gate(),
    output:
        f"{RESULTS}/chunks/genomics_reads/{{chunk}}.json",
    log:
        f"{LOGS}/genomics_reads/{{chunk}}.log",
    conda:
        ENVS / "genomics.yaml"
    threads: 2
    resources:
        mem_mb=3000,
    params:
        samples=config["samples"],
        sheet=config["patients"],
        patients=chunk_patients,
        folder=PATIENTS,
        reference=reference_options(),
        rows=chunk_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py reads --samples {params.samples:q} --sheet {params.sheet:q}"
        " --patients {params.patients:q} --folder {params.folder:q} {params.reference}"
        " --threads {threads} --manifest {output:q} > {log:q} 2>&1"


rule genomics_intake:
    input:
        files=chunk_files("genomics", "vcf", "callable"),
        reads=reads_of_chunk,
        reference=reference_files(),
        gate=gate(),
    output:
        f"{RESULTS}/chunks/genomics_intake/{{chunk}}.json",
    log:
        f"{LOGS}/genomics_intake/{{chunk}}.log",
    conda:
        ENVS / "genomics.yaml"
    threads: 2
    resources:
        mem_mb=4000,
    params:
        samples=config["samples"],
        patients=chunk_patients,
        folder=PATIENTS,
        reference=reference_options(),
        limits=limit_options(),
        rows=chunk_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py intake --samples {params.samples:q} --patients {params.patients:q}"
        " --folder {params.folder:q} {params.reference} {params.limits}"
        " --threads {threads} --manifest {output:q} > {log:q} 2>&1"
