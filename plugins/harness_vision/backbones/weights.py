"""Weights of a backbone: written as safetensors, read as safetensors or as a plain state dict.

A checkpoint of torch is a pickle, which can run code when it is loaded; only one that holds
nothing but tensors and plain values is read, and any other is refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from harness_vision.backbones.normalised import Backbone

__all__ = [
    "UnfitWeights",
    "UnsafeWeights",
    "fitting_state",
    "load_weights",
    "misfit_of",
    "read_state",
    "save_weights",
]

State = dict[str, torch.Tensor]
_NESTED = ("state_dict", "model", "net")
_PREFIXES = ("module.", "1.", "network.")  # of DataParallel, of (normalisation, network), ours
_OLD_NAMES = (("downsample.", "shortcut."), ("fc.", "linear."))  # other CIFAR checkpoints' names
_COUNTER = ".num_batches_tracked"  # BatchNorm's, which evaluation ignores and old files lack
_CHECKPOINTS = (b"PK\x03\x04", b"\x80")  # how files of torch.save begin: zip, or a bare pickle
_NORMALISES = ("mean", "means", "std", "stds", "sds")


class UnsafeWeights(ValueError):
    """A checkpoint that holds more than tensors: it is not loaded."""


class UnfitWeights(ValueError):
    """Weights of another network; the message names the first difference."""


def save_weights(model: Backbone, path: Path) -> None:
    """Write the network's state dict as safetensors."""
    state = {name: each.detach().cpu().contiguous() for name, each in _state_of(model).items()}
    save_file(state, str(path))


def load_weights(model: Backbone, path: Path) -> None:
    """Load weights into ``model``; all or nothing. Raises as :func:`fitting_state`."""
    model.network.load_state_dict(fitting_state(model, path))


def fitting_state(model: Backbone, path: Path) -> State:
    """The weights of a file under the names of ``model``, whose numbers are not looked at.

    Raises
    ------
    UnsafeWeights
        When the file is a pickle of more than tensors.
    UnfitWeights
        When it is unreadable, or of another network: the first missing key is named.
    """
    own = _state_of(model)
    state = _renamed(read_state(path), own)
    state = {name: each for name, each in own.items() if name.endswith(_COUNTER)} | state
    _refuse_other(state, own, path)
    return state


def read_state(path: Path) -> State:
    """The tensors of a weights file by name, without common prefixes."""
    if path.suffix == ".safetensors":
        try:
            return _stripped(load_file(str(path)))
        except SafetensorError as error:
            raise UnfitWeights(f"{path} is no safetensors file: {error}") from error
    with path.open("rb") as file:
        if not file.read(4).startswith(_CHECKPOINTS):
            raise UnfitWeights(f"{path} is no checkpoint: torch.save begins a file otherwise")
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnsafeWeights(
            f"{path} pickles objects, which could run code, and is not loaded. Where you trust "
            "it, write its tensors alone: safetensors.torch.save_file(model.state_dict(), "
            '"weights.safetensors"), or torch.save(model.state_dict(), …)'
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise UnfitWeights(f"{path} is no checkpoint: {error}") from error
    return _stripped(_tensors(held, path))


def _tensors(held: Any, path: Path) -> State:
    for nested in _NESTED:
        if isinstance(held, Mapping) and isinstance(held.get(nested), Mapping):
            held = held[nested]
    if not isinstance(held, Mapping) or not held:
        raise UnfitWeights(f"{path} holds no state dict but {type(held).__name__}")
    odd = [name for name, each in held.items() if not isinstance(each, torch.Tensor)]
    if odd:
        raise UnfitWeights(f"{path}: {odd[0]} is no tensor")
    return {str(name): each for name, each in held.items()}


def _stripped(state: State) -> State:
    own = [name for name in state if name.rpartition(".")[2] in _NORMALISES]
    if own:
        raise UnfitWeights(
            f"the checkpoint has a normalisation of its own ({own[0]}), and images would be "
            "normalised twice: save the network's state dict alone"
        )
    stripped = True
    while stripped:
        stripped = False
        for prefix in _PREFIXES:
            if state and all(name.startswith(prefix) for name in state):
                state = {name.removeprefix(prefix): each for name, each in state.items()}
                stripped = True
    return state


def _renamed(state: State, own: State) -> State:
    """Names of other CIFAR ResNets brought to ours, where that makes them fit."""
    if not state.keys() - own.keys():
        return state
    renamed = {}
    for name, each in state.items():
        for old, new in _OLD_NAMES:
            name = name.replace(old, new)
        renamed[name] = each
    return renamed if not renamed.keys() - own.keys() else state


def _refuse_other(state: State, own: State, path: Path) -> None:
    missing = [name for name in own if name not in state]
    if missing:
        hint = (
            "; the weights have no shortcuts: say shortcut: A, or take the published network's "
            "own name (backbone: cifar10-resnet20)"
            if _only_shortcuts(missing)
            else ""
        )
        raise UnfitWeights(f"{path} does not fit: it has no {missing[0]}{hint}")
    extra = [name for name in state if name not in own]
    if extra:
        hint = "; the network has no shortcuts: say shortcut: B" if _only_shortcuts(extra) else ""
        raise UnfitWeights(f"{path} does not fit: the network has no {extra[0]}{hint}")
    for name, each in own.items():
        if state[name].shape != each.shape:
            raise UnfitWeights(f"{path} does not fit: {misfit_of(name, state, own)}")
        if not bool(torch.isfinite(state[name]).all()):
            raise UnfitWeights(f"{path}: {name} holds numbers that are not finite")


def misfit_of(name: str, state: State, own: State) -> str:
    """How a tensor of the weights differs from the network's, and which images it is for."""
    given, wanted = state[name].shape, own[name].shape
    told = f"{name} is {tuple(given)}, the network's is {tuple(wanted)}"
    layers = [each for each, tensor in own.items() if tensor.ndim > 1]
    if name == layers[0] and given[:1] + given[2:] == wanted[:1] + wanted[2:]:
        channels = "1 channel" if given[1] == 1 else f"{given[1]} channels"
        return f"{told}; the weights are for images of {channels}, these have {wanted[1]}"
    if name == layers[-1] and given[1:] == wanted[1:]:
        return f"{told}; the weights know {given[0]} classes, these images have {wanted[0]}"
    return told


def _only_shortcuts(names: list[str]) -> bool:
    return all(".shortcut." in name for name in names)


def _state_of(model: Backbone) -> State:
    return dict(model.network.state_dict())
