"""The palette: each text can be read where it may stand, and no two kinds look alike."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest

from fanlight.pages.drawing import FAVICON, FAVICON_LINK, LIT, ONE_PANE_OUT
from fanlight.pages.palette import CONTROLS, DARK, FOUNDATION, GROUNDS, HUES, LIGHT, custom_properties

REPOSITORY = Path(__file__).parents[2]
EXAMPLES, NEW_SITE = REPOSITORY / "examples", REPOSITORY / "src" / "fanlight" / "cli" / "new_site"
LESSON = sorted((EXAMPLES / "lesson").rglob("*.html"))
STYLES = [NEW_SITE / "static" / "site.css", EXAMPLES / "site" / "static" / "journal.css", *LESSON]
TEXT, MEANINGS = ("ink", "quiet", "link", "accent"), ("good", "warn", "bad")
TINTS = tuple(name for name in LIGHT if name.endswith("-tint"))
BOTH = pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])


def linear(colour: str) -> list[float]:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2, "contrast ratio")."""
    low, high = sorted(
        sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear(c), strict=True)) for c in (one, other)
    )
    return (high + 0.05) / (low + 0.05)


def oklab(colour: str) -> tuple[float, float, float]:
    """Return where a colour is in OKLab, in which a distance is what an eye sees of a difference."""
    r, g, b = linear(colour)
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    medium = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


@BOTH
def test_every_text_can_be_read_where_it_may_stand(scheme: Mapping[str, str]) -> None:
    """Text has at least 4.5 to 1 on every ground; ink and quiet on every tint; meanings and hues on their own tint."""
    pairs = [(text, ground) for text in (*TEXT, *MEANINGS, *HUES) for ground in GROUNDS]
    pairs += [(text, tint) for text in ("ink", "quiet") for tint in TINTS]
    pairs += [(text, f"{text}-tint") for text in (*MEANINGS, *HUES)]
    pairs += [("paper", filled) for filled in ("link", "accent", *MEANINGS, *HUES)]
    assert [pair for pair in pairs if contrast(scheme[pair[0]], scheme[pair[1]]) < 4.5] == []


@BOTH
def test_the_border_of_a_control_is_seen(scheme: Mapping[str, str]) -> None:
    """The border of a control and the ring of the focus have at least 4.5 to 1 on every ground."""
    pairs = [(name, ground) for name in ("edge", "accent") for ground in GROUNDS]
    assert [pair for pair in pairs if contrast(scheme[pair[0]], scheme[pair[1]]) < 4.5] == []


@BOTH
def test_the_hues_are_told_apart(scheme: Mapping[str, str]) -> None:
    """Any two of the eight hues are 0.08 apart in OKLab, four times what can just be seen side by side."""
    pairs = combinations(HUES, 2)
    assert [pair for pair in pairs if math.dist(oklab(scheme[pair[0]]), oklab(scheme[pair[1]])) < 0.08] == []


def test_both_schemes_have_the_same_names() -> None:
    """Each colour is a hex triple in light and in dark."""
    assert list(LIGHT) == list(DARK)
    assert [value for value in (*LIGHT.values(), *DARK.values()) if not re.fullmatch("#[0-9a-f]{6}", value)] == []


def test_the_style_sheets_use_colours_of_the_palette_only() -> None:
    """Neither the style sheets nor the drawing name a colour that the palette lacks, or have one of their own."""
    text = FOUNDATION + CONTROLS + LIT + ONE_PANE_OUT
    assert set(re.findall(r"var\(--([a-z-]+)\)", text)) <= set(LIGHT)
    assert re.findall(r"#[0-9a-f]{3,8}\b", text) == []


@pytest.mark.parametrize("file", STYLES, ids=lambda file: file.relative_to(REPOSITORY).as_posix())
def test_a_site_of_ours_has_the_same_colours(file: Path) -> None:
    """The new site and the examples define what they use of the palette, as it is, and no other colour."""
    text = file.read_text()
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    for part, scheme in ((light, LIGHT), (dark, DARK)):
        defined = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part))
        assert defined == {name: scheme[name] for name in defined}
        assert defined.keys() >= set(re.findall(r"var\(--([a-z-]+)\)", text))
    drawn = {*re.findall("%23[0-9a-f]{6}", FAVICON_LINK)}
    assert {*re.findall("(?:#|%23)[0-9a-f]{6}", text)} <= {*LIGHT.values(), *DARK.values(), *drawn}


@pytest.mark.parametrize("folder", [NEW_SITE, EXAMPLES / "site"], ids=["new", "site"])
def test_a_site_of_ours_has_the_same_drawing(folder: Path) -> None:
    """The new site and the journal have the drawing as a template, and the small one as their icon."""
    assert (folder / "templates" / "fanlight.svg").read_text() == LIT
    assert (folder / "static" / "favicon.svg").read_text() == FAVICON + "\n"


@pytest.mark.parametrize("file", LESSON, ids=lambda file: file.name)
def test_the_lesson_has_the_same_drawing(file: Path) -> None:
    """Each page of the lesson has the drawing in it, and its icon."""
    text = file.read_text()
    assert [line.strip() for line in LIT.splitlines() if line not in text] == []
    assert FAVICON_LINK in text


def test_a_page_defines_the_colours_that_it_names() -> None:
    """Some of the colours, for both schemes, under any selector; a name that is no colour is an error."""
    assert custom_properties(["ink", "line"], ":host") == (
        ":host{color-scheme:light dark;--ink:#26221c;--line:#dfd7c7}\n"
        "@media (prefers-color-scheme: dark){:host{--ink:#efe9dc;--line:#333843}}\n"
    )
    with pytest.raises(KeyError, match="pale"):
        custom_properties(["pale"])
