"""Certificates of a part of the images on disk, so that a killed certification goes on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from harness_vision.certification.certify import Certification

__all__ = ["read_part", "write_part"]


def read_part(path: Path) -> Certification | None:
    """What :func:`write_part` wrote; ``None`` where it never finished."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as found:
        columns = {name: found[name] for name in Certification._fields}
    return Certification(**columns | {"reasons": tuple(columns["reasons"].tolist())})


def write_part(path: Path, part: Certification) -> None:
    """Write under another name, then rename: a torn file is never read."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, **part._asdict())
    os.replace(unfinished, path)
