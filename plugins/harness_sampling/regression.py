"""Bayesian logistic regression as a target: flat prior on a body, real rows.

=======  ===============  =========================================================
formula  here             what
=======  ===============  =========================================================
x_j, y_j                  rows and labels ±1
z_j      ``rows``         −y_j x_j: (M, n)
m_j      ``margins``      ⟨z_j, w⟩
f(w)     potential        Σ log(1 + exp(m_j))
∇f(w)    gradient         Σ σ(m_j) z_j
=======  ===============  =========================================================

One call of the gradient is one row's: a full gradient counts M, a minibatch of b counts b.

With ``batch`` the gradient is a minibatch's, (M/b) Σ σ(m_j) z_j over b rows drawn with replacement
for each chain; with a control variate at the mode w* it is ∇f(w*) + (M/b) Σ (σ(m_j) − σ(m_j*)) z_j.

On a chord the law is drawn by slice sampling with shrinkage (Neal 2003): exact, no step to tune.
"""

from __future__ import annotations

from math import exp, log, log1p
from typing import ClassVar, NamedTuple

import numpy as np

from harness.kernels import row
from harness.random import integer, uniform
from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.problem import Body, Target, TargetOracles
from harness_sampling.sampler import GRADIENT, POTENTIAL

__all__ = ["Regression", "RegressionRecord"]

_SHRINKS = 100  # attempts on a chord before the point stays
_MODE_STEPS = 3000  # of the projected gradient that finds the mode


class RegressionRecord(NamedTuple):
    """Rows, and room for one batch of chains."""

    rows: FloatArray  # (M, n) z_j
    columns: FloatArray  # (n, M) the same, transposed
    margins: FloatArray  # (chains, M)
    slopes: FloatArray  # (chains, M) ⟨z_j, u⟩ along directions
    trial: FloatArray  # (M,)
    batch: int
    anchor_gradient: FloatArray  # (n,) ∇f(w*), 0 without control variate
    anchor_weights: FloatArray  # (M,) σ(m_j*), 0 without control variate
    calls: IntArray


@row()
def sigmoids(values):
    """Each number m to 1/(1 + e^{−m})."""
    for i in range(values.size):
        m = values[i]
        e = exp(-abs(m))
        values[i] = 1.0 / (1.0 + e) if m >= 0.0 else e / (1.0 + e)


@row()
def losses(values):
    """Σ log(1 + e^m)."""
    total = 0.0
    for i in range(values.size):
        m = values[i]
        total += max(m, 0.0) + log1p(exp(-abs(m)))
    return total


@row()
def line(out, values, slopes, t):
    """Out = values + t · slopes."""
    for i in range(out.size):
        out[i] = values[i] + t * slopes[i]


def gradient(target, points, key, k, out):
    target.calls[GRADIENT] += points.shape[0] * target.rows.shape[0]
    np.dot(points, target.columns, target.margins)
    sigmoids(target.margins.reshape(target.margins.size))
    np.dot(target.margins, target.rows, out)


def batch_gradient(target, points, key, k, out):
    count = target.rows.shape[0]
    target.calls[GRADIENT] += points.shape[0] * target.batch
    scale = count / target.batch
    for c in range(points.shape[0]):
        for j in range(points.shape[1]):
            out[c, j] = target.anchor_gradient[j]
        for i in range(target.batch):
            chosen = integer(key, k, c, count, i)
            margin = 0.0
            for j in range(points.shape[1]):
                margin += points[c, j] * target.rows[chosen, j]
            e = exp(-abs(margin))
            weight = 1.0 / (1.0 + e) if margin >= 0.0 else e / (1.0 + e)
            weight = scale * (weight - target.anchor_weights[chosen])
            for j in range(points.shape[1]):
                out[c, j] += weight * target.rows[chosen, j]


def potential(target, points, out):
    target.calls[POTENTIAL] += points.shape[0]
    np.dot(points, target.columns, target.margins)
    for c in range(points.shape[0]):
        out[c] = losses(target.margins[c])


def along(target, points, directions, low, high, key, k, out):
    np.dot(points, target.columns, target.margins)
    np.dot(directions, target.columns, target.slopes)
    for c in range(points.shape[0]):
        target.calls[POTENTIAL] += 1
        level = losses(target.margins[c]) - log(uniform(key, k, c, 0))
        first, last, t, attempt = low[c], high[c], 0.0, 1
        while attempt <= _SHRINKS:
            t = first + (last - first) * uniform(key, k, c, attempt)
            line(target.trial, target.margins[c], target.slopes[c], t)
            target.calls[POTENTIAL] += 1
            if losses(target.trial) <= level:
                break
            if t < 0.0:
                first = t
            else:
                last = t
            t = 0.0
            attempt += 1
        out[c] = t


class Regression(Target):
    """Density ∝ Π σ(y_j ⟨x_j, w⟩) on a body.

    Parameters
    ----------
    rows
        (M, n) the x_j.
    labels
        (M,) ±1.
    batch
        Rows of a minibatch; 0: the full gradient.
    anchor
        (n,) point of the control variate; ``None``: none.
    """

    name: ClassVar[str] = "logistic"
    oracles: TargetOracles = TargetOracles(gradient, potential, along)

    def __init__(
        self,
        rows: FloatArray,
        labels: FloatArray,
        batch: int = 0,
        anchor: FloatArray | None = None,
    ) -> None:
        self.rows, self.labels, self.batch, self.anchor = rows, labels, batch, anchor
        self.signed = np.ascontiguousarray(-labels[:, None] * rows, dtype=np.float64)
        if batch:
            self.oracles = TargetOracles(batch_gradient, potential, along)

    def with_batch(self, batch: int, control_variate: bool, body: Body) -> Regression:
        """The same law, its gradient estimated from ``batch`` rows."""
        anchor = self.mode(body) if control_variate else None
        return Regression(self.rows, self.labels, batch, anchor)

    def record(self, chains: int, calls: IntArray) -> RegressionRecord:
        """Rows, and room for ``chains`` chains."""
        count, dimension = self.signed.shape
        weights, slope = np.zeros(count), np.zeros(dimension)
        if self.anchor is not None:
            weights = _sigmoid(self.signed @ self.anchor)
            slope = weights @ self.signed
        return RegressionRecord(
            rows=self.signed,
            columns=np.ascontiguousarray(self.signed.T),
            margins=np.zeros((chains, count)),
            slopes=np.zeros((chains, count)),
            trial=np.zeros(count),
            batch=self.batch,
            anchor_gradient=slope,
            anchor_weights=weights,
            calls=calls,
        )

    def lipschitz(self, body: Body) -> float:
        """Σ |x_j|."""
        return float(np.linalg.norm(self.signed, axis=1).sum())

    def smoothness(self, body: Body) -> float:
        """λ_max(XᵀX)/4."""
        return float(np.linalg.eigvalsh(self.signed.T @ self.signed)[-1]) / 4

    def mode(self, body: Body) -> FloatArray:
        """The point of the body with the largest density, by accelerated projected gradient."""
        rate = 1 / self.smoothness(body)
        point = momentum = np.array(body.centre, dtype=np.float64)
        weight = 1.0
        for _ in range(_MODE_STEPS):
            slope = _sigmoid(self.signed @ momentum) @ self.signed
            after = body.project(momentum - rate * slope)
            following = (1 + (1 + 4 * weight * weight) ** 0.5) / 2
            momentum = after + (weight - 1) / following * (after - point)
            point, weight = after, following
        return point


def _sigmoid(values: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-values)))
