"""The polytope {Ax ≤ b}.

Along a chain the slacks b − Ax are kept and moved with it, as (facets, chains): the loops run over
chains, so no sum or minimum runs along a vector. They are computed anew every 64 steps. A slack
that rounding makes 0 or less is set to a tiny positive number: with a wrong sign its facet would
vanish and the chain leave the body.

The projection is a quadratic program, solved by quadprog (Goldfarb & Idnani 1983).
"""

from __future__ import annotations

from math import inf
from typing import ClassVar, NamedTuple

import numpy as np
import quadprog

from harness.kernels import row
from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.problem import Body, BodyOracles
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION

__all__ = ["Polytope", "PolytopeRecord"]

_TINY = 1e-13  # of a facet's offset about the centre: least slack
_TOLERANCE = 1e-9
_RATES = -1  # last[0]: the last chords were along directions of their own


class PolytopeRecord(NamedTuple):
    """Facets, and what is tracked along the chains."""

    a: FloatArray  # (m, n)
    columns: FloatArray  # (n, m)
    b: FloatArray  # (m,)
    least: FloatArray  # (m,)
    slack: FloatArray  # (m, chains)
    rates: FloatArray  # (m, chains) A u of the last chords
    turned: FloatArray  # (n, chains)
    last: IntArray  # (1,) coordinate that all chains moved along, or −1: see rates
    calls: IntArray


@row()
def transpose(source, target):
    """Points (chains, n) to (n, chains)."""
    for i in range(source.shape[0]):
        line = source[i]
        for j in range(line.size):
            target[j, i] = line[j]


@row()
def rates_of(a, u, out):
    """Out (m, chains) = A (m, n) · u (n, chains): two facets and four coordinates at a time.

    As fast as BLAS, and a chain's sum does not depend on how many there are (30 µs for 200 facets
    in 50 dimensions and 64 chains; one facet at a time 48, over flat arrays 164).
    """
    m, n = a.shape
    even, whole = m - m % 2, n - n % 4
    for i in range(0, even, 2):
        one, two = out[i], out[i + 1]
        for c in range(one.size):
            one[c] = 0.0
            two[c] = 0.0
        for j in range(0, whole, 4):
            a0, a1, a2, a3 = a[i, j], a[i, j + 1], a[i, j + 2], a[i, j + 3]
            b0, b1, b2, b3 = a[i + 1, j], a[i + 1, j + 1], a[i + 1, j + 2], a[i + 1, j + 3]
            u0, u1, u2, u3 = u[j], u[j + 1], u[j + 2], u[j + 3]
            for c in range(one.size):
                x0, x1, x2, x3 = u0[c], u1[c], u2[c], u3[c]
                one[c] += (a0 * x0 + a1 * x1) + (a2 * x2 + a3 * x3)
                two[c] += (b0 * x0 + b1 * x1) + (b2 * x2 + b3 * x3)
        for j in range(whole, n):
            a0, b0, u0 = a[i, j], a[i + 1, j], u[j]
            for c in range(one.size):
                one[c] += a0 * u0[c]
                two[c] += b0 * u0[c]
    for i in range(even, m):
        one = out[i]
        for c in range(one.size):
            one[c] = 0.0
        for j in range(n):
            a0, u0 = a[i, j], u[j]
            for c in range(one.size):
                one[c] += a0 * u0[c]


@row()
def slack_of(ax, b, least, slack):
    """Slack (m, chains) = b − Ax."""
    for i in range(b.size):
        reached, room = ax[i], slack[i]
        top, bottom = b[i], least[i]
        for c in range(room.size):
            left = top - reached[c]
            room[c] = bottom if left < bottom else left


@row()
def nearest_facets(slack, rates, low, high):
    """Low and high = 1 over the least and largest of rate/slack of each chain."""
    for c in range(low.size):
        low[c] = 0.0
        high[c] = 0.0
    for i in range(slack.shape[0]):
        room, rate = slack[i], rates[i]
        for c in range(low.size):
            q = rate[c] / room[c]
            low[c] = q if q < low[c] else low[c]
            high[c] = q if q > high[c] else high[c]
    for c in range(low.size):
        low[c] = 1.0 / low[c]
        high[c] = 1.0 / high[c]


@row()
def nearest_along_axis(slack, column, low, high):
    """Ends along a coordinate that all chains share: each facet cuts one side only."""
    for c in range(low.size):
        low[c] = -inf
        high[c] = inf
    for i in range(column.size):
        room = slack[i]
        if column[i] > 0.0:
            reach = 1.0 / column[i]
            for c in range(high.size):
                t = room[c] * reach
                high[c] = t if t < high[c] else high[c]
        elif column[i] < 0.0:
            reach = 1.0 / column[i]
            for c in range(low.size):
                t = room[c] * reach
                low[c] = t if t > low[c] else low[c]


@row()
def gather_rates(columns, axes, rates):
    """Rates (m, chains) of chains that move along coordinates of their own."""
    for c in range(axes.size):
        column = columns[axes[c]]
        for i in range(column.size):
            rates[i, c] = column[i]


@row()
def move_slack(slack, rates, t, least):
    """Slack −= rate · t."""
    for i in range(least.size):
        room, rate, bottom = slack[i], rates[i], least[i]
        for c in range(t.size):
            left = room[c] - rate[c] * t[c]
            room[c] = bottom if left < bottom else left


@row()
def move_slack_along_axis(slack, column, t, least):
    """Slack −= A_ij · t."""
    for i in range(least.size):
        rate, bottom = column[i], least[i]
        if rate != 0.0:
            room = slack[i]
            for c in range(t.size):
                left = room[c] - rate * t[c]
                room[c] = bottom if left < bottom else left


