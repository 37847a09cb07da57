"""Explanations where a network is shipped: integrated gradients per block, with the same gates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from consilium.core.provenance import seed_from
from consilium.learn.cohort.data import Block
from consilium.learn.explain import gates, pieces, rows
from consilium.learn.explain.given import Facts, Given, agreement, unit_of
from consilium.learn.fusion.fusion import Parts, network_evidence
from consilium.learn.models.preproc import Design

if TYPE_CHECKING:
    from consilium.learn.networks.network import Net

Array = np.ndarray
RANDOM_NETS = 3
EXPLAINER = "network, integrated gradients"
CODES = {layout: f"{what} are codes, between which gradients cannot be averaged"
         for layout, what in (("words", "words"), ("dna", "bases"))}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """How a network sees one block. found: its pieces; code: piece of every entry of one row of the input; None where
    the input is made of the design's columns."""

    found: pieces.Pieces
    code: Array | None

    def attributed(self, given: Array, gradients: Array, projection: Array | None) -> Array:
        """(row, piece) from the input and its averaged gradients, both (row, ...)."""
        if self.code is None:
            assert projection is not None
            return self.found.linear(gradients @ projection.T)
        flat = (given * gradients).reshape(len(given), -1)
        return np.stack([np.bincount(self.code.ravel(), r, len(self.found.names)) for r in flat])

    def with_pieces(self, given: Array, keep: Array, projection: Array | None) -> Array:
        """The input with the pieces outside `keep` (row, piece) at zero."""
        if self.code is None:
            assert projection is not None
            return (self.found.design(keep) @ projection).astype(np.float32)
        return np.asarray(given * keep[:, self.code], dtype=np.float32)


def seen(design: Design, block: Block, reference: Block) -> Seen:
    if design.network_layout == "table":
        return Seen(pieces.of(design, block, reference), None)
    shape = design.network_input(block).shape[1:]
    if design.layout in ("series", "bag"):
        features = len(block.features)
        names, code, kind = block.features, np.tile(np.arange(shape[1]) % features, (shape[0], 1)), "feature"
    else:
        code, every = pieces.boxes(shape[1:])
        names, code, kind = tuple(every), code[None], "region"
    unknown = np.full((len(block.values), len(names)), np.nan)
    about = {"series": "over time", "bag": "over instances"}.get(design.layout, "z-scores")
    return Seen(pieces.Pieces(kind, names, (about,) * len(names), unknown, unknown, np.zeros((len(unknown), 0))), code)


@dataclass(frozen=True)
class Asked:
    """The shipped networks, asked about all held-out rows. inputs, views: by block; words and DNA have no view."""

    given: Given
    parts: Parts
    wanted: Array
    inputs: dict[str, Array]
    views: dict[str, Seen]

    def maps(self, net: Net) -> tuple[dict[str, Array], float]:
        """(map (row, piece) of each block, miss of their sum; see gradients)."""
        from consilium.learn.explain import gradients

        found, miss = gradients.average_gradients(net, self.inputs, self.parts.mask, self.wanted)
        return {
            m.name: self.views[m.name].attributed(self.inputs[m.name], found[m.name], m.design.arrays.get("projection"))
            for m in self.given.trained.blocks
            if m.name in self.views
        }, miss

    def figures(self, b: int, each: list[Array], drawn: list[Array], generator: np.random.Generator) -> Facts:
        """Raw figures of the gates of one block: maps of all seeds, and of shuffled networks, of the rows with it."""
        here = np.flatnonzero(self.parts.mask[:, b])
        phi = np.mean(each, axis=0)
        pairs = [gates.rank_alike(one, other) for i, one in enumerate(each) for other in each[i + 1 :]]
        return {
            "n": len(here), "E1": gates.mean_of([gates.alike(phi, d) for d in drawn]), "E2": None,
            "E4": gates.mean_of(pairs), "gain": self._gain(b, here, phi, generator).tolist(),
            "agreement": self._agreement(b, here),
        }  # fmt: skip

    def _gain(self, b: int, here: Array, phi: Array, generator: np.random.Generator) -> Array:
        model = self.given.trained.blocks[b]
        projection = model.design.arrays.get("projection")
        fixed = {n: v[here] for n, v in self.inputs.items()}
        view = self.views[model.name]
        own = Seen(_taken(view.found, here), view.code)

        def ask(keep: Array) -> Array:
            changed = fixed | {model.name: own.with_pieces(fixed[model.name], keep, projection)}
            nets = tuple(net.outputs(changed) for net in self.given.trained.nets)
            said = network_evidence(replace(self.parts.take(here), nets=nets))
            return np.asarray(said[np.arange(len(here)), self.wanted[here]])

        return gates.order_gain(ask, phi, generator)

    def _agreement(self, b: int, here: Array) -> list[float]:
        """Of what the networks say with this block less what they say without it."""
        mask = self.parts.mask.copy()
        mask[:, b] = False
        said = network_evidence(self.parts) - network_evidence(replace(self.parts, mask=mask))
        return [float(v) for v in agreement(self.given, here, said[here])]


