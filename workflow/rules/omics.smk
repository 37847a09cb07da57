# omics: tables of patients, or of a patient's cells or tiles -> checked matrices and bags, features.


rule omics_check:
    input:
        [s.path for s in kinds("omics")],
    output:
        f"{COHORT}/omics/check.tsv",
    log:
        f"{LOGS}/omics_check.log",
    conda:
        ENVS / "omics.yaml"
    threads: 1
    resources:
        mem_mb=8000,
    params:
        samples=config["samples"],
        patients=config["patients"],
        max_instances=config["omics"]["max_instances"],
        rows=sheet_rows("omics"),
        code=digest("omics"),
    shell:
        "python $SCRIPTS/omics.py check --samples {params.samples:q} --patients {params.patients:q}"
        " --max-instances {params.max_instances}"
        " --out {output:q} > {log:q} 2>&1"


rule omics_harmonise:
    input:
        files=[s.path for s in kinds("omics")],
        gate=gate(),
    output:
        features=f"{COHORT}/features/omics.zarr.zip",
        qc=f"{COHORT}/omics/qc.tsv",
        features_qc=f"{COHORT}/omics/features_qc.tsv",
        notes=f"{COHORT}/omics/notes.json",
        quarantine=f"{COHORT}/omics/quarantine.tsv",
    log:
        f"{LOGS}/omics_harmonise.log",
    conda:
        ENVS / "omics.yaml"
    threads: 1
    resources:
        mem_mb=8000,
    params:
        samples=config["samples"],
        patients=config["patients"],
        max_missing=config["omics"]["max_missing_rate"],
        max_instances=config["omics"]["max_instances"],
        rows=sheet_rows("omics"),
        code=digest("omics"),
    shell:
        "python $SCRIPTS/omics.py harmonise --samples {params.samples:q} --patients {params.patients:q}"
        " --max-missing-rate {params.max_missing} --max-instances {params.max_instances}"
        " --features {output.features:q} --qc {output.qc:q} --features-qc {output.features_qc:q}"
        " --notes {output.notes:q} --quarantine {output.quarantine:q} > {log:q} 2>&1"
