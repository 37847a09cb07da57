# treatment: guideline actions for the drugs on each patient's list; estimated effect of one option against another.

# A comparison needs outcomes, which only a training cohort has.
EFFECT = config["treatment"]["effect"] if config["mode"] == "train" else None
ADJUSTED_FOR = [FEATURES[room] for room in ("ehr", "genomics") if room in ROOMS]
STARS = [f"{COHORT}/genomics/pharmacogenes.tsv"] if "genomics" in ROOMS else []
RELATIVES = [f"{COHORT}/genomics/kinship.tsv"] if "genomics" in ROOMS else []


def treatment_outputs():
    """Files for the reports: none where there is neither a drug list nor a treatment to compare."""
    guidelines = [f"{COHORT}/treatment/guidelines.tsv"] if kinds("ehr", "drugs") else []
    effects = [
        f"{COHORT}/treatment/{name}" for name in ("effects.tsv", "effects_summary.json")
    ]
    return guidelines + (effects if EFFECT else [])


def effect_options():
    """Options of the effects stage that are not always there."""
    given = [
        option("--option", [] if EFFECT["option"] is None else [EFFECT["option"]]),
        option("--features", ADJUSTED_FOR),
        option("--kinship", RELATIVES),
        "" if EFFECT["higher_is_better"] else "--lower-is-better",
    ]
    return " ".join(given)


if kinds("ehr", "drugs"):

    rule treatment_guidelines:
        input:
            drugs=f"{COHORT}/ehr/drugs.tsv",
            stars=STARS,
            table=ROOT / "resources" / "guidelines.tsv",
        output:
            f"{COHORT}/treatment/guidelines.tsv",
        log:
            f"{LOGS}/treatment_guidelines.log",
        conda:
            ENVS / "treatment.yaml"
        threads: 1
        params:
            patients=config["patients"],
            stars=option("--pharmacogenes", STARS),
            rows=sheet_rows(),
            code=digest("treatment"),
        shell:
            "python $SCRIPTS/treatment.py guidelines --patients {params.patients:q} --drugs {input.drugs:q}"
            " --table {input.table:q} {params.stars} --out {output:q} > {log:q} 2>&1"


if EFFECT:

    rule treatment_effects:
        input:
            features=ADJUSTED_FOR,
            kinship=RELATIVES,
        output:
            effects=f"{COHORT}/treatment/effects.tsv",
            summary=f"{COHORT}/treatment/effects_summary.json",
        log:
            f"{LOGS}/treatment_effects.log",
        conda:
            ENVS / "treatment.yaml"
        threads: 1
        resources:
            mem_mb=2000,
        params:
            patients=config["patients"],
            treatment=EFFECT["treatment"],
            outcome=EFFECT["outcome"],
            seed=config["seed"],
            more=effect_options(),
            rows=sheet_rows(),
            code=digest("treatment"),
        shell:
            "python $SCRIPTS/treatment.py effects --patients {params.patients:q} --treatment {params.treatment:q}"
            " --outcome {params.outcome:q} --seed {params.seed} {params.more}"
            " --effects {output.effects:q} --summary {output.summary:q} > {log:q} 2>&1"
