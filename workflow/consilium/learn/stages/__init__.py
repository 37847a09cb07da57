"""learn: features and outcomes -> folds, models, judged predictions, a bundle; or a bundle's predictions."""

from consilium.learn.stages.augmentation import augment, synthesise
from consilium.learn.stages.bundles import apply, bundle, recalibrate, reference
from consilium.learn.stages.explaining import explain, strata
from consilium.learn.stages.training import evaluate, final, folds, gather, train

__all__ = [
    "gather",
    "folds",
    "train",
    "final",
    "evaluate",
    "explain",
    "strata",
    "augment",
    "synthesise",
    "reference",
    "bundle",
    "apply",
    "recalibrate",
]
