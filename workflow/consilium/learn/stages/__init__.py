"""learn: features and outcomes -> folds, models, judged predictions, a bundle; or a bundle's predictions."""

from consilium.learn.stages.augmentation import augment, synthesise
from consilium.learn.stages.bundles import apply, bundle
from consilium.learn.stages.training import evaluate, final, folds, gather, train

__all__ = [
    "gather",
    "folds",
    "train",
    "final",
    "evaluate",
    "augment",
    "synthesise",
    "bundle",
    "apply",
]
