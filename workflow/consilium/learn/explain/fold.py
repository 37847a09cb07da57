"""Explanations of one fold's held-out patients by the models that predict them, and what the gates are judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.cohort.data import Block
from consilium.learn.explain import attribution, gates, importance, networked, pieces, refits, rows, windows
from consilium.learn.explain.given import Facts, Given, agreement, unit_of
from consilium.learn.fusion.fusion import FROM_NETWORK, Parts
from consilium.learn.fusion.model import BlockModel

Array = np.ndarray
RANDOM_DRAWS = 20


def explained(given: Given) -> Facts:
    """rows: of table `explanations`, without the gates' word; blocks: raw figures of the gates; importance; why: why
    there is nothing at all, "" else."""
    out: Facts = {"rows": [], "blocks": [], "importance": [], "why": ""}
    if not len(given.held.patients):
        return out
    if given.trained.choice not in FROM_NETWORK:  # networks that are not shipped need not be asked
        given = replace(given, trained=replace(given.trained, nets=()))
    trained = given.trained
    parts = trained.parts(given.held)
    try:
        weights = attribution.block_weights(trained, parts)
    except ValueError as error:
        return out | {"why": str(error)}
    eta = trained.eta(parts)
    wanted = eta.argmax(axis=1) if trained.kind == "classification" else np.zeros(len(eta), dtype=int)
    for b, model in enumerate(trained.blocks):
        own = np.flatnonzero(parts.mask[:, b] & (np.abs(weights[:, b]) > 1e-9))
        if len(own):
            Asked(given, model, own, weights[own, b], wanted[own], eta[own]).tell(out)
        heard = np.flatnonzero(parts.mask[:, b]) if trained.nets else own
        _windows(given, parts, model.name, heard, wanted[heard], out)
    if trained.nets:
        networked.explained(given, parts, wanted, out)
    return out


@dataclass(frozen=True)
class Asked:
    """One block's linear model and trees, asked about the held-out rows `own`.

    weight (row,): of the block's evidence in the shipped linear predictor eta (row, width); wanted (row,): its target.
    """

    given: Given
    model: BlockModel
    own: Array
    weight: Array
    wanted: Array
    eta: Array

    def tell(self, out: Facts) -> None:
        """Append rows, raw figures of the gates and importance to `out`."""
        given, name = self.given, self.model.name
        held, train = given.held.block(name), given.train.block(name)
        assert held is not None and train is not None
        found = pieces.of(self.model.design, held.take(self.own), train)
        phi, additive = self._shared(found)
        used = [n for n in self.model.beside if self.model.mix.get(n)]
        others = [", additive"] * ("additive" in used) + [", Tree-SHAP"] * bool({"lightgbm", "forest"} & {*used})
        record: Facts = {"modality": name, "explainer": f"exact (linear{''.join(others)})", "pieces": len(found.names),
                         "fits": "fits to disjoint halves of the training patients", "additive": additive}  # fmt: skip
        patients = [given.held.patients[i] for i in self.own]
        scale = self.weight * unit_of(given.trained)
        out["rows"] += rows.top(
            patients, rows.targets(given.trained, self.wanted), name, record["explainer"], found, phi * scale[:, None]
        )
        if given.judged:
            record |= self._figures(found, phi, train)
            out["importance"].append({"modality": name, "losses": self._importance(found)})
        out["blocks"].append(record)

    def _shared(self, found: pieces.Pieces) -> tuple[Array, bool]:
        """(phi (row, piece), whether it adds up to the block's evidence)."""
        shared = attribution.shares(self.model, found, self.wanted)
        said = self.model.evidence_of(found.x)[np.arange(len(self.own)), self.wanted]
        gap = np.abs(shared.phi.sum(axis=1) + shared.constant - said).max(initial=0.0)
        return shared.phi, bool(gap <= attribution.TOLERANCE)

    def _figures(self, found: pieces.Pieces, phi: Array, train: Block) -> Facts:
        """Raw figures of E1 to E4 in this fold: means over patients of correlations of maps, gain of each patient."""
        given, model = self.given, self.model
        have = np.flatnonzero(train.present)
        x, target = model.design.matrix(train.take(have)), given.target.take(have)
        seed, groups = seed_from(given.seed, model.name), [given.groups[int(i)] for i in have]
        generator = np.random.default_rng(seed)
        given.note(f"{model.name}: refits that test the explanation", have)

        def map_of(other: BlockModel) -> Array:
            return attribution.shares(other, found, self.wanted).phi

        def ask(keep: Array) -> Array:
            return model.evidence_of(found.design(keep))[np.arange(len(phi)), self.wanted]

        drawn = [gates.alike(phi, map_of(refits.at_random(model, generator))) for _ in range(RANDOM_DRAWS)]
        shuffled = [gates.alike(phi, map_of(m)) for m in refits.on_permuted(model, x, target, groups, seed)]
        pairs = refits.halves(model, x, target, groups, seed)
        half = gates.mean_of([gates.rank_alike(map_of(a), map_of(b)) for a, b in pairs])
        return {
            "n": len(phi), "E1": gates.mean_of(drawn), "E2": gates.mean_of(shuffled), "E4": half,
            "gain": gates.order_gain(ask, phi, generator).tolist(),
            "agreement": agreement(given, self.own, model.evidence_of(found.x)).tolist(),
        }  # fmt: skip

    def _importance(self, found: pieces.Pieces) -> dict[str, list[float]]:
        given, name = self.given, self.model.name
        return importance.measured(
            given.trained, self.model, found.x, self.eta, self.weight, given.held_target.take(self.own),
            given.leaders.get(name, {}), np.random.default_rng(seed_from(given.seed, name, "importance")),
        )  # fmt: skip


def _windows(given: Given, parts: Parts, name: str, own: Array, wanted: Array, out: Facts) -> None:
    """Rows of a series' windows, told by the whole shipped model."""
    part = given.held.take(own)
    found = windows.occlusion(given.trained, part, parts.take(own), name, wanted)
    names = rows.targets(given.trained, wanted)
    out["rows"] += rows.hidden(part.patients, names, name, "occlusion of windows", found, unit_of(given.trained))
