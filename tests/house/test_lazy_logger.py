"""A lazy logger is the logger of its name, a little later."""

from __future__ import annotations

import logging
import uuid

import pytest

from fanlight.lazy_logger import lazy_logger, lazy_names


def test_a_lazy_logger_logs_as_the_logger_of_its_name(caplog: pytest.LogCaptureFixture) -> None:
    """Its records have the name, and the place in the code, that those of `logging.getLogger` have."""
    name = f"test.{uuid.uuid4()}"
    log = lazy_logger(name)
    log.warning("%s of them", 3)
    (record,) = caplog.records
    assert (record.name, record.getMessage(), record.funcName) == (
        name,
        "3 of them",
        "test_a_lazy_logger_logs_as_the_logger_of_its_name",
    )


def test_a_lazy_logger_is_made_when_it_logs() -> None:
    """Until then only its name is known."""
    name = f"test.{uuid.uuid4()}"
    log = lazy_logger(name)
    assert (name in lazy_names(), name in logging.root.manager.loggerDict) == (True, False)
    log.debug("nothing")
    assert name in logging.root.manager.loggerDict
