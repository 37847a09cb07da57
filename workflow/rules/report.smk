# report: everything above -> input gate, quarantine list, run summary, figures, one page a patient, one of the cohort.
import json

from consilium.report import catalogue

CONFIG_DIGEST = value_digest(config)
REPORT_TASKS = json.dumps(
    [
        {**task, "type": {"ordinal": "classification"}.get(kind, kind)}
        for task in TASKS.values()
        for kind in [task.get("type") or task.get("kind")]
    ]
)
FIGURES = catalogue.figure_names(
    ROOMS,
    json.loads(REPORT_TASKS),
    config["mode"],
    scores=bool(config["genomics"]["polygenic_scores"]),
    effect=bool(EFFECT),
    segmentation=SEGMENT,
    strata=bool(config["learn"]["strata"]["k_max"]),
    augmentation=config["learn"]["augmentation"]["ablation"],
    analyses=[a["name"] for a in ASSOCIATIONS] if "genomics" in ROOMS else [],
)
# Rooms, and tables of association and treatment, that this run makes; what else lies in the folder is not read.
ACTIVE = ",".join(
    [
        *ROOMS,
        *(Path(f).stem for f in treatment_outputs() if f.endswith(".tsv")),
        *(Path(f).stem for f in FINDINGS_TABLES),
        *(["segmentation"] if SEGMENT else []),
        *(["strata"] if config["learn"]["strata"]["k_max"] else []),
        *(Path(f).stem for f in association_outputs() if f.endswith(".tsv")),
    ]
)
ROOM_TABLES = {
    "genomics": [
        f"genomics/{t}.tsv"
        for t in (
            "vcf_files",
            "samples_qc",
            "ancestry",
            "kinship",
            "identity",
            "reads_qc",
            "coverage",
            "cyp2d6",
            "cnv_flags",
            "pharmacogenes",
            "polygenic",
            "polygenic_adjusted",
            "families",
            "mendel",
            "homozygosity",
            "genotype_identity",
            "variants_qc",
            "dropped",
        )
    ]
    + [f"genomics/{table}" for table in FINDINGS_TABLES],
    "imaging": [
        "imaging/qc.tsv",
        *radiomics_table(),
        *(["imaging/segmentation.tsv", "imaging/segmentation.png"] if SEGMENT else []),
    ],
    "omics": ["omics/qc.tsv"],
    "ehr": [
        "ehr/observations.parquet",
        "ehr/alerts.tsv",
        "ehr/drugs.tsv",
        "ehr/diagnoses.tsv",
    ],
    "text": ["text/findings.tsv"],
}


def patient_reports():
    """Target of rule all: every patient's page; with on_bad_input: stop also that nothing was refused."""
    pages = [f"{RESULTS}/chunks/report_patients/{chunk}.json" for chunk in CHUNKS]
    return pages + (
        [f"{COHORT}/input_accepted.txt"] if config["on_bad_input"] == "stop" else []
    )


def report_tables():
    """Everything that pages and figures read, of the rooms that are active."""
    tables = [f"{COHORT}/{table}" for room in ROOMS for table in ROOM_TABLES[room]]
    return [
        f"{COHORT}/quarantine.tsv",
        *FEATURES.values(),
        *tables,
        *association_outputs(),
        *learn_outputs(),
        *recalibration(),
        *treatment_outputs(),
    ]


def figure_file(name):
    """A figure with its place and caption in `snakemake --report`."""
    entry, task = catalogue.entry_of(name)
    return report(
        f"{COHORT}/figures/{name}.png",
        caption=f"../report/{entry.name}.rst",
        category="Models" if entry.types else "Cohort",
        labels={"figure": entry.title, "task": task or "all"},
    )


def say(log):
    """Print a log that is a list for the user; the quiet profile hides logs, even of failed jobs."""
    if Path(log).exists():
        print(Path(log).read_text(), end="")


onsuccess:
    say(f"{LOGS}/report_quarantine.log")


onerror:
    for stage, passed in (("gate", "input_checked"), ("accept", "input_accepted")):
        if (
            config["on_bad_input"] == "stop"
            and not Path(f"{COHORT}/{passed}.txt").exists()
        ):
            say(f"{LOGS}/report_{stage}.log")


rule report_gate:
    input:
        [f"{COHORT}/{room}/check.tsv" for room in ROOMS],
    output:
        f"{COHORT}/input_checked.txt",
    log:
        f"{LOGS}/report_gate.log",
    conda:
        ENVS / "report.yaml"
    params:
        code=digest("report"),
    shell:
        "python $SCRIPTS/report.py gate --checks {input:q} --out {output:q} > {log:q} 2>&1"


rule report_quarantine:
    input:
        [f"{COHORT}/{room}/quarantine.tsv" for room in ROOMS],
    output:
        f"{COHORT}/quarantine.tsv",
    log:
        f"{LOGS}/report_quarantine.log",
    conda:
        ENVS / "report.yaml"
    params:
        code=digest("report"),
    shell:
        "python $SCRIPTS/report.py quarantine --tables {input:q} --out {output:q} > {log:q} 2>&1"


