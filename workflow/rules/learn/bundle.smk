# The trained models as files for the next cohort, and in mode apply their predictions.

if config["mode"] == "train":

    rule learn_bundle:
        input:
            models=expand(f"{LEARN}/{{task}}/model.zip", task=TASKS),
            tasks=expand(f"{LEARN}/{{task}}/task.json", task=TASKS),
            gates=expand(f"{LEARN}/{{task}}/gates.json", task=TASKS),
            leaderboards=expand(f"{LEARN}/{{task}}/leaderboard.tsv", task=TASKS),
        output:
            BUNDLE,
        log:
            f"{LOGS}/learn_bundle.log",
        conda:
            ENVS / "learn.yaml"
        params:
            cohort=config["cohort"],
            seed=config["seed"],
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py bundle --models {input.models} --tasks {input.tasks} --gates {input.gates}"
            " --leaderboards {input.leaderboards} --cohort {params.cohort} --seed {params.seed} --out {output}"
            " > {log} 2>&1"


if config["mode"] == "apply":

    rule learn_apply:
        input:
            inputs=f"{LEARN}/inputs.safetensors",
            manifest=f"{config['bundle']}/manifest.json",
        output:
            predictions=f"{LEARN}/{{task}}/predictions.tsv",
            leaderboard=f"{LEARN}/{{task}}/leaderboard.tsv",
            contributions=f"{LEARN}/{{task}}/contributions.tsv",
            gates=f"{LEARN}/{{task}}/gates.json",
        log:
            f"{LOGS}/learn_apply/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            bundle=config["bundle"],
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py apply --inputs {input.inputs} --bundle {params.bundle} --task {wildcards.task}"
            " --predictions {output.predictions} --leaderboard {output.leaderboard}"
            " --contributions {output.contributions} --gates {output.gates} > {log} 2>&1"
