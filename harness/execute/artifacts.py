"""Where artifacts lie, building one, and loading one.

``HARNESS_CACHE/artifacts/<id>`` is what ``build`` wrote, ``<id>.json`` what is known of it, each
file's hash among it. The folder comes into being by a rename, after everything in it is on the
disk; one whose files are no longer those that were built is put aside and built anew.
``<id>.lock`` keeps a second process from building beside the first, and ``<id>.checkpoint``
lasts from one try to the next.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite, isnan
from pathlib import Path
from typing import Any, NamedTuple

from harness.api.artifact import Artifact
from harness.api.parameters import build, canonical, plain
from harness.data.locate import cache_folder, locate, sha256_of
from harness.execute.foreign import end_without_gpu, explain, has_lost_gpu, report, status_of
from harness.execute.objects import load_class
from harness.execute.reading import InvalidOutcome
from harness.random.stream import Stream
from harness.store.rows import Status

__all__ = [
    "BuildOrder",
    "Built",
    "LoadedArtifacts",
    "artifact_metrics",
    "build_artifact",
    "is_built",
]

# Loaded artifacts that a process keeps: cells of one job need the same ones again and again,
# and a model may fill much of a worker's memory.
_KEPT = 4

_LOCK_POLL_S = 0.1


class BuildOrder(NamedTuple):
    """All that a worker needs to build an artifact; ``inputs`` maps keys to ids."""

    artifact_id: str
    name: str
    at: str
    fields: Mapping[str, Any]
    seed: int | None
    suite_seed: int
    device: str
    cpus: int
    inputs: Mapping[str, str]


class Built(NamedTuple):
    """What came of an order; ``REUSED``: another process had built it.

    ``message`` says why it failed, or what was damaged and is built anew.
    """

    status: Status
    wall_s: float
    metrics: Mapping[str, float]
    message: str = ""


def artifact_folder(artifact_id: str) -> Path:
    """Where the artifact lies once it is built."""
    return cache_folder() / "artifacts" / artifact_id


def is_built(artifact_id: str) -> bool:
    """Whether the artifact is in the cache, and its files are those that were built."""
    return artifact_folder(artifact_id).is_dir() and _damage(artifact_id) is None


def _damage(artifact_id: str) -> str | None:
    """What is no longer as it was built; hashes are remembered as those of data sets."""
    folder = artifact_folder(artifact_id)
    try:
        known = json.loads(_beside(artifact_id, "json").read_text())
        expected: dict[str, str] = known["files"]
        known["metrics"]
    except (OSError, ValueError, KeyError):
        return f"{folder.name}.json is absent or damaged"
    found = _names_below(folder)
    for name, digest in expected.items():
        if name not in found:
            return f"{folder / name} is gone"
        if sha256_of(folder / name) != digest:
            return f"{folder / name} is no longer what was built"
    return None


def _names_below(folder: Path) -> set[str]:
    return {
        Path(parent, name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder)
        for name in names
    }


def artifact_metrics(artifact_id: str) -> dict[str, float]:
    """What the artifact reported while it was built."""
    metrics: dict[str, float] = json.loads(_beside(artifact_id, "json").read_text())["metrics"]
    return metrics


def _beside(artifact_id: str, suffix: str) -> Path:
    folder = artifact_folder(artifact_id)
    return folder.with_name(f"{folder.name}.{suffix}")


class LoadedArtifacts:
    """The artifacts that this process has loaded, the latest few kept."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def get(self, artifact: Artifact, artifact_id: str) -> Any:
        """The loaded artifact."""
        loaded = self._loaded.pop(artifact_id, None)
        if loaded is None:
            loaded = artifact.load(artifact_folder(artifact_id))
        self._loaded[artifact_id] = loaded  # last again: the first is the one to go
        if len(self._loaded) > _KEPT:
            del self._loaded[next(iter(self._loaded))]
        return loaded


def artifact_key(artifact: Artifact) -> str:
    """What plan and worker call the artifact: its class and its fields."""
    cls = type(artifact)
    return f"{cls.__module__}:{cls.__qualname__} {canonical(plain(artifact))}"


