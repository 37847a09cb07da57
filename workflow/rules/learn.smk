# learn: feature blocks + outcomes -> folds, judged models and a bundle; in mode apply, a bundle's predictions.
import json

LEARN = f"{COHORT}/learn"
TASKS = {task["name"]: task for task in config["learn"]["tasks"]}
OUTER = config["learn"]["outer_folds"]
FITTING = (
    "inner_folds",
    "networks",
    "network_seeds",
    "epochs",
    "cnn_min_patients",
    "tuning",
    "network",
    "export_loss",
)  # what a fit depends on
EXPLAINED = ["explanations.tsv", "explanation_gates.json"]
STRATA = ["strata.tsv", "strata.json"]
DEALING = (
    "outer_folds",
    "repeats",
    "leave_one_site_out",
    "guards",
)  # what folds depend on
JUDGING = (*DEALING, "permutation_control", "planted_control")  # what is judged
BUNDLE = f"{RESULTS}/bundle/manifest.json"
JUDGED = [
    "differences.tsv",
    "coverage.tsv",
    "decision_curve.tsv",
    "learning_curve.tsv",
]

if config["mode"] == "apply":
    # The bundle says which tasks there are.
    TASKS = {task["name"]: task for task in settings.bundle_tasks(config)}


wildcard_constraints:
    task="|".join(TASKS) or "no_task",
    labels="true|permuted|planted|site",
    fold=r"\d+",


def learn_outputs():
    """What other rooms read of all tasks."""
    names = ["predictions.tsv", "leaderboard.tsv", "contributions.tsv", "gates.json"]
    if config["mode"] == "train":
        names += JUDGED + EXPLAINED
        names += STRATA if config["learn"]["strata"]["k_max"] else []
    else:
        names += ["drift.tsv", "drift.json"]
    return [
        f"{LEARN}/{task}/{name}" for task in TASKS for name in names
    ] + augmentation_outputs()


def bundle():
    """Target of rule all: the trained models as files; in mode apply only those that were recalibrated."""
    made = config["mode"] == "train" or config["learn"]["recalibrate"]
    return [BUNDLE] if TASKS and made else []


def recalibration():
    """Mode apply: what recalibration did, where it is wanted."""
    wanted = config["mode"] == "apply" and config["learn"]["recalibrate"]
    return [f"{LEARN}/recalibration.json"] if TASKS and wanted else []


def kinship_table():
    """Related pairs, where there are genomes: relatives must lie in the same fold."""
    return [f"{COHORT}/genomics/kinship.tsv"] if "genomics" in ROOMS else []


def ancestry_table():
    """Populations of the patients, where there are genomes: coverage is judged in each."""
    return [f"{COHORT}/genomics/ancestry.tsv"] if "genomics" in ROOMS else []


def jobs_of(labels, number):
    """Input function: results of a task's jobs of one kind."""

    def files(wildcards):
        return [
            f"{LEARN}/{wildcards.task}/train/{labels}/{job}.json"
            for job in range(number)
        ]

    return files


def sites_left_out():
    """Jobs that leave out a site: one a site of ten patients or more, where there are three sites."""
    sites = [p.site for p in SHEETS.patients if p.site]
    wanted = config["learn"]["leave_one_site_out"] and len(set(sites)) >= 3
    return sum(sites.count(s) >= 10 for s in set(sites)) if wanted else 0


def fit_settings():
    """What a fit depends on, as JSON."""
    method = {"method": config["learn"]["augmentation"]["method"]}
    wanted = {k: config["learn"][k] for k in FITTING} | {"augmentation": method}
    return json.dumps(wanted, sort_keys=True)


def folds_of(labels):
    """Input function: results of a task's outer folds (of the first repeat)."""
    return jobs_of(labels, OUTER)


def as_json(keys):
    """Keys of section learn as JSON: DEALING or JUDGING."""
    return json.dumps({k: config["learn"][k] for k in keys}, sort_keys=True)


def asked(wildcards):
    """Params function: the wildcard's task as JSON."""
    return json.dumps(TASKS[wildcards.task], sort_keys=True)


def judged_jobs(wildcards):
    """Input function: every job whose result is judged: folds of all repeats, controls, sites."""
    learn = config["learn"]
    numbers = {
        "true": OUTER * learn["repeats"],
        "permuted": OUTER * learn["permutation_control"],
        "planted": int(learn["planted_control"]),
        "site": sites_left_out(),
    }
    return [f for kind, n in numbers.items() for f in jobs_of(kind, n)(wildcards)]


include: "learn/augment.smk"


