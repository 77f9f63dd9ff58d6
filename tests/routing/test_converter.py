"""Types of parameters: what each reads, and that what it writes reads back."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath, PureWindowsPath
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.routing.converter import CONVERTERS

ID = UUID("0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d")

READS = [
    ("int", "0", 0),
    ("int", "-0", 0),
    ("int", "0042", 42),
    ("float", "-0.5", -0.5),
    ("float", "12", 12.0),
    ("date", "0001-01-01", date(1, 1, 1)),
    ("uuid", str(ID), ID),
    ("str", "a b", "a b"),
    ("str", "a/b", "a/b"),
    ("path", "a", "a"),
    ("path", "a/b/", "a/b/"),
]


@pytest.mark.parametrize(("name", "text", "value"), READS)
def test_a_fitting_text_is_read(name: str, text: str, value: object) -> None:
    """A text in plain notation gives its value, of the type that the converter names."""
    read = CONVERTERS[name].read(text)
    assert read == value
    assert type(read) is CONVERTERS[name].kind


UNFIT = {
    "int": ["", "-", "+1", " 1", "1 ", "1_0", "1.0", "0x1", "٣", "²", "१", "--1", "1-", "\n1", "1\n"],
    "float": ["", ".", ".5", "5.", "1e5", "nan", "inf", "-inf", "1_0.0", "+1.0", "٣.٣", "1,5", "1.5\n", "--1.0"],
    "date": [
        "",
        "2024-02-30",
        "2024-13-01",
        "24-01-01",
        "20240101",
        "2024-W01-1",
        "2024-1-1",
        "٢٠٢٤-01-01",
        "2024-01-01\n",
    ],
    "uuid": ["", ID.hex, f"{{{ID}}}", f"urn:uuid:{ID}", f"{ID}0", str(ID)[:-1], str(ID).replace("-", "_")],
    "str": ["", ".", "..", "/", "/etc", "\\x", "a/..", "a\\..\\b", "./a"],
    "path": ["", "/", "/a", "a//b", "a//", "..", "a/..", "a/../b", "a/./b", "\\a", "a\\..\\b"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in UNFIT.items() for text in texts])
def test_an_unfitting_text_is_not_read(name: str, text: str) -> None:
    """What Python itself would let through, but no one means, does not fit."""
    assert CONVERTERS[name].read(text) is None


UNWRITABLE: dict[str, list[object]] = {
    "int": [True, 1.0, None, "", "x", "1.0", 10**200, -(10**128), Decimal(1)],
    "float": [True, None, "x", float("nan"), float("inf"), 10**400, "1e5", Decimal("1.5")],
    "date": [None, 20240101, "2024-1-1", datetime(2024, 1, 1, tzinfo=UTC)],
    "uuid": [None, 1, "x", ID.bytes],
    "str": ["", "..", ".", "/a", True, None, b"a", ["a"], "a\0b", "\ud800"],
    "path": ["", "/a", "a//b", "../a", None, 1, PurePosixPath("/etc"), PurePosixPath("../a"), "a\0", "a/\udfff"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in UNWRITABLE.items() for value in values])
def test_an_unfitting_value_is_not_written(name: str, value: object) -> None:
    """A value that no text would give back has no text."""
    assert CONVERTERS[name].write(value) is None


class Size(str, Enum):  # noqa: UP042 - whose str() is not its value
    LARGE = "large"


WRITES = [
    ("int", -5, "-5"),
    ("int", "42", "42"),
    ("int", 10**128 - 1, "9" * 128),
    ("float", 1.5, "1.5"),
    ("float", 1e21, "1000000000000000000000"),
    ("float", 1e-7, "0.0000001"),
    ("float", 3, "3.0"),
    ("float", "2.50", "2.50"),
    ("date", date(2024, 1, 31), "2024-01-31"),
    ("date", "2024-01-31", "2024-01-31"),
    ("uuid", ID, str(ID)),
    ("uuid", str(ID).upper(), str(ID).upper()),
    ("str", 5, "5"),
    ("str", ID, str(ID)),
    ("str", date(2024, 1, 31), "2024-01-31"),
    ("str", Size.LARGE, "large"),
    ("path", "a/b.txt", "a/b.txt"),
    ("path", PurePosixPath("a/b"), "a/b"),
    ("path", PureWindowsPath("a\\b"), "a/b"),
]


@pytest.mark.parametrize(("name", "value", "text"), WRITES)
def test_a_fitting_value_is_written(name: str, value: object, text: str) -> None:
    """A value of the type, or a text that reads as one, is written in plain notation."""
    assert CONVERTERS[name].write(value) == text


VALUES: dict[str, st.SearchStrategy[object]] = {
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "date": st.dates(),
    "uuid": st.uuids(),
    "str": st.text(),
    "path": st.text(alphabet="ab./\\\0é"),
}


@pytest.mark.parametrize("name", CONVERTERS)
@given(data=st.data())
def test_what_is_written_reads_back(name: str, data: st.DataObject) -> None:
    """Every value that has a text is read from it again, equal and of the same type."""
    value = data.draw(VALUES[name])
    text = CONVERTERS[name].write(value)
    if name in {"float", "date", "uuid"}:
        assert text is not None
    if text is not None:
        assert CONVERTERS[name].read(text) == value
        assert type(CONVERTERS[name].read(text)) is type(value)


@pytest.mark.parametrize("name", CONVERTERS)
@given(text=st.text(alphabet="0123456789-.eE_+ aAfF/\\٣\n") | st.text())
def test_reading_never_raises(name: str, text: str) -> None:
    """Any text is read or does not fit, and what is read is of the named type."""
    value = CONVERTERS[name].read(text)
    assert value is None or type(value) is CONVERTERS[name].kind


def test_all_versions_of_uuid_fit() -> None:
    """A UUID is read for its form, whatever its version."""
    for made in (uuid.uuid1(), uuid.uuid4(), UUID(int=0), UUID(int=2**128 - 1)):
        assert CONVERTERS["uuid"].read(str(made)) == made
