"""Templates, error pages, plain headings, static files."""

from fanlight.pages.builtin import reason_of
from fanlight.pages.kind import media_type_of
from fanlight.pages.page import Page, render
from fanlight.pages.pages import Pages
from fanlight.pages.problem import PROBLEM, problem, wants_problem
from fanlight.pages.static import CompressedCopies, Static, StaticFiles, StaticFolder, compressors

__all__ = [
    "PROBLEM",
    "CompressedCopies",
    "Page",
    "Pages",
    "Static",
    "StaticFiles",
    "StaticFolder",
    "compressors",
    "media_type_of",
    "problem",
    "reason_of",
    "render",
    "wants_problem",
]
