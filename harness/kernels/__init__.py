"""Drivers specialised to a method and compiled, or run as plain Python with the same numbers.

A kind's driver is a plain function whose leading arguments are functions and the rest data.
``specialise(driver, **functions)`` gives a kernel that takes the data only. It is compiled by
numba at its first call and kept on disk; what does not compile, and everything under
``HARNESS_JIT=0`` or without numba, runs as plain Python through the same driver
(``HARNESS_JIT=rows``: row kernels are compiled, drivers and methods are not).

===========  ===================================================================
module       what
===========  ===================================================================
kernel       the kernel of a driver and its functions
rows         inner loops over flat arrays, with floating-point flags of their own
coercion     data as the compiler wants it: declared types, contiguous arrays
methods      what a kind's base class needs: static functions, parameter tuples
reach        which functions and constants a kernel rests on, and their digest
entry        the generated module that a compiled kernel enters through
numba_side   registering functions with numba; the only importer of numba
draws        compiled draws for plain callers
cache        where compiled kernels are kept, and the lock on them
tally        seconds spent compiling, and how kernels ran
===========  ===================================================================

Importing this package imports neither numba nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.kernels.cache import cache_folder as cache_folder
    from harness.kernels.cache import set_cache_folder as set_cache_folder
    from harness.kernels.coercion import coerce as coerce
    from harness.kernels.kernel import Kernel as Kernel
    from harness.kernels.kernel import specialise as specialise
    from harness.kernels.methods import parameters_tuple as parameters_tuple
    from harness.kernels.methods import static_functions as static_functions
    from harness.kernels.rows import Row as Row
    from harness.kernels.rows import row as row
    from harness.kernels.tally import compile_seconds as compile_seconds
    from harness.kernels.tally import take_compile_seconds as take_compile_seconds
    from harness.kernels.tally import take_modes as take_modes

_HOME = {
    "Kernel": "kernel",
    "Row": "rows",
    "cache_folder": "cache",
    "coerce": "coercion",
    "compile_seconds": "tally",
    "parameters_tuple": "methods",
    "row": "rows",
    "set_cache_folder": "cache",
    "specialise": "kernel",
    "static_functions": "methods",
    "take_compile_seconds": "tally",
    "take_modes": "tally",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'harness.kernels' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"harness.kernels.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
