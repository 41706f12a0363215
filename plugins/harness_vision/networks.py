"""Networks by what they are: planned, begun from other weights, written and read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from harness_vision.backbones import (
    Backbone,
    NormalisationName,
    Shortcut,
    UnfitWeights,
    build,
    misfit_of,
)
from harness_vision.images import classes_of, shape_of

__all__ = [
    "Blueprint",
    "read_network",
    "refuse_unfit_start",
    "start_from",
    "write_network",
]


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What :func:`harness_vision.backbones.build` is asked for."""

    name: str
    classes: int
    shape: tuple[int, int, int]
    normalise: NormalisationName | None = None
    shortcut: Shortcut | None = None

    @classmethod
    def on(
        cls,
        dataset: str,
        name: str,
        *,
        normalise: NormalisationName | None = None,
        shortcut: Shortcut | None = None,
    ) -> Blueprint:
        """The backbone ``name`` for the images and classes of a data set."""
        return cls(
            name=name,
            classes=classes_of(dataset),
            shape=shape_of(dataset),
            normalise=normalise,
            shortcut=shortcut,
        )

    def build(self, key: int, *, bf16: bool = False, channels_last: bool = False) -> Backbone:
        """The network, initialised from ``key``, in training mode."""
        return build(**asdict(self), seed=key, bf16=bf16, channels_last=channels_last)

    def example(self) -> Backbone:
        """A network of this kind, for planning to look at: shared, so leave it as it is."""
        return _example(self)


@lru_cache(maxsize=4)  # a large one fills 100 MB
def _example(blueprint: Blueprint) -> Backbone:
    return blueprint.build(0)


def start_from(net: Backbone, given: Backbone, *, keeps_last: bool) -> None:
    """Take over the weights of ``given``; the last layer stays fresh where it must.

    Parameters
    ----------
    keeps_last
        Take the last linear layer, too, if its classes fit.

    Raises
    ------
    UnfitWeights
        When they are of another network; the message names the first misfit.
    """
    net.load_state_dict(_start(net, given, keeps_last))


def refuse_unfit_start(net: Backbone, given: Backbone, *, keeps_last: bool) -> None:
    """Raise what :func:`start_from` would, and change nothing."""
    _start(net, given, keeps_last)


def _start(net: Backbone, given: Backbone, keeps_last: bool) -> dict[str, Tensor]:
    """The state to start from."""
    own, taken = net.state_dict(), dict(given.state_dict())
    for name in _last_layer(net):
        if name in taken and not (keeps_last and _fits(name, taken, own)):
            taken[name] = own[name]
    for name in (*own, *taken):
        if name not in taken or name not in own:
            whose = "weights to start from" if name not in taken else "network"
            raise UnfitWeights(f"the {whose} have no {name}: the two are different networks")
        if not _fits(name, taken, own):
            raise UnfitWeights(
                f"the weights to start from do not fit: {misfit_of(name, taken, own)}"
            )
    # After the shapes: another normalisation would not make weights of other channels fit.
    if given.constants != net.constants:
        raise UnfitWeights(
            f"the weights to start from are for images normalised by {given.constants}, the "
            f"network's are by {net.constants}: say normalise"
        )
    return taken


def _fits(name: str, taken: dict[str, Tensor], own: dict[str, Tensor]) -> bool:
    return name in own and taken[name].shape == own[name].shape


def _last_layer(net: nn.Module) -> list[str]:
    last = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)][-1:]
    return [f"{name}.{part}" for name in last for part in ("weight", "bias")]


def write_network(path: Path, net: nn.Module, blueprint: Blueprint) -> None:
    """Weights as safetensors, with what :func:`read_network` needs to build the network."""
    weights = {name: each.detach().cpu().contiguous() for name, each in net.state_dict().items()}
    save_file(weights, path, metadata={"network": json.dumps(asdict(blueprint))})


def read_network(path: Path) -> Backbone:
    """The network in evaluation mode, on the CPU, its parameters without gradients."""
    with safe_open(path, "pt") as opened:
        known = json.loads(opened.metadata()["network"])
        weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    net = Blueprint(**known | {"shape": tuple(known["shape"])}).build(0)
    net.load_state_dict(weights)
    net.eval().requires_grad_(False)
    return net
