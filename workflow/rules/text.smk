# text: pathology and radiology reports -> coded findings with negation, stage, grade and the source span.


rule text_check:
    input:
        [s.path for s in kinds("text")],
    output:
        f"{COHORT}/text/check.tsv",
    log:
        f"{LOGS}/text_check.log",
    conda:
        ENVS / "text.yaml"
    threads: 1
    params:
        samples=config["samples"],
        patients=config["patients"],
        rows=sheet_rows("text"),
        code=digest("text"),
    shell:
        "python $SCRIPTS/text.py check --samples {params.samples:q} --patients {params.patients:q}"
        " --out {output:q} > {log:q} 2>&1"


rule text_extract:
    input:
        files=[s.path for s in kinds("text")],
        gate=gate(),
    output:
        findings=f"{COHORT}/text/findings.tsv",
        words=f"{COHORT}/text/words.tsv",
        documents=f"{COHORT}/text/documents.json",
        quarantine=f"{COHORT}/text/quarantine.tsv",
    log:
        f"{LOGS}/text_extract.log",
    conda:
        ENVS / "text.yaml"
    threads: 2
    resources:
        mem_mb=2000,
    params:
        samples=config["samples"],
        patients=config["patients"],
        most_words=config["text"]["words"],
        rows=sheet_rows("text"),
        code=digest("text"),
    shell:
        "python $SCRIPTS/text.py extract --samples {params.samples:q} --patients {params.patients:q}"
        " --most-words {params.most_words} --findings {output.findings:q} --words {output.words:q}"
        " --documents {output.documents:q} --quarantine {output.quarantine:q} --threads {threads} > {log:q} 2>&1"


rule text_features:
    input:
        findings=f"{COHORT}/text/findings.tsv",
        words=f"{COHORT}/text/words.tsv",
        documents=f"{COHORT}/text/documents.json",
    output:
        f"{COHORT}/features/text.zarr.zip",
    log:
        f"{LOGS}/text_features.log",
    conda:
        ENVS / "text.yaml"
    threads: 1
    params:
        patients=config["patients"],
        most_words=config["text"]["words"],
        rows=sheet_rows("text"),
        code=digest("text"),
    shell:
        "python $SCRIPTS/text.py features --patients {params.patients:q} --findings {input.findings:q}"
        " --words {input.words:q} --documents {input.documents:q} --most-words {params.most_words} --features {output:q} > {log:q} 2>&1"
