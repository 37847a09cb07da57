# Polygenic scores: their reference, and the scores of every patient.
import json


def score_reference():
    """Folder of the reference of polygenic scores: one given, or the one made here from a panel; none without both."""
    given = config["genomics"]["polygenic_reference"]
    made = f"{COHORT}/genomics/polygenic_reference"
    return given or (made if config["genomics"]["reference_panel"] else None)


def score_reference_files():
    folder = score_reference()
    return [f"{folder}/models.json", f"{folder}/variants.parquet"] if folder else []


def score_reference_problems():
    """List of what was wrong with the panel, where the reference is made from one here."""
    made = (
        config["genomics"]["reference_panel"]
        and not config["genomics"]["polygenic_reference"]
    )
    return [f"{COHORT}/genomics/polygenic_reference/problems.tsv"] if made else []


def score_rules():
    """Options of both rules: a reference made with other ones is not used."""
    flips = "--strand-flips" if config["genomics"]["polygenic_strand_flips"] else ""
    return f"--ambiguous {config['genomics']['polygenic_ambiguous']} {flips}"


def score_options():
    """Scoring files, and the chain file that lifts those on GRCh37 over."""
    files = option("--scores", config["genomics"]["polygenic_scores"])
    return f"{files} {option('--chain', CHAIN)}"


def risk_options():
    texts = [
        json.dumps(r, sort_keys=True) for r in config["genomics"]["polygenic_risk"]
    ]
    return option("--risk", texts)


PANEL = config["genomics"]["reference_panel"] or {"vcf": [], "people": []}


rule genomics_polygenic_reference:
    input:
        vcf=PANEL["vcf"],
        people=PANEL["people"],
        scores=config["genomics"]["polygenic_scores"],
        chain=CHAIN,
        components=ancestry_components(),
        sites=KNOWN_SITES,
    output:
        models=f"{COHORT}/genomics/polygenic_reference/models.json",
        variants=f"{COHORT}/genomics/polygenic_reference/variants.parquet",
        quarantine=f"{COHORT}/genomics/polygenic_reference/problems.tsv",
    log:
        f"{LOGS}/genomics_polygenic_reference.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        vcf=option("--vcf", PANEL["vcf"]),
        scores=score_options(),
        components=component_options(),
        matching=score_rules(),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py polygenic-reference {params.vcf} --people {input.people:q}"
        " --known-sites {input.sites:q} {params.scores} {params.components} {params.matching}"
        " --models {output.models:q} --variants {output.variants:q} --quarantine {output.quarantine:q} > {log:q} 2>&1"


rule genomics_polygenic:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
        panel=config["genomics"]["ancestry_reference"],
        sites=KNOWN_SITES,
        scores=config["genomics"]["polygenic_scores"],
        chain=CHAIN,
        reference=score_reference_files(),
        components=ancestry_components(),
    output:
        table=f"{COHORT}/genomics/polygenic.tsv",
        matches=f"{COHORT}/genomics/polygenic_matches.parquet",
        adjusted=f"{COHORT}/genomics/polygenic_adjusted.tsv",
        quarantine=f"{COHORT}/genomics/polygenic_problems.tsv",
    log:
        f"{LOGS}/genomics_polygenic.log",
    conda:
        ENVS / "genomics.yaml"
    threads: 2
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        scores=score_options(),
        reference=option(
            "--reference", [score_reference()] if score_reference() else []
        ),
        components=component_options(),
        matching=score_rules(),
        risk=risk_options(),
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py polygenic --genotypes {input.genotypes:q} --sheet {params.sheet:q}"
        " --ancestry {input.ancestry:q} --panel {input.panel:q} --known-sites {input.sites:q}"
        " {params.scores} {params.reference} {params.components} {params.matching} {params.risk}"
        " --out {output.table:q} --matches {output.matches:q} --adjusted {output.adjusted:q}"
        " --quarantine {output.quarantine:q} --threads {threads} > {log:q} 2>&1"
