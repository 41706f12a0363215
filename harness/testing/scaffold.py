"""Packages that work from the start: a plugin of one's own, or a copy of a thing that there is."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path

from harness.errors import UsageError, nearest
from harness.registry import Registry, Thing, ThingKind
from harness.store.disk import storing

__all__ = ["copied", "plugin"]

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SKELETON = {
    "pyproject.toml.in": "pyproject.toml",
    "README.md.in": "README.md",
    "hooks.py.in": "MODULE/__init__.py",
    "estimator.py.in": "MODULE/estimator.py",
    "estimators.py.in": "MODULE/estimators.py",
    "location.py.in": "MODULE/location.py",
    "suite.yaml.in": "suites/NAME.yaml",
    "test.py.in": "tests/test_NAME.py",
}
_PYPROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "{package}"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["algo-harness"]

[project.entry-points.harness]
"{name}" = "{module}:{cls}"

[tool.setuptools]
py-modules = ["{module}"]
"""


def plugin(name: str, parent: Path) -> list[Path]:
    """A package ``name`` below ``parent``: a kind, a task, two methods, a suite and its tests.

    Raises
    ------
    UsageError
        When the name serves no package, or its folder is there already.
    StoreError
        When it cannot be written.
    """
    _require_name(name)
    module = name.replace("-", "_")

    def filled(text: str) -> str:
        return text.replace("MODULE", module).replace("NAME", name)

    skeleton = files("harness.testing") / "skeleton"
    texts = {
        filled(place): filled((skeleton / source).read_text(encoding="utf-8"))
        for source, place in _SKELETON.items()
    }
    return _written(parent / name, texts)


def copied(kind: ThingKind, name: str, like: str, parent: Path, registry: Registry) -> list[Path]:
    """A package with a copy of the method or task ``like``, registered as ``name``.

    Raises
    ------
    UsageError
        When ``like`` is unknown, ``name`` is taken or serves no package, or the folder is there.
    StoreError
        When it cannot be written.
    """
    things = registry.things(kind)
    if name in things:
        raise UsageError(f'"{name}" is already taken by "{things[name].plugin}"')
    if like not in things:
        near = nearest(like, sorted(things))
        hint = f"nearest: {near}" if near else f"harness list {kind}s names them"
        raise UsageError(f'no {kind} is called "{like}" ({hint})')
    for part in name.split("/"):
        _require_name(part)
    package = name.replace("/", "-")
    module = package.replace("-", "_")
    old = things[like].at.partition(":")[2]
    cls = "".join(part.capitalize() for part in re.split(r"[-/]", name.rpartition("/")[2]))
    text = re.sub(rf"\b{old}\b", cls, _source(things[like]))
    texts = {
        "pyproject.toml": _PYPROJECT.format(package=package, name=name, module=module, cls=cls),
        f"{module}.py": text,
    }
    return _written(parent / package, texts)


def _source(thing: Thing) -> str:
    """The thing's module, its imports from its own package made absolute."""
    module = thing.at.partition(":")[0]
    __import__(module)
    found = sys.modules[module].__file__
    text = Path(str(found)).read_text(encoding="utf-8")
    package = module.rpartition(".")[0]
    return re.sub(r"^from \.(?=\w)", f"from {package}.", text, flags=re.MULTILINE)


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(
            f'"{name}" cannot be a name: lower-case letters, digits and dashes, a letter first'
        )
    if name in sys.stdlib_module_names or name == "harness":
        raise UsageError(f'"{name}" is the name of another module')


def _written(folder: Path, texts: dict[str, str]) -> list[Path]:
    if folder.exists():
        raise UsageError(f"{folder} is there already")
    paths = []
    for place, text in texts.items():
        path = folder / place
        with storing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
