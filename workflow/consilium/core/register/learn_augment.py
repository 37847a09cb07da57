"""Tables of augmentation that the learn room writes."""

from __future__ import annotations

from consilium.core.contract import Column as C
from consilium.core.contract import Table

ARM = C("arm", "str", "none, classic, mixup, gan or gan_classic")
LEARNER = C("learner", "str", "network (decides) or ridge (beside it)")
NOTHING = "could not be computed"
TABLES = (
    Table(
        "augmentation",
        "cohort/learn/<task>/augment/<part>/augmentation.tsv",
        "Whether made training rows help: every arm against none on the same halves and seeds. Part `all`: all "
        "patients with an outcome; a number: without that outer fold.",
        (
            ARM,
            LEARNER,
            C("auc", "float", "mean over halves and seeds; higher is better", "", NOTHING),
            C("auc_sd_of_seeds", "float", "SD over seeds of the mean AUC", "", "one seed"),
            C("difference", "float", "AUC less that of arm none", "", NOTHING),
            C("lower", "float", "lower end of its corrected 95 % interval; accepted only above 0", "", NOTHING),
            C("upper", "float", "upper end", "", NOTHING),
            C("log_loss", "float", "mean; lower is better", "", NOTHING),
            C("log_loss_difference", "float", "less that of arm none; accepted only up to 0", "", NOTHING),
            C("ece", "float", "calibration error, mean; lower is better", "", NOTHING),
            C("ece_difference", "float", "less that of arm none; accepted only up to 0.01", "", NOTHING),
            C("subgroup", "str", "sex, site or ancestry that loses most", missing="none is large enough"),
            C("subgroup_difference", "float", "its AUC less that of arm none; accepted from -0.02 on", "", "none"),
            C("accepted", "bool", "every condition holds"),
            C("reason", "str", "what speaks against it"),
        ),
    ),
    Table(
        "augmentation_draws",
        "cohort/learn/<task>/augment/<part>/augmentation_draws.tsv",
        "The single runs behind `augmentation`.",
        (
            ARM,
            LEARNER,
            C("repeat", "int", "repeat of the two halves"),
            C("half", "int", "half that was trained on; the other was judged"),
            C("seed", "int", "number of the seed"),
            C("n_train", "int", "patients trained on"),
            C("n_judged", "int", "patients judged"),
            C("auc", "float", "higher is better", "", NOTHING),
            C("log_loss", "float", "lower is better", "", NOTHING),
            C("ece", "float", "calibration error; lower is better", "", NOTHING),
        ),
    ),
    Table(
        "synthetic",
        "cohort/learn/<task>/augment/synthetic.tsv",
        "Made-up patients of a GAN: no row is a patient. Empty where the privacy check refused them (synthetic.json).",
        (
            C("patient", "str", "synthetic_<number>"),
            C("outcome", "str", "class the row was made for"),
            C("x_*", "float", "made value of that feature, named block: feature", "feature's", "absent in this row"),
        ),
    ),
)
