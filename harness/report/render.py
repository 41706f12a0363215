"""Vega-Lite specifications to SVG, PNG and PDF, by vl-convert: no browser, no network.

Specifications name colours as variables (``var(--ink)``), which survive in SVG, so that the
page's theme decides and a switch redraws nothing. PNG and PDF don't know variables: there
the light theme's values are put in.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from harness.errors import UsageError

__all__ = ["INSTALL", "bundle", "can_render", "figure_files", "svg"]

INSTALL = "pip install 'algo-harness[report]'"

_VERSION = "6.1"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_TAG = re.compile(r"<[^>]*>")
_BEYOND = re.compile(r"(\.\d)\d+")  # a tenth of a pixel
_POINT_ZERO = re.compile(r"\.0(?!\d)")
_SCALE = 2.0  # PNG pixels a CSS pixel

# The light theme, as in assets/page.css; a test holds the two together.
LIGHT = {
    "--page": "#ffffff",
    "--surface": "#f5f6f8",
    "--ink": "#191c20",
    "--ink-2": "#565d66",
    "--rule": "#dcdfe4",
    "--grid": "#e9ebee",
    "--s1": "#1f63c6",
    "--s2": "#8a3fb0",
    "--s3": "#b0336f",
    "--s4": "#8a5a2b",
    "--s5": "#1686a8",
    "--s6": "#66751a",
    "--s7": "#6a727c",
    "--s0": "#565d66",
}


def can_render() -> bool:
    """Whether the extra is installed."""
    return find_spec("vl_convert") is not None


def complete(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification with its schema and the look that all figures share."""
    return {"$schema": _SCHEMA, "config": _config(), "background": None, **spec}


def svg(spec: Mapping[str, Any]) -> str:
    """The figure as SVG with colours as variables, coordinates to a tenth of a pixel."""
    drawn = str(_converter().vegalite_to_svg(complete(spec), vl_version=_VERSION))
    # In elements only: a label that says 0.0123 must go on saying so.
    return _TAG.sub(lambda found: _POINT_ZERO.sub("", _BEYOND.sub(r"\1", found[0])), drawn)


def figure_files(spec: Mapping[str, Any]) -> dict[str, bytes]:
    """The figure for papers, by suffix: ``svg``, ``png``, ``pdf``; the light theme."""
    text = json.dumps(complete(spec))
    for name, value in LIGHT.items():
        text = text.replace(f"var({name})", value)
    plain = json.loads(text) | {"background": LIGHT["--page"]}
    vl = _converter()
    drawn = vl.vegalite_to_svg(plain, vl_version=_VERSION)
    return {
        "svg": drawn.encode(),
        "png": bytes(vl.svg_to_png(drawn, scale=_SCALE)),
        "pdf": bytes(vl.svg_to_pdf(drawn)),
    }


def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one module that sets ``window.vegaEmbed``."""
    made = _converter().javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_VERSION)
    return str(made)


def _converter() -> Any:
    if not can_render():
        raise UsageError(f"figures need vl-convert, which is not installed ({INSTALL})")
    import vl_convert

    return vl_convert


def _config() -> dict[str, Any]:
    text = {"labelFontSize": 12, "titleFontSize": 12, "labelColor": "var(--ink-2)"}
    return {
        "font": 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
        # Browsers measure text a little wider than the converter does.
        "padding": {"left": 5, "top": 18, "right": 24, "bottom": 5},
        "view": {"stroke": None},
        "aria": False,  # the figure has one sentence and a table instead
        "axis": {
            **text,
            "titleColor": "var(--ink-2)",
            "titleFontWeight": "normal",
            "titlePadding": 10,
            "domainColor": "var(--rule)",
            "tickColor": "var(--rule)",
            "gridColor": "var(--grid)",
            "labelPadding": 6,
            "format": ",.6~g",
        },
        "axisX": {"grid": False, "tickSize": 4},
        "axisY": {"domain": False, "ticks": False},
        "text": {"fontSize": 12, "color": "var(--ink-2)"},
    }


if __name__ == "__main__":  # one of the processes of ``drawers``
    json.dump([svg(each) for each in json.load(sys.stdin)], sys.stdout)
