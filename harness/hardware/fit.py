"""Whether this machine can give what a declared class asks for."""

from __future__ import annotations

from typing import Protocol

from harness.hardware.observe import Machine

__all__ = ["Requirement", "told_gpus", "unmet"]


class Requirement(Protocol):
    """The fields of a hardware class that are requirements."""

    @property
    def cpus(self) -> int: ...  # noqa: D102
    @property
    def memory_bytes(self) -> int | None: ...  # noqa: D102
    @property
    def gpus(self) -> int: ...  # noqa: D102
    @property
    def gpu_model(self) -> str | None: ...  # noqa: D102
    @property
    def arch(self) -> str | None: ...  # noqa: D102


def unmet(wanted: Requirement, machine: Machine) -> list[str]:
    """What the machine lacks, each as "needs …, has …"; empty when it fits."""
    lacks = []
    if wanted.cpus > machine.cpus:
        lacks.append(f"needs {wanted.cpus} cpus, has {machine.cpus}")
    if wanted.memory_bytes is not None and wanted.memory_bytes > machine.memory_bytes:
        lacks.append(
            f"needs {_gib(wanted.memory_bytes)} of memory, has {_gib(machine.memory_bytes)}"
        )
    if wanted.gpus > len(machine.gpus):
        lacks.append(f"needs {told_gpus(wanted.gpus)}, has {len(machine.gpus)}")
    model = wanted.gpu_model
    others = [gpu for gpu in machine.gpus if model and model.lower() not in gpu.lower()]
    if model is not None and (others or not machine.gpus):
        way = " (CUDA_VISIBLE_DEVICES chooses)" if len(others) < len(machine.gpus) else ""
        lacks.append(f'needs GPUs "{model}", has {", ".join(machine.gpus) or "none"}{way}')
    if wanted.arch is not None and wanted.arch != machine.arch:
        lacks.append(f"needs {wanted.arch}, is {machine.arch}")
    return lacks


def told_gpus(count: int) -> str:
    """``1 gpu``, ``2 gpus``."""
    return f"{count} gpu{'' if count == 1 else 's'}"


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
