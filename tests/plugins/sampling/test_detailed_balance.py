"""Kernels on small discretised bodies, from the samplers' own code, against π_i P_ij = π_j P_ji.

A proposal is steered: the draws that a step makes are replaced by those that lead from one grid
point to another, so that the step itself says with which probability it goes there.
"""

from __future__ import annotations

from itertools import product
from math import exp, log, pi, sqrt

import numpy as np
import pytest
from scipy.special import ndtr

from harness_sampling import ball_walk, dikin_walk
from harness_sampling.ball_walk import BallWalk
from harness_sampling.box import Box
from harness_sampling.dikin_walk import DikinWalk, cholesky_of
from harness_sampling.problem import facts_of, no_calls
from harness_sampling.sampler import Oracles
from harness_sampling.simplex import SolidSimplex
from harness_sampling.tilt import Tilt
from harness_sampling.uniform import Uniform

LINE = Box(np.array([-1.0]), np.array([1.0]))
TARGETS = {"uniform": Uniform(), "tilted": Tilt(np.array([2.0]))}
WIDTH = 2 / 9
GRID = -1 + WIDTH * (np.arange(9) + 0.5)


def weights(target):
    """π of the grid."""
    values = np.zeros(9)
    target.oracles.potential(target.record(9, no_calls()), GRID[:, None], values)
    masses = np.exp(-values)
    return masses / masses.sum()


def largest_flaw(masses, kernel):
    """Largest |π_i P_ij − π_j P_ji|."""
    flow = masses[:, None] * kernel
    return np.abs(flow - flow.T).max()


def whole(rates):
    """A kernel from the rates off the diagonal: what is left stays."""
    np.fill_diagonal(rates, 0.0)
    assert (rates.sum(axis=1) <= 1).all()
    return rates + np.diag(1 - rates.sum(axis=1))


class Steered:
    """One step of a walk from x, with draws of our choice."""

    def __init__(self, module, method, target, monkeypatch):
        self.method, self.target = method, target
        self.facts = facts_of(LINE, target, 1)
        state = method.state(self.facts)
        # In double precision the steered proposal hits its grid point.
        self.state = state._replace(noise=np.zeros((1, 1)))
        self.noise = self.radius = self.accept = 0.0
        monkeypatch.setattr(module, "fill_normals", self._normals)
        monkeypatch.setattr(module, "fill_uniforms", self._uniforms)

    def _normals(self, out, key, k, tag):
        out[:] = self.noise

    def _uniforms(self, out, key, k, tag):
        out[:] = self.radius if tag == 1 else self.accept

    def goes(self, x, noise, accept, radius=0.0):
        """Whether the step leaves x, and where it proposed to go."""
        self.noise, self.radius, self.accept = noise, radius, accept
        point = np.array([[x]])
        calls = no_calls()
        body, target = LINE.record(1, calls), self.target.record(1, calls)
        parameters = self.method.parameters(self.facts)
        of_body = LINE.oracles._asdict()
        del of_body["refresh"]
        oracles = Oracles(**self.target.oracles._asdict(), **of_body)
        self.method.step(parameters, self.facts, 1, 0, self.state, point, oracles, target, body)
        return point[0, 0] != x, self.state.proposal[0, 0]

    def acceptance(self, x, y, noise, gain, radius=0.0):
        """Min(1, e^gain), once the step was seen to take it: more than that it refuses."""
        chance = min(1.0, exp(gain))
        goes, proposed = self.goes(x, noise, chance * (1 - 1e-12), radius)
        assert goes
        assert proposed == pytest.approx(y, abs=1e-14)
        if chance < 1 - 1e-9:
            assert not self.goes(x, noise, chance * (1 + 1e-12), radius)[0]
        return chance


def ball_kernel(target, monkeypatch, reach=3):
    """Proposals uniform over the ``reach`` neighbours on both sides."""
    delta = reach * WIDTH
    walk = Steered(ball_walk, BallWalk(delta=delta), target, monkeypatch)
    log_masses = np.log(weights(target))
    rates = np.zeros((9, 9))
    for i, j in product(range(9), range(9)):
        if 0 < abs(i - j) <= reach:
            gain = log_masses[j] - log_masses[i]
            radius = abs(i - j) * WIDTH / delta
            chance = walk.acceptance(GRID[i], GRID[j], float(np.sign(j - i)), gain, radius)
            rates[i, j] = chance / (2 * reach + 1)
    return whole(rates)


