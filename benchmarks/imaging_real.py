"""What quality control says of public images, one row an image, for a person to agree or disagree with.

    python benchmarks/imaging_real.py --data FOLDER --work FOLDER [--only PART OF A PATH] [--out FILE]

FOLDER holds niivue_nifti, sct_testing_data, sts_ct_pet_mr, ibsi and dcm_qa_nih as in IMAGES. Each image is a patient of
its own and goes through `imaging.process.one_patient` with affine registration; pictures stay in --work. A row is
written as soon as it is known; rows that --out already holds are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))
from consilium.core.chunks import Task
from consilium.core.sheets import Sample
from consilium.imaging import process
from consilium.imaging.brain.choice import Choice
from consilium.imaging.settings import Settings

IMAGES = (
    ("niivue_nifti/t1_crop.nii.gz", "T1"), ("niivue_nifti/MR_Gd.nii.gz", "T1"), ("niivue_nifti/chris_PD.nii.gz", "T1"),
    ("niivue_nifti/chris_MRA.nii.gz", "T1"), ("niivue_nifti/spmMotor.nii.gz", "T1"),
    ("niivue_nifti/CT_AVM.nii.gz", "CT"), ("niivue_nifti/CT_pitch.nii.gz", "CT"),
    ("niivue_nifti/fmri_pitch.nii.gz", "fMRI"), ("sct_testing_data/t1/t1w.nii.gz", "T1"),
    ("sct_testing_data/t2/t2.nii.gz", "T2"), ("sct_testing_data/t2/t2_fake_lesion.nii.gz", "T2"),
    *((f"dcm_qa_nih/Ref/EPI_PE={d}.nii", "fMRI") for d in ("AP_3", "PA_4", "RL_5", "LR_6")),
    *((f"dcm_qa_nih/Ref/DCM2NIIX_regression_test_{i}.nii", "fMRI") for i in (4, 5, 6, 7)),
    ("niivue_nifti/pcasl.nii.gz", "fMRI"), ("sct_testing_data/fmri/fmri.nii.gz", "fMRI"),
    ("sct_testing_data/fmri/fmri_r.nii.gz", "fMRI"),
    *((f"sts_ct_pet_mr/STS_{p}/{file}_image.nii.gz", kind)
      for p in ("002", "003") for file, kind in (("CT", "CT"), ("PET", "PET"), ("MR_T1", "T1"))),
    ("ibsi/ibsi_1_ct_radiomics_phantom/nifti/image/phantom.nii.gz", "CT"),
)  # fmt: skip
COLUMNS = ("image", "kind", "verdict", "reason", "cpu_s")


def row(data: Path, name: str, kind: str, work: Path) -> list[str]:
    folder = work / name.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    sample = Sample("P1", "imaging", kind, str(data / name), "", kind, 2)
    start = time.process_time()
    problems = process.one_patient(
        Task("P1", (sample,), folder), folder, Settings(brain=Choice(deformable=False)), threads=1
    )
    spent = time.process_time() - start
    told = folder / kind / "qc.json"
    if told.exists():
        qc = json.loads(told.read_text())
        return [name, kind, qc["verdict"], qc["reason"], f"{spent:.1f}"]
    return [name, kind, "refused", "; ".join(p.found for p in problems), f"{spent:.1f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lines = options.out.read_text().splitlines()[1:] if options.out.exists() else []
    known = {line.split("\t")[0]: line for line in lines}
    for name, kind in IMAGES:
        if options.only not in name or name in known or not (options.data / name).exists():
            continue
        known[name] = "\t".join(" ".join(cell.split()) for cell in row(options.data, name, kind, options.work))
        print(known[name], flush=True)
        options.out.write_text("\n".join(["\t".join(COLUMNS), *known.values()]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
