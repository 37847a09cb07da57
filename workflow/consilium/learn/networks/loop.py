"""The training loop of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
import torch

from consilium.core.provenance import seed_from
from consilium.learn.augment import sampler
from consilium.learn.augment.sampler import Sampler
from consilium.learn.cohort.folds import assign
from consilium.learn.cohort.tasks import Target
from consilium.learn.models.hazards import Hazards
from consilium.learn.models.heads import prior
from consilium.learn.networks.fusion_net import Fusion, drop_blocks, fused
from consilium.learn.networks.job import Job
from consilium.learn.networks.losses import Baseline, loss
from consilium.learn.networks.net import Inputs, Net, prepare, shapes_of
from consilium.learn.networks.optimiser import AdamW
from consilium.learn.networks.plan import NetworkPlan
from consilium.learn.networks.pretrain import pretrain
from consilium.learn.networks.resume import Checkpoint, content_key
from consilium.learn.networks.team import Team, trained

Array = np.ndarray
Judged = tuple[Inputs, Array, Target]  # inputs, mask, outcomes of patients who are measured and not learnt from
STOPPING_PARTS = 7  # with early stopping one part in so many of the training patients is set aside


def fit(
    inputs: Inputs, layouts: dict[str, str], mask: Array, target: Target, epochs: int, seed: int,
    watch: Judged | None = None, plan: NetworkPlan | None = None, groups: Sequence[str] | None = None,
    job: Job | None = None, name: str = "network", made: Sampler | None = None, hazards: Hazards | None = None,
) -> Net:  # fmt: skip
    """Train one network. `watch` is only measured, nothing is chosen by it; early stopping uses training patients.

    inputs: block -> float32 (row, ...); mask: present, bool (row, block). groups: who belongs together, by row (early
    stopping splits between groups). job: where checkpoints, event files and lines go; it changes no number.
    made: gives each batch as many made rows; fitted on these rows, with early stopping anew on those learnt from.
    hazards: survival by intervals of time instead of Cox.
    """
    plan, job = plan or NetworkPlan(), job or Job()
    given = (inputs, layouts, mask, target, epochs, seed, watch, plan, groups, job, name, made, hazards)
    if plan.processes > 1:
        weights, facts = trained(_trained, given, plan.processes)
    else:
        weights, facts = _trained(*given, Team())
    plain = {k: v.detach().cpu().numpy().copy() for k, v in sorted(weights.items())}
    width = len(hazards.ends) if hazards else target.width
    curve = tuple((e, a, b) for e, a, b in facts["curve"])
    return Net(shapes_of(inputs, layouts, plan), width, plain, curve, hazards)


def _trained(
    inputs: Inputs, layouts: dict[str, str], mask: Array, target: Target, epochs: int, seed: int,
    watch: Judged | None, plan: NetworkPlan, groups: Sequence[str] | None, job: Job, name: str, made: Sampler | None,
    hazards: Hazards | None, team: Team,
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:  # fmt: skip
    """(weights, facts) of `fit`, in each process of the team."""
    width = len(hazards.ends) if hazards else target.width
    run = Run(shapes_of(inputs, layouts, plan), width, prepare(), plan, epochs, seed, hazards, team)
    learnt, judged = _set_aside((inputs, mask, target), groups, run)
    run.made = sampler.fit(made.method, learnt[0], layouts, *learnt[1:], seed) if made and judged else made
    checkpoint = Checkpoint(job.checkpoints, _key(run, learnt, judged, watch) if job.checkpoints else "")
    run.begin(learnt)
    if (kept := checkpoint.load()) is not None:
        run.restore(*kept)
    elif plan.pretrain != "none":
        pretrain(run.model, run.x, mask=learnt[1], plan=plan, generator=run.generator, size=run.size)
    writer = job.writer(name) if team.first else None
    while run.epoch < epochs and not run.stopped:
        run.epoch += 1
        trained = _one_epoch(run, learnt)
        measured = watch is not None and (run.epoch % 5 == 0 or run.epoch in (1, epochs))
        validation = _measured(run, watch) if watch is not None and measured else float("nan")
        if measured:
            run.curve.append((run.epoch, trained, validation))
        if judged is not None:
            run.judge(_measured(run, judged))
        if writer is not None:
            writer.add_scalar("loss/training", trained, run.epoch)
            if np.isfinite(validation):
                writer.add_scalar("loss/validation", validation, run.epoch)
        if team.first and job.due():
            checkpoint.save(*run.state())
            print(f"{name}: epoch {run.epoch} of {epochs}, training loss {trained:.4g}", flush=True)
    if team.first:
        checkpoint.save(*run.state())
    if writer is not None:
        writer.close()
    return run.best or run.model.state_dict(), {"curve": run.curve}


def _one_epoch(run: Run, learnt: Judged) -> float:
    """Every training patient once, in drawn order; the mean loss. Weights move after `accumulate` batches."""
    run.model.train()
    run.team.begin(run.seed, run.epoch)
    losses = []
    parts = run.plan.accumulate
    for rows in np.array_split(run.generator.permutation(len(learnt[2])), run.steps):
        for own in np.array_split(rows, parts):
            value = _loss(run, *_batch(run, learnt, own))
            (value / parts).backward()
            losses.append(float(value.detach()))
        run.team.add_up(run.optimiser.parameters)
        run.optimiser.step()
    return float(np.mean(losses))


def _batch(run: Run, learnt: Judged, rows: Array) -> tuple[dict[str, torch.Tensor], Array, Target]:
    """(inputs, mask, outcomes) of some training patients, made ones below them where there is a sampler."""
    _, mask, target = learnt
    pick = torch.from_numpy(rows).to(run.device)
    batch = {name: values[pick] for name, values in run.x.items()}
    if run.made is None:
        return batch, mask[rows], target.take(rows)
    return run.made.beside(batch, mask[rows], target.take(rows), rows, run.generator)


def _loss(run: Run, x: dict[str, torch.Tensor], mask: Array, target: Target) -> torch.Tensor:
    """Loss of a batch of which fusion sees some blocks alone."""
    present = torch.from_numpy(mask).to(run.device)
    seen = torch.from_numpy(drop_blocks(mask, run.generator)).to(run.device)
    mine = run.team.share(len(mask))
    x = {name: values[mine] for name, values in x.items()}
    with torch.autocast(run.device.type, torch.bfloat16, enabled=run.plan.precision == "mixed"):
        logits, gates = run.model(x)
        own = run.model.penalty(x, present[mine])
    logits, gates = (run.team.together(said.float(), len(mask)) for said in (logits, gates))
    value = loss(target, run.at, fused(logits, gates, seen), logits, present)
    return value if own is None else value + own / run.team.size  # gradients of the shares are added up


def _measured(run: Run, judged: Judged) -> float:
    """Loss of patients who are not learnt from; NaN where there is nothing to measure."""
    inputs, mask, target = judged
    if not len(target) or (target.kind == "survival" and not target.event.any()):
        return float("nan")
    run.model.eval()
    with torch.no_grad():
        logits, gates = run.model({k: torch.from_numpy(v).to(run.device) for k, v in inputs.items()})
        return float(loss(target, run.at, fused(logits, gates, torch.from_numpy(mask).to(run.device))))


@dataclass
class Run:
    """A network in training, with everything that a checkpoint must hold."""

    shapes: dict[str, tuple[str, tuple[int, ...]]]
    width: int
    device: torch.device
    plan: NetworkPlan
    epochs: int
    seed: int
    hazards: Hazards | None = None
    team: Team = field(default_factory=Team)
    made: Sampler | None = None
    epoch: int = 0
    curve: list[tuple[int, float, float]] = field(default_factory=list)
    lowest: float = float("inf")  # smallest loss of the set-aside patients, its epoch, and the weights then
    lowest_at: int = 0
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    def begin(self, learnt: Judged) -> None:
        """Draw the first weights; put the training patients onto the device."""
        inputs, _, target = learnt
        n = len(target)
        torch.manual_seed(self.seed % 2**31)
        self.model = Fusion(self.shapes, self.width).to(self.device)
        self.x = {k: torch.from_numpy(v).to(self.device) for k, v in inputs.items()}
        self.at: Baseline = self.hazards or prior(target)
        self.size = self.plan.batch or (16 if n < 200 else 64)
        if target.kind == "survival":
            self.size = max(self.size, 48)  # each event is compared with those at risk in its batch
        self.steps = max(1, -(-n // (self.size * self.plan.accumulate)))
        self.generator = np.random.default_rng(self.seed)
        self.optimiser = AdamW(list(self.model.parameters()), self.epochs * self.steps)

    @property
    def stopped(self) -> bool:
        return 0 < self.plan.early_stopping <= self.epoch - self.lowest_at

    def judge(self, value: float) -> None:
        """Keep the weights of the smallest loss so far."""
        if value < self.lowest:
            self.lowest, self.lowest_at = value, self.epoch
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        tensors |= {f"optimiser.{k}": v for k, v in self.optimiser.state().items()}
        tensors["rng"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["rng_cuda"] = torch.cuda.get_rng_state(self.device)
        return tensors, {
            "epoch": self.epoch, "steps": self.optimiser.done, "curve": self.curve, "lowest": self.lowest,
            "lowest_at": self.lowest_at, "generator": self.generator.bit_generator.state,
        }  # fmt: skip

    def restore(self, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
        """Take up the state of a checkpoint."""
        under = lambda prefix: {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}  # noqa: E731
        self.model.load_state_dict(under("model."))
        self.best = {k: v.to(self.device) for k, v in under("best.").items()}
        self.optimiser.restore(under("optimiser."), facts["steps"])
        torch.set_rng_state(tensors["rng"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["rng_cuda"], self.device)
        self.epoch, self.lowest, self.lowest_at = facts["epoch"], facts["lowest"], facts["lowest_at"]
        self.curve = [(e, a, b) for e, a, b in facts["curve"]]
        self.generator.bit_generator.state = facts["generator"]


def _set_aside(everybody: Judged, groups: Sequence[str] | None, run: Run) -> tuple[Judged, Judged | None]:
    """(patients to learn from, patients who say when to stop, None without early stopping)."""
    target = everybody[2]
    if not run.plan.early_stopping:
        return everybody, None
    n = len(target)
    part = assign(target, groups or [str(i) for i in range(n)], STOPPING_PARTS, seed_from(run.seed, "early stopping"))
    return _taken(everybody, np.flatnonzero(part != 0)), _taken(everybody, np.flatnonzero(part == 0))


def _taken(judged: Judged, rows: Array) -> Judged:
    inputs, mask, target = judged
    return {k: v[rows] for k, v in inputs.items()}, mask[rows], target.take(rows)


def _key(run: Run, *sets: Judged | None) -> str:
    arrays: dict[str, Array] = {}
    for i, part in enumerate(s for s in sets if s is not None):
        inputs, mask, target = part
        arrays |= {f"{i} {k}": v for k, v in inputs.items()}
        arrays |= {f"{i} mask": mask, f"{i} y": target.y, f"{i} time": target.time, f"{i} event": target.event}
    kind = [target.kind, *target.classes]
    made = run.made.method if run.made else ""
    about = (run.shapes, run.width, run.device.type, astuple(run.plan), run.epochs, run.seed, made, kind,
             run.hazards.facts() if run.hazards else None)  # fmt: skip
    return content_key(arrays, *about)
