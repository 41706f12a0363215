"""Names to the things they stand for: lazy, over pluggy and the entry points of the group.

An entry point is a module of hooks (``bandits = "harness_bandits"``) or one method, task or
claim (``"bandits/lucky" = "lucky:Lucky"``). Hooks give names and places; the module of a thing
is imported when the thing is first asked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.errors import PluginError, nearest

__all__ = ["GROUP", "Plugin", "Registry", "Thing", "attempt", "first_line", "source_path", "told"]

GROUP = "harness"
T = TypeVar("T")
ThingKind = Literal["method", "task", "claim", "kind", "dataset", "executor"]
_HOOK_OF: Mapping[ThingKind, str] = {
    "method": "harness_methods",
    "task": "harness_tasks",
    "claim": "harness_claims",
    "kind": "harness_kinds",
    "dataset": "harness_datasets",
    "executor": "harness_executors",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin as found: its name, where it comes from, and what is wrong with it."""

    name: str
    origin: str  # distribution and version, or the path given in a suite
    fault: str = ""
    install: str = ""  # the command that would make it work


@dataclass(frozen=True, slots=True)
class Thing:
    """A registered name: what it is, where it lives, whose it is."""

    name: str
    kind: ThingKind
    at: str  # "module:Class"
    plugin: str


