# Variants against outcomes; Hardy-Weinberg by ancestry; what was left out and why.
import json

# Nothing is fitted in mode apply.
ASSOCIATIONS = config["genomics"]["association"] if config["mode"] == "train" else []
ASSOCIATION_VARIANTS = [
    f"{COHORT}/genomics/association_{a['name']}.parquet" for a in ASSOCIATIONS
]
ASSOCIATION_PEOPLE = (
    [f"{COHORT}/genomics/association_people.tsv"] if ASSOCIATIONS else []
)


def association_outputs():
    """What the report reads of the association analyses; nothing without genomes."""
    if not ASSOCIATIONS or "genomics" not in ROOMS:
        return []
    tables = ("association.tsv", "association_hits.tsv")
    return [*(f"{COHORT}/genomics/{t}" for t in tables), *ASSOCIATION_VARIANTS]


rule genomics_hwe_by_ancestry:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
    output:
        f"{COHORT}/genomics/hwe_by_ancestry.tsv",
    log:
        f"{LOGS}/genomics_hwe_by_ancestry.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py hwe-by-ancestry --genotypes {input.genotypes:q} --ancestry {input.ancestry:q}"
        " --out {output:q} > {log:q} 2>&1"


rule genomics_association:
    input:
        genotypes=f"{COHORT}/genomics/genotypes.vcz",
        samples_qc=f"{COHORT}/genomics/samples_qc.tsv",
        identity=f"{COHORT}/genomics/identity.tsv",
        kinship=f"{COHORT}/genomics/kinship.tsv",
        ancestry=f"{COHORT}/genomics/ancestry.tsv",
    output:
        ASSOCIATION_VARIANTS,
        table=f"{COHORT}/genomics/association.tsv",
        hits=f"{COHORT}/genomics/association_hits.tsv",
        people=f"{COHORT}/genomics/association_people.tsv",
    log:
        f"{LOGS}/genomics_association.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        sheet=config["patients"],
        analyses=json.dumps(ASSOCIATIONS),
        seed=config["seed"],
        folder=f"{COHORT}/genomics",
        rows=sheet_rows("genomics"),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py association --genotypes {input.genotypes:q} --sheet {params.sheet:q}"
        " --samples-qc {input.samples_qc:q} --identity {input.identity:q} --kinship {input.kinship:q}"
        " --ancestry {input.ancestry:q} --analyses {params.analyses:q} --seed {params.seed}"
        " --folder {params.folder:q} --out {output.table:q} --hits {output.hits:q} --people {output.people:q}"
        " > {log:q} 2>&1"


rule genomics_dropped:
    input:
        samples_qc=f"{COHORT}/genomics/samples_qc.tsv",
        variants_qc=f"{COHORT}/genomics/variants_qc.tsv",
        hwe=f"{COHORT}/genomics/hwe_by_ancestry.tsv",
        people=ASSOCIATION_PEOPLE,
        variants=ASSOCIATION_VARIANTS,
    output:
        f"{COHORT}/genomics/dropped.tsv",
    log:
        f"{LOGS}/genomics_dropped.log",
    conda:
        ENVS / "genomics.yaml"
    resources:
        mem_mb=4000,
    params:
        people=option("--association-people", ASSOCIATION_PEOPLE),
        variants=option("--association-variants", ASSOCIATION_VARIANTS),
        code=digest("genomics"),
    shell:
        "python $SCRIPTS/genomics.py dropped --samples-qc {input.samples_qc:q} --variants-qc {input.variants_qc:q}"
        " --hwe {input.hwe:q} {params.people} {params.variants} --out {output:q} > {log:q} 2>&1"
