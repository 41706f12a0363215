"""Any of timm's models by name, where timm is installed; nothing else here needs it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from torch import nn

from harness_vision.backbones.normalised import Constants

__all__ = ["refuse_unknown_model", "timm_constants", "timm_network"]


def refuse_unknown_model(name: str) -> None:
    """Raise ``ValueError`` where timm has no such model, or cannot be imported."""
    timm = _timm(name)
    if name not in timm.list_models():
        near = timm.list_models(f"*{name}*")[:3]
        told = f"; there are {', '.join(near)}" if near else ""
        raise ValueError(f'timm has no model "{name}"{told}')


def timm_network(name: str, classes: int, shape: tuple[int, int, int]) -> nn.Module:
    """The model ``name`` of timm without weights, for images of ``shape``."""
    timm = _timm(name)
    # Vision transformers are made for one size of image; others take any, and not this argument.
    is_fixed = getattr(timm.models.get_pretrained_cfg(name), "fixed_input_size", False)
    size = {"img_size": shape[1:]} if is_fixed else {}
    made: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=classes, in_chans=shape[0], **size
    )
    return made


def _timm(name: str) -> Any:
    missing = [each for each in ("timm", "torchvision") if find_spec(each) is None]
    if missing:
        raise ValueError(
            f"timm/{name} needs timm and torchvision, and {' and '.join(missing)} cannot be "
            "imported: pip install timm torchvision"
        )
    try:
        import timm
    # A torchvision of another torch than the one at hand fails in more ways than ImportError.
    except (ImportError, OSError, RuntimeError) as error:
        raise ValueError(
            f"timm/{name}: timm cannot be imported ({error}); is torchvision the one that "
            "belongs to this torch?"
        ) from error
    return timm


def timm_constants(network: Any) -> Constants | None:
    """The normalisation that the model was made for; ``None`` where it tells none."""
    told = getattr(network, "default_cfg", None) or {}
    if "mean" not in told or "std" not in told:
        return None
    return Constants(tuple(map(float, told["mean"])), tuple(map(float, told["std"])))
