"""The uniform law: f = 0."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from harness.random import fill_uniforms
from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.problem import Body, Target, TargetOracles
from harness_sampling.sampler import GRADIENT, POTENTIAL

__all__ = ["ALONG", "Uniform", "UniformRecord"]

ALONG = 2  # tag of the draws along chords


class UniformRecord(NamedTuple):
    """Counts only, and room for a draw a chain."""

    uniforms: FloatArray  # (chains,)
    calls: IntArray


def gradient(target, points, key, k, out):
    target.calls[GRADIENT] += points.shape[0]
    for c in range(points.shape[0]):
        for j in range(points.shape[1]):
            out[c, j] = 0.0


def potential(target, points, out):
    target.calls[POTENTIAL] += points.shape[0]
    for c in range(points.shape[0]):
        out[c] = 0.0


def along(target, points, directions, low, high, key, k, out):
    fill_uniforms(target.uniforms, key, k, ALONG)
    for c in range(points.shape[0]):
        out[c] = low[c] + (high[c] - low[c]) * target.uniforms[c]


class Uniform(Target):
    """The same density everywhere on the body."""

    name: ClassVar[str] = "uniform"
    oracles: ClassVar[TargetOracles] = TargetOracles(gradient, potential, along)
    is_uniform = True

    def record(self, chains: int, calls: IntArray) -> UniformRecord:
        """Room for the draws."""
        import numpy as np

        return UniformRecord(np.zeros(chains), calls)

    def lipschitz(self, body: Body) -> float:
        """0: f is constant."""
        return 0.0

    def smoothness(self, body: Body) -> float:
        """0: f is constant."""
        return 0.0