def dikin_kernel(target, monkeypatch, is_corrected=True):
    """Proposals N(x, ρ²/H(x)) on the grid, H by the walk's own Cholesky factor."""
    rho = 0.8
    method = DikinWalk(rho=rho)
    walk = Steered(dikin_walk, method, target, monkeypatch)
    facets = method.parameters(walk.facts).facets
    log_masses, factor = np.log(weights(target)), np.zeros((1, 1))
    roots = []
    for x in GRID:
        cholesky_of(walk.facts, facets, np.array([x]), factor)
        roots.append(factor[0, 0])
    rates = np.zeros((9, 9))
    for i, j in product(range(9), range(9)):
        if i == j:
            continue
        densities = [
            log(roots[at]) - log(rho * sqrt(2 * pi)) - 0.5 * (roots[at] * away / rho) ** 2
            for at, away in ((i, GRID[j] - GRID[i]), (j, GRID[i] - GRID[j]))
        ]
        gain = log_masses[j] - log_masses[i] + (densities[1] - densities[0]) * is_corrected
        noise = (GRID[j] - GRID[i]) * roots[i] / rho
        chance = walk.acceptance(GRID[i], GRID[j], noise, gain) if is_corrected else 1.0
        rates[i, j] = exp(densities[0]) * WIDTH * chance
    return whole(rates)


@pytest.mark.parametrize("name", TARGETS)
def test_the_ball_walk_is_in_detailed_balance(name, monkeypatch):
    target = TARGETS[name]
    kernel = ball_kernel(target, monkeypatch)
    assert largest_flaw(weights(target), kernel) < 1e-14
    assert kernel[4, 5] > 0.05


@pytest.mark.parametrize("name", TARGETS)
def test_the_dikin_walk_is_in_detailed_balance(name, monkeypatch):
    target = TARGETS[name]
    assert largest_flaw(weights(target), dikin_kernel(target, monkeypatch)) < 1e-14


def test_a_dikin_walk_that_accepts_everything_is_not(monkeypatch):
    kernel = dikin_kernel(TARGETS["uniform"], monkeypatch, is_corrected=False)
    assert largest_flaw(weights(TARGETS["uniform"]), kernel) > 1e-3


def test_projected_langevin_is_not_in_detailed_balance_on_the_grid():
    # Cells of the grid, the noise's mass beyond either end projected on it.
    edges = np.concatenate(([-np.inf], GRID[:-1] + WIDTH / 2, [np.inf]))
    assert LINE.project(np.array([3.0])) == 1.0
    kernel = np.diff(ndtr((edges - GRID[:, None]) / 0.5), axis=1)
    assert kernel.sum(axis=1) == pytest.approx(1.0)
    assert largest_flaw(weights(TARGETS["uniform"]), kernel) > 1e-3


# Coordinate hit-and-run on the grid points of a triangle, its chords the body's own.
TRIANGLE = SolidSimplex(2, 1.0)
PLACES = [(i, j) for i in range(9) for j in range(9) if i + j < 9]
POINTS = (np.array(PLACES) + 0.5) / 10


def along_axis(axis):
    """Each point to all points of the grid on its chord, with equal probability."""
    calls = no_calls()
    low, high = np.zeros(len(POINTS)), np.zeros(len(POINTS))
    record = TRIANGLE.record(len(POINTS), calls)
    axes = np.full(len(POINTS), axis)
    TRIANGLE.oracles.axis_chords(record, POINTS, axes, low, high)
    moved = POINTS[None, :, :] - POINTS[:, None, :]
    other = 1 - axis
    is_near = (moved[..., axis] > low[:, None]) & (moved[..., axis] < high[:, None])
    kernel = ((np.abs(moved[..., other]) < 1e-12) & is_near).astype(float)
    return kernel / kernel.sum(axis=1, keepdims=True)


def test_coordinates_at_random_are_in_detailed_balance_and_in_turn_leave_the_law_only():
    uniform = np.full(len(POINTS), 1 / len(POINTS))
    one, other = along_axis(0), along_axis(1)
    assert largest_flaw(uniform, (one + other) / 2) < 1e-14
    assert largest_flaw(uniform, one @ other) > 1e-4
    assert uniform @ one @ other == pytest.approx(uniform, abs=1e-14)
