"""Networks of survival tasks with a Cox head and with a hazard head, on published splits; what the guard says of both.

    python benchmarks/learn_survival_heads.py [--cohorts gbsg,metabric] [--seeds 2] [--data FOLDER]
        [--out benchmarks/learn_survival_heads.tsv]

The nested fit sees the training part alone. `choice`: what the guard ships from inner losses; gain: of the best network
over the best simple candidate in inner loss, with its interval. Beside it the network is asked on the test part as if
it were shipped (calibration and level from out-of-fold evidence): Harrell's C, integrated Brier score at the deciles of
training event times. No setting was chosen by these figures.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
import learn_cohorts as cohorts
import numpy as np
import pandas as pd
from consilium.learn.cohort import tasks
from consilium.learn.fusion import guard, nested
from consilium.learn.judge import censored, metrics
from consilium.learn.models.heads import survival
from consilium.learn.models.work import Ledger, Settings
from consilium.learn.networks.plan import NetworkPlan


def rows_of(public: cohorts.Public, head: str, seed: int) -> dict[str, object]:
    assert public.test is not None
    train, test = np.flatnonzero(~public.test), np.flatnonzero(public.test)
    target, truth = public.target.take(train), public.target.take(test)
    settings = Settings((seed, public.name, head), baselines=False, network=NetworkPlan(survival=head))
    chosen: list[guard.Choice] = []
    honest = guard.choose

    def network(*given: Any) -> guard.Choice:
        """The network is asked whatever the guard says; what it said is kept."""
        chosen.append(honest(*given))
        return replace(chosen[-1], name="network")

    guard.choose = network  # type: ignore[assignment]
    began = time.process_time()
    people = [str(i) for i in train]
    trained, _, _ = nested.fit_all(public.cohort.take(train), target, people, settings, Ledger())
    guard.choose = honest
    asked = public.cohort.take(test)
    parts, one, judged = trained.parts(asked), np.ones((1, len(test))), tasks.deciles(target)
    eta, course = trained.eta(parts), trained.course_of(parts)
    gain = chosen[0].gain
    assert course is not None and gain is not None
    return {
        "cohort": public.name, "head": head, "seed": seed, "n": len(test),
        "c_index": metrics.c_index(truth, eta, one)[0],
        "ibs": censored.integrated_brier(truth, survival(eta, course.at(np.array(judged))), one, judged)[0],
        "inner_loss": chosen[0].losses["network"], "choice": chosen[0].name,
        "gain": f"{gain[0]:.4f} ({gain[1]:.4f} to {gain[2]:.4f})", "cpu_s": round(time.process_time() - began),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", default="gbsg,metabric")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CONSILIUM_DATA", "")))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".tsv"))
    args = parser.parse_args()
    found = []
    for name in args.cohorts.split(","):
        public = cohorts.READERS[name](args.data, Path())
        for seed in range(args.seeds):
            for head in ("cox", "hazard"):
                found.append(rows_of(public, head, seed))
                print(found[-1], flush=True)
    pd.DataFrame(found).round(4).to_csv(args.out, sep="\t", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
