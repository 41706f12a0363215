"""Gossip matrices: symmetric, positive semi-definite, kernel the constants, support the links.

=======  ==================  ==========================================================
paper    here                what
=======  ==================  ==========================================================
W        ``matrix``          (n, n) sparse; the Laplacian, or I − P with Metropolis weights
λ_1      ``lam1``            largest eigenvalue
γ        ``gamma``           eigengap: smallest non-zero over largest eigenvalue
Δ̃        ``1/sqrt(gamma)``   mixing time
Δ        ``diameter``        largest distance between two nodes
σ_2      ``sigma2``          second largest absolute eigenvalue of P
=======  ==================  ==========================================================

Source: Scaman et al. 2019, section 2; Xiao & Boyd 2004 for the Metropolis weights.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

import networkx as nx
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import eigsh

__all__ = [
    "Matrix",
    "Shape",
    "Spectrum",
    "diameter",
    "gossip_matrix",
    "line_of_eigengap",
    "shape_of",
    "spectrum",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = Literal["laplacian", "metropolis"]

_DENSE_NODES = 2_000  # numpy's eigenvalues up to here, Lanczos beyond
_SOURCES = 256  # rows of distances at a time


class Spectrum(NamedTuple):
    """What the theorems use of a gossip matrix."""

    lam1: float
    gamma: float


class Shape(NamedTuple):
    """All that the theorems use of a network."""

    lam1: float
    gamma: float
    sigma2: float
    diameter: int


@lru_cache(maxsize=16)  # cells of one job mostly share their network
def shape_of(graph: nx.Graph, matrix: Matrix) -> Shape:
    """The numbers of a simple connected graph that stays as it is."""
    own = spectrum(gossip_matrix(graph, matrix))
    other = spectrum(gossip_matrix(graph, "metropolis"))
    sigma2 = max(1.0 - other.gamma * other.lam1, abs(1.0 - other.lam1))
    return Shape(own.lam1, own.gamma, float(min(1.0 - 1e-15, sigma2)), diameter(graph))


def diameter(graph: nx.Graph) -> int:
    """The largest distance in links; 10,000 nodes of a grid take 8 s."""
    links = nx.to_scipy_sparse_array(graph, weight=None, format="csr")
    sources = np.arange(links.shape[0])
    parts = np.array_split(sources, -(-len(sources) // _SOURCES))
    return int(max(dijkstra(links, unweighted=True, indices=part).max() for part in parts))


def gossip_matrix(graph: nx.Graph, matrix: Matrix) -> sparse.csr_array:
    """The gossip matrix of a simple graph on 0 … n − 1, diagonal included, columns sorted.

    ``laplacian`` takes edges' weights where they have one; ``metropolis`` has the weight
    1/(1 + larger degree) on each edge, so that I − W is doubly stochastic.
    """
    nodes = graph.number_of_nodes()
    ends = np.array(graph.edges, dtype=np.int64).reshape(-1, 2)
    if matrix == "metropolis":
        degree = np.array([degree for _, degree in sorted(graph.degree)], dtype=np.float64)
        weights = 1.0 / (1.0 + np.maximum(degree[ends[:, 0]], degree[ends[:, 1]]))
    else:
        weights = np.array([w for *_, w in graph.edges(data="weight", default=1.0)], dtype=float)
    rows = np.concatenate([ends[:, 0], ends[:, 1]])
    columns = np.concatenate([ends[:, 1], ends[:, 0]])
    away = np.concatenate([weights, weights])
    diagonal = np.bincount(rows, away, minlength=nodes)
    every = np.arange(nodes)
    found = sparse.csr_array(
        (
            np.concatenate([-away, diagonal]),
            (np.concatenate([rows, every]), np.concatenate([columns, every])),
        ),
        shape=(nodes, nodes),
    )
    found.sort_indices()
    return found


def spectrum(matrix: sparse.csr_array) -> Spectrum:
    """Largest eigenvalue and eigengap of a connected graph's gossip matrix."""
    nodes = matrix.shape[0]
    if nodes <= _DENSE_NODES:
        values = np.linalg.eigvalsh(matrix.toarray())
        return Spectrum(float(values[-1]), float(values[1] / values[-1]))
    largest = float(eigsh(matrix, k=1, which="LA", return_eigenvectors=False)[0])
    # The constant vector is lifted to λ_1, so that the smallest eigenvalue is the one sought.
    lifted = sparse.linalg.LinearOperator(
        matrix.shape, matvec=lambda x: matrix @ x + largest * np.mean(x), dtype=np.float64
    )
    smallest = eigsh(lifted, k=1, which="SA", return_eigenvectors=False, tol=1e-10)[0]
    return Spectrum(largest, float(smallest) / largest)


def line_of_eigengap(nodes: int, gamma: float) -> nx.Graph:
    """A weighted path whose Laplacian has the eigengap ``gamma``, at most the path's own.

    The first link has the weight 1 − a, with a found by bisection (Scaman et al. 2019,
    proof of Theorem 14).
    """
    path = nx.path_graph(nodes)
    own = spectrum(gossip_matrix(path, "laplacian")).gamma
    if not 0.0 < gamma <= own * (1.0 + 1e-9):
        raise ValueError(f"the eigengap must lie in (0, {own:g}], got {gamma!r}")
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        path[0][1]["weight"] = middle
        found = spectrum(gossip_matrix(path, "laplacian")).gamma
        low, high = (middle, high) if found < gamma else (low, middle)
    path[0][1]["weight"] = high
    return path
