"""Two of LIBSVM's data sets, declared; nothing heavy is imported here."""

from __future__ import annotations

from harness.data import DataSet

__all__ = ["A1A", "HEART"]

A1A = DataSet(
    name="libsvm-a1a",
    path="libsvm/a1a",
    sha256="eb54c45f1bdb51286f803dd092eb8202b44637a858fc6c4e533a2d64a0d94b4e",
    bytes=114818,
    licence="CC BY 4.0",
    source="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary.html",
    description="Adult (UCI), LIBSVM's first part: 1,605 rows, 123 binary features",
)
HEART = DataSet(
    name="libsvm-heart",
    path="libsvm/heart_scale",
    sha256="5defa0a4c4c5bdaf3f55ae3828310252e8565c13ee37ce279e0b86d82e7f4ce9",
    bytes=27670,
    licence="CC BY 4.0",
    source="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary.html",
    description="Statlog heart (UCI), scaled by LIBSVM: 270 rows, 13 features",
)
