# Reasons for predictions, tested before they are printed, and strata of the patients.

if config["mode"] == "train":

    rule learn_explain:
        input:
            folds_of("true"),
            task=f"{LEARN}/{{task}}/task.json",
            final=f"{LEARN}/{{task}}/final.json",
            leaderboard=f"{LEARN}/{{task}}/leaderboard.tsv",
        output:
            explanations=f"{LEARN}/{{task}}/explanations.tsv",
            gates=f"{LEARN}/{{task}}/explanation_gates.json",
        log:
            f"{LOGS}/learn_explain/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            trained=f"{LEARN}/{{task}}/train",
            outer=OUTER,
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py explain --task {input.task:q} --trained {params.trained:q} --final {input.final:q}"
            " --leaderboard {input.leaderboard:q} --outer-folds {params.outer} --explanations {output.explanations:q}"
            " --gates {output.gates:q} > {log:q} 2>&1"

    rule learn_strata:
        input:
            folds_of("true"),
            inputs=f"{LEARN}/inputs.safetensors",
            tasks=expand(f"{LEARN}/{{name}}/task.json", name=TASKS),
        output:
            strata=f"{LEARN}/{{task}}/strata.tsv",
            facts=f"{LEARN}/{{task}}/strata.json",
        log:
            f"{LOGS}/learn_strata/{{task}}.log",
        conda:
            ENVS / "learn.yaml"
        params:
            trained=f"{LEARN}/{{task}}/train",
            outer=OUTER,
            k_max=config["learn"]["strata"]["k_max"],
            code=digest("learn"),
        shell:
            "python $SCRIPTS/learn.py strata --inputs {input.inputs:q} --task {wildcards.task} --tasks {input.tasks:q}"
            " --trained {params.trained:q} --outer-folds {params.outer} --k-max {params.k_max}"
            " --strata {output.strata:q} --facts {output.facts:q} > {log:q} 2>&1"
