"""Whether this machine can give what a declared class asks for."""

from __future__ import annotations

from typing import Protocol

from harness.hardware.observe import Machine

__all__ = ["Requirement", "unmet"]


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
        lacks.append(f"needs {wanted.gpus} gpus, has {len(machine.gpus)}")
    model = wanted.gpu_model
    if model is not None and not any(model.lower() in gpu.lower() for gpu in machine.gpus):
        lacks.append(f'needs a GPU "{model}", has {", ".join(machine.gpus) or "none"}')
    if wanted.arch is not None and wanted.arch != machine.arch:
        lacks.append(f"needs {wanted.arch}, is {machine.arch}")
    return lacks


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
