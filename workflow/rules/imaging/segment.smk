# Lesions outlined by networks: training store, U-Nets of each fold, predictions of the patients they did not learn from.
SEGMENTATION = config["imaging"]["segmentation"]
SEGMENT_FOLDER = f"{COHORT}/imaging/segmentation"


def segmentation_active():
    """Whether this run predicts lesions: a model is given, or enough patients have an image and a mask to learn from."""
    if SEGMENTATION["use"] is False or not kinds("imaging", SEGMENTATION["image"]):
        return False
    if SEGMENTATION["model"]:
        return True
    imaged = {s.patient for s in kinds("imaging", SEGMENTATION["image"])}
    masked = imaged.intersection(s.patient for s in kinds("imaging", "mask"))
    enough = config["mode"] == "train" and len(masked) >= SEGMENTATION["min_patients"]
    if SEGMENTATION["use"] is True and not enough:
        sys.exit(
            f"imaging: segmentation: use: {len(masked)} patients have a {SEGMENTATION['image']} image and a mask; "
            f"in mode train at least {SEGMENTATION['min_patients']} are needed (min_patients), in mode apply a model; "
            "supply more masks, name a model, or write auto"
        )
    return enough


SEGMENT = segmentation_active()
# Numbered: the fold that is held out. final: nobody is. given: a model from another cohort.
SEGMENT_PARTS = (
    ["given"]
    if SEGMENTATION["model"]
    else [*map(str, range(SEGMENTATION["folds"])), "final"]
)


wildcard_constraints:
    part=r"\d+|final|given",
    member=r"\d+",


def segment_records():
    """What stage features reads; nothing without segmentation."""
    return [f"{SEGMENT_FOLDER}/records.json"] if SEGMENT else []


def segment_model(wildcards):
    """Input function: the model of a part."""
    if wildcards.part == "given":
        return SEGMENTATION["model"]
    return f"{SEGMENT_FOLDER}/{wildcards.part}.safetensors"


if SEGMENT:

    # The arrays hold whole heads at the images' own resolution: they are deleted once every part has read them.
    rule imaging_segment_store:
        input:
            files=[s.path for s in kinds("imaging", SEGMENTATION["image"], "mask")],
            manifests=manifests("imaging_process", "imaging"),
        output:
            images=temp(f"{SEGMENT_FOLDER}/images.npy"),
            masks=temp(f"{SEGMENT_FOLDER}/masks.npy"),
            store=f"{SEGMENT_FOLDER}/store.json",
        log:
            f"{LOGS}/imaging_segment_store.log",
        conda:
            ENVS / "imaging.yaml"
        params:
            samples=config["samples"],
            patients=config["patients"],
            kind=SEGMENTATION["image"],
            pixels=SEGMENTATION["pixels"],
            pixel_mm=SEGMENTATION["pixel_mm"],
            folds=SEGMENTATION["folds"],
            seed=config["seed"],
            rows=sheet_rows("imaging"),
            code=digest("imaging"),
        shell:
            "python $SCRIPTS/imaging.py segment-store --samples {params.samples:q} --patients {params.patients:q}"
            " --manifests {input.manifests:q} --kind {params.kind} --pixels {params.pixels}"
            " --pixel-mm {params.pixel_mm} --folds {params.folds} --seed {params.seed} --images {output.images:q}"
            " --masks {output.masks:q} --store {output.store:q} > {log:q} 2>&1"

    rule imaging_segment_train:
        input:
            images=f"{SEGMENT_FOLDER}/images.npy",
            masks=f"{SEGMENT_FOLDER}/masks.npy",
            store=f"{SEGMENT_FOLDER}/store.json",
        output:
            temp(f"{SEGMENT_FOLDER}/networks/{{part}}_{{member}}.safetensors"),
        log:
            f"{LOGS}/imaging_segment_train/{{part}}_{{member}}.log",
        conda:
            ENVS / "imaging.yaml"
        threads: 1
        resources:
            gpu=1,
            mem_mb=4000,
        params:
            dimensions=SEGMENTATION["dimensions"],
            width=SEGMENTATION["width"],
            patch=SEGMENTATION["patch"],
            batch=SEGMENTATION["batch"],
            epochs=SEGMENTATION["epochs"],
            augmentation=SEGMENTATION["augmentation"],
            seed=config["seed"],
            code=digest("imaging"),
        shell:
            "python $SCRIPTS/imaging.py segment-train --store {input.store:q} --part {wildcards.part}"
            " --member {wildcards.member} --dimensions {params.dimensions} --width {params.width}"
            " --patch {params.patch} --batch {params.batch} --epochs {params.epochs}"
            " --augmentation {params.augmentation} --seed {params.seed} --model {output:q} > {log:q} 2>&1"

    rule imaging_segment_join:
        input:
            expand(
                f"{SEGMENT_FOLDER}/networks/{{part}}_{{member}}.safetensors",
                member=range(SEGMENTATION["networks"]),
                allow_missing=True,
            ),
        output:
            f"{SEGMENT_FOLDER}/{{part}}.safetensors",
        log:
            f"{LOGS}/imaging_segment_join/{{part}}.log",
        conda:
            ENVS / "imaging.yaml"
        params:
            code=digest("imaging"),
        shell:
            "python $SCRIPTS/imaging.py segment-join --networks {input:q} --model {output:q} > {log:q} 2>&1"

    rule imaging_segment_predict:
        input:
            store=f"{SEGMENT_FOLDER}/store.json",
            model=segment_model,
            manifests=manifests("imaging_process", "imaging"),
        output:
            f"{RESULTS}/chunks/imaging_segment_predict/{{part}}.json",
        log:
            f"{LOGS}/imaging_segment_predict/{{part}}.log",
        conda:
            ENVS / "imaging.yaml"
        threads: 1
        resources:
            mem_mb=4000,
        params:
            samples=config["samples"],
            folder=PATIENTS,
            code=digest("imaging"),
        shell:
            "python $SCRIPTS/imaging.py segment-predict --store {input.store:q} --samples {params.samples:q}"
            " --part {wildcards.part} --model {input.model:q} --folder {params.folder:q} --manifest {output:q}"
            " > {log:q} 2>&1"

    rule imaging_segment_collect:
        input:
            manifests=expand(
                f"{RESULTS}/chunks/imaging_segment_predict/{{part}}.json",
                part=SEGMENT_PARTS,
            ),
            store=f"{SEGMENT_FOLDER}/store.json",
        output:
            table=f"{COHORT}/imaging/segmentation.tsv",
            records=f"{SEGMENT_FOLDER}/records.json",
            figure=f"{COHORT}/imaging/segmentation.png",
        log:
            f"{LOGS}/imaging_segment_collect.log",
        conda:
            ENVS / "imaging.yaml"
        params:
            samples=config["samples"],
            code=digest("imaging"),
        shell:
            "python $SCRIPTS/imaging.py segment-collect --manifests {input.manifests:q} --store {input.store:q}"
            " --samples {params.samples:q} --table {output.table:q} --records {output.records:q}"
            " --figure {output.figure:q} > {log:q} 2>&1"
