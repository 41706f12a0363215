"""Bodies, targets and methods that test modules share, so that each kernel compiles once."""

from math import sqrt

import numpy as np

from harness_sampling.ball import Ball
from harness_sampling.ball_walk import BallWalk
from harness_sampling.box import Box
from harness_sampling.box_ball import BoxBall
from harness_sampling.dikin_walk import DikinWalk
from harness_sampling.dirichlet import Dirichlet
from harness_sampling.ellipsoid import Ellipsoid
from harness_sampling.gaussian import Gaussian
from harness_sampling.hit_and_run import CoordinateHitAndRun, HitAndRun
from harness_sampling.intersection import Intersection
from harness_sampling.l1_ball import L1Ball
from harness_sampling.mirrored_langevin import MirroredLangevin
from harness_sampling.myula import MYULA
from harness_sampling.polytope import Polytope
from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.simplex import SimplexFace, SolidSimplex
from harness_sampling.uniform import Uniform


def drawn_polytope(dimension, facets=12, seed=3):
    """{Ax ≤ 1} with normals on the sphere, and a box so that it is bounded."""
    rows = np.random.default_rng(seed).standard_normal((facets, dimension))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    identity = np.eye(dimension)
    a = np.concatenate([rows, identity, -identity])
    return Polytope(a, np.concatenate([np.ones(facets), np.full(2 * dimension, 1.4)]))


def drawn_ellipsoid(dimension, seed=4):
    """A rotated ellipsoid off the origin."""
    generator = np.random.default_rng(seed)
    root = generator.standard_normal((dimension, dimension))
    matrix = root @ root.T + 0.3 * np.eye(dimension)
    return Ellipsoid((matrix + matrix.T) / 2, generator.standard_normal(dimension))


def bodies_of(dimension):
    """One of each kind."""
    low = -1.0 - np.arange(dimension) / dimension
    return [
        Box(low, low + 1.5),
        Ball(dimension, 0.8),
        SimplexFace(dimension, 1.5),
        SolidSimplex(dimension, 2.0),
        L1Ball(dimension, 1.2),
        drawn_ellipsoid(dimension),
        BoxBall(dimension, 1.0, 0.5 + 0.5 * sqrt(dimension)),
        drawn_polytope(dimension),
        Intersection(
            (Ball(dimension, 1.2), Box(np.full(dimension, -1.0), np.full(dimension, 1.0)))
        ),
    ]


_FACE = SimplexFace(4)
_ALPHA = Dirichlet(np.array([0.7, 1.0, 2.0, 3.0]))

CASES = {
    "langevin": (
        ProjectedLangevin(eta=0.05),
        Box(np.full(4, -1.0), np.full(4, 1.0)),
        Gaussian(2.0),
    ),
    "hit-and-run": (HitAndRun(), drawn_polytope(4), Uniform()),
    "cyclic": (CoordinateHitAndRun(), drawn_polytope(4), Uniform()),
    "random-order": (CoordinateHitAndRun(order="random"), drawn_polytope(4), Uniform()),
    "ball-walk": (BallWalk(delta=0.5), BoxBall(4, 1.0, 1.3), Gaussian(2.0)),
    "dikin": (DikinWalk(rho=0.8), _FACE, _ALPHA),
    "myula": (MYULA(gamma=0.004), Ball(4, 1.0), Gaussian(2.0)),
    "mirrored": (MirroredLangevin(eta=0.05), _FACE, _ALPHA),
}
