"""Two of LIBSVM's data sets, declared; nothing heavy is imported here."""

from __future__ import annotations

from harness.data import DataSet

__all__ = ["A9A", "AGARICUS"]

A9A = DataSet(
    name="libsvm-a9a",
    path="libsvm/a9a",
    sha256="f5d5ffd8d865ff41328e7ee043e4b020816914ff6843ff15b98905ddbedce906",
    bytes=2329875,
    licence="CC BY 4.0",
    source="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary.html",
    description="Adult (UCI) as LIBSVM has it: 32,561 rows, 123 binary features",
)
AGARICUS = DataSet(
    name="libsvm-agaricus",
    path="libsvm/agaricus.txt.train",
    sha256="915c2def06e9b44a306ad097fe8b6652c7c477d9c1e605bd2130ad20a70a8ad6",
    bytes=742257,
    licence="CC BY 4.0",
    source="https://github.com/dmlc/xgboost/tree/master/demo/data",
    description="Mushroom (UCI), xgboost's training part: 6,513 rows, 126 binary features",
)
