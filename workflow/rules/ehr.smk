# ehr: labs, vital signs, drugs, diagnoses, clinical tables -> one unit per analyte, alerts, series, features.

EHR_TABLES = dict(
    analytes=ROOT / "resources/analytes.tsv",
    units=ROOT / "resources/units.tsv",
    drug_names=ROOT / "resources/drug_names.tsv",
)


rule ehr_check:
    input:
        **EHR_TABLES,
        files=[s.path for s in kinds("ehr")],
    output:
        f"{COHORT}/ehr/check.tsv",
    log:
        f"{LOGS}/ehr_check.log",
    conda:
        ENVS / "ehr.yaml"
    threads: 1
    params:
        samples=config["samples"],
        patients=config["patients"],
        rows=sheet_rows("ehr"),
        code=digest("ehr"),
    shell:
        "python $SCRIPTS/ehr.py check --samples {params.samples:q} --patients {params.patients:q}"
        " --analytes {input.analytes:q} --units {input.units:q} --drug-names {input.drug_names:q}"
        " --out {output:q} > {log:q} 2>&1"


rule ehr_harmonise:
    input:
        **EHR_TABLES,
        files=[s.path for s in kinds("ehr")],
        ranges=ROOT / "resources/reference_ranges.tsv",
        gate=gate(),
    output:
        observations=f"{COHORT}/ehr/observations.parquet",
        alerts=f"{COHORT}/ehr/alerts.tsv",
        drugs=f"{COHORT}/ehr/drugs.tsv",
        diagnoses=f"{COHORT}/ehr/diagnoses.tsv",
        notes=f"{COHORT}/ehr/notes.json",
        quarantine=f"{COHORT}/ehr/quarantine.tsv",
    log:
        f"{LOGS}/ehr_harmonise.log",
    conda:
        ENVS / "ehr.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        samples=config["samples"],
        patients=config["patients"],
        rows=sheet_rows("ehr"),
        code=digest("ehr"),
    shell:
        "python $SCRIPTS/ehr.py harmonise --samples {params.samples:q} --patients {params.patients:q}"
        " --analytes {input.analytes:q} --units {input.units:q} --ranges {input.ranges:q} --drug-names {input.drug_names:q}"
        " --observations {output.observations:q} --alerts {output.alerts:q} --drugs {output.drugs:q}"
        " --diagnoses {output.diagnoses:q} --notes {output.notes:q} --quarantine {output.quarantine:q} > {log:q} 2>&1"


rule ehr_features:
    input:
        clinical=[s.path for s in kinds("ehr", "clinical")],
        observations=f"{COHORT}/ehr/observations.parquet",
        notes=f"{COHORT}/ehr/notes.json",
    output:
        f"{COHORT}/features/ehr.zarr.zip",
    log:
        f"{LOGS}/ehr_features.log",
    conda:
        ENVS / "ehr.yaml"
    threads: 1
    resources:
        mem_mb=4000,
    params:
        samples=config["samples"],
        patients=config["patients"],
        window=config["ehr"]["window_days"],
        bins=config["ehr"]["bins"],
        rows=sheet_rows("ehr"),
        code=digest("ehr"),
    shell:
        "python $SCRIPTS/ehr.py features --samples {params.samples:q} --patients {params.patients:q}"
        " --observations {input.observations:q} --notes {input.notes:q} --window-days {params.window}"
        " --bins {params.bins} --features {output:q} > {log:q} 2>&1"
