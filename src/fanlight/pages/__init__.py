"""Templates, error pages and plain headings."""

from fanlight.pages.builtin import reason_of
from fanlight.pages.page import Page, render
from fanlight.pages.pages import Pages
from fanlight.pages.problem import PROBLEM, problem, wants_problem

__all__ = ["PROBLEM", "Page", "Pages", "problem", "reason_of", "render", "wants_problem"]
