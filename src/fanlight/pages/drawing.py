"""The one drawing of the fanlight: half a wheel of panes over a door. By day the sky is in it, by night lamplight.

Out: the drawing as SVG markup for a page that has the palette's `lead`, `glass-top`, `glass-low` and `empty`
(`palette.py`), without inline styles, which a page may forbid; and a small one for its icon, which can be recognized at
16 pixels. A page has the large one once, because its gradient has an id.
"""

from __future__ import annotations

from urllib.parse import quote

_WINDOW = """\
<svg viewBox="0 0 240 132" aria-hidden="true" focusable="false">
<linearGradient id="glass" x2="0" y2="1"><stop stop-color="var(--glass-top)"/>\
<stop offset="1" stop-color="var(--glass-low)"/></linearGradient>
<path fill="url(#glass)" d="M10 118a110 110 0 0 1 220 0z"/>
{pane}<g fill="none" stroke="var(--lead)" stroke-width="5">\
<path d="M84 118a36 36 0 0 1 72 0M90.9 96.8 31 53.3M108.9 83.8 86 13.4\
M131.1 83.8 154 13.4M149.1 96.8 209 53.3"/>\
<path stroke-width="8" d="M10 118a110 110 0 0 1 220 0"/></g>
<rect fill="var(--lead)" y="118" width="240" height="10" rx="2"/>
</svg>
"""
COLOURS = ("lead", "glass-top", "glass-low", "empty")
LIT = _WINDOW.format(pane="")
ONE_PANE_OUT = _WINDOW.format(
    pane='<path fill="var(--empty)" d="M154 13.4A110 110 0 0 1 209 53.3L149.1 96.8A36 36 0 0 0 131.1 83.8z"/>\n'
)

# Amber panes between dark bars: they stand out from the light bar of a browser's tabs, and from a dark one. Three panes
# and a hub are what 16 pixels can hold.
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<path fill="#f5b04a" d="M1 11a7 7 0 0 1 14 0z"/>'
    '<path fill="#ffe2a0" d="M5.5 11a2.5 2.5 0 0 1 5 0z"/>'
    '<g fill="none" stroke="#3a2c17" stroke-width="1.1">'
    '<path d="M5.5 11a2.5 2.5 0 0 1 5 0M6.7 8.8 4.2 4.9M9.3 8.8 11.8 4.9M.9 11a7.1 7.1 0 0 1 14.2 0"/></g>'
    '<path fill="#3a2c17" d="M0 11h16v2H0z"/></svg>'
)
# For the `<head>` of a page: with it, a browser does not request /favicon.ico.
_ICON = quote(FAVICON.replace('"', "'"), safe="' =:,<>().")
FAVICON_LINK = f'<link rel="icon" href="data:image/svg+xml,{_ICON}">'
