"""The cohort figures: name, title, section of the cohort page, caption. Light to import: the rule file reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One figure. Per-task figures are named <name>__<task> and are drawn for the task types in `types`."""

    name: str
    title: str
    section: str
    caption: str
    room: str = ""  # needed room; "" = always
    types: tuple[str, ...] = ()


ENTRIES = (
    Entry(
        "missing_map",
        "Data by patient",
        "people",
        "Blue: the patient has a usable feature block. Grey: not supplied, refused, or excluded.",
    ),
    Entry("quarantine", "Refused files", "files", "Files and rows that could not be used, each with its cause."),
    Entry(
        "genotype_quality",
        "Genotype quality",
        "quality",
        "Left: share of cohort sites without a call against heterozygosity. Middle: sex of the patient sheet against "
        "heterozygosity on X. Right, where reads were supplied: agreement with the genotypes and foreign share.",
        "genomics",
    ),
    Entry(
        "site_quality",
        "Sites",
        "quality",
        "Left: frequency of the alternative allele. Middle: share of patients without a call; dotted: 10 %, "
        "beyond which a site is flagged. Right: transitions per transversion of each patient's variants; a call set of "
        "another making, or a poor one, lies apart. What was left out or flagged, and why, is in genomics/dropped.tsv.",
        "genomics",
    ),
    Entry(
        "image_quality",
        "Image quality",
        "quality",
        "One dot a sample. A sample that is excluded stays in the cohort without its image.",
        "imaging",
    ),
    Entry(
        "segmentation",
        "Predicted lesions",
        "quality",
        "Each patient by a network that did not learn from the patient. Left: overlap with the expert's mask over the "
        "whole stack (Dice). Right: predicted against the expert's volume. Below: best, median and worst case; image, "
        "outlines, uncertainty.",
        "imaging",
    ),
    Entry(
        "ancestry",
        "Ancestry",
        "genomes",
        "Principal components are for this picture only, never a feature. The posterior comes from allele frequencies "
        "of the reference populations and serves to judge the data.",
        "genomics",
    ),
    Entry(
        "kinship",
        "Kinship",
        "genomes",
        "Pairs at or above third degree. Related patients always stay on one side of a split.",
        "genomics",
    ),
    Entry(
        "homozygosity",
        "Runs of homozygosity",
        "genomes",
        "One dot a patient. Left: all runs. Right: runs of 5 Mb and longer, which mostly come from related parents; "
        "many short ones are a matter of the population's history. Dotted: what children of first cousins have on "
        "average.",
        "genomics",
    ),
    Entry(
        "association",
        "Association",
        "genomes",
        "Left: every tested variant by place; line: 5e-8. Right: p values against those that chance gives, with a 95 % "
        "band for independent variants, and genomic control lambda (1 = as by chance). For research: an association is "
        "neither a cause nor a diagnosis, and says nothing of one patient.",
        "genomics",
    ),
    Entry(
        "pharmacogenes",
        "Pharmacogenes",
        "genomes",
        "Phenotypes by gene. A gene with an untested deciding position is not called: untested is not normal.",
        "genomics",
    ),
    Entry(
        "polygenic",
        "Polygenic scores",
        "genomes",
        "Sums of one score do not compare between populations; a place in the cohort is not a risk.",
        "genomics",
    ),
    Entry(
        "differences",
        "The shipped model against every other",
        "models",
        "Each line compares the shipped model with another one on the patients that both judge, all of them held out. "
        "An interval that touches the line proves no difference. Bootstrap over groups of related patients.",
        types=("classification", "survival", "regression"),
    ),
    Entry(
        "roc",
        "ROC",
        "models",
        "Out-of-fold predictions of the shipped model, one class against the rest. Band: 95 % bootstrap over groups "
        "of related patients.",
        types=("classification",),
    ),
    Entry(
        "calibration",
        "Calibration",
        "models",
        "Out-of-fold probabilities in bins of equal size against the observed share; bars: 95 % Wilson intervals. On "
        "the dashed line a probability means what it says.",
        types=("classification",),
    ),
    Entry(
        "survival",
        "Survival by predicted risk",
        "models",
        "Kaplan-Meier curves by thirds of out-of-fold risk, formed within each fold. Numbers below: patients at risk.",
        types=("survival",),
    ),
    Entry(
        "observed_predicted",
        "Predicted against recorded",
        "models",
        "Out-of-fold predictions with their 90 % intervals.",
        types=("regression",),
    ),
    Entry(
        "coverage",
        "Do the 90 % sets hold, and for whom?",
        "models",
        "Share of held-out patients whose outcome lies in the set, in the interval, or beyond the bound that was given "
        "to them, with 95 % intervals. Width: mean number of classes in a set, length of an interval, or the bound. "
        "Groups of fewer than 100 patients share the threshold of the largest group.",
        types=("classification", "survival", "regression"),
    ),
    Entry(
        "decision_curve",
        "Is it worth acting on?",
        "models",
        "Net benefit of acting on the prediction from a probability on: patients rightly acted on, less those wrongly, "
        "counted at the odds of that probability. Useful only where the curve lies above both everybody and nobody. "
        "Band: 95 % bootstrap.",
        types=("classification",),
    ),
    Entry(
        "missing_blocks",
        "Without one kind of data",
        "models_more",
        "The same held-out patients once more, with one block taken from everybody; nothing was fitted anew.",
        types=("classification", "survival", "regression"),
    ),
    Entry(
        "precision_recall",
        "Precision and recall",
        "models_more",
        "Out-of-fold predictions, one class against the rest; dashed: share of the class, which chance would give. "
        "Band: 95 % bootstrap over groups.",
        types=("classification",),
    ),
    Entry(
        "confusion",
        "Confusion",
        "models_more",
        "Recorded against predicted class, with the share of each row. Abstentions have a column of their own.",
        types=("classification",),
    ),
    Entry(
        "leaderboard",
        "All models",
        "models_more",
        "All models on the same outer folds, each with its 95 % bootstrap interval over groups. Controls ran on "
        "permuted outcomes: their interval must cover chance.",
        types=("classification", "survival", "regression"),
    ),
    Entry(
        "learning_curve",
        "Learning curves",
        "models_more",
        "Losses of the networks while they were trained. Nothing was chosen by the curve of the patients left out.",
        types=("classification", "survival", "regression"),
    ),
    Entry(
        "strata",
        "Strata of patients",
        "models",
        "Left: patients by what the models that had not seen them say. Right: share of pairs that resampling leaves "
        "unclear, against references of the same covariance without groups; p holds for all numbers looked at.",
        types=("classification", "survival", "regression"),
    ),
    Entry(
        "augmentation",
        "Augmentation",
        "models",
        "Made training rows against none: training on one half of the patients, judged on the other. Dots: "
        "halves, mean over seeds. Lines: 95 % intervals, corrected for the halves' overlap. Accepted only where "
        "the lower bound lies above 0, calibration is not worse and no subgroup loses .02.",
        types=("classification",),
    ),
    Entry(
        "effects",
        "Estimated treatment effects",
        "models",
        "Option minus reference where the compared groups overlap: the patient's own estimate where individual "
        "differences are proven, else the average. Not from randomised patients.",
        "effects",
    ),
)


