"""Every link inside the repository leads somewhere."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "benchmarks/README.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<(?:img|source)[^>]* src(?:set)?=\"([^\"]+)\"")
_CODE = re.compile(r"```.*?^\s*```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def links_of(text: str) -> list[str]:
    """Return where a page's links lead, those that leave the repository left out."""
    found = [first or second for first, second in _LINK.findall(_CODE.sub("", text))]
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def anchors_of(text: str) -> set[str]:
    """Return the names of a page's headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ +(.*?) *$", re.sub(r"```.*?^\s*```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    broken = []
    for link in links_of(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        missing_anchor = (
            anchor and target.suffix == ".md" and target.exists() and anchor not in anchors_of(target.read_text())
        )
        if not target.exists() or missing_anchor:
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link names a file that is there, and a heading that the file has."""
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """A link to a file or heading that is not there is found; one to another site is left alone."""
    (tmp_path / "other.md").write_text("# A `heading`: two\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#a-heading-two) [c](https://a.example/) [d](none.md) [e](other.md#three) `[f](x)`"
    )
    assert broken_links(page) == ["none.md", "other.md#three"]


def test_every_page_can_be_reached() -> None:
    """From the README one comes to every page of the documents by links alone."""
    seen: set[Path] = set()
    waiting = [REPOSITORY / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in links_of(page.read_text()):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists():
                waiting.append(target)
    assert sorted((REPOSITORY / "docs").rglob("*.md")) == sorted(seen & set((REPOSITORY / "docs").rglob("*.md")))
