"""Certification logs as the authors of randomized smoothing write them, out of an archive.

A log is tab-separated: ``idx label predict radius correct time``, a line an image. ``predict`` −1
is an abstention, radii have three significant digits (four decimals in some), so that "radius
≥ r" is judged on the rounded number, and times read ``0:02:31.238689``, in some
logs seconds.

A log is *whole* when its indices are, in order, those of a published grid: every test image or
every 20th of CIFAR-10, every 100th validation image of ImageNet (or every 2,500th training image).
Others are *partial* or *header-only*: they are named, and never scored as if they were whole.

α is not in a log. An image with all n draws alike has the largest radius there is,
σ Φ⁻¹(α^(1/n)), and with n = 100,000 that is 3.8115 σ at α = 0.001 and 3.9105 σ at α = 0.01; a log
whose largest radius is one of the two tells its α, any other does not.

Source: Cohen, Rosenfeld & Kolter 2019; Salman et al. 2019, github.com/Hadisalman/
smoothing-adversarial at cff781d.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal

import numpy as np

from harness_vision.scores import ABSTAIN, Certificates

__all__ = ["CertificationLog", "LogFault", "Status", "alpha_of", "parse_log", "read_logs"]

Status = Literal["whole", "partial", "header-only"]
COLUMNS = ("idx", "label", "predict", "radius", "correct", "time")
_GRIDS = {
    "cifar10": ((10_000, 1), (10_000, 20)),  # images of the split, every so many
    "imagenet": ((50_000, 100), (1_281_167, 2_500)),
}
_SATURATED = {0.001: 3.81146, 0.01: 3.91051}  # largest radius over σ at n = 100,000, by α
_ROUNDING = 0.0025  # relative, what three significant digits may do to a radius near 4 σ


class LogFault(ValueError):
    """A line that no certification log can have; the message names log and line."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CertificationLog:
    """One log: its certificates, and whether they are all there.

    Parameters
    ----------
    path
        In the archive; it tells method, ε, training and certification noise.
    status
        Whether its images are exactly a published grid.
    alpha
        As its largest radius tells; ``None`` where it doesn't.
    """

    path: str
    certificates: Certificates
    status: Status
    alpha: float | None

    @property
    def sigma(self) -> float:
        """The noise of the certification, from the path."""
        return _sigma(self.path)


def read_logs(archive: Path, wanted: Callable[[str], bool]) -> Iterator[CertificationLog]:
    """The logs of ``archive`` whose path is ``wanted``, in its order.

    Raises
    ------
    LogFault
        At the first line that is none of a log, by name and number.
    """
    with tarfile.open(archive, "r:*") as bundle:
        for member in bundle:
            if not member.isfile() or not wanted(member.name):
                continue
            file = bundle.extractfile(member)
            assert file is not None, "a regular file has content"
            yield _log(member.name, file.read().decode("utf-8", errors="replace"))


def parse_log(path: str, text: str) -> Certificates:
    """The certificates of a log's text; ``path`` names it in faults."""
    lines = text.splitlines()
    header = tuple(lines[0].split("\t")) if lines else ()
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise LogFault(f"{path}:1: there is no column {missing[0]}")
    order = [header.index(column) for column in COLUMNS]
    rows: list[tuple[int, int, int, float, float]] = []
    seen: set[int] = set()
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) != len(header):
            raise LogFault(f"{path}:{number}: {len(fields)} fields, the header has {len(header)}")
        row = _row([fields[place] for place in order], f"{path}:{number}")
        if row[0] in seen:
            raise LogFault(f"{path}:{number}: idx {row[0]} stands twice")
        seen.add(row[0])
        rows.append(row)
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    index, label, prediction = table[:, :3].astype(np.int64).T
    return Certificates(index, label, prediction, table[:, 3], table[:, 4])


def alpha_of(certificates: Certificates, sigma: float) -> float | None:
    """The confidence level that the largest radius is the limit of; ``None``: it is none."""
    if not certificates.radius.size:
        return None
    largest = float(certificates.radius.max()) / sigma
    for alpha, limit in _SATURATED.items():
        if abs(largest / limit - 1.0) <= _ROUNDING:
            return alpha
    return None


def _log(path: str, text: str) -> CertificationLog:
    certificates = parse_log(path, text)
    return CertificationLog(
        path=path,
        certificates=certificates,
        status=_status(path, certificates),
        alpha=alpha_of(certificates, _sigma(path)),
    )


def _status(path: str, certificates: Certificates) -> Status:
    if not certificates.index.size:
        return "header-only"
    # ``…/imagenet/…`` in the path of a CIFAR log would be its pre-training: the last one counts.
    named = [part for part in path.split("/") if part in _GRIDS]
    if not named:
        raise LogFault(f"{path}: its path names neither of {', '.join(_GRIDS)}")
    for images, step in _GRIDS[named[-1]]:
        if np.array_equal(certificates.index, np.arange(0, images, step)):
            return "whole"
    return "partial"


def _sigma(path: str) -> float:
    name = path.rpartition("/")[2]
    try:
        return float(name.removeprefix("sigma_"))
    except ValueError as error:
        raise LogFault(f"{path}: a log is named sigma_ and the noise") from error


def _row(fields: Sequence[str], where: str) -> tuple[int, int, int, float, float]:
    found: dict[str, int] = {}
    for column, told in zip(COLUMNS, fields, strict=True):
        if column in ("idx", "label", "predict", "correct"):
            found[column] = _whole_number(told, column, where)
    radius = _radius(fields[3], where)
    prediction = found["predict"]
    if prediction == ABSTAIN and radius != 0.0:
        raise LogFault(f"{where}: an abstention (predict −1) has radius {fields[3]}")
    if found["correct"] != int(prediction == found["label"]):
        raise LogFault(
            f"{where}: correct is {found['correct']} where predict is {prediction} and label "
            f"{found['label']}"
        )
    return found["idx"], found["label"], prediction, radius, _seconds(fields[5], where)


def _whole_number(told: str, column: str, where: str) -> int:
    try:
        value = int(told)
    except ValueError as error:
        raise LogFault(f"{where}: {column} {told!r} is no whole number") from error
    if value < (ABSTAIN if column == "predict" else 0):
        raise LogFault(f"{where}: {column} is {value}")
    return value


def _radius(told: str, where: str) -> float:
    try:
        value = float(told)
    except ValueError as error:
        raise LogFault(f"{where}: radius {told!r} is no number") from error
    if not isfinite(value) or value < 0.0:
        raise LogFault(f"{where}: radius is {told}")
    return value


def _seconds(told: str, where: str) -> float:
    try:
        if ":" not in told:
            return float(told)
        hours, minutes, seconds = told.split(":")
        return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
    except ValueError as error:
        raise LogFault(f"{where}: time {told!r} is neither h:mm:ss nor seconds") from error