rule report_accept:
    input:
        f"{COHORT}/quarantine.tsv",
    output:
        f"{COHORT}/input_accepted.txt",
    log:
        f"{LOGS}/report_accept.log",
    conda:
        ENVS / "report.yaml"
    params:
        code=digest("report"),
    shell:
        "python $SCRIPTS/report.py accept --quarantine {input:q} --out {output:q} > {log:q} 2>&1"


rule report_summary:
    input:
        report_tables(),
    output:
        f"{COHORT}/run_summary.tsv",
    log:
        f"{LOGS}/report_summary.log",
    conda:
        ENVS / "report.yaml"
    params:
        patients=config["patients"],
        samples=config["samples"],
        cohort=COHORT,
        folder=PATIENTS,
        active=ACTIVE,
        tasks=REPORT_TASKS,
        mode=config["mode"],
        name=config["cohort"],
        config=CONFIG_DIGEST,
        rows=sheet_rows(*ROOMS),
        code=digest("report"),
    shell:
        "python $SCRIPTS/report.py summary --patients {params.patients:q} --samples {params.samples:q}"
        " --cohort {params.cohort:q} --patients-folder {params.folder:q} --active {params.active:q} --tasks {params.tasks:q}"
        " --mode {params.mode} --name {params.name} --config-digest {params.config} --out {output:q} > {log:q} 2>&1"


rule report_figures:
    input:
        report_tables(),
    output:
        [figure_file(name) for name in FIGURES],
    log:
        f"{LOGS}/report_figures.log",
    conda:
        ENVS / "report.yaml"
    params:
        patients=config["patients"],
        samples=config["samples"],
        cohort=COHORT,
        patients_folder=PATIENTS,
        active=ACTIVE,
        tasks=REPORT_TASKS,
        mode=config["mode"],
        name=config["cohort"],
        seed=config["seed"],
        figures=",".join(FIGURES),
        folder=f"{COHORT}/figures",
        rows=sheet_rows(),
        code=digest("report"),
    shell:
        "python $SCRIPTS/report.py figures --patients {params.patients:q} --samples {params.samples:q}"
        " --cohort {params.cohort:q} --patients-folder {params.patients_folder:q} --active {params.active:q}"
        " --tasks {params.tasks:q} --mode {params.mode} --name {params.name} --seed {params.seed}"
        " --figures {params.figures:q} --folder {params.folder:q} > {log:q} 2>&1"


rule report_patients:
    input:
        report_tables(),
        analytes=ROOT / "resources/analytes.tsv",
        measures=ROOT / "resources/image_measures.tsv",
    output:
        f"{RESULTS}/chunks/report_patients/{{chunk}}.json",
    log:
        f"{LOGS}/report_patients/{{chunk}}.log",
    conda:
        ENVS / "report.yaml"
    resources:
        mem_mb=2000,
    params:
        chunk=chunk_patients,
        patients=config["patients"],
        samples=config["samples"],
        cohort=COHORT,
        folder=PATIENTS,
        active=ACTIVE,
        tasks=REPORT_TASKS,
        mode=config["mode"],
        name=config["cohort"],
        title=config["report"]["title"],
        config=CONFIG_DIGEST,
        rows=sheet_rows(*ROOMS),
        code=digest("report"),
    shell:
        "python $SCRIPTS/report.py patients --chunk {params.chunk} --patients {params.patients:q}"
        " --samples {params.samples:q} --analytes {input.analytes:q} --measures {input.measures:q}"
        " --cohort {params.cohort:q} --patients-folder {params.folder:q}"
        " --active {params.active:q} --tasks {params.tasks:q} --mode {params.mode} --name {params.name}"
        " --title {params.title:q} --config-digest {params.config} --manifest {output:q} > {log:q} 2>&1"


rule report_cohort:
    input:
        report_tables(),
        [f"{COHORT}/figures/{name}.png" for name in FIGURES],
        pages=[f"{RESULTS}/chunks/report_patients/{chunk}.json" for chunk in CHUNKS],
    output:
        report(
            f"{COHORT}/report.html",
            caption="../report/cohort.rst",
            category="Cohort",
            labels={"figure": "Cohort page", "task": "all"},
        ),
    log:
        f"{LOGS}/report_cohort.log",
    conda:
        ENVS / "report.yaml"
    params:
        patients=config["patients"],
        samples=config["samples"],
        cohort=COHORT,
        folder=PATIENTS,
        active=ACTIVE,
        tasks=REPORT_TASKS,
        mode=config["mode"],
        name=config["cohort"],
        title=config["report"]["title"],
        config=CONFIG_DIGEST,
        figures=",".join(FIGURES),
        rows=sheet_rows(*ROOMS),
        code=digest("report"),
    shell:
        "python $SCRIPTS/report.py cohort --patients {params.patients:q} --samples {params.samples:q}"
        " --cohort {params.cohort:q} --patients-folder {params.folder:q} --active {params.active:q} --tasks {params.tasks:q}"
        " --mode {params.mode} --name {params.name} --title {params.title:q} --config-digest {params.config}"
        " --manifests {input.pages:q} --figures {params.figures:q} --out {output:q} > {log:q} 2>&1"
