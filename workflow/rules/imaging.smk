# imaging: DICOM series or NIfTI -> de-identified volumes, QC metrics, regional and connectivity features.
import json


include: "imaging/segment.smk"


rule imaging_check:
    input:
        [s.path for s in kinds("imaging")],
    output:
        f"{COHORT}/imaging/check.tsv",
    log:
        f"{LOGS}/imaging_check.log",
    conda:
        ENVS / "imaging.yaml"
    params:
        samples=config["samples"],
        rows=sheet_rows("imaging"),
        code=digest("imaging"),
    shell:
        "python $SCRIPTS/imaging.py check --samples {params.samples:q} --out {output:q} > {log:q} 2>&1"


def image_sidecars(wildcards):
    """Input function: JSON files beside the NIfTI of a chunk (timing, phase encoding, units, dose)."""
    files = chunk_files("imaging", "T1", "T2", "FLAIR", "CT", "PET", "fMRI")(wildcards)
    stems = [str(f).removesuffix(".gz").removesuffix(".nii") for f in files]
    return [f"{stem}.json" for stem in stems if Path(f"{stem}.json").is_file()]


PROCESSING = (
    "grid_mm",
    "deface",
    "registration",
    "atlas",
    "pet_reference",
    "fmri",
    "radiomics",
)  # what the processing of an image depends on


rule imaging_process:
    input:
        files=chunk_files("imaging"),
        sidecars=image_sidecars,
        atlas=list(filter(None, config["imaging"]["atlas"].values())),
        gate=gate(),
    output:
        f"{RESULTS}/chunks/imaging_process/{{chunk}}.json",
    log:
        f"{LOGS}/imaging_process/{{chunk}}.log",
    conda:
        ENVS / "imaging.yaml"
    threads: 2
    resources:
        mem_mb=4000,
    params:
        samples=config["samples"],
        patients=chunk_patients,
        folder=PATIENTS,
        settings=json.dumps(
            {k: config["imaging"][k] for k in PROCESSING}, sort_keys=True
        ),
        rows=chunk_rows("imaging"),
        code=digest("imaging"),
    shell:
        "python $SCRIPTS/imaging.py process --samples {params.samples:q} --patients {params.patients:q}"
        " --folder {params.folder:q} --settings {params.settings:q} --threads {threads} --manifest {output:q} > {log:q} 2>&1"


rule imaging_features:
    input:
        manifests=manifests("imaging_process", "imaging"),
        segmentation=segment_records(),
    output:
        features=f"{COHORT}/features/imaging.zarr.zip",
        qc=f"{COHORT}/imaging/qc.tsv",
        quarantine=f"{COHORT}/imaging/quarantine.tsv",
    log:
        f"{LOGS}/imaging_features.log",
    conda:
        ENVS / "imaging.yaml"
    params:
        patients=config["patients"],
        samples=config["samples"],
        rows=sheet_rows("imaging"),
        code=digest("imaging"),
    shell:
        "python $SCRIPTS/imaging.py features --manifests {input.manifests:q} --patients {params.patients:q}"
        " --segmentation={input.segmentation:q} --samples {params.samples:q} --features {output.features:q} --qc {output.qc:q}"
        " --quarantine {output.quarantine:q} > {log:q} 2>&1"


include: "imaging/radiomics.smk"
include: "imaging/privacy.smk"