rule learn_gather:
    input:
        features=list(FEATURES.values()),
        ancestry=ancestry_table(),
    output:
        f"{LEARN}/inputs.safetensors",
    log:
        f"{LOGS}/learn_gather.log",
    conda:
        ENVS / "learn.yaml"
    params:
        patients=config["patients"],
        groups=json.dumps(config["learn"]["uncertainty"], sort_keys=True),
        mode=config["mode"],
        rows=sheet_rows(),
        code=digest("learn"),
    shell:
        "python $SCRIPTS/learn.py gather --features {input.features:q} --patients {params.patients:q}"
        " --ancestry={input.ancestry:q} --groups {params.groups:q} --mode {params.mode}"
        " --out {output:q} > {log:q} 2>&1"


if config["mode"] == "train":

    rule learn_folds:
        input:
            inputs=f"{LEARN}/inputs.safetensors",
            kinship=kinship_table(),
        output:
            folds=f"{LEARN}/{{task}}/folds.tsv",
            task=f"{LEARN}/{{task}}/task.json",
        log:
            f"{LOGS}/learn_folds/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            patients=config["patients"],
            samples=config["samples"],
            asked=asked,
            judging=as_json(DEALING),
            seed=config["seed"],
            rows=sheet_rows(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py folds --inputs {input.inputs:q} --patients {params.patients:q}"
            " --samples {params.samples:q} --kinship={input.kinship:q} --asked {params.asked:q}"
            " --judging {params.judging:q} --seed {params.seed} --folds {output.folds:q} --task {output.task:q} > {log:q} 2>&1"

    rule learn_train:
        input:
            inputs=f"{LEARN}/inputs.safetensors",
            folds=f"{LEARN}/{{task}}/folds.tsv",
            task=f"{LEARN}/{{task}}/task.json",
            ablation=ablation_of_fold,
        output:
            f"{LEARN}/{{task}}/train/{{labels}}/{{fold}}.json",
        log:
            f"{LOGS}/learn_train/{{task}}.{{labels}}.{{fold}}.log",
        conda:
            ENVS / "learn.yaml"
        threads: config["learn"]["network"]["processes"]
        resources:
            gpu=int(config["learn"]["networks"])
            * config["learn"]["network"]["processes"],
            mem_mb=3000,
        params:
            settings=fit_settings(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py train --inputs {input.inputs:q} --folds {input.folds:q} --task {input.task:q}"
            " --labels {wildcards.labels} --fold {wildcards.fold} --settings {params.settings:q} --out {output:q}"
            " --ablation={input.ablation:q} > {log:q} 2>&1"

    rule learn_final:
        input:
            inputs=f"{LEARN}/inputs.safetensors",
            folds=f"{LEARN}/{{task}}/folds.tsv",
            task=f"{LEARN}/{{task}}/task.json",
            ablation=ablation_of_all,
        output:
            result=f"{LEARN}/{{task}}/final.json",
            model=f"{LEARN}/{{task}}/model.zip",
        log:
            f"{LOGS}/learn_final/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        threads: config["learn"]["network"]["processes"]
        resources:
            gpu=int(config["learn"]["networks"])
            * config["learn"]["network"]["processes"],
            mem_mb=3000,
        params:
            settings=fit_settings(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py final --inputs {input.inputs:q} --folds {input.folds:q} --task {input.task:q}"
            " --settings {params.settings:q} --out {output.result:q} --model {output.model:q}"
            " --ablation={input.ablation:q} > {log:q} 2>&1"

    rule learn_evaluate:
        input:
            judged_jobs,
            inputs=f"{LEARN}/inputs.safetensors",
            folds=f"{LEARN}/{{task}}/folds.tsv",
            task=f"{LEARN}/{{task}}/task.json",
            final=f"{LEARN}/{{task}}/final.json",
        output:
            predictions=f"{LEARN}/{{task}}/predictions.tsv",
            leaderboard=f"{LEARN}/{{task}}/leaderboard.tsv",
            contributions=f"{LEARN}/{{task}}/contributions.tsv",
            gates=f"{LEARN}/{{task}}/gates.json",
            curve=f"{LEARN}/{{task}}/learning_curve.tsv",
            control=f"{LEARN}/{{task}}/permuted.json",
            differences=f"{LEARN}/{{task}}/differences.tsv",
            coverage=f"{LEARN}/{{task}}/coverage.tsv",
            decision=f"{LEARN}/{{task}}/decision_curve.tsv",
        log:
            f"{LOGS}/learn_evaluate/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            trained=f"{LEARN}/{{task}}/train",
            judging=as_json(JUDGING),
            sites=sites_left_out(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py evaluate --inputs {input.inputs:q} --folds {input.folds:q} --task {input.task:q}"
            " --trained {params.trained:q} --final {input.final:q} --judging {params.judging:q}"
            " --sites {params.sites} --predictions {output.predictions:q} --leaderboard {output.leaderboard:q}"
            " --contributions {output.contributions:q} --gates {output.gates:q} --learning-curve {output.curve:q}"
            " --control {output.control:q} --differences {output.differences:q} --coverage {output.coverage:q}"
            " --decision-curve {output.decision:q} > {log:q} 2>&1"


include: "learn/bundle.smk"
include: "learn/explain.smk"
