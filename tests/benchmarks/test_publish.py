"""The figures of README and docs are those of the result files, and the plots can be read by everyone."""

from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from tests.benchmarks.modules import BENCHMARKS, REPOSITORY, module

IMAGES = REPOSITORY / "docs" / "images"
PHONE_WIDTH = 328  # pixels of a page's column on a phone of 360
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = sorted(path.name for path in IMAGES.glob("speed-*.svg"))


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_figures_in_the_docs_are_those_that_were_measured() -> None:
    """No table or plot differs from its result file: `make plots` writes them."""
    command = [sys.executable, str(BENCHMARKS / "publish.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_names_and_describes_itself(name: str) -> None:
    """A screen reader gets the title of a plot, and its values as text."""
    root = ET.parse(IMAGES / name).getroot()
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert title is not None
    assert title.text
    assert description is not None
    assert re.search(r"\d", description.text or "")


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_small_and_readable_on_a_phone(name: str) -> None:
    """At the width of a phone, its text is at least 10.5 pixels high; the file has less than 12 KB."""
    root = ET.parse(IMAGES / name).getroot()
    width = float((root.get("viewBox") or "").split()[2])
    assert float(root.get("font-size") or 0) * PHONE_WIDTH / width >= 10.5
    assert (IMAGES / name).stat().st_size < 12_000


@pytest.mark.parametrize("suffix", ["", "-dark"])
def test_colours_of_plots_can_be_told_from_what_is_behind_them(suffix: str) -> None:
    """Text has a contrast of 7 to its background, bars have 3 (WCAG 2.2, 1.4.6 and 1.4.11)."""
    theme = module("plots").THEMES[suffix]
    assert contrast(theme.text, theme.background) >= 7
    assert min(contrast(bar, theme.background) for bar in theme.bars) >= 3


def test_bars_are_to_scale() -> None:
    """Twice the value is twice the length; its text stands behind it, and is escaped."""
    plots = module("plots")
    groups = [plots.Group("a < b", [plots.Bar(2.0, "2"), plots.Bar(1.0, "1 & 2")])]
    text = plots.bars("title", "description", groups, plots.THEMES[""])
    longer, shorter = (float(each.get("width", 0)) for each in ET.fromstring(text).findall(f"{SVG}rect")[1:])
    assert longer == pytest.approx(2 * shorter, rel=0.01)
    assert "1 &amp; 2" in text
    assert "a &lt; b" in text
