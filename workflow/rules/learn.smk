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
)  # what a fit depends on
BUNDLE = f"{RESULTS}/bundle/manifest.json"

if config["mode"] == "apply":
    # The bundle says which tasks there are.
    try:
        TASKS = {
            task["name"]: task
            for task in json.loads(Path(config["bundle"], "manifest.json").read_text())[
                "tasks"
            ]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(
            f"bundle {config['bundle']} cannot be read: {error}; name results/<cohort>/bundle of a run"
        )


wildcard_constraints:
    task="|".join(TASKS) or "no_task",
    labels="true|permuted",
    fold=r"\d+",


def learn_outputs():
    """What other rooms read of all tasks."""
    names = ("predictions.tsv", "leaderboard.tsv", "contributions.tsv", "gates.json")
    return [
        f"{LEARN}/{task}/{name}" for task in TASKS for name in names
    ] + augmentation_outputs()


def bundle():
    """Target of rule all: the trained models as files (none in mode apply)."""
    return [BUNDLE] if TASKS and config["mode"] == "train" else []


def of_task(key):
    """Params function: a setting of the wildcard's task; "" where it has none, lists joined by commas."""

    def setting(wildcards):
        value = TASKS[wildcards.task].get(key, "")
        return ",".join(value) if isinstance(value, list) else value

    return setting


def kinship_table():
    """Related pairs, where there are genomes: relatives must lie in the same fold."""
    return [f"{COHORT}/genomics/kinship.tsv"] if "genomics" in ROOMS else []


def folds_of(labels):
    """Input function: results of a task's outer folds."""

    def files(wildcards):
        return [
            f"{LEARN}/{wildcards.task}/train/{labels}/{fold}.json"
            for fold in range(OUTER)
        ]

    return files


def fit_settings():
    """What a fit depends on, as JSON."""
    method = {"method": config["learn"]["augmentation"]["method"]}
    wanted = {k: config["learn"][k] for k in FITTING} | {"augmentation": method}
    return json.dumps(wanted, sort_keys=True)


def control_folds(wildcards):
    """Input function: the same on permuted outcomes, if wanted."""
    return (
        folds_of("permuted")(wildcards)
        if config["learn"]["permutation_control"]
        else []
    )


include: "learn/augment.smk"


rule learn_gather:
    input:
        features=list(FEATURES.values()),
    output:
        f"{LEARN}/inputs.safetensors",
    log:
        f"{LOGS}/learn_gather.log",
    conda:
        ENVS / "learn.yaml"
    params:
        patients=config["patients"],
        rows=sheet_rows(),
        code=digest("learn"),
    shell:
        "python $SCRIPTS/learn.py gather --features {input.features} --patients {params.patients} --out {output}"
        " > {log} 2>&1"


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
            kind=of_task("type"),
            outcome=of_task("outcome"),
            time=of_task("time"),
            event=of_task("event"),
            blocks=of_task("blocks"),
            outer=OUTER,
            seed=config["seed"],
            rows=sheet_rows(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py folds --inputs {input.inputs} --patients {params.patients}"
            " --kinship '{input.kinship}' --name {wildcards.task} --kind {params.kind} --outcome '{params.outcome}'"
            " --time '{params.time}' --event '{params.event}' --blocks '{params.blocks}' --outer-folds {params.outer}"
            " --seed {params.seed} --folds {output.folds} --task {output.task} > {log} 2>&1"

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
        threads: 1
        resources:
            gpu=int(config["learn"]["networks"]),
            mem_mb=3000,
        params:
            settings=fit_settings(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py train --inputs {input.inputs} --folds {input.folds} --task {input.task}"
            " --labels {wildcards.labels} --fold {wildcards.fold} --settings {params.settings:q} --out {output}"
            " --ablation '{input.ablation}' > {log} 2>&1"

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
        threads: 1
        resources:
            gpu=int(config["learn"]["networks"]),
            mem_mb=3000,
        params:
            settings=fit_settings(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py final --inputs {input.inputs} --folds {input.folds} --task {input.task}"
            " --settings {params.settings:q} --out {output.result} --model {output.model}"
            " --ablation '{input.ablation}' > {log} 2>&1"

    rule learn_evaluate:
        input:
            folds_of("true"),
            control_folds,
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
        log:
            f"{LOGS}/learn_evaluate/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            trained=f"{LEARN}/{{task}}/train",
            outer=OUTER,
            permuted=int(config["learn"]["permutation_control"]),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py evaluate --inputs {input.inputs} --folds {input.folds} --task {input.task}"
            " --trained {params.trained} --final {input.final} --outer-folds {params.outer}"
            " --permuted {params.permuted} --predictions {output.predictions} --leaderboard {output.leaderboard}"
            " --contributions {output.contributions} --gates {output.gates} --learning-curve {output.curve}"
            " --control {output.control} > {log} 2>&1"


include: "learn/bundle.smk"
