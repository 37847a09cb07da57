# consilium: from a cohort's raw files to one report per patient. Research use only.
# The rules of each room lie in workflow/rules/<room>.smk; rooms meet only in files.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"  # settings, sheets, chunks
# What comes in: each room turns raw files into a feature store (patient x feature) and tables.
include: "workflow/rules/genomics.smk"
include: "workflow/rules/imaging.smk"
include: "workflow/rules/omics.smk"
include: "workflow/rules/ehr.smk"
include: "workflow/rules/text.smk"
# What is made of it.
include: "workflow/rules/learn.smk"
include: "workflow/rules/treatment.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        patient_reports(),
        f"{COHORT}/report.html",
        f"{COHORT}/quarantine.tsv",
        f"{COHORT}/run_summary.tsv",
        bundle(),
        deidentified_copies(),
