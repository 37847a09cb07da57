# genomics: VCF, BAM, CRAM -> cohort genotypes with their quality, ancestry, kinship, identity, star alleles, scores.

READS_MANIFESTS = manifests("genomics_reads", "genomics", "bam", "cram")
INTAKE_MANIFESTS = manifests("genomics_intake", "genomics")
JOINT_VCFS = [
    s.path for s in kinds("genomics", "vcf") if s.patient == sheets.WHOLE_COHORT
]
KNOWN_SITES = ROOT / "resources" / "build_sites.tsv"
STAR_POSITIONS = ROOT / "resources" / "star_alleles" / "positions.tsv"


def reference_files():
    """Files that per-patient work and the merge read beside the patients' own."""
    files = [config["genomics"]["ancestry_reference"], KNOWN_SITES, STAR_POSITIONS]
    files += config["genomics"]["polygenic_scores"]
    return files + reference_fasta()


def reference_fasta():
    return [config["genomics"]["reference"]] if config["genomics"]["reference"] else []


def option(flag, values):
    """A command line option with its values; nothing at all without values."""
    return " ".join([flag, *(f"'{v}'" for v in values)]) if values else ""


def reference_options():
    """Options of the stages that use `reference_files`."""
    return " ".join(
        [
            option("--panel", [config["genomics"]["ancestry_reference"]]),
            option("--known-sites", [KNOWN_SITES]),
            option("--targets", [STAR_POSITIONS]),
            option("--scores", config["genomics"]["polygenic_scores"]),
            option("--reference", reference_fasta()),
        ]
    )


def reads_of_chunk(wildcards):
    """Manifest of the chunk's reads, if somebody in the chunk has reads."""
    manifest = f"{RESULTS}/chunks/genomics_reads/{wildcards.chunk}.json"
    return [manifest] if manifest in READS_MANIFESTS else []


rule genomics_check:
    input:
        files=[s.path for s in kinds("genomics")],
        sites=KNOWN_SITES,
        scores=config["genomics"]["polygenic_scores"],
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
        reference=option("--reference", reference_fasta()),
        scores=option("--scores", config["genomics"]["polygenic_scores"]),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py check --samples {params.samples:q} --sheet {params.sheet:q}"
        " --known-sites {input.sites:q} {params.reference} {params.scores} --out {output} > {log} 2>&1"


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
        " --patients {params.patients} --folder {params.folder:q} {params.reference}"
        " --threads {threads} --manifest {output} > {log} 2>&1"


rule genomics_intake:
    input:
        files=chunk_files("genomics", "vcf"),
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
        rows=chunk_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py intake --samples {params.samples:q} --patients {params.patients}"
        " --folder {params.folder:q} {params.reference} --threads {threads} --manifest {output} > {log} 2>&1"


rule genomics_merge:
    input:
        joint=JOINT_VCFS,
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
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py merge --samples {params.samples:q} --sheet {params.sheet:q}"
        " {params.reference} {params.intake} {params.reads} --genotypes {output.genotypes}"
        " --sources {output.sources} --quarantine {output.problems} --threads {threads} > {log} 2>&1"


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
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        missing=config["genomics"]["max_missing_rate"],
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py cohort-qc --genotypes {input.genotypes} --sources {input.sources}"
        " --sheet {params.sheet:q} --max-missing-rate {params.missing} --samples-qc {output.samples_qc}"
        " --variants-qc {output.variants_qc} > {log} 2>&1"


rule genomics_structure:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        panel=config["genomics"]["ancestry_reference"],
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
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py structure --genotypes {input.genotypes} --sheet {params.sheet:q}"
        " --panel {input.panel:q} --ancestry {output.ancestry} --kinship {output.kinship} > {log} 2>&1"


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
        "python $SCRIPTS/genomics.py identity --samples {params.samples:q} --genotypes {input.genotypes}"
        " --sources {input.sources} {params.reads} --panel {input.panel:q} --folder {params.folder:q}"
        " --max-contamination {params.limit} --out {output} > {log} 2>&1"


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


rule genomics_pharmacogenes:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        tables=STAR_ALLELES,
    output:
        f"{COHORT}/genomics/pharmacogenes.tsv",
    log:
        f"{LOGS}/genomics_pharmacogenes.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        tables=ROOT / "resources" / "star_alleles",
        folder=PATIENTS,
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py pharmacogenes --genotypes {input.genotypes} --sheet {params.sheet}"
        " --tables {params.tables:q} --folder {params.folder} --out {output} > {log} 2>&1"


rule genomics_polygenic:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
        panel=config["genomics"]["ancestry_reference"],
        scores=config["genomics"]["polygenic_scores"],
    output:
        table=f"{COHORT}/genomics/polygenic.tsv",
        matches=f"{COHORT}/genomics/polygenic_matches.parquet",
        quarantine=f"{COHORT}/genomics/polygenic_problems.tsv",
    log:
        f"{LOGS}/genomics_polygenic.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        scores=option("--scores", config["genomics"]["polygenic_scores"]),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py polygenic --genotypes {input.genotypes} --sheet {params.sheet}"
        " --ancestry {input.ancestry} --panel {input.panel:q} --out {output.table}"
        " --matches {output.matches} --quarantine {output.quarantine} {params.scores} > {log} 2>&1"


rule genomics_features:
    input:
        samples_qc=f"{COHORT}/genomics/samples_qc.tsv",
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
        stars=f"{COHORT}/genomics/pharmacogenes.tsv",
        scores=f"{COHORT}/genomics/polygenic.tsv",
        problems=[
            f"{COHORT}/genomics/merge_problems.tsv",
            f"{COHORT}/genomics/polygenic_problems.tsv",
        ],
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
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py features --sheet {params.sheet} --samples {params.samples}"
        " --samples-qc {input.samples_qc} --ancestry {input.ancestry} --stars {input.stars}"
        " --scores {input.scores} --tables {params.tables:q} --out {output.features}"
        " --quarantine {output.quarantine} --problems {input.problems} > {log} 2>&1"
