"""From Vega-Lite to a static SVG string: no script, no reference, no fixed background.

Colours are written as the plain light ones of `PALETTE`; the page's style sheet recolours them by attribute
(`[fill="#0b5cad"]`) for a dark screen, so that an SVG also stands alone. Every chart is `WIDTH` units wide and legible
on a phone at that width.
"""

import json
from collections.abc import Sequence

import altair as alt
import vl_convert
from markupsafe import escape

WIDTH = 360
PALETTE = {
    "specialist": "#0b5cad",
    "rival": "#b4500b",
    "other": "#6b7079",
    "ink": "#1c1f24",
    "muted": "#5b6069",
    "line": "#d9d6ce",
}
FONT = "Open Sans"  # bundled with vl-convert, so layout is the same everywhere; the page shows the reader's own sans
_TOP = 6


def svg(
    layers: Sequence[alt.Chart], width: int, height: int, left: int, bottom: int, title: str, said: Sequence[str]
) -> str:
    """The layers as an `<svg>` fit to be put into a page: a title, and all that it says as text for screen readers.

    `width` and `height` are the plot's, `left` and `bottom` the room that its axes take.
    """
    spec = (
        alt.layer(*layers)
        .properties(width=width, height=height)
        .configure(
            font=FONT,
            aria=False,
            background="transparent",
            autosize="none",
            padding={"left": left, "right": WIDTH - left - width, "top": _TOP, "bottom": bottom},
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=PALETTE["muted"],
            titleColor=PALETTE["muted"],
            labelFontSize=11,
            titleFontSize=11,
            titleFontWeight="normal",
            gridColor=PALETTE["line"],
            domainColor=PALETTE["line"],
            grid=False,
            ticks=False,
            labelPadding=5,
        )
        .configure_axisY(domain=False)
    )
    drawn = vl_convert.vegalite_to_svg(json.dumps(spec.to_dict()))
    total, label = _TOP + height + bottom, escape(f"{title}: {'; '.join(said)}")
    root = (
        f'<svg viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}" overflow="visible" role="img" '
        f'aria-label="{label}"><title>{escape(title)}</title>'
    )
    return root + drawn[drawn.index(">") + 1 :]
