"""What code a method or task rests on, told apart from what cannot change its numbers.

A module counts by the shape of its program: comments, docstrings and formatting are left out.
Its imports are followed wherever they stand, so an edited helper is seen however far away it
is. Modules of plugins, of paths that a suite names, of editable installs and of the numerical
parts of ``harness`` are read; every other library counts by its version, whatever processor it
was built for: a model that one machine trained on a GPU is found on another one without.
"""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from itertools import product
from pathlib import Path

__all__ = ["CodeReader", "Source"]

# The only parts of the core that can change a number without the contract's number changing.
_NUMERICAL_CORE = ("harness.random", "harness.kernels", "harness.data", "harness.stats")
_DYNAMIC = frozenset({"import_module", "__import__", "exec", "eval"})
_UNCOUNTED = sys.stdlib_module_names | {"harness"}
_BUILT_FOR = re.compile(r"\+(cpu|cu\d+|cuda[\d.]*|rocm[\d.]+|xpu)$")  # torch's wheels
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")})


@dataclass(frozen=True, slots=True)
class Source:
    """One module, read: its digest, and what it leads to."""

    digest: bytes
    imports: tuple[str, ...]  # modules whose source counts
    libraries: tuple[str, ...]  # top-level names that count by version
    literals: tuple[str, ...]  # short texts in it: names of data files and data sets