class _Context:
    """What :meth:`Artifact.build` works with; see :class:`harness.api.artifact.BuildContext`."""

    def __init__(self, order: BuildOrder, folder: Path, loaded: LoadedArtifacts) -> None:
        seed = "shared" if order.seed is None else order.seed
        self.folder = folder
        self.stream = Stream("artifact", order.suite_seed, order.name, seed)
        self.checkpoint_dir = _beside(order.artifact_id, "checkpoint")
        self.device = order.device
        self.threads = order.cpus
        self.metrics: dict[str, float] = {}
        self._inputs = order.inputs
        self._loaded = loaded

    def artifact(self, artifact: Artifact) -> Any:
        return self._loaded.get(artifact, declared_id(self._inputs, artifact, "inputs()"))

    def data(self, name: str) -> Path:
        return locate(name)

    def report(self, metric: str, value: float) -> None:
        number = float(value)
        if not isfinite(number):
            raise InvalidOutcome(f'metric "{metric}" is {"NaN" if isnan(number) else "infinite"}')
        self.metrics[str(metric)] = number


def declared_id(known: Mapping[str, str], artifact: Artifact, where: str) -> str:
    """The id of an artifact that was declared in ``where``."""
    key = artifact_key(artifact)
    if key not in known:
        raise InvalidOutcome(
            f"artifact {artifact!r} was asked for but is not declared in {where}: "
            "only what is declared there is built beforehand"
        )
    return known[key]


def build_artifact(
    order: BuildOrder,
    loaded: LoadedArtifacts,
    waiting: Callable[[], None],
    *,
    is_debugged: bool = False,
    is_worker: bool = False,
) -> Built:
    """Build the artifact, unless it is there.

    ``waiting`` is called again and again while another process holds the lock.
    ``is_debugged`` lets what ``build`` raises through; it is told in the answer otherwise.
    ``is_worker`` ends the process when its GPU is lost.
    """
    started = time.monotonic()
    folder = artifact_folder(order.artifact_id)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(_beside(order.artifact_id, "lock"), waiting):
            damage = _damage(order.artifact_id) if folder.is_dir() else ""
            if damage is None:
                return Built(Status.REUSED, 0.0, artifact_metrics(order.artifact_id))
            if damage:
                _put_aside(folder)
            built = _build(order, folder, loaded)
            return built._replace(message=f"{damage}: built anew") if damage else built
    # Foreign code: a build that fails is told once, and its cells become failed.
    except (Exception, SystemExit) as error:
        if is_debugged:
            raise
        report(error)
        if is_worker and has_lost_gpu(error):
            end_without_gpu()
        return Built(status_of(error), time.monotonic() - started, {}, explain(error))


def _build(order: BuildOrder, folder: Path, loaded: LoadedArtifacts) -> Built:
    started = time.monotonic()
    temporary = _beside(order.artifact_id, "building")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    context = _Context(order, temporary, loaded)
    context.checkpoint_dir.mkdir(exist_ok=True)
    artifact = build(load_class(order.at), order.fields)
    artifact.build(context)
    wall_s = time.monotonic() - started
    known = {"name": order.name, "fields": order.fields, "wall_s": wall_s}
    known["metrics"] = context.metrics
    known["files"] = {name: sha256_of(temporary / name) for name in sorted(_names_below(temporary))}
    _write_synced(_beside(order.artifact_id, "json"), known)
    _sync_tree(temporary)
    temporary.rename(folder)
    _sync(folder.parent)
    shutil.rmtree(context.checkpoint_dir, ignore_errors=True)
    return Built(Status.OK, wall_s, context.metrics)


def _put_aside(folder: Path) -> None:
    """Make room, and keep what may have taken days."""
    aside = folder.with_name(f"{folder.name}.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)


@contextmanager
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of ``path``; it goes with the process, so it is never stale."""
    import fcntl

    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(_LOCK_POLL_S)
        yield


def _write_synced(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def _sync_tree(folder: Path) -> None:
    """Put a folder on the disk before its name says that it is whole."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
