"""Templates, error pages and plain headings."""

from fanlight.pages.page import Page, render
from fanlight.pages.pages import PROBLEM, Pages

__all__ = ["PROBLEM", "Page", "Pages", "render"]
