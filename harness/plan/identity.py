"""What makes two cells the same cell, and two results results of the same code.

``cell_id`` names the question (suite seed, task, method, their parameters, seed, device kind),
``code_id`` the code that answers it. Both are 16 bytes. Parameters at their defaults are left
out, so that a new parameter with a default changes no id; a changed default changes the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from harness.api.parameters import canonical
from harness.plan.sources import CodeReader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["CONTRACT", "ID_BYTES", "Identity", "artifact_id", "cell_ids"]

ID_BYTES = 16

# Raised by hand when harness.api or the way in which evaluate() is driven changes what a
# cell's numbers mean; the golden outcomes in the tests fail until it is.
CONTRACT = 1


def cell_ids(
    suite_seed: int,
    task: tuple[str, Mapping[str, Any]],
    method: tuple[str, Mapping[str, Any]],
    device: str,
    seeds: Sequence[int],
) -> npt.NDArray[np.uint8]:
    """The ids of the cells of one spec: ``(len(seeds), 16)`` uint8.

    ``task`` and ``method`` are names with the parameters that differ from their defaults.
    The common part is hashed once and copied: 0.6 µs a cell.
    """
    import numpy as np

    common = blake2b(digest_size=ID_BYTES)
    common.update(canonical([suite_seed, *task, *method, device]).encode())
    ids = bytearray()
    for seed in seeds:
        own = common.copy()
        own.update(b"%d" % seed)
        ids += own.digest()
    return np.frombuffer(bytes(ids), dtype=np.uint8).reshape(len(seeds), ID_BYTES)


def artifact_id(
    name: str,
    fields: Mapping[str, Any],
    suite_seed: int,
    seed: int | None,
    code: bytes,
    device: str,
) -> str:
    """The id of an artifact: known before it is built, so never of its content."""
    text = canonical([name, fields, suite_seed, seed, device])
    return blake2b(text.encode() + code, digest_size=ID_BYTES).hexdigest()


class Identity:
    """Answers for the code of things, reading every module once.

    Parameters
    ----------
    plugin_packages
        Top-level packages of all plugins.
    data_sets
        sha256 of each declared data set by name.
    """

    def __init__(self, plugin_packages: Iterable[str], data_sets: Mapping[str, str]) -> None:
        self._reader = CodeReader(plugin_packages)
        self._data_sets = data_sets
        self._known: dict[tuple[str, ...], bytes] = {}

    def code_id(self, *classes: type[Any]) -> bytes:
        """16 bytes of the code that can change what these classes compute together."""
        modules = tuple(sorted({base for cls in classes for base in _modules(cls)}))
        if modules not in self._known:
            digest = blake2b(b"contract %d" % CONTRACT, digest_size=ID_BYTES)
            digest.update(self._reader.digest(modules, self._data_sets))
            self._known[modules] = digest.digest()
        return self._known[modules]


def _modules(cls: type[Any]) -> set[str]:
    """Modules of a class and of the classes that it inherits from, but for the contracts."""
    return {
        base.__module__
        for base in cls.__mro__
        if not base.__module__.startswith(("harness.api", "builtins", "abc", "typing"))
    }
