"""The script for the pages of a site in development, with the style sheet of what it shows.

In: `browser/reload.js` and `browser/overlay.css`. Out: one text of JavaScript, made once.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from fanlight.message.response import Response
from fanlight.pages.palette import MONO, SANS, custom_properties

MEDIA_TYPE = "text/javascript; charset=utf-8"
_FOLDER = Path(__file__).parent / "browser"


@cache
def overlay_style(selector: str = ":host") -> str:
    """Return the style sheet, with the palette's colours."""
    style = (_FOLDER / "overlay.css").read_text(encoding="utf-8")
    return custom_properties(selector=selector) + style.replace("SANS", SANS).replace("MONO", MONO)


@cache
def _script() -> bytes:
    text = (_FOLDER / "reload.js").read_text(encoding="utf-8")
    return text.replace('"/*STYLE*/"', json.dumps(overlay_style())).encode()


def script() -> Response:
    """Serve the script: the view of `/__fanlight__/static/reload.js`."""
    return Response(_script(), media_type=MEDIA_TYPE)
