"""What planning gives: specs (one a task × method × hardware), and cells in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.api.metric import Bound, Metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.suite.model import Suite

__all__ = ["ArtifactSpec", "Plan", "Spec"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactSpec:
    """One artifact to build before the cells that list it.

    ``fields`` are plain JSON values; ``key`` (``at`` and the fields as canonical JSON) is what
    a worker looks an artifact object up by. ``inputs`` are ids of other artifacts of the plan.
    """

    artifact_id: str
    name: str
    at: str
    fields: Mapping[str, Any]
    key: str
    seed: int | None
    suite_seed: int
    inputs: tuple[str, ...]
    device: str
    cpus: int
    gpus: int
    processes: int | None
    timeout_s: float
    memory_bytes: int | None
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """All that cells share which differ in their seed only.

    ``task_params`` and ``method_params`` hold every parameter, defaults included, as plain
    JSON values; ``task_at`` and ``method_at`` are ``module:Class``. ``bounds`` are those of
    the task and the method's guarantees, as planning knows them. ``code_id`` is 16 bytes.
    """

    index: int
    task: str
    task_params: Mapping[str, Any]
    task_at: str
    method: str
    method_params: Mapping[str, Any]
    method_at: str
    label: str
    metrics: tuple[Metric, ...]
    bounds: tuple[Bound, ...]
    suite_seed: int
    hardware: str
    device: str
    cpus: int
    gpus: int
    processes: int | None
    exclusive: bool
    memory_bytes: int | None
    timeout_s: float
    code_id: bytes
    title: str = ""  # the task with the parameters that tell it from others
    plugins: tuple[str, ...] = ()  # paths that a worker must put on its import path
    kernel_cache: str = ""  # folder for compiled kernels, named by code_id, numba and CPU
    artifacts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # seed → artifact ids


@dataclass(slots=True)
class Plan:
    """Every cell of a suite, in columns (30 bytes a cell).

    ``cell_ids`` is (cells, 16) uint8, ``spec`` (cells,) int32 an index into ``specs``,
    ``seed`` (cells,) int64. A cell's number is its row here.
    """

    suite: Suite
    specs: tuple[Spec, ...]
    cell_ids: npt.NDArray[np.uint8]
    spec: npt.NDArray[np.int32]
    seed: npt.NDArray[np.int64]
    artifacts: tuple[ArtifactSpec, ...] = ()  # in an order in which inputs come first

    def __len__(self) -> int:
        return int(self.seed.size)
