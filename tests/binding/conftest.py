"""The sites of the app's tests: parameters are tested through whole requests."""

from __future__ import annotations

from tests.app.conftest import mistakes, site

__all__ = ["mistakes", "site"]
