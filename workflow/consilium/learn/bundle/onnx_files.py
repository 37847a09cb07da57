"""A task's model as ONNX files: the graph, with 8-bit weights, without its smallest coefficients; what a file says."""

from __future__ import annotations

import logging
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from consilium.core.store import atomic
from consilium.learn.cohort import data
from consilium.learn.fusion.fusion import FROM_NETWORK
from consilium.learn.fusion.model import Trained
from consilium.learn.models.hazards import OwnCourses
from consilium.learn.models.heads import survival
from consilium.learn.models.linear import Linear

Array = np.ndarray
OPSET = 18
MIN_PRUNED = 64


def pruned(trained: Trained, share: float) -> Trained:
    """Without the `share` of each block's coefficients of smallest size (all classes of a column together), and of each
    of the networks' weight tensors (biases, norms and tensors of fewer than MIN_PRUNED numbers stay)."""
    blocks = []
    for b in trained.blocks:
        size = np.abs(b.linear.weights).sum(axis=1)
        weights = b.linear.weights.copy()
        weights[np.argsort(size, kind="stable")[: int(share * len(size))]] = 0.0
        blocks.append(replace(b, linear=Linear(weights, b.linear.penalty)))
    nets = (replace(n, weights={k: _thinned(v, share) for k, v in n.weights.items()}) for n in trained.nets)
    return replace(trained, blocks=tuple(blocks), nets=tuple(nets))


def _thinned(weights: Array, share: float) -> Array:
    if weights.ndim < 2 or weights.size < MIN_PRUNED:
        return weights
    flat = weights.ravel().copy()
    flat[np.argsort(np.abs(flat), kind="stable")[: int(share * flat.size)]] = 0.0
    return flat.reshape(weights.shape)


def exported_choice(trained: Trained, cohort: data.Cohort, times: list[Array]) -> tuple[str, str]:
    """(candidate that is exported, what is left out or ""): a network that ONNX cannot hold, by its encoders."""
    if trained.choice not in FROM_NETWORK:
        return trained.choice, ""
    with tempfile.TemporaryDirectory() as folder:
        try:
            write_graph(trained, cohort, times, trained.choice, Path(folder) / "tried.onnx")
            return trained.choice, ""
        except Exception as error:  # whatever operator torch's exporter has no form of
            why = str(error).strip().splitlines()[0]
    other = "stack" if "stack" in trained.calibrations else "late_mean"
    kinds = ", ".join(f"{kind} of {name}" for name, (kind, _) in trained.nets[0].shapes.items())
    return other, (
        f"the shipped `{trained.choice}` holds a network ({kinds}) that ONNX cannot hold ({why}); `{other}` is "
        "exported instead"
    )


def expected(trained: Trained, cohort: data.Cohort, choice: str) -> Array:
    """What the graph must give (see graph.Pipeline)."""
    parts = trained.parts(cohort)
    eta = trained.eta(parts, choice)
    out = trained.scores(eta)
    if trained.kind == "survival":
        own = replace(trained, choice=choice).course_of(parts)
        cumulative = own.at(np.array(trained.horizons)) if isinstance(own, OwnCourses) else trained.hazard
        out = np.concatenate([out, survival(eta, cumulative)], axis=1)
    return np.where(parts.mask.any(axis=1, keepdims=True), out, np.nan)


def feeds(trained: Trained, cohort: data.Cohort) -> dict[str, Array]:
    """Inputs of the graph: values and present of every block, in the bundle's order of features."""
    out: dict[str, Array] = {}
    for model in trained.blocks:
        block = cohort.block(model.name)
        assert block is not None
        out |= {f"{model.name}.values": block.values.astype(np.float32), f"{model.name}.present": block.present}
    return out


def write_graph(trained: Trained, cohort: data.Cohort, times: list[Array], choice: str, path: Path) -> None:
    """model.onnx. torch's older exporter: a twentieth of the time, and its graphs can be quantised."""
    import torch

    from consilium.learn.bundle.graph import Pipeline
    from consilium.learn.bundle.graph_network import running_maximum

    torch.onnx.register_custom_op_symbolic("aten::cummax", running_maximum, OPSET)
    given = feeds(trained, cohort)
    axes = {name: {0: "patient"} for name in [*given, "prediction"]}
    graph = Pipeline(trained, times, choice).eval()
    with atomic(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph, tuple(torch.from_numpy(v) for v in given.values()), str(temporary), dynamo=False,
            input_names=list(given), output_names=["prediction"], dynamic_axes=axes, opset_version=OPSET,
        )  # fmt: skip


def quantise(path: Path, out: Path) -> None:
    """8-bit weights of products, activations quantised as they come (dynamic).

    Convolutions and recurrent cells keep their weights: onnxruntime has no signed 8-bit form of the former on a
    processor, and none of a GRU.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)
    with atomic(out) as temporary:
        quantize_dynamic(path, temporary, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"])


def run_graph(path: Path, given: dict[str, Array]) -> Array:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, given)[0])