class Registry:
    """All plugins of this environment, and those that a suite names by path.

    Finding them is put off to the first question; a plugin that fails is kept with its fault
    and breaks nothing else.
    """

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        self._given = found
        self._paths: list[Path] = []
        self.plugin_files: list[Path] = []  # what plugins: of a suite named

    @cached_property
    def _content(self) -> _Content:
        content = _Content()
        entries = entry_points(group=GROUP) if self._given is None else self._given
        for entry in sorted(entries, key=lambda each: each.name):
            content.add_entry(entry)
        return content

    @property
    def plugins(self) -> list[Plugin]:
        """Every plugin found, with its fault where it has one."""
        return list(self._content.plugins.values())

    @property
    def hook(self) -> Any:
        """The pluggy caller, for hooks that are events."""
        return self._content.manager.hook

    @property
    def paths(self) -> tuple[Path, ...]:
        """Folders that ``plugins:`` of a suite put on the import path, for workers."""
        return tuple(self._paths)

    def things(self, kind: ThingKind) -> dict[str, Thing]:
        """Everything of one kind, by name."""
        return self._content.things(kind)

    def method_names(self) -> list[str]:
        """All methods, sorted."""
        return sorted(self.things("method"))

    def task_names(self) -> list[str]:
        """All tasks, sorted."""
        return sorted(self.things("task"))

    def claim_names(self) -> list[str]:
        """All claim plugins, sorted."""
        return sorted(self.things("claim"))

    def method(self, name: str) -> type[Any]:
        """The class of a method; ``KeyError`` when unknown, ``PluginError`` when it fails."""
        return self._load("method", name)

    def task(self, name: str) -> type[Any]:
        """The class of a task; raises as :meth:`method`."""
        return self._load("task", name)

    def claim(self, name: str) -> type[Any]:
        """The class of a claim plugin; raises as :meth:`method`."""
        return self._load("claim", name)

    def executor(self, name: str) -> type[Any]:
        """The class of an executor; raises as :meth:`method`."""
        return self._load("executor", name)

    def kind(self, name: str) -> type[Any]:
        """The class of a kind; raises as :meth:`method`."""
        return self._load("kind", name)

    def module_of(self, plugin: str) -> str | None:
        """The module of hooks that a plugin is; ``None`` where it is a single thing."""
        module = self._content.manager.get_plugin(plugin)
        return None if module is None else str(module.__name__)

    def name_of(self, cls: type[Any]) -> str:
        """The first registered name of a class, else its module and name."""
        at = f"{cls.__module__}:{cls.__qualname__}"
        for kind in ("method", "task"):
            for thing in self.things(kind).values():
                if thing.at == at:
                    return thing.name
        return f"{cls.__module__}.{cls.__qualname__}"

    def missing(self, name: str) -> str:
        """How to install the plugin that ``name`` seems to belong to, empty if none does."""
        prefix = name.split("/", 1)[0]
        plugin = self._content.plugins.get(prefix)
        return plugin.install if plugin is not None else ""

    def notify(self, hook: str, **what: Any) -> list[str]:
        """Call a hook of a run in every plugin; what those that failed raised stops nothing."""
        failed = []
        for implementation in reversed(getattr(self.hook, hook).get_hookimpls()):
            known = {name: what[name] for name in implementation.argnames}
            _, error = attempt(partial(implementation.function, **known))
            if error is not None:
                failed.append(f'plugin "{implementation.plugin_name}", {hook}: {told(error)}')
        return failed

    def published(self) -> list[tuple[str, Any]]:
        """Names of plugins with the published figures that they bring; raises as ``answers``."""
        return self.answers("harness_published")

    def answers(self, hook: str) -> list[tuple[str, Any]]:
        """What a hook without arguments gives, by the plugin's name, in the order of finding.

        Raises
        ------
        PluginError
            Naming the plugin whose hook fails.
        """
        found = []
        for implementation in reversed(getattr(self.hook, hook).get_hookimpls()):
            given, error = attempt(implementation.function)
            if error is not None:
                name = implementation.plugin_name
                raise PluginError(f'plugin "{name}", {hook}: {told(error)}')
            found.append((implementation.plugin_name, given))
        return found

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Register plugins that are not installed: a package's folder or a single file.

        Raises
        ------
        PluginError
            When a path does not exist, cannot be imported, registers nothing, or fails to
            say what it has.
        """
        for path in paths:
            self._add_path(path.resolve())

    def _add_path(self, path: Path) -> None:
        if not path.exists():
            raise PluginError(f"no plugin at {path}")
        for other in self.plugin_files:
            _refuse_one_name_for_two(path, other)
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        if path.parent not in self._paths:
            self._paths.append(path.parent)
        self.plugin_files.append(path)
        module = _imported(path.stem, str(path))
        self._content.add_module(path.stem, module, origin=str(path), strict=True)
        for kind in _HOOK_OF:
            self.things(kind)
        if fault := self._content.plugins[path.stem].fault:
            del self._content.plugins[path.stem]  # told here, where the suite names it
            raise PluginError(f"{path}: {fault}")

    def _load(self, kind: ThingKind, name: str) -> type[Any]:
        things = self.things(kind)
        if name not in things:
            self._refuse_unavailable(name)
            raise KeyError(name)
        thing = things[name]
        module_name, _, attribute = thing.at.partition(":")
        module = _imported(module_name, f'plugin "{thing.plugin}", {kind} "{name}"')
        try:
            value: Any = module
            for part in attribute.split("."):
                value = getattr(value, part)
        except AttributeError as error:
            raise PluginError(
                f'plugin "{thing.plugin}" registers {kind} "{name}" at {thing.at}, '
                f"but {module_name} has no {attribute}{_near(attribute, dir(module))}"
            ) from error
        return _checked(value, thing)

    def _refuse_unavailable(self, name: str) -> None:
        """Say that the plugin which ``name`` seems to belong to is broken, if it is."""
        plugin = self._content.plugins.get(name.split("/", 1)[0])
        if plugin is not None and plugin.fault and not plugin.install:
            raise PluginError(f'plugin "{plugin.name}" is unavailable: {plugin.fault}')


def _near(name: str, known: Sequence[str]) -> str:
    found = nearest(name, known)
    return f" (nearest: {found})" if found else ""


def _checked(value: Any, thing: Thing) -> type[Any]:
    """``value`` if it is what its registration says it is."""
    from harness.api.claim import Claim
    from harness.api.contracts import Method, Task

    bases: Mapping[str, type[Any]] = {"method": Method, "task": Task, "claim": Claim}
    base = bases.get(thing.kind)
    if not isinstance(value, type) or (base is not None and not issubclass(value, base)):
        wanted = f"a subclass of harness.{base.__name__}" if base else "a class"
        raise PluginError(
            f'plugin "{thing.plugin}" registers {thing.kind} "{thing.name}" at {thing.at}, '
            f"which is not {wanted}"
        )
    return value


def attempt(call: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What foreign code returns, or what it raises; what it prints is no output of ours."""
    try:
        with redirect_stdout(sys.stderr):
            return call(), None
    # Imports, hooks, registrations and planning functions of plugins: whatever they raise is
    # told with the plugin's name and must not take the command along.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return None, error


