"""The machine as it is: what can be read without a library, cheap enough for every run."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["Machine", "observe", "visible_gpus"]

_DRIVER = Path("/proc/driver/nvidia/gpus")
_CONTROL = Path("/dev/nvidiactl")
_ASK_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What was observed. ``fingerprint`` is equal on machines whose times compare.

    ``cpus`` and ``gpus`` are those that this process may use.
    """

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


def visible_gpus(most: int | None = None) -> list[str]:
    """Names of the GPUs that may be used, as ``CUDA_VISIBLE_DEVICES`` takes them.

    ``most`` caps their number. Where no driver tells of any, the user's word counts.
    """
    cards = _cards()
    names = [name for name, _ in _visible(cards)] if cards else _chosen() or []
    return names[:most]


def _gpus() -> tuple[str, ...]:
    """Models of the GPUs that may be used; none without a driver."""
    return tuple(model for _, model in _visible(_cards()))


def _visible(cards: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(Name, model) of the cards that the user left visible."""
    named = _chosen()
    if named is None:
        return [(str(place), model) for place, (model, _) in enumerate(cards)]
    found: dict[str, str] = {}
    for name in named:
        model = _model(name, cards)
        if not model:
            break  # CUDA looks no further, either
        found.setdefault(name, model)
    return list(found.items())


def _chosen() -> list[str] | None:
    """The user's choice; ``None`` where there is none."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (
        None if visible is None else [name for each in visible.split(",") if (name := each.strip())]
    )


def _model(name: str, cards: Sequence[tuple[str, str]]) -> str:
    """The model of a visible GPU, by number or by the start of its UUID; empty: none such.

    A part of one (``MIG-…``, as Slurm gives it) does not say of which card it is.
    """
    if name.startswith("MIG-"):
        models = {model for model, _ in cards}
        return f"{models.pop()} MIG" if len(models) == 1 else "MIG" if models else ""
    if name.isdigit():
        return cards[int(name)][0] if int(name) < len(cards) else ""
    return next((model for model, uuid in cards if uuid.startswith(name)), "")


def _cards() -> list[tuple[str, str]]:
    """(Model, UUID) of each GPU, in the order that workers are told to use."""
    if _DRIVER.is_dir():
        texts = [(place / "information").read_text() for place in sorted(_DRIVER.iterdir())]
        return [(_value(text, "Model"), _value(text, "GPU UUID")) for text in texts]
    # Sandboxes may hide the driver's folder; the question costs up to a second, once.
    if _CONTROL.exists():
        return _asked_driver()
    return []


def _value(text: str, key: str) -> str:
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), "")


@cache
def _asked_driver() -> list[tuple[str, str]]:
    command = ["nvidia-smi", "--query-gpu=name,uuid", "--format=csv,noheader"]
    try:
        told = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_ASK_S
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.rpartition(",") for line in told.splitlines())
    return [(model.strip(), uuid.strip()) for model, _, uuid in rows if model]
