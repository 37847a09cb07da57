# De-identified copies of DICOM images, to hand on; only where the configuration asks for them.


def deidentified_copies():
    """Target of rule all: the table of what was taken out; nothing where no copies are wanted."""
    wanted = config["imaging"]["deidentified_dicom"] and "imaging" in ROOMS
    return [f"{COHORT}/imaging/deidentified.tsv"] if wanted else []


rule imaging_deidentify:
    input:
        files=chunk_files("imaging"),
        keep=ROOT / "resources/dicom_keep.tsv",
        profile=ROOT / "resources/dicom_profile.tsv",
        gate=gate(),
    output:
        f"{RESULTS}/chunks/imaging_deidentify/{{chunk}}.json",
    log:
        f"{LOGS}/imaging_deidentify/{{chunk}}.log",
    conda:
        ENVS / "imaging.yaml"
    threads: 2
    resources:
        mem_mb=4000,
    params:
        samples=config["samples"],
        patients=chunk_patients,
        folder=PATIENTS,
        results=config["results"],
        key=config["imaging"]["key_file"],
        faces="" if config["imaging"]["deface"] else "--keep-faces",
        rows=chunk_rows("imaging"),
        code=digest("imaging"),
    shell:
        "python $SCRIPTS/imaging.py deidentify --samples {params.samples:q} --patients {params.patients:q}"
        " --folder {params.folder:q} --keep {input.keep:q} --profile {input.profile:q} --key-file {params.key:q}"
        " --results {params.results:q} {params.faces} --threads {threads} --manifest {output:q} > {log:q} 2>&1"


rule imaging_deidentified:
    input:
        manifests("imaging_deidentify", "imaging"),
    output:
        f"{COHORT}/imaging/deidentified.tsv",
    log:
        f"{LOGS}/imaging_deidentified.log",
    conda:
        ENVS / "imaging.yaml"
    params:
        code=digest("imaging"),
    shell:
        "python $SCRIPTS/imaging.py deidentified --manifests {input:q} --out {output:q} > {log:q} 2>&1"
