"""The part of a picture that a network of fixed size sees: boxes, without the pixels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["DRAWS", "Box", "central", "random_area", "size_at"]

# Numbers in [0, 1) that one random area takes: an area, a shape and a place for each try.
DRAWS = (10, 4)
_AREA = (0.08, 1.0)
_SHAPE = (3 / 4, 4 / 3)


class Box(NamedTuple):
    """Pixels from the left and the top; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int


def size_at(width: int, height: int, shorter: int) -> tuple[int, int]:
    """Width and height with ``shorter`` pixels on the shorter side."""
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def central(width: int, height: int, side: int) -> Box:
    """The square of ``side`` pixels in the middle."""
    left, top = round((width - side) / 2), round((height - side) / 2)
    return Box(left, top, left + side, top + side)


def random_area(width: int, height: int, draws: npt.NDArray[np.float64]) -> Box:
    """A random part of 8 to 100 % of the picture, between 3 : 4 and 4 : 3 in shape.

    Area and logarithm of the shape are uniform; the first try that lies within the picture is
    taken, and where none of ten does, as much of the middle as the shapes allow.

    Parameters
    ----------
    draws
        :data:`DRAWS` uniform numbers in [0, 1).

    Notes
    -----
    Szegedy et al. 2015, Section 6; the bounds and the ten tries are torchvision's
    ``RandomResizedCrop``, which the official code trains with.
    """
    lowest, highest = map(math.log, _SHAPE)
    for of_area, of_shape, down, across in draws:
        area = width * height * (_AREA[0] + of_area * (_AREA[1] - _AREA[0]))
        shape = math.exp(lowest + of_shape * (highest - lowest))
        wide, high = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < wide <= width and 0 < high <= height:
            left, top = int(across * (width - wide + 1)), int(down * (height - high + 1))
            return Box(left, top, left + wide, top + high)
    wide, high = width, height
    if width / height < _SHAPE[0]:
        high = round(width / _SHAPE[0])
    elif width / height > _SHAPE[1]:
        wide = round(height * _SHAPE[1])
    left, top = (width - wide) // 2, (height - high) // 2
    return Box(left, top, left + wide, top + high)
