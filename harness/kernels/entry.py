"""The generated module that a compiled kernel enters through, in a folder of its own.

The entry takes data only and hands the functions on *inside* compiled code: handed over from
Python they would be compiled anew in each process. Its folder is named by a digest of all that
decides the machine code, and holds the module, numba's files, a lock, and the refusals.
"""

from __future__ import annotations

import inspect
import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from pickle import PickleError
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

from harness.kernels.cache import cache_folder, default_folder, locked
from harness.kernels.reach import Reach, is_importable, reach_of
from harness.kernels.rows import Row
from harness.kernels.tally import compiling

__all__ = ["Refused", "compiled_draw", "compiled_kernel", "compiled_row", "reason_of"]

_REFUSED = "refused.json"
_REASON_LENGTH = 1_000
# How numba opens each layer of a message; what follows the last one is the reason.
_LAYER = "Failed in nopython mode pipeline"
# A cache damaged or unreadable, and faults of the compiler itself, show as any of these.
_FAULTS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    PickleError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Refused(Exception):  # an answer, not an error
    """The function does not compile; the text says why."""


@dataclass(frozen=True)
class _Entry:
    """A generated module before it is compiled."""

    name: str
    about: str  # comment lines
    options: str  # of njit
    given: str  # its parameters: the data
    call: str
    objects: dict[str, Any]  # the functions that the call names
    reach: Reach
    is_common: bool = False  # kept in the default folder, whatever folder was set

    def text(self, *, is_kept: bool) -> str:
        """The module's source."""
        return (
            f'{self.about}\n@njit(cache={is_kept}, error_model="numpy"{self.options})\n'
            f"def run({self.given}):\n    return {self.call}\n"
        )

    @property
    def is_kept(self) -> bool:
        """Whether a later process can use what this one compiles."""
        return all(map(is_importable, self.objects.values()))


def compiled_kernel(
    driver: FunctionType, functions: tuple[Any, ...], data: tuple[Any, ...]
) -> Callable[..., Any]:
    """``driver`` with its leading arguments bound to ``functions``, compiled for ``data``.

    Raises
    ------
    Refused
        When it does not compile, now or in an earlier process.
    """
    sources = tuple(getattr(each, "py_func", each) for each in functions)
    for each in (driver, *sources):
        if not isinstance(each, (FunctionType, Row)):
            raise Refused(f"{each!r} is no plain function")
    names = list(inspect.signature(driver).parameters)
    handed = {f"_f{place}": each for place, each in enumerate(sources)}
    told = [f"#   {name} = {_place(each)}" for name, each in zip(names, sources, strict=False)]
    entry = _Entry(
        name=driver.__name__,
        about="\n".join([f"# {_place(driver)} with", *told]),
        options="",
        given=", ".join(names[len(sources) :]),
        call=f"_driver({', '.join([*handed, *names[len(sources) :]])})",
        objects={"_driver": driver, **handed},
        reach=reach_of((driver, *sources)),
    )
    return _compiled(entry, data=data)


def compiled_row(row: Row, data: tuple[Any, ...] | None) -> Callable[..., Any]:
    """The compiled object of ``row``; without data it is compiled when it is first called.

    Raises
    ------
    Refused
        When it does not compile for ``data``.
    """
    given = ", ".join(inspect.signature(row.source).parameters)
    entry = _Entry(
        name=row.__name__,
        about=f"# the row {_place(row)}",
        options=_fastmath(row.flags),
        given=given,
        call=f"_source({given})",
        objects={"_source": row.source},
        reach=reach_of((row.source,)),
    )
    return _compiled(entry, data=data)


def compiled_draw(
    source: Callable[..., Any], types: str, data: tuple[Any, ...] | None
) -> Callable[..., Any]:
    """A draw's compiled object for plain callers; for ``types``, or for those of ``data``."""
    given = ", ".join(inspect.signature(source).parameters)
    entry = _Entry(
        name=source.__name__,
        about=f"# the draw {_place(source)}",
        options="",
        given=given,
        call=f"_source({given})",
        objects={"_source": source},
        reach=reach_of((source,)),
        is_common=True,  # draws are the same for every method
    )
    return _compiled(entry, data=data, types=types)


