"""A GPU that is none: its tensors lie in the processor's memory and are kept apart from it.

An operation between a tensor of the card and one of the processor is refused, as CUDA refuses
it, and so are a generator of the wrong side and a view as numpy's array. The numbers are the
processor's, so a program must get the same bits here as there. What only a real card shows (its
kernels, the order of its sums, its speed) is not seen.

Torch calls the card ``simulated``: CUDA's own name needs a build with CUDA.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["Card", "simulated_gpu"]

# For the life of the process; nothing else is changed by it.
backend_registration._setup_privateuseone_for_python_backend("simulated")

GPU, CPU = torch.device("simulated:0"), torch.device("cpu")
ATEN = torch.ops.aten
_MOVES = {ATEN._to_copy.default, ATEN.copy_.default}
# CUDA takes the indices of these from the processor.
_INDEXED = {ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default}


class OnCard(Tensor):
    """A tensor of the card; ``numbers`` has its elements."""

    numbers: Tensor

    @staticmethod
    def __new__(cls, numbers: Tensor) -> OnCard:
        made: OnCard = Tensor._make_wrapper_subclass(
            cls,
            numbers.shape,
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            device=GPU,
        )
        made.numbers = numbers
        return made

    def __repr__(self, **_: Any) -> str:
        return f"OnCard({self.numbers})"

    @classmethod
    def __torch_dispatch__(
        cls, operation: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        # Met outside the mode only: a tensor that was left behind can be read, not calculated on.
        return Card().carry_out(operation, args, kwargs or {})


class Generator(torch.Generator):
    """A generator of either side."""

    is_on_card: bool

    def __new__(cls, device: str | torch.device = "cpu") -> Generator:
        made: Generator = super().__new__(cls, "cpu")
        made.is_on_card = torch.device(device) == GPU or str(device) == "cuda"
        return made


class Card(TorchDispatchMode):
    """The card; ``fetches`` counts how often the processor waited for numbers of it."""

    def __init__(self) -> None:
        super().__init__()
        self.fetches = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if not torch.is_inference_mode_enabled():
            return self.carry_out(operation, args, kwargs)
        with torch.inference_mode(False), torch.no_grad():
            with self:
                parts = operation.decompose(*args, **kwargs)  # autograd did that before
            return self.carry_out(operation, args, kwargs) if parts is NotImplemented else parts

    def carry_out(self, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Do it with the processor's numbers, where all that it meets is on one side."""
        values = tree_leaves((args, kwargs))
        came = any(isinstance(each, OnCard) for each in values)
        wanted = kwargs.get("device")
        goes = came if wanted is None else wanted.type == GPU.type
        if operation not in _MOVES:
            _refuse_mixed(operation, args, kwargs, on_card=goes)
        if came and (operation is ATEN._local_scalar_dense.default or not goes):
            self.fetches += 1
        inner = {name: _off_card(value) for name, value in kwargs.items()}
        if wanted is not None:
            inner["device"] = CPU
        given = operation(*map(_off_card, args), **inner)
        if operation._schema.name.endswith("_"):
            return args[0] if operation._schema.returns else None  # written in place
        return tree_map(_as_on_card, given) if goes else given


class _NamedCuda(TorchFunctionMode):
    """Takes ``cuda`` for the card's name."""

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        args, kwargs = tree_map(_renamed, (args, kwargs or {}))
        generator = kwargs.get("generator")
        if isinstance(generator, Generator):  # torch hands a copy of it to the operation
            place = args[0].device if isinstance(args[0], Tensor) else kwargs.get("device", CPU)
            if generator.is_on_card != (torch.device(place) == GPU):
                raise RuntimeError(f"{function.__name__} meets a generator of another device")
        if function in (torch.tensor, torch.as_tensor) and kwargs.get("device") == GPU:
            return function(*args, **kwargs | {"device": CPU}).to(GPU)
        return function(*args, **kwargs)


@contextmanager
def simulated_gpu() -> Iterator[Card]:
    """A machine with a card that torch finds under the name ``cuda``."""
    future = torch.__future__
    before = future.get_overwrite_module_params_on_conversion()
    with pytest.MonkeyPatch.context() as patch, _NamedCuda(), Card() as card:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch, "Generator", Generator)
        future.set_overwrite_module_params_on_conversion(True)
        try:
            yield card
        finally:
            future.set_overwrite_module_params_on_conversion(before)


def _refuse_mixed(
    operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any], *, on_card: bool
) -> None:
    met = [args[0], *args[2:]] if operation in _INDEXED else args
    tensors = [each for each in tree_leaves((met, kwargs)) if isinstance(each, Tensor)]
    # CUDA takes a number alone from the processor.
    sides = {isinstance(each, OnCard) for each in tensors if each.ndim}
    if sides - {on_card}:
        raise RuntimeError(f"{operation} meets tensors of another device")


def _off_card(value: Any) -> Any:
    return tree_map(lambda each: each.numbers if isinstance(each, OnCard) else each, value)


def _as_on_card(value: Any) -> Any:
    return OnCard(value) if type(value) is Tensor else value


def _renamed(value: Any) -> Any:
    return GPU if isinstance(value, str | torch.device) and str(value) == "cuda" else value
