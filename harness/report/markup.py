"""HTML that is safe by construction: every text is escaped, unless it is markup already."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

__all__ = ["Html", "data_script", "join", "tag"]

_VOID = frozenset({"meta", "link", "input", "br", "hr"})


class Html(str):
    """Text that is markup: made by :func:`tag`, never of what somebody typed."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element.

    Parameters
    ----------
    name
        Name of the element.
    *children
        Markup as it is, other text escaped; ``None`` is left out.
    **attributes
        ``class_`` is class, ``data_task`` is data-task; ``None`` and ``False`` are left out,
        ``True`` stands without a value.
    """
    told = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Html:
    """The children one after another, texts escaped."""
    return Html("".join(_child(child) for child in children))


def data_script(ident: str, value: Mapping[str, Any] | list[Any]) -> Html:
    """Data for the page's script, as JSON that cannot end its element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    kept = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Html(f'<script type="application/json" id="{escape(ident)}">{kept}</script>')


def _child(child: object) -> str:
    if child is None:
        return ""
    return str(child) if isinstance(child, Html) else escape(str(child), quote=False)


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
