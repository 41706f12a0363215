"""The machine as it is: what can be read without a library, cheap enough for every run."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["Machine", "observe"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was observed. ``fingerprint`` is equal on machines whose times compare."""

    system: str
    arch: str
    cpu_model: str
    cpus: int
    memory_bytes: int
    gpus: tuple[str, ...]
    python: str
    limits: str  # "watching" or "cgroup": how memory limits are held here

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits of what decides times: not the host's name."""
        parts = (self.system, self.arch, self.cpu_model, str(self.cpus), *self.gpus)
        return blake2b("|".join(parts).encode(), digest_size=6).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """For ``run.json``, the fingerprint included."""
        return {**asdict(self), "fingerprint": self.fingerprint}


def observe() -> Machine:
    """The machine that this process runs on."""
    return Machine(
        system=platform.system(),
        arch=platform.machine(),
        cpu_model=_cpu_model(),
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cpu_count(),
        memory_bytes=_memory_bytes(),
        gpus=_gpus(),
        python=platform.python_version(),
        limits="watching",
    )


def _cpu_count() -> int:
    return os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _memory_bytes() -> int:
    """Physical memory, or the control group's limit where that is lower."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def _gpus() -> tuple[str, ...]:
    """Models of the GPUs that the driver shows; none without a driver."""
    folder = Path("/proc/driver/nvidia/gpus")
    if not folder.is_dir():
        return ()
    models = []
    for place in sorted(folder.iterdir()):
        for line in (place / "information").read_text().splitlines():
            if line.startswith("Model:"):
                models.append(line.split(":", 1)[1].strip())
    return tuple(models)
