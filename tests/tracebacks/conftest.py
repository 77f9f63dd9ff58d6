"""Exceptions of a small site, as reports and as text."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fanlight.tracebacks.lines import folded_text
from fanlight.tracebacks.report import Report, report_of

Raising = Callable[..., BaseException]


def caught(act: Callable[[], object]) -> BaseException:
    """Return the exception that a function raises."""
    try:
        act()
    except BaseException as error:  # noqa: BLE001 - it is what is tested
        trace = error.__traceback__
        return error.with_traceback(trace.tb_next if trace is not None else None)
    raise AssertionError("it raises nothing")


class Site:
    """A folder with a main.py whose function `main` raises."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))
        return file

    def module(self, source: str, name: str = "main.py") -> ModuleType:
        file = self.write(name, source)
        module = ModuleType(file.stem)
        module.__file__ = str(file)
        sys.modules[module.__name__] = module
        exec(compile(file.read_text(), str(file), "exec"), module.__dict__)
        return module

    def error(self, source: str, **values: Any) -> BaseException:
        module = self.module(source)
        vars(module).update(values)
        return caught(module.main)

    def report(self, source: str, **values: Any) -> Report:
        return report_of(self.error(source, **values), self.folder)

    def text(self, source: str, **values: Any) -> str:
        return folded_text(self.error(source, **values), self.folder)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]