class CodeReader:
    """Reads modules once and answers what a set of them rests on.

    Parameters
    ----------
    plugin_packages
        Top-level packages that are plugins: their modules count by content even where they
        are installed as wheels (two wheels of one version can hold different code).
    """

    def __init__(self, plugin_packages: Iterable[str]) -> None:
        self._plugin_packages = frozenset(plugin_packages)
        self._sources: dict[str, Source] = {}
        self._closures: dict[str, frozenset[str]] = {}

    def closure(self, module: str) -> frozenset[str]:
        """The module and all modules with counted source that it leads to."""
        if module not in self._closures:
            seen: set[str] = set()
            waiting = [module]
            while waiting:
                name = waiting.pop()
                if name in seen:
                    continue
                seen.add(name)
                waiting.extend(self.source(name).imports)
            self._closures[module] = frozenset(seen)
        return self._closures[module]

    def digest(self, modules: Iterable[str], data_sets: Mapping[str, str]) -> bytes:
        """16 bytes of everything that can change what these modules compute.

        ``data_sets`` maps the names of declared data sets to their sha256; those that the
        code names count.
        """
        reached = sorted(set().union(*(self.closure(module) for module in modules)))
        sources = [self.source(name) for name in reached]
        total = blake2b(digest_size=16)
        for name, source in zip(reached, sources, strict=True):
            total.update(name.encode() + b"\0" + source.digest)
        for library in sorted({each for source in sources for each in source.libraries}):
            total.update(f"{library}={_version(library)};".encode())
        for literal in sorted({each for source in sources for each in source.literals}):
            if literal in data_sets:
                total.update(f"{literal}:{data_sets[literal]};".encode())
        return total.digest()

    def source(self, module: str) -> Source:
        """The module as read; read once."""
        if module not in self._sources:
            self._sources[module] = self._read(module)
        return self._sources[module]

    def _read(self, module: str) -> Source:
        path = _path(module)
        if path is None or path.suffix != ".py":
            return Source(b"", (), (), ())
        tree = ast.parse(path.read_bytes(), filename=str(path))
        _strip(tree, is_root="." not in module and module in self._plugin_packages)
        literals = tuple(_literals(tree))
        digest = blake2b(ast.dump(tree).encode(), digest_size=16)
        for file in _data_files(path.parent, literals):
            digest.update(file.name.encode() + blake2b(file.read_bytes()).digest())
        imports, libraries = self._imports(module, tree, path)
        return Source(digest.digest(), imports, libraries, literals)

    def _imports(
        self, module: str, tree: ast.Module, path: Path
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        counted: set[str] = set()
        libraries: set[str] = set()
        for name in _imported_names(tree, package):
            top = name.partition(".")[0]
            # Only what counts is looked at closely: finding a library's submodule imports it.
            if self._counts(name):
                counted.update(home for home in _homes(name) if self._counts(home))
            elif top not in _UNCOUNTED:
                libraries.add(top)
        if _is_dynamic(tree):
            counted.update(_modules_of(package or module))
        return tuple(sorted(counted)), tuple(sorted(libraries))

    def _counts(self, module: str) -> bool:
        top = module.partition(".")[0]
        if top == "harness":
            return module.startswith(_NUMERICAL_CORE)
        if top in self._plugin_packages:
            return True
        if top in sys.stdlib_module_names:
            return False
        path = _path(top)
        return path is not None and not str(path).startswith(_INSTALLED)


def _homes(name: str) -> Iterator[str]:
    """Modules that ``name`` ("package.module.attribute") comes from.

    A name that a package hands on (``from harness_bandits import Policy``) counts as the
    module that defines it.
    """
    if _path(name) is not None:
        yield name
        return
    module, _, attribute = name.rpartition(".")
    if not module:
        return
    yield module
    loaded = sys.modules.get(module)
    value = getattr(loaded, attribute, None) if loaded is not None else None
    home = getattr(value, "__module__", None)
    if isinstance(home, str) and home != module:
        yield home


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                yield base if alias.name == "*" else f"{base}.{alias.name}"


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _is_dynamic(tree: ast.Module) -> bool:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(
        (isinstance(call, ast.Name) and call.id in _DYNAMIC)
        or (isinstance(call, ast.Attribute) and call.attr == "import_module")
        for call in calls
    )


def _modules_of(package: str) -> Iterator[str]:
    """All modules of a package; a module that imports by name may reach any of them."""
    path = _path(package)
    if path is None or path.name != "__init__.py":
        return
    for file in sorted(path.parent.rglob("*.py")):
        parts = file.relative_to(path.parent).with_suffix("").parts
        yield ".".join([package, *(part for part in parts if part != "__init__")])


def _strip(tree: ast.Module, *, is_root: bool) -> None:
    """Take out what cannot change a number: docstrings; in a plugin's root, its hooks."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    if is_root:
        tree.body = _without_registration(tree.body)


def _without_registration(body: list[ast.stmt]) -> list[ast.stmt]:
    """A plugin's root without what only says where things live.

    Those are hooks, and private tables of names that nothing but hooks reads: a new method must
    not change the others. Its imports, constants and classes count like any module's.
    """
    rest = [node for node in body if not _is_hook(node)]
    used = {
        name.id
        for node in rest
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)
    }
    return [node for node in rest if not _is_table(node, used)]


def _is_hook(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.FunctionDef):
        is_hook = any("hookimpl" in ast.dump(each) for each in node.decorator_list)
        return is_hook or node.name in ("__getattr__", "__dir__")
    return False


def _is_table(node: ast.stmt, used: set[str]) -> bool:
    """Whether it is ``__all__``, or a private table of texts that nothing of ``used`` names."""
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets, value = [node.target], node.value
    else:
        return False
    names = [each.id for each in targets if isinstance(each, ast.Name)]
    is_private = len(names) == len(targets) and all(each.startswith("_") for each in names)
    return (
        is_private
        and not used.intersection(names)
        and isinstance(value, (ast.Dict, ast.List, ast.Tuple))
        and all(
            isinstance(each, (ast.Dict, ast.List, ast.Tuple, ast.Load, ast.Starred, ast.Name))
            or (isinstance(each, ast.Constant) and isinstance(each.value, str))
            for each in ast.walk(value)
        )
    )


def _literals(tree: ast.Module) -> Iterator[str]:
    """Texts short enough to be the name of a file or of a data set."""
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and 0 < len(value) < 100 and value.isprintable():
            yield value


def _data_files(folder: Path, literals: Iterable[str]) -> Iterator[Path]:
    """Files beside a module, or in a folder beside it, whose names stand in the module."""
    names = dict.fromkeys(literals)
    folders = [folder, *(folder / name for name in names if (folder / name).is_dir())]
    for place, name in product(folders, names):
        if (file := place / name).is_file() and file.suffix != ".py":
            yield file


@cache
def _path(module: str) -> Path | None:
    """The file of a module, or ``None`` where there is no such module."""
    if module in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
        return Path(file) if file else None
    parent, _, _ = module.rpartition(".")
    above = _path(parent) if parent else None
    if parent and (above is None or above.name != "__init__.py"):
        return None  # a name in a module: finding that out costs no import
    try:
        spec = find_spec(module)
    except ImportError:  # a package above it lacks what it needs; so will whoever imports it
        return None
    return (
        Path(spec.origin)
        if spec is not None and spec.origin not in (None, "built-in", "frozen")
        else None
    )


@cache
def _version(library: str) -> str:
    for name in _distributions(library):
        try:
            return _BUILT_FOR.sub("", version(name))
        except PackageNotFoundError:
            continue
    return "absent"


def _distributions(library: str) -> Iterator[str]:
    """Names of distributions that may hold a module; the slow search only when it must be."""
    yield library
    if find_spec(library) is not None:
        yield from packages_distributions().get(library, [])
