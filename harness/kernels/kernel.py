"""The kernel of a driver and the functions that it calls."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import FunctionType
from typing import Any

from harness.kernels import cache
from harness.kernels.tally import COMPILED, PLAIN, note_mode

__all__ = ["Kernel", "specialise"]

_kernels: dict[tuple[object, ...], Kernel] = {}


class Kernel:
    """A driver with its leading arguments bound to functions: called with the data only.

    Attributes
    ----------
    compiled
        Whether calls run compiled; known after the first call, since types come with data.
    refusal
        Why it runs as plain Python; empty where it does not.
    """

    def __init__(self, driver: FunctionType, functions: tuple[Any, ...]) -> None:
        self.driver = driver
        self.functions = functions
        self.compiled = False
        self.refusal = ""
        self._run: Callable[..., Any] | None = None
        self._refusals: tuple[type[Exception], ...] = ()

    def __call__(self, *data: Any) -> Any:
        """Run the driver on ``data``, all of it in the order of the driver's parameters."""
        run = self._run or self._choose(data)
        try:
            return run(*data)
        except self._refusals as error:  # raised by compiling for new types, never by running
            from harness.kernels.entry import reason_of

            self._give_up(reason_of(error))
            return self.plain(*data)
        finally:
            note_mode(COMPILED if self.compiled else PLAIN)

    def plain(self, *data: Any) -> Any:
        """Run the driver on ``data`` as plain Python, whether or not it compiles."""
        return self.driver(*self.functions, *data)

    def __repr__(self) -> str:
        names = ", ".join(getattr(each, "__qualname__", repr(each)) for each in self.functions)
        return f"<kernel {self.driver.__name__}({names})>"

    def _choose(self, data: tuple[Any, ...]) -> Callable[..., Any]:
        if not cache.are_drivers_compiled():
            said = f"HARNESS_JIT is {os.environ.get('HARNESS_JIT')}"
            why = said if cache.has_numba() else "numba is not installed"
            return self._give_up(why)
        from harness.kernels.entry import Refused, compiled_kernel

        try:
            run = compiled_kernel(self.driver, self.functions, data)
        except Refused as refusal:
            return self._give_up(str(refusal))
        from harness.kernels.numba_side import REFUSALS

        self._run, self._refusals, self.compiled = run, REFUSALS, True
        return run

    def _give_up(self, why: str) -> Callable[..., Any]:
        self.compiled, self.refusal = False, why
        self._run, self._refusals = self.plain, ()
        return self.plain


def specialise(driver: Callable[..., Any], **functions: Callable[..., Any]) -> Kernel:
    """The kernel that runs ``driver`` with its leading arguments bound to ``functions``.

    One kernel a process for one driver and the same functions. It compiles at its first call;
    all other values that it meets should have the same types (:func:`~harness.kernels.coerce`).

    Parameters
    ----------
    driver
        A plain function of a module, whose leading parameters are functions and the rest data.
    functions
        One for each leading parameter, by name.

    Raises
    ------
    TypeError
        When the names are not those of the driver's leading parameters.

    Examples
    --------
    >>> def driver(step, state, rounds):
    ...     for t in range(rounds):
    ...         state = step(state, t)
    ...     return state
    >>> specialise(driver, step=lambda state, t: state + t)(0, 5)
    10
    """
    if not isinstance(driver, FunctionType):
        raise TypeError(f"a driver is a plain function, got {driver!r}")
    leading = driver.__code__.co_varnames[: len(functions)]
    if functions.keys() != set(leading):
        raise TypeError(
            f"{driver.__qualname__} takes the functions ({', '.join(leading)}) first, "
            f"got ({', '.join(functions)})"
        )
    is_jit_enabled = cache.are_drivers_compiled()
    ordered = tuple(functions[name] for name in leading)
    known = (driver, is_jit_enabled, *ordered)
    if known not in _kernels:
        _kernels[known] = Kernel(driver, ordered)
        if is_jit_enabled:
            from harness.kernels.draws import switch_on

            switch_on()
    return _kernels[known]
