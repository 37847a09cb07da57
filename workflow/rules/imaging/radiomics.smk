# Radiomic features of every mask in one table; the same features are the block `radiomics` of the feature store.


def radiomics_table():
    """The table as a list: empty where the sheet has no mask."""
    return ["imaging/radiomics.tsv"] if kinds("imaging", "mask") else []


rule imaging_radiomics:
    input:
        manifests("imaging_process", "imaging"),
    output:
        f"{COHORT}/imaging/radiomics.tsv",
    log:
        f"{LOGS}/imaging_radiomics.log",
    conda:
        ENVS / "imaging.yaml"
    params:
        samples=config["samples"],
        rows=sheet_rows("imaging"),
        code=digest("imaging"),
    shell:
        "python $SCRIPTS/imaging.py radiomics --manifests {input:q} --samples {params.samples:q} --out {output:q}"
        " > {log:q} 2>&1"
