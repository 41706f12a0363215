"""Names of methods, tasks and claim plugins, looked up once, and calls into their code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from harness.errors import PluginError
from harness.suite.document import Faults, Place
from harness.suite.parameters import ParameterTable

__all__ = ["Catalogue", "Refusal", "SuiteRegistry", "attempt"]

T = TypeVar("T")
ThingKind = Literal["method", "task", "claim"]


class SuiteRegistry(Protocol):
    """What a suite asks of the registry."""

    def method_names(self) -> list[str]:
        """All methods."""

    def task_names(self) -> list[str]:
        """All tasks."""

    def claim_names(self) -> list[str]:
        """All claim plugins."""

    def method(self, name: str) -> type[Any]:
        """A method's class; ``KeyError`` when unknown, ``PluginError`` when it fails."""

    def task(self, name: str) -> type[Any]:
        """A task's class; raises as ``method``."""

    def claim(self, name: str) -> type[Any]:
        """A claim plugin's class; raises as ``method``."""

    def published(self) -> list[tuple[str, Any]]:
        """Names of plugins with the published figures that they bring; raises ``PluginError``."""

    def missing(self, name: str) -> str:
        """The command that installs what ``name`` needs, empty where nothing is missing."""

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Register plugins by path; raises ``PluginError``."""


class Refusal(NamedTuple):
    """What a plugin's code raised instead of answering.

    ``is_verdict``: a ``ValueError``, with which a plugin refuses what it was given; anything
    else is a fault of the plugin's own.
    """

    message: str
    is_verdict: bool


def attempt(call: Callable[..., T], *arguments: Any) -> T | Refusal:
    """What a plugin's code answers, or what it raised."""
    try:
        return call(*arguments)
    except ValueError as error:
        return Refusal(str(error) or "it gives no reason", is_verdict=True)
    # A constructor or a check of somebody else's: whatever it raises is told at the name in
    # the suite, beside the file's other faults.
    except Exception as error:  # noqa: BLE001
        return Refusal(f"{type(error).__name__}: {error}", is_verdict=False)


class Catalogue:
    """Classes by name with the tables of their parameters; each is looked up once.

    Where a plugin of the suite is broken, names that nobody has are likely its own: they are
    not told beside its fault.
    """

    def __init__(self, registry: SuiteRegistry, *, is_complete: bool = True) -> None:
        self._registry = registry
        self._is_complete = is_complete
        self._known: dict[tuple[ThingKind, str], ParameterTable | PluginError | None] = {}

    def names(self, kind: ThingKind) -> list[str]:
        """All names of a kind."""
        registry = self._registry
        named = {
            "method": registry.method_names,
            "task": registry.task_names,
            "claim": registry.claim_names,
        }
        return named[kind]()

    def find(
        self, kind: ThingKind, name: str, place: Place, faults: Faults
    ) -> ParameterTable | None:
        """The parameters of a name; ``None`` where there is none or it fails, which is told."""
        if (kind, name) not in self._known:
            self._known[kind, name] = self._looked_up(kind, name)
        found = self._known[kind, name]
        if isinstance(found, ParameterTable):
            return found
        if found is not None:
            faults.add(place, str(found), f"mend or remove the plugin of {name}")
        elif install := self._registry.missing(name):
            faults.add(place, f'no {kind} is called "{name}" here', f"not installed: {install}")
        elif self._is_complete:
            message = f'no {kind} is called "{name}"'
            faults.unknown(place, message, name, self.names(kind), f"all: harness list {kind}s")
        return None

    def _looked_up(self, kind: ThingKind, name: str) -> ParameterTable | PluginError | None:
        registry = self._registry
        lookup = {"method": registry.method, "task": registry.task, "claim": registry.claim}
        try:
            return ParameterTable(lookup[kind](name), name, says_owner=kind != "task")
        except KeyError:
            return None
        except PluginError as error:
            return error
