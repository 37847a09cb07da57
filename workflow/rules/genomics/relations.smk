# Families, Mendelian errors, homozygosity, and whose genotypes they are.


rule genomics_families:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        panel=config["genomics"]["ancestry_reference"],
        kinship=f"{COHORT}/genomics/kinship.tsv",
        samples_qc=f"{COHORT}/genomics/samples_qc.tsv",
    output:
        families=f"{COHORT}/genomics/families.tsv",
        mendel=f"{COHORT}/genomics/mendel.tsv",
    log:
        f"{LOGS}/genomics_families.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py families --genotypes {input.genotypes:q} --sheet {params.sheet:q}"
        " --panel {input.panel:q} --kinship {input.kinship:q} --samples-qc {input.samples_qc:q}"
        " --families {output.families:q} --mendel {output.mendel:q} > {log:q} 2>&1"


rule genomics_homozygosity:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        panel=config["genomics"]["ancestry_reference"],
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
    output:
        f"{COHORT}/genomics/homozygosity.tsv",
    log:
        f"{LOGS}/genomics_homozygosity.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py homozygosity --genotypes {input.genotypes:q} --panel {input.panel:q}"
        " --ancestry {input.ancestry:q} --out {output:q} > {log:q} 2>&1"


rule genomics_genotype_identity:
    input:
        files=[s.path for s in kinds("genomics", "vcf")],
        panel=config["genomics"]["ancestry_reference"],
        kinship=f"{COHORT}/genomics/kinship.tsv",
        samples_qc=f"{COHORT}/genomics/samples_qc.tsv",
        identity=f"{COHORT}/genomics/identity.tsv",
        families=f"{COHORT}/genomics/families.tsv",
        reads_qc=f"{COHORT}/genomics/reads_qc.tsv",
    output:
        f"{COHORT}/genomics/genotype_identity.tsv",
    log:
        f"{LOGS}/genomics_genotype_identity.log",
    conda:
        ENVS / "genomics.yaml"
    threads: 2
    resources:
        mem_mb=2000,
    params:
        samples=config["samples"],
        sheet=config["patients"],
        limit=config["genomics"]["max_contamination"],
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py genotype-identity --samples {params.samples:q} --sheet {params.sheet:q}"
        " --panel {input.panel:q} --kinship {input.kinship:q} --samples-qc {input.samples_qc:q}"
        " --identity {input.identity:q} --families {input.families:q} --reads-qc {input.reads_qc:q}"
        " --max-contamination {params.limit}"
        " --out {output:q} --threads {threads} > {log:q} 2>&1"
