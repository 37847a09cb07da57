# Depth of the reads: coverage of genes and targets, copies of CYP2D6, copy-number flags, sex by depth.


DEPTH_MANIFESTS = manifests("genomics_depth", "genomics", "bam", "cram")


def bed_files():
    """The user's own regions."""
    return [
        config["genomics"][k]
        for k in ("genes_bed", "targets_bed")
        if config["genomics"][k]
    ]


def bed_options():
    return " ".join(
        option(f"--{k.replace('_', '-')}", [config["genomics"][k]])
        for k in ("genes_bed", "targets_bed")
        if config["genomics"][k]
    )


rule genomics_depth:
    input:
        files=chunk_files("genomics", "bam", "cram"),
        genes=GENE_REGIONS,
        beds=bed_files(),
        reference=reference_fasta(),
        alleles=ALLELES_FROM_READS,
        gate=gate(),
    output:
        f"{RESULTS}/chunks/genomics_depth/{{chunk}}.json",
    log:
        f"{LOGS}/genomics_depth/{{chunk}}.log",
    conda:
        ENVS / "genomics.yaml"
    threads: 2
    resources:
        mem_mb=3000,
    params:
        samples=config["samples"],
        patients=chunk_patients,
        folder=PATIENTS,
        minimum=config["genomics"]["min_depth"],
        beds=bed_options(),
        reference=option("--reference", reference_fasta()),
        alleles=alleles_from_reads("--alleles"),
        rows=chunk_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py depth --samples {params.samples:q} --patients {params.patients:q}"
        " --folder {params.folder:q} --genes {input.genes:q} --min-depth {params.minimum} {params.beds}"
        " {params.reference} {params.alleles} --threads {threads} --manifest {output:q} > {log:q} 2>&1"


rule genomics_reads_tables:
    input:
        reads=READS_MANIFESTS,
        depths=DEPTH_MANIFESTS,
        genes=GENE_REGIONS,
        beds=bed_files(),
    output:
        reads_qc=f"{COHORT}/genomics/reads_qc.tsv",
        coverage=f"{COHORT}/genomics/coverage.tsv",
        cyp2d6=f"{COHORT}/genomics/cyp2d6.tsv",
        cnv_flags=f"{COHORT}/genomics/cnv_flags.tsv",
    log:
        f"{LOGS}/genomics_reads_tables.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        reads=option("--reads", READS_MANIFESTS),
        depths=option("--depths", DEPTH_MANIFESTS),
        beds=bed_options(),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py reads-tables --genes {input.genes:q} {params.reads} {params.depths}"
        " {params.beds} --reads-qc {output.reads_qc:q} --coverage {output.coverage:q} --copies {output.cyp2d6:q}"
        " --cnv-flags {output.cnv_flags:q} > {log:q} 2>&1"
