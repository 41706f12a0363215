"""Any of timm's models by name, where timm is installed; nothing else here needs it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from torch import nn

from harness_vision.backbones.normalised import Constants

__all__ = ["timm_constants", "timm_network"]


def timm_network(name: str, classes: int, shape: tuple[int, int, int]) -> nn.Module:
    """The model ``name`` of timm without weights, for images of ``shape``.

    Raises
    ------
    ValueError
        When timm, or torchvision which it imports, is not installed, or has no such model.
    """
    missing = [each for each in ("timm", "torchvision") if find_spec(each) is None]
    if missing:
        raise ValueError(
            f"timm/{name} needs timm and torchvision, and {' and '.join(missing)} cannot be "
            "imported: pip install timm torchvision"
        )
    import timm

    if name not in timm.list_models():
        near = timm.list_models(f"*{name}*")[:3]
        told = f"; there are {', '.join(near)}" if near else ""
        raise ValueError(f'timm has no model "{name}"{told}')
    made: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=classes, in_chans=shape[0]
    )
    return made


def timm_constants(network: Any) -> Constants | None:
    """The normalisation that the model was made for; ``None`` where it tells none."""
    told = getattr(network, "default_cfg", None) or {}
    if "mean" not in told or "std" not in told:
        return None
    return Constants(tuple(map(float, told["mean"])), tuple(map(float, told["std"])))