def _imported(module: str, whose: str) -> Any:
    """The module, or a ``PluginError`` that says what its import raised and where."""
    imported, error = attempt(lambda: import_module(module))
    if error is not None:
        raise PluginError(f"{whose}: {told(error)}") from error
    return imported


def _names_from(implementation: Any) -> dict[str, str]:
    named = implementation.function()
    if not isinstance(named, Mapping):
        raise TypeError(f"must return a mapping of names, got {type(named).__name__}")
    for name, at in named.items():
        if not isinstance(at, str):
            raise TypeError(f'{name}: a text "module:Class" is wanted, got {at!r}')
    return {str(name): at for name, at in named.items()}


def told(error: BaseException | None) -> str:
    """What an exception in foreign code was, and the foreign line that raised it."""
    place = ""
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if "importlib" not in filename and not filename.endswith("registry.py"):
            place = f" ({filename}:{trace.tb_lineno})"
        trace = trace.tb_next
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({error.filename}:{error.lineno})"
    if isinstance(error, ModuleNotFoundError):
        return f'module "{error.name}" is not installed{place}'
    return f"{type(error).__name__}: {error}{place}"


class _Content:
    """What was found: a pluggy manager, plugins with their faults, things by kind."""

    def __init__(self) -> None:
        import pluggy

        from harness.api import hooks

        self.manager = pluggy.PluginManager(hooks.HOOK_PROJECT)
        self.manager.add_hookspecs(hooks)
        self.plugins: dict[str, Plugin] = {}
        self._direct: list[tuple[str, EntryPoint]] = []
        self._things: dict[ThingKind, dict[str, Thing]] = {}

    def add_entry(self, entry: EntryPoint) -> None:
        """Register an entry point: a module of hooks now, a single thing when asked for."""
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""
        if ":" in entry.value:
            self._direct.append((origin, entry))
            self.plugins.setdefault(entry.value, Plugin(entry.name, origin))
            return
        try:
            module = _imported(entry.module, f'plugin "{entry.name}"')
            self.add_module(entry.name, module, origin=origin, strict=False)
        except PluginError as error:
            install = _install_command(entry) if "is not installed" in str(error) else ""
            self.plugins[entry.name] = Plugin(entry.name, origin, str(error), install)

    def add_module(self, name: str, module: Any, *, origin: str, strict: bool) -> None:
        """Register a module of hooks; in a suite's file, its classes too."""
        self._things.clear()
        if name in self.plugins and self.manager.has_plugin(name):
            before = self.plugins[name].origin
            raise PluginError(f'plugin "{name}" is there already, from {before}')
        _, error = attempt(lambda: self.manager.register(module, name))
        if error is not None:
            raise PluginError(f'plugin "{name}" cannot be registered: {error}') from error
        callers = self.manager.get_hookcallers(module) or []
        for caller in callers:
            if caller.spec is None:  # pluggy takes any name
                self.manager.unregister(module)
                known = [each for each in dir(self.manager.hook) if each.startswith("harness_")]
                near = _near(caller.name, [each for each in known if each != caller.name])
                raise PluginError(f'plugin "{name}": there is no hook {caller.name}{near}')
        self.plugins[name] = Plugin(name, origin)
        if strict and not callers:
            raise PluginError(
                f"{origin} registers nothing: it needs a function marked @hookimpl, such as "
                "harness_methods (harness show hooks)"
            )

    def things(self, kind: ThingKind) -> dict[str, Thing]:
        """Names of one kind; asked of every plugin once."""
        if kind not in self._things:
            self._things[kind] = self._collect(kind)
        return self._things[kind]

    def _collect(self, kind: ThingKind) -> dict[str, Thing]:
        found: dict[str, Thing] = {}
        for implementation in getattr(self.manager.hook, _HOOK_OF[kind]).get_hookimpls():
            plugin = implementation.plugin_name
            named, error = attempt(partial(_names_from, implementation))
            if error is not None or named is None:
                self._blame(plugin, f"{_HOOK_OF[kind]}: {told(error)}")
                continue
            for name, at in named.items():
                if name in found:
                    self._blame(plugin, f'"{name}" is already taken by "{found[name].plugin}"')
                else:
                    found[name] = Thing(name, kind, at, plugin)
        for _, entry in self._direct:
            if entry.name not in found and self._kind_of(entry) == kind:
                found[entry.name] = Thing(entry.name, kind, entry.value, entry.name)
        return found

    def _blame(self, plugin: str, fault: str) -> None:
        known = self.plugins[plugin]
        self.plugins[plugin] = Plugin(known.name, known.origin, fault, known.install)

    def _kind_of(self, entry: EntryPoint) -> ThingKind | None:
        """What a single entry point is; by its class, since its name does not say."""
        from harness.api.claim import Claim
        from harness.api.contracts import Method, Task

        value, error = attempt(entry.load)
        if error is not None:
            self._blame(entry.value, told(error))
            return None
        bases: tuple[tuple[type[Any], ThingKind], ...] = (
            (Method, "method"),
            (Task, "task"),
            (Claim, "claim"),
        )
        for base, kind in bases:
            if isinstance(value, type) and issubclass(value, base):
                return kind
        self._blame(entry.value, f"{entry.value} is no Method, Task or Claim")
        return None