def explained(given: Given, parts: Parts, wanted: Array, out: Facts) -> None:
    """Append the networks' rows and raw figures of their gates to `out`."""
    from consilium.learn.explain import gradients

    trained, scale = given.trained, network_scale(given, parts) * unit_of(given.trained)
    inputs, views = {}, {}
    for model in trained.blocks:
        held, train = given.held.block(model.name), given.train.block(model.name)
        assert held is not None and train is not None
        inputs[model.name] = model.design.network_input(held)
        if model.design.layout in CODES:
            untold = {"modality": model.name, "explainer": EXPLAINER, "pieces": 0, "why": CODES[model.design.layout]}
            out["blocks"].append(untold)
        else:
            views[model.name] = seen(model.design, held, train)
    asked = Asked(given, parts, wanted, inputs, views)
    generator = np.random.default_rng(seed_from(given.seed, "networks"))
    own = [asked.maps(net) for net in trained.nets]
    random = [gradients.at_random(trained.nets[0], generator) for _ in range(RANDOM_NETS if given.judged else 0)]
    drawn = [asked.maps(net)[0] for net in random]
    complete = max(miss for _, miss in own) <= gradients.COMPLETE
    for b, model in enumerate(trained.blocks):
        here = np.flatnonzero(parts.mask[:, b])
        if not len(here) or model.name not in views:
            continue
        each = [m[model.name][here] for m, _ in own]
        found = _taken(views[model.name].found, here)
        record: Facts = {"modality": model.name, "explainer": EXPLAINER,
                         "pieces": len(found.names), "fits": "networks from different seeds",
                         "additive": complete}  # fmt: skip
        patients, names = [given.held.patients[i] for i in here], rows.targets(trained, wanted[here])
        phi = scale * np.mean(each, axis=0)
        out["rows"] += rows.top(patients, names, model.name, record["explainer"], found, phi)
        if given.judged:
            record |= asked.figures(b, each, [d[model.name][here] for d in drawn], generator)
        out["blocks"].append(record)


def network_scale(given: Given, parts: Parts) -> float:
    """What one unit of the networks' mean evidence adds to the shipped linear predictor."""
    silent = replace(parts, nets=tuple((np.zeros_like(u), g) for u, g in parts.nets))
    added, own = given.trained.eta(parts) - given.trained.eta(silent), network_evidence(parts)
    return float((added * own).sum() / max(float((own * own).sum()), 1e-300))


def _taken(found: pieces.Pieces, at: Array) -> pieces.Pieces:
    shares = None if found.shares is None else found.shares[at]
    return replace(found, values=found.values[at], percentile=found.percentile[at], x=found.x[at], shares=shares)
