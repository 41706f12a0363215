"""Projections onto the ball that answers must lie in, as the methods' steps call them."""

from __future__ import annotations

from math import inf, sqrt

__all__ = ["project", "project_onto"]


def project(radius, point):
    """Scale ``point`` into the ball of this radius around 0."""
    square = 0.0
    for c in range(point.size):
        square += point[c] * point[c]
    if square > radius * radius:
        scale = radius / sqrt(square)
        for c in range(point.size):
            point[c] *= scale


def project_onto(radius, point, out):
    """Write the projection of ``point`` onto the ball; ``point`` stays."""
    for c in range(point.size):
        out[c] = point[c]
    if radius < inf:
        project(radius, out)