def _compiled(
    entry: _Entry, *, data: tuple[Any, ...] | None, types: str = ""
) -> Callable[..., Any]:
    """Compile ``entry`` for ``types`` or those of ``data``, or load what was compiled before."""
    with compiling():
        from harness.kernels import numba_side

        numba_side.register(entry.reach, _row_wrapper)
        try:
            signature = types or (None if data is None else numba_side.types_of(data))
        except numba_side.REFUSALS as error:
            raise Refused(reason_of(error)) from error
        if not entry.is_kept:
            return _compile_unkept(entry, signature)
        folder = _folder(entry, numba_side.machine())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder):
                _write_once(folder / "kernel.py", entry.text(is_kept=True))
                return _compile_kept(entry, folder, signature)
        except OSError as error:
            warnings.warn(
                f"compiled kernels cannot be kept in {folder.parent} ({error.strerror}), so each"
                " process compiles anew: free it, or name another folder in HARNESS_CACHE",
                stacklevel=2,
            )
            return _compile_unkept(entry, signature)


def _compile_kept(entry: _Entry, folder: Path, signature: Any) -> Callable[..., Any]:
    from harness.kernels import numba_side

    refusals = _refusals(folder)
    if str(signature) in refusals:
        raise Refused(refusals[str(signature)])
    try:
        dispatcher = _load(entry, folder)
        if signature is not None:
            numba_side.compile_for(dispatcher, signature)
    except numba_side.REFUSALS as error:
        # Remembered, or each process would try again for a second.
        refusals[str(signature)] = reason_of(error)
        (folder / _REFUSED).write_text(json.dumps(refusals, indent=1))
        raise Refused(reason_of(error)) from error
    except _FAULTS:
        return _compile_unkept(entry, signature)
    return dispatcher


def _compile_unkept(entry: _Entry, signature: Any) -> Callable[..., Any]:
    from harness.kernels import numba_side

    try:
        dispatcher = _load(entry, None)
        if signature is not None:
            numba_side.compile_for(dispatcher, signature)
    except numba_side.REFUSALS + _FAULTS as error:
        raise Refused(reason_of(error)) from error
    return dispatcher


def _load(entry: _Entry, folder: Path | None) -> Callable[..., Any]:
    """Run the generated module, from a file if numba is to keep what it compiles."""
    from harness.kernels import numba_side

    text = entry.text(is_kept=folder is not None)
    if folder is None:
        name, path = f"harness_kernel_{entry.name}", f"<kernel {entry.name}>"
    else:
        name, path = f"harness_kernel_{folder.name.replace('-', '_')}", str(folder / "kernel.py")
    module = ModuleType(name)
    module.__dict__.update(numba_side.namespace(), **entry.objects)
    module.__file__ = path
    if folder is not None:
        sys.modules[name] = module  # numba finds an entry's globals by the module's name
    exec(compile(text, path, "exec"), module.__dict__)
    run: Callable[..., Any] = module.__dict__["run"]
    return run


def _folder(entry: _Entry, machine: str) -> Path:
    decides = f"{entry.reach.digest} {entry.text(is_kept=True)} {sys.version_info[:2]} {machine}"
    digest = blake2b(decides.encode(), digest_size=10).hexdigest()
    parent = default_folder() if entry.is_common else cache_folder()
    return parent / f"{entry.name}-{digest}"


def _write_once(path: Path, text: str) -> None:
    """Written once: numba drops what it kept when the file's time changes."""
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)


def _refusals(folder: Path) -> dict[str, str]:
    """Signature → why it does not compile, from earlier processes."""
    try:
        known: dict[str, str] = json.loads((folder / _REFUSED).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return known


def _row_wrapper(row: Row) -> Callable[..., Any]:
    """A plain function that calls the compiled row.

    The compiled object itself, handed on, would cost the caller its place on the disk.
    """
    given = ", ".join(inspect.signature(row.source).parameters)
    names: dict[str, Any] = {"_row": row.compiled()}
    exec(f"def enter({given}):\n    return _row({given})\n", names)
    enter: Callable[..., Any] = names["enter"]
    return enter


def _fastmath(flags: tuple[str, ...]) -> str:
    """Written out sorted: a set's own order changes from process to process."""
    return f", fastmath={{{', '.join(map(repr, sorted(flags)))}}}" if flags else ""


def _place(function: Any) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def reason_of(error: BaseException) -> str:
    """The innermost reason that numba gives, with the line of the method that it is about."""
    text = str(error).rpartition(_LAYER)[2].partition("\n")[2] or str(error)
    lines = [line for line in text.splitlines() if line.strip()]
    end = next((at for at, line in enumerate(lines) if line.strip().startswith("During:")), None)
    return dedent("\n".join(lines[:end]))[:_REASON_LENGTH] or type(error).__name__
