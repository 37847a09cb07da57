# Whether made rows (noise, mixup, GAN) help the networks, and synthetic patients to hand on. Both are off by default.

AUGMENTATION = config["learn"]["augmentation"]
BY_CLASS = [
    name
    for name, task in TASKS.items()
    if (task.get("type") or task.get("kind")) == "classification"
]


wildcard_constraints:
    part=r"all|\d+",


def augmentation_outputs():
    """What the report reads: the ablation among all patients with an outcome, and the synthetic cohorts."""
    if config["mode"] != "train":
        return []
    names = []
    if AUGMENTATION["ablation"]:
        parts = ("augmentation.json", "augmentation.tsv", "augmentation_draws.tsv")
        names = [f"all/{part}" for part in parts]
    names += ["synthetic.json", "synthetic.tsv"] * bool(AUGMENTATION["export"])
    return [f"{LEARN}/{task}/augment/{name}" for task in TASKS for name in names]


def ablation_of(task, part):
    """The verdict that a fit with method auto goes by; it saw no patient that the fit is judged on."""
    if AUGMENTATION["method"] != "auto" or task not in BY_CLASS:
        return []
    return [f"{LEARN}/{task}/augment/{part}/augmentation.json"]


def ablation_of_fold(wildcards):
    """Input function: none for folds of another making (sites), whose patients the verdict may have seen."""
    if wildcards.labels not in ("true", "permuted"):
        return []
    return ablation_of(wildcards.task, wildcards.fold)


def ablation_of_all(wildcards):
    """Input function: the final model is judged on nobody."""
    return ablation_of(wildcards.task, "all")


def augmentation_settings():
    """What an ablation depends on, as JSON."""
    own = {k: AUGMENTATION[k] for k in ("repeats", "seeds")}
    plain = {
        "epochs": max(config["learn"]["epochs"]),
        "cnn_min_patients": config["learn"]["cnn_min_patients"],
    }
    return json.dumps(plain | {"augmentation": own}, sort_keys=True)


if config["mode"] == "train":

    rule learn_augment:
        input:
            inputs=f"{LEARN}/inputs.safetensors",
            folds=f"{LEARN}/{{task}}/folds.tsv",
            task=f"{LEARN}/{{task}}/task.json",
            ancestry=(
                [f"{COHORT}/genomics/ancestry.tsv"] if "genomics" in ROOMS else []
            ),
        output:
            facts=f"{LEARN}/{{task}}/augment/{{part}}/augmentation.json",
            table=f"{LEARN}/{{task}}/augment/{{part}}/augmentation.tsv",
            draws=f"{LEARN}/{{task}}/augment/{{part}}/augmentation_draws.tsv",
        log:
            f"{LOGS}/learn_augment/{{task}}.{{part}}.log",
        conda:
            ENVS / "learn.yaml"
        threads: 1
        resources:
            gpu=int(config["learn"]["networks"]),
            mem_mb=3000,
        params:
            settings=augmentation_settings(),
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py augment --inputs {input.inputs:q} --folds {input.folds:q} --task {input.task:q}"
            " --ancestry={input.ancestry:q} --part {wildcards.part} --settings {params.settings:q}"
            " --facts {output.facts:q} --table {output.table:q} --draws {output.draws:q} > {log:q} 2>&1"

    rule learn_synthesise:
        input:
            inputs=f"{LEARN}/inputs.safetensors",
            folds=f"{LEARN}/{{task}}/folds.tsv",
            task=f"{LEARN}/{{task}}/task.json",
        output:
            facts=f"{LEARN}/{{task}}/augment/synthetic.json",
            table=f"{LEARN}/{{task}}/augment/synthetic.tsv",
        log:
            f"{LOGS}/learn_synthesise/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        threads: 1
        resources:
            mem_mb=3000,
        params:
            number=AUGMENTATION["export"],
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py synthesise --inputs {input.inputs:q} --folds {input.folds:q} --task {input.task:q}"
            " --number {params.number} --facts {output.facts:q} --table {output.table:q} > {log:q} 2>&1"