def _install_command(entry: EntryPoint) -> str:
    distribution = entry.dist.name if entry.dist is not None else ""
    return f"pip install '{distribution}[{entry.name}]'" if distribution else ""


def first_line(at: str, find: Callable[[str], str | None] | None = None) -> str:
    """The first line of a class's docstring, read from its source without importing it."""
    import re

    module, _, name = at.partition(":")
    path = (find or source_path)(module)
    if path is None:
        return ""
    try:
        source = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    match = re.search(rf'^class {re.escape(name)}\b[^\n]*:\n\s+"""(.+)', source, re.MULTILINE)
    return match.group(1).strip().rstrip('"').rstrip(".") if match else ""


def _refuse_one_name_for_two(one: Path, other: Path) -> None:
    """Refuse two plugins whose helpers beside them have one name: Python imports one for both."""
    if one.parent == other.parent:
        return
    shared = _modules_in(one.parent) & _modules_in(other.parent) - {one.stem, other.stem}
    for name in sorted(shared):
        imports = re.compile(rf"^\s*(?:import|from)\s+{re.escape(name)}\b", re.MULTILINE)
        if any(each.is_file() and imports.search(each.read_text()) for each in (one, other)):
            raise PluginError(
                f'beside {one} and beside {other} there is a module "{name}" each, and Python '
                "imports one of them for both: rename one, or make a plugin a package whose "
                "imports are relative"
            )


def _modules_in(folder: Path) -> set[str]:
    packages = {each.parent.name for each in folder.glob("*/__init__.py")}
    return packages | {each.stem for each in folder.glob("*.py")}


def source_path(module: str) -> str | None:
    """The file of a module, found without importing it (its package is imported)."""
    from importlib.util import find_spec

    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec is not None else None