def figure_names(
    rooms: Iterable[str],
    tasks: Iterable[Mapping[str, Any]],
    mode: str,
    scores: bool = True,
    effect: bool = True,
    analyses: Sequence[str] = (),
    segmentation: bool = False,
    strata: bool = True,
    augmentation: bool = False,
) -> list[str]:
    """Figures whose inputs the run makes. scores: a scoring file is configured; effect: a treatment comparison is;
    analyses: names of the association analyses, a figure each. segmentation: lesions are predicted.
    strata: groups of patients are looked for. augmentation: the ablation of made training rows is run.

    In mode apply there is nothing to judge models by, so their figures are left out.
    """
    have = {"", *rooms} | ({"effects"} if effect else set())
    names = []
    for entry in ENTRIES:
        if entry.types:
            off = {"strata": not strata, "augmentation": not augmentation}
            if mode == "train" and not off.get(entry.name, False):
                names += [f"{entry.name}__{t['name']}" for t in tasks if t["type"] in entry.types]
        elif entry.name == "association":
            names += [f"{entry.name}__{a}" for a in analyses]
        elif entry.room in have and {"polygenic": scores, "segmentation": segmentation}.get(entry.name, True):
            names.append(entry.name)
    return names


def entry_of(figure: str) -> tuple[Entry, str]:
    """(entry, task or analysis) of a figure's name; "" where there is none."""
    name, _, task = figure.partition("__")
    return next(e for e in ENTRIES if e.name == name), task
