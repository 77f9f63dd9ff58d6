"""The one palette and the one set of design rules of every page that Fanlight makes.

In: the names of colours. Out: style sheets as text, for a `<style>` element: `custom_properties()` defines the colours,
`FOUNDATION` sets text, links and focus, `CONTROLS` sets buttons, fields, tables and code. Nothing is loaded from
elsewhere. The drawing is in `drawing.py`. A site's own style sheet may define the same names.

The look is a door with a window over it. By day the page is paper in morning light, and the glass is the sky; by night
the room is dark, and the glass is lamplight. Colour is light: there is little of it, and it means something.

Colours
    paper, raised, code     grounds: the page; a panel or table head on it; source text and bytes
    glow                    the light around the drawing; the middle of a radial gradient that ends in `paper`
    ink, quiet              text; text that is read second. Both can be read on every ground and on every tint
    line, edge              a rule between things; the border of a control (4.5:1 to every ground)
    link, accent            a link or a button; the one thing on the page that is current, and the mark of the focus
    good, warn, bad         what went well, needs a look, has failed; also written, as colour is never the only sign
    good-tint ... bad-tint  the ground of a message of that kind
    ruby, amber, olive, emerald, teal, sky, violet, rose
                            eight kinds of thing (syntax, parts of a message, stages), in this order; text of each
                            can be read on every ground and on its own tint (`ruby-tint` ...)
    lead, glass-top, glass-low, empty
                            the drawing: its bars, its panes, and a pane without light
    Text has a contrast of at least 4.5:1, in both schemes: tests/pages/test_palette.py. Text on a filled `link`,
    `accent` or hue is `paper`. A page never defines a colour of its own; if one is missing, it is added here.

Light and dark
    Both, by `prefers-color-scheme`, and nothing else switches: `color-scheme: light dark` makes the browser's own
    controls and scroll bars follow. No shadow, no blur, no transparency: what lies on the page has a line around it.

Type
    SANS for text and controls, SERIF for the one heading of a page, MONO for what a program reads or writes. Sizes:
    .8125rem notes and table heads, .9375rem dense pages, 1.0625rem text, 1.3125rem second headings, `H1` the heading.
    Weights 400 and 600. Lines 1.6 in text, 1.5 in source, 1.15 in headings. Numbers in columns are tabular.

Space
    .25 .5 .75 1 1.5 2 3 4 (rem), and no other. Text is at most 42rem wide; dense pages use the window.

Shape
    Corners are square, or rounded by 3px for what can be pressed or typed into. Lines are 1px. The arch of the drawing
    is the only round thing. A panel that opens is a `<details>`.

Focus, pointer, motion
    The focus is a 2px ring in `accent`, 2px away, on everything that takes it: never `outline: none`. The pointer
    thickens an underline, or a border; it does not move anything. What changes does so at once; if something must move,
    `prefers-reduced-motion` stops it. A control is at least 2.25rem high on a touch screen.

Words
    Sentence case, no icons without words, no exclamation marks. A label says what is there, a button what it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,sans-serif'
SERIF = 'ui-serif,"Iowan Old Style","Palatino Linotype",Georgia,Cambria,serif'
MONO = 'ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace'
H1 = f"600 clamp(1.75rem,1.2rem + 2.8vw,2.625rem)/1.15 {SERIF}"

GROUNDS = ("paper", "raised", "code", "glow")
HUES = ("ruby", "amber", "olive", "emerald", "teal", "sky", "violet", "rose")

# The hues have one lightness within a scheme and are spread around the circle of OKLCH.
LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#f8f5ee", "raised": "#fffefa", "code": "#f1ece1", "glow": "#fffefa",
        "ink": "#26221c", "quiet": "#5f584d", "line": "#dfd7c7", "edge": "#6f685c",
        "link": "#0a5a80", "accent": "#8a5200",
        "good": "#05753a", "good-tint": "#dcefd9", "warn": "#8a5200", "warn-tint": "#fbe6c8",
        "bad": "#b02f31", "bad-tint": "#fbe0da",
        "ruby": "#b23638", "amber": "#905603", "olive": "#686804", "emerald": "#05753a",
        "teal": "#027172", "sky": "#0469a2", "violet": "#6d52b5", "rose": "#a23d7b",
        "ruby-tint": "#ffdfdd", "amber-tint": "#fce3cb", "olive-tint": "#e9ebce", "emerald-tint": "#d3f1d9",
        "teal-tint": "#cef0ef", "sky-tint": "#d5ebfe", "violet-tint": "#e8e4fe", "rose-tint": "#ffddee",
        "lead": "#40382e", "glass-top": "#8cc6e6", "glass-low": "#e4f2f8", "empty": "#d6cfc1",
    }
)  # fmt: skip
DARK: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#13151a", "raised": "#1a1d24", "code": "#1c1f26", "glow": "#33291b",
        "ink": "#efe9dc", "quiet": "#b0a998", "line": "#333843", "edge": "#90959e",
        "link": "#ffd07a", "accent": "#f2b04a",
        "good": "#63bb7e", "good-tint": "#16321f", "warn": "#e0a24a", "warn-tint": "#3b260f",
        "bad": "#f57a75", "bad-tint": "#41211f",
        "ruby": "#f57a75", "amber": "#d59552", "olive": "#a8aa59", "emerald": "#63bb7e",
        "teal": "#50b7b8", "sky": "#58adec", "violet": "#a992f5", "rose": "#e37db7",
        "ruby-tint": "#41211f", "amber-tint": "#3b260f", "olive-tint": "#2d2d12", "emerald-tint": "#16321f",
        "teal-tint": "#0e3132", "sky-tint": "#122e42", "violet-tint": "#2c2642", "rose-tint": "#3d2131",
        "lead": "#07090c", "glass-top": "#f5a63d", "glass-low": "#ffe2a0", "empty": "#2a303b",
    }
)  # fmt: skip


def custom_properties(names: Iterable[str] = LIGHT, selector: str = ":root") -> str:
    """Return a style sheet that defines colours as custom properties: `--paper` is `LIGHT["paper"]`, in dark `DARK`'s.

    `names` are the colours that a small page uses. `selector` is `:host` in a shadow root. Raises KeyError for a name
    that is no colour.
    """
    names = tuple(names)
    light, dark = (";".join(f"--{name}:{scheme[name]}" for name in names) for scheme in (LIGHT, DARK))
    return (
        f"{selector}{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme: dark){{{selector}{{{dark}}}}}\n"
    )


# Uses paper, ink, link, accent.
FOUNDATION = f"""\
*{{box-sizing:border-box;margin:0}}
body{{background:var(--paper);color:var(--ink);font:1.0625rem/1.6 {SANS}}}
h1{{font:{H1};letter-spacing:-.01em;text-wrap:balance}}
a{{color:var(--link);text-underline-offset:.2em}}
a:hover{{text-decoration-thickness:2px}}
:focus-visible{{outline:2px solid var(--accent);outline-offset:2px}}
"""

# For pages with more than text; uses paper, raised, code, ink, quiet, line, edge, link, accent. A button that is not
# the main one of its page is `<button class="plain">`.
CONTROLS = f"""\
h2{{font:600 1.3125rem/1.3 {SANS}}}
code,pre,kbd,samp,.mono{{font-family:{MONO};font-size:.92em}}
pre{{line-height:1.5;padding:.75rem 1rem;background:var(--code);border:1px solid var(--line);overflow-x:auto}}
hr{{border:0;border-top:1px solid var(--line)}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}
th,td{{padding:.25rem .75rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:baseline}}
th{{font-size:.8125rem;font-weight:600;color:var(--quiet)}}
button,input,select,textarea{{min-height:2.25rem;padding:.25rem .75rem;border:1px solid var(--edge);border-radius:3px;\
background:var(--raised);color:var(--ink);font:inherit}}
button{{background:var(--link);border-color:var(--link);color:var(--paper);font-weight:600;cursor:pointer}}
button.plain{{background:var(--raised);border-color:var(--edge);color:var(--ink);font-weight:400}}
button:hover{{outline:1px solid var(--edge)}}
button:focus-visible{{outline:2px solid var(--accent)}}
input[type=checkbox],input[type=radio]{{min-height:0;accent-color:var(--link)}}
:disabled,button:disabled{{background:var(--code);border-color:var(--edge);color:var(--quiet);font-weight:400;cursor:default}}
::placeholder{{color:var(--quiet);opacity:1}}
summary{{cursor:pointer}}
@media (prefers-reduced-motion: reduce){{*{{animation:none!important;transition:none!important}}}}
"""
