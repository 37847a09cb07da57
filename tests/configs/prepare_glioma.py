"""Sheets, volumes, tables and configuration for 74 patients with glioma (TCGA), from the folder of real data."""

import argparse
import io
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

# Assumed, since the released slices carry no voxel size; of the heights tried (140, 170, 190, 210 mm) the one with
# which most volumes are registered to the template (11 of every fourth one, 19).
FIELD_OF_VIEW_MM, HEIGHT_MM = 240.0, 190.0
CONFIG = """\
cohort: glioma
patients: {out}/patients.tsv
samples: {out}/samples.tsv
learn:
  tasks:
    - {{name: grade, type: classification, outcome: grade}}
    - {{name: survival, type: survival, time: survival_months, event: death}}
report:
  title: 74 patients with lower-grade glioma (TCGA)
"""


def save_volume(array: np.ndarray, path: Path) -> None:
    """(slice, row, column) as NIfTI: columns run to the patient's left, rows to the back, slices to the head."""
    slices, rows, columns = array.shape
    affine = np.diag([-FIELD_OF_VIEW_MM / columns, -FIELD_OF_VIEW_MM / rows, HEIGHT_MM / slices, 1.0])
    image = nib.Nifti1Image(np.ascontiguousarray(array.transpose(2, 1, 0)), affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def write_images(archive: Path, out: Path) -> dict[str, list[str]]:
    """NIfTI volumes and masks of every patient in `archive`; returns patient -> sheet rows."""
    rows: dict[str, list[str]] = {}
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getnames()):
            stem, date = Path(member).stem.rsplit("_", 1)
            patient = stem.replace("_", "-")
            taken_on = f"{date[:4]}-{date[4:6]}-{date[6:]}"
            handle = tar.extractfile(member)
            assert handle is not None
            arrays = np.load(io.BytesIO(handle.read()))
            for kind, array in (("FLAIR", arrays["flair"]), ("mask", arrays["mask"].astype(np.uint8))):
                path = out / "images" / f"{patient}_{kind}.nii.gz"
                save_volume(array, path)
                rows.setdefault(patient, []).append(f"{patient}\timaging\t{kind}\t{path}\t{taken_on}")
    return rows


def write_tables(table: pd.DataFrame, out: Path) -> list[str]:
    """Patients x features matrices of the three omics kinds; returns sheet rows."""
    rows = []
    for kind, suffix in (("expression", "_rnaseq"), ("copy_number", "_cnv"), ("mutation", "_mut")):
        columns = [c for c in table.columns if c.endswith(suffix)]
        path = out / f"{kind}.tsv"
        matrix = table[columns].rename(columns=lambda c: c.removesuffix(suffix))  # noqa: B023
        matrix.to_csv(path, sep="\t", index_label="patient")
        rows.append(f"*\tomics\t{kind}\t{path}\t")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    images = write_images(args.data / "imaging/lgg_radiogenomics/flair96_open.tar", args.out)
    tcga = pd.read_csv(args.data / "multimodal/tcga_gbmlgg/gbmlgg_open.csv.gz", low_memory=False)
    tcga = tcga.drop_duplicates("case_id").set_index("case_id")
    clinical = pd.read_csv(args.data / "imaging/lgg_radiogenomics/data_open.csv")
    clinical = clinical.set_index(clinical["Patient"].str.replace("_", "-"))
    people = pd.DataFrame(index=pd.Index(sorted(images), name="patient"))
    gender = clinical["gender"].reindex(people.index)  # 1 and 2; matched to is_female where both are known
    female = tcga["is_female"].reindex(people.index)
    assert pd.crosstab(gender, female).gt(0).sum().sum() == 2, "gender codes do not match is_female"
    code_female = gender[female == 1].iloc[0]
    people["sex"] = np.where(gender.isna() & female.isna(), "unknown", np.where(
        female.eq(1) | (female.isna() & gender.eq(code_female)), "female", "male"))  # fmt: skip
    people["site"] = [p.split("-")[1] for p in people.index]
    # Codes 1 and 2 of the released table stand for WHO grades II and III.
    people["grade"] = clinical["neoplasm_histologic_grade"].reindex(people.index).map({1.0: "II", 2.0: "III"})
    people["survival_months"] = tcga["survival_months"].reindex(people.index)
    people["death"] = (1 - tcga["censorship"].reindex(people.index)).astype("Int64")
    people["index_date"] = [images[p][0].rsplit("\t", 1)[1] for p in people.index]  # the scan, days before surgery
    age = clinical["age_at_initial_pathologic"].reindex(people.index)
    people["birth_year"] = (people["index_date"].str[:4].astype(int) - age).round().astype("Int64")
    people.to_csv(args.out / "patients.tsv", sep="\t")
    # Histological type is left out: it names the grade ("anaplastic").
    table = clinical.reindex(people.index)[["laterality", "tumor_location"]]
    table = table.map(lambda v: "" if pd.isna(v) else f"code{int(v)}")
    table.to_csv(args.out / "clinical.tsv", sep="\t")
    have = [p for p in people.index if p in tcga.index]
    rows = [f"*\tehr\tclinical\t{args.out / 'clinical.tsv'}\t", *write_tables(tcga.loc[have], args.out)]
    rows += [row for patient in sorted(images) for row in images[patient]]
    header = "patient\tmodality\tkind\tpath\ttaken_on"
    (args.out / "samples.tsv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (args.out / "config.yaml").write_text(CONFIG.format(out=args.out), encoding="utf-8")


if __name__ == "__main__":
    main()
