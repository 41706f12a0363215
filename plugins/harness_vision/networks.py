"""Networks of a training: begun from other weights, written and read with what they are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from harness_vision.backbones import Backbone, NormalisationName, Shortcut, UnfitWeights, build

__all__ = ["Blueprint", "read_network", "start_from", "write_network"]


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What :func:`harness_vision.backbones.build` is asked for."""

    name: str
    classes: int
    shape: tuple[int, int, int]
    normalise: NormalisationName | None = None
    shortcut: Shortcut | None = None

    def build(self, key: int) -> Backbone:
        """The network, initialised from ``key``, in training mode."""
        return build(**asdict(self), seed=key)


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
    if given.constants != net.constants:
        raise UnfitWeights(
            f"the weights to start from are for images normalised by {given.constants}, the "
            f"network's are by {net.constants}: say normalise"
        )
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
                f"{name} is {tuple(taken[name].shape)} in the weights to start from and "
                f"{tuple(own[name].shape)} in the network"
            )
    net.load_state_dict(taken)


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
