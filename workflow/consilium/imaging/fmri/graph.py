"""Graph measures of the network nodes: the strongest correlations as edges (doi:10.1016/j.neuroimage.2009.10.003).

Negative correlations are never edges. One number depends on how many edges are kept, so each is the mean over several
densities. Clustering and modularity are networkx's; efficiency by SciPy's shortest paths, which takes a twentieth
of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consilium.imaging.brain.regional import Feature

DENSITIES = (0.1, 0.15, 0.2)


def edges(correlation: NDArray[np.float64], density: float) -> NDArray[np.bool_]:
    """(node, node) symmetric, True for the strongest positive correlations, a share `density` of all pairs."""
    rows, columns = np.triu_indices(len(correlation), 1)
    values = correlation[rows, columns]
    wanted = round(density * len(values))
    best = np.argsort(-values, kind="stable")[:wanted]
    best = best[values[best] > 0]
    out = np.zeros(correlation.shape, dtype=bool)
    out[rows[best], columns[best]] = True
    return out | out.T


def efficiency(linked: NDArray[np.bool_]) -> float:
    """Mean over all pairs of one over the number of steps between them, 0 where there is no way; 0 below two nodes."""
    from scipy.sparse.csgraph import shortest_path

    n = len(linked)
    if n < 2 or not linked.any():
        return 0.0
    steps = shortest_path(linked.astype(float), unweighted=True, directed=False)
    np.fill_diagonal(steps, np.inf)
    return float((1 / steps).sum() / (n * (n - 1)))


def measures(linked: NDArray[np.bool_]) -> dict[str, float]:
    """Efficiency between all nodes and among each node's neighbours (doi:10.1103/PhysRevLett.87.198701), clustering
    (doi:10.1038/30918), modularity of the best division found greedily (doi:10.1103/PhysRevE.70.066111)."""
    import networkx as nx

    graph = nx.from_numpy_array(linked)
    around = [linked[np.ix_(row, row)] for row in linked]
    parts = nx.community.greedy_modularity_communities(graph) if graph.number_of_edges() else []
    return {
        "global_efficiency": efficiency(linked),
        "local_efficiency": float(np.mean([efficiency(a) for a in around])),
        "clustering": nx.average_clustering(graph),
        "modularity": nx.community.modularity(graph, parts) if parts else float("nan"),
    }


def features(correlation: NDArray[np.float64], networks: list[str]) -> list[Feature]:
    """Mean of each measure over DENSITIES; degree of each network's nodes relative to that of all nodes."""
    every = [edges(correlation, d) for d in DENSITIES]
    found = [measures(linked) for linked in every]
    out = [Feature(name, float(np.mean([f[name] for f in found])), "") for name in found[0]]
    degree = np.mean([linked.sum(axis=0) / max(linked.sum(axis=0).mean(), 1e-12) for linked in every], axis=0)
    for name in sorted(set(networks)):
        own = np.array([n == name for n in networks])
        out.append(Feature(f"degree.{name}", float(degree[own].mean()), "mean of all nodes = 1"))
    return out
