"""Fixtures of these tests."""

from __future__ import annotations

from tests.wire.readers import reader

__all__ = ["reader"]