def project(body, points):
    """As plain Python: a compiled driver cannot call the solver."""
    body.calls[PROJECTION] += points.shape[0]
    identity = np.eye(points.shape[1])
    for c in range(points.shape[0]):
        if not np.isfinite(points[c]).all() or (body.a @ points[c] <= body.b).all():
            continue
        points[c] = quadprog.solve_qp(identity, points[c], -body.columns, -body.b)[0]


def contains(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    for c in range(points.shape[0]):
        out[c] = 1.0
        for i in range(body.b.size):
            reached = 0.0
            for j in range(points.shape[1]):
                reached += body.a[i, j] * points[c, j]
            if not reached <= body.b[i]:
                out[c] = 0.0
                break


def chords(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    transpose(directions, body.turned)
    rates_of(body.a, body.turned, body.rates)
    nearest_facets(body.slack, body.rates, low, high)
    body.last[0] = _RATES


def axis_chords(body, points, axes, low, high):
    body.calls[CHORD] += points.shape[0]
    shared = axes[0]
    for c in range(axes.size):
        if axes[c] != shared:
            shared = _RATES
            break
    if shared >= 0:
        nearest_along_axis(body.slack, body.columns[shared], low, high)
    else:
        gather_rates(body.columns, axes, body.rates)
        nearest_facets(body.slack, body.rates, low, high)
    body.last[0] = shared


def follow(body, points, t):
    if body.last[0] >= 0:
        move_slack_along_axis(body.slack, body.columns[body.last[0]], t, body.least)
    else:
        move_slack(body.slack, body.rates, t, body.least)


def refresh(body, points):
    transpose(points, body.turned)
    rates_of(body.a, body.turned, body.rates)
    slack_of(body.rates, body.b, body.least, body.slack)


class Polytope(Body):
    """{Ax ≤ b} about its Chebyshev centre; refused if it is empty, flat or unbounded.

    ``outer_radius`` is that of the bounding box about the centre: an upper bound.
    """

    name: ClassVar[str] = "polytope"
    serves = Body.serves | {"facets"}
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project, contains, chords, axis_chords, follow, refresh
    )

    def __init__(self, a: FloatArray, b: FloatArray) -> None:
        self.a = np.array(a, dtype=np.float64, order="C")
        self.b = np.array(b, dtype=np.float64)
        if self.a.ndim != 2 or self.b.shape != (self.a.shape[0],) or not self.a.size:
            raise ValueError(
                f"A (m, n) and b (m,) must have as many rows, got {self.a.shape} and {self.b.shape}"
            )
        if not (np.isfinite(self.a).all() and np.isfinite(self.b).all()):
            raise ValueError("A and b must be finite")
        zero = np.flatnonzero(~self.a.any(axis=1))
        if zero.size:
            raise ValueError(f"row {zero[0] + 1} of A is zero, which bounds nothing: leave it out")
        self.dimension = self.a.shape[1]
        self.centre, self.inner_radius = _largest_ball(self.a, self.b)
        self.outer_radius = _outer_radius(self.a, self.b, self.centre)

    def record(self, chains: int, calls: IntArray) -> PolytopeRecord:
        """Facets, and room for the slacks of each chain."""
        m, n = self.a.shape
        return PolytopeRecord(
            a=self.a,
            columns=np.ascontiguousarray(self.a.T),
            b=self.b,
            least=_TINY * (self.b - self.a @ self.centre),
            slack=np.zeros((m, chains)),
            rates=np.zeros((m, chains)),
            turned=np.zeros((n, chains)),
            last=np.full(1, _RATES),
            calls=calls,
        )

    def gauge(self, points: FloatArray) -> FloatArray:
        """Max A_i(x − c) / (b_i − A_i c)."""
        return ((points - self.centre) @ self.a.T / (self.b - self.a @ self.centre)).max(axis=-1)

    def facets(self) -> tuple[FloatArray, FloatArray]:
        """A and b."""
        return self.a, self.b


def _largest_ball(a: FloatArray, b: FloatArray) -> tuple[FloatArray, float]:
    """Centre and radius of the largest ball within, by a linear program."""
    from scipy.optimize import linprog

    n = a.shape[1]
    rows = np.column_stack([a, np.linalg.norm(a, axis=1)])
    found = linprog(
        np.append(np.zeros(n), -1.0), A_ub=rows, b_ub=b, bounds=[(None, None)] * n + [(0, None)]
    )
    if found.status == 3:
        raise ValueError("the polytope is unbounded: it contains balls of any radius")
    if found.status != 0 or not found.x[n] > _TOLERANCE:
        raise ValueError("the polytope is empty or flat: no ball of positive radius lies in it")
    return found.x[:n], float(found.x[n])


def _outer_radius(a: FloatArray, b: FloatArray, centre: FloatArray) -> float:
    """Half diagonal about the centre of the bounding box, by 2n linear programs."""
    from scipy.optimize import linprog

    n = a.shape[1]
    reach = np.zeros(n)
    for j in range(n):
        for sign in (1.0, -1.0):
            objective = np.zeros(n)
            objective[j] = sign
            found = linprog(objective, A_ub=a, b_ub=b, bounds=(None, None))
            if found.status != 0:
                raise ValueError(f"the polytope is unbounded along coordinate {j}")
            reach[j] = max(reach[j], abs(found.x[j] - centre[j]))
    return float(np.linalg.norm(reach))
