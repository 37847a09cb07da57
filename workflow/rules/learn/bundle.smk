# The trained models as files for the next cohort, and in mode apply their predictions.

if config["mode"] == "train":

    rule learn_reference:
        input:
            folds_of("true"),
            inputs=f"{LEARN}/inputs.safetensors",
            folds=f"{LEARN}/{{task}}/folds.tsv",
            task=f"{LEARN}/{{task}}/task.json",
            model=f"{LEARN}/{{task}}/model.zip",
        output:
            f"{LEARN}/{{task}}/reference.json",
        log:
            f"{LOGS}/learn_reference/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            trained=f"{LEARN}/{{task}}/train",
            outer=OUTER,
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py reference --inputs {input.inputs:q} --folds {input.folds:q} --task {input.task:q}"
            " --trained {params.trained:q} --model {input.model:q} --outer-folds {params.outer} --out {output:q}"
            " > {log:q} 2>&1"

    rule learn_bundle:
        input:
            models=expand(f"{LEARN}/{{task}}/model.zip", task=TASKS),
            tasks=expand(f"{LEARN}/{{task}}/task.json", task=TASKS),
            gates=expand(f"{LEARN}/{{task}}/gates.json", task=TASKS),
            leaderboards=expand(f"{LEARN}/{{task}}/leaderboard.tsv", task=TASKS),
            references=expand(f"{LEARN}/{{task}}/reference.json", task=TASKS),
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
            "python $SCRIPTS/learn.py bundle --models {input.models:q} --tasks {input.tasks:q} --gates {input.gates:q}"
            " --leaderboards {input.leaderboards:q} --references {input.references:q} --cohort {params.cohort:q}"
            " --seed {params.seed} --out {output:q} > {log:q} 2>&1"


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
            drift=f"{LEARN}/{{task}}/drift.tsv",
            alarms=f"{LEARN}/{{task}}/drift.json",
        log:
            f"{LOGS}/learn_apply/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            bundle=config["bundle"],
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py apply --inputs {input.inputs:q} --bundle {params.bundle:q} --task {wildcards.task}"
            " --predictions {output.predictions:q} --leaderboard {output.leaderboard:q}"
            " --contributions {output.contributions:q} --gates {output.gates:q} --drift {output.drift:q}"
            " --alarms {output.alarms:q} > {log:q} 2>&1"

    if config["learn"]["recalibrate"]:

        rule learn_recalibrate:
            input:
                inputs=f"{LEARN}/inputs.safetensors",
                manifest=f"{config['bundle']}/manifest.json",
            output:
                facts=f"{LEARN}/recalibration.json",
                manifest=BUNDLE,
            log:
                f"{LOGS}/learn_recalibrate.log",
            conda:
                ENVS / "learn.yaml"
            params:
                patients=config["patients"],
                bundle=config["bundle"],
                cohort=config["cohort"],
                seed=config["seed"],
                rows=sheet_rows(),
                code=digest("learn"),
            shell:
                "python $SCRIPTS/learn.py recalibrate --inputs {input.inputs:q} --patients {params.patients:q}"
                " --bundle {params.bundle:q} --cohort {params.cohort:q} --seed {params.seed} --facts {output.facts:q}"
                " --out {output.manifest:q} > {log:q} 2>&1"
