"""Text converted to each kind, and the messages for text that can't be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, constraint_checker, path_coercer, text_parser
from fanlight.binding.kinds import kind_of

ID = "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


def read(annotation: Any, text: str) -> object:
    reader = text_parser(kind_of(annotation))
    assert reader is not None
    return reader(text)


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "abc", "abc"),
        (str, "", ""),
        (object, "abc", "abc"),
        (Any, "abc", "abc"),
        (int, "42", 42),
        (int, "-7", -7),
        (int, "+7", 7),
        (int, "007", 7),
        (float, "3.5", 3.5),
        (float, "3", 3.0),
        (float, ".5", 0.5),
        (float, "1e3", 1000.0),
        (Decimal, "1.10", Decimal("1.10")),
        (bool, "1", True),
        (bool, "true", True),
        (bool, "True", True),
        (bool, "on", True),
        (bool, "yes", True),
        (bool, "0", False),
        (bool, "false", False),
        (bool, "OFF", False),
        (bool, "no", False),
        (UUID, ID, UUID(ID)),
        (UUID, ID.upper(), UUID(ID)),
        (date, "2026-01-31", date(2026, 1, 31)),
        (datetime, "2026-01-31T12:30", datetime(2026, 1, 31, 12, 30)),  # noqa: DTZ001 - as a form sends it
        (datetime, "2026-01-31 12:30:15.25", datetime(2026, 1, 31, 12, 30, 15, 250000)),  # noqa: DTZ001 - same
        (datetime, "2026-01-31t12:30z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        (datetime, "2026-01-31T12:30+02:00", datetime(2026, 1, 31, 12, 30, tzinfo=timezone(timedelta(hours=2)))),
        (time, "12:30", time(12, 30)),
        (time, "12:30:01", time(12, 30, 1)),
        (Color, "red", Color.RED),
        (Level, "2", Level.HIGH),
        (Literal["a", "b"], "a", "a"),
        (Literal[3, 4], "3", 3),
        (int | None, "5", 5),
        (Annotated[int, msgspec.Meta(ge=1, title="a title")], "1", 1),
        (Annotated[str, msgspec.Meta(pattern="^a")], "ab", "ab"),
        (Annotated[time, msgspec.Meta(tz=True)], "12:30Z", time(12, 30, tzinfo=UTC)),
        (Annotated[int, "a note for somebody else"], "1", 1),
    ],
)
def test_text_is_converted_to_the_wanted_type(annotation: Any, text: str, value: object) -> None:
    """Each kind has its notation, and gives a value of exactly its type."""
    found = read(annotation, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (int, "abc", "'abc' is not an integer"),
        (int, "", "'' is not an integer"),
        (int, "1.0", "'1.0' is not an integer"),
        (int, "1_000", "'1_000' is not an integer"),
        (int, "\u0661", "'\u0661' is not an integer"),  # the digit one, in Arabic
        (int, " 1", "' 1' is not an integer"),
        (int, "1\n", r"'1\n' is not an integer"),
        (int, "9" * 129, f"'{'9' * 40}...' is not an integer"),
        (float, "nan", "'nan' is not a number"),
        (float, "inf", "'inf' is not a number"),
        (float, "1e999", "'1e999' is not a number"),
        (float, "1e99999", "'1e99999' is not a number"),
        (float, ".", "'.' is not a number"),
        (Decimal, "NaN", "'NaN' is not a number"),
        (Decimal, "sNaN", "'sNaN' is not a number"),
        (bool, "2", "'2' is not true or false"),
        (bool, "", "'' is not true or false"),
        (UUID, f"{{{ID}}}", f"'{{{ID}}}' is not a UUID"),
        (date, "2026-02-30", "'2026-02-30' is not a date like 2026-01-31"),
        (date, "20260131", "'20260131' is not a date like 2026-01-31"),
        (date, "2026-W05-6", "'2026-W05-6' is not a date like 2026-01-31"),
        (datetime, "2026-01-31", "'2026-01-31' is not a date and time like 2026-01-31T12:30"),
        (datetime, "2026-01-31T25:00", "'2026-01-31T25:00' is not a date and time like 2026-01-31T12:30"),
        (time, "12", "'12' is not a time like 12:30"),
        (time, "24:01", "'24:01' is not a time like 12:30"),
        (Color, "RED", "'RED' is not one of red, blue"),
        (Level, "3", "'3' is not one of 1, 2"),
        (Literal["a", "b"], "c", "'c' is not one of a, b"),
        (Literal[3, 4], "03", "'03' is not one of 3, 4"),
        (Annotated[int, msgspec.Meta(ge=1)], "0", "must be at least 1"),
        (Annotated[int, msgspec.Meta(gt=1)], "1", "must be more than 1"),
        (Annotated[int, msgspec.Meta(le=9)], "10", "must be at most 9"),
        (Annotated[int, msgspec.Meta(lt=9)], "9", "must be less than 9"),
        (Annotated[int, msgspec.Meta(multiple_of=5)], "7", "must be a multiple of 5"),
        (Annotated[float, msgspec.Meta(ge=0.5)], "0.4", "must be at least 0.5"),
        (Annotated[str, msgspec.Meta(min_length=1)], "", "must have at least 1 character"),
        (Annotated[str, msgspec.Meta(max_length=2)], "abc", "must have at most 2 characters"),
        (Annotated[str, msgspec.Meta(pattern="^a")], "b", "'b' does not match ^a"),
        (Annotated[int, msgspec.Meta(ge=1)] | None, "0", "must be at least 1"),
        (
            Annotated[datetime, msgspec.Meta(tz=True)],
            "2026-01-31T12:30",
            "must include a time zone, like Z or +02:00",
        ),
        (Annotated[datetime, msgspec.Meta(tz=False)], "2026-01-31T12:30Z", "must not include a time zone"),
    ],
)
def test_text_that_can_not_be_converted_has_a_plain_message(annotation: Any, text: str, message: str) -> None:
    """The message quotes the text, and says what is expected."""
    with pytest.raises(ConversionError) as caught:
        read(annotation, text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("annotation", "valid", "invalid", "message"),
    [
        (Annotated[int, msgspec.Meta(ge=1, lt=9)], 1, 0, "must be at least 1"),
        (Annotated[int, msgspec.Meta(multiple_of=2)], 8, 9, "must be a multiple of 2"),
        (Annotated[float, msgspec.Meta(gt=1, le=9)], 1.5, 1.0, "must be more than 1"),
        (Annotated[str, msgspec.Meta(min_length=2, max_length=3)], "ab", "a", "must have at least 2 characters"),
        (Annotated[str, msgspec.Meta(pattern="^a", max_length=3)], "abc", "b", "'b' does not match ^a"),
        (Annotated[str, msgspec.Meta(pattern="^a", max_length=3)], "abc", "abcd", "must have at most 3 characters"),
        (Annotated[bytes, msgspec.Meta(max_length=1)], b"a", b"ab", "must have at most 1 byte"),
        (Annotated[list[int], msgspec.Meta(min_length=2)], [1, 2], [1], "must have at least 2 items"),
        (Annotated[time, msgspec.Meta(tz=True)], time(12, tzinfo=UTC), time(12), "must include a time zone"),
    ],
)
def test_a_violated_constraint_is_named(annotation: Any, valid: object, invalid: object, message: str) -> None:
    """A value that violates none has no message."""
    check = constraint_checker(kind_of(annotation))
    assert check is not None
    assert check(valid) == ""
    assert check(invalid).startswith(message)


def test_the_length_is_checked_before_the_pattern() -> None:
    """A text that is too short or too long is not searched by a pattern, which could take a long time."""
    slow = Annotated[str, msgspec.Meta(min_length=1, max_length=8, pattern="^(a+)+$")]
    check = constraint_checker(kinds.type_info(slow))
    assert check is not None
    assert check("a" * 5_000 + "b") == "must have at most 8 characters"
    assert check("") == "must have at least 1 character"
    assert check("ab") == "'ab' does not match ^(a+)+$"


@pytest.mark.parametrize("annotation", [int, str, list[str], Annotated[int, msgspec.Meta(title="x")], Color])
def test_a_kind_without_constraints_has_no_checker(annotation: Any) -> None:
    """Nothing is run for each value."""
    assert constraint_checker(kind_of(annotation)) is None


@pytest.mark.parametrize("annotation", [dict[str, int], list[int], int | list[int], tuple[int, str], msgspec.Raw])
def test_some_kinds_have_no_text(annotation: Any) -> None:
    """A type with several notations, or with none, is not converted from text at all."""
    assert text_parser(kind_of(annotation)) is None


class _Own:
    pass


@pytest.mark.parametrize("annotation", [_Own, list[_Own], dict[str, _Own], complex, _Own | None, "int", 5])
def test_a_class_without_conversion_is_refused(annotation: Any) -> None:
    """A class of the app's own is refused when the kind is made, at any depth."""
    with pytest.raises(TypeError):
        kind_of(annotation)


class Node(msgspec.Struct):
    value: int
    next: Node | None = None


def test_a_kind_may_be_recursive() -> None:
    """A recursive Struct is a kind like any other."""
    assert isinstance(kind_of(Node), kinds.StructType)


@pytest.mark.parametrize(
    ("annotation", "converter", "given", "value"),
    [
        (int, "int", 5, 5),
        (object, "int", 5, 5),
        (float, "int", 5, 5.0),
        (Decimal, "int", 5, Decimal(5)),
        (Level, "int", 2, Level.HIGH),
        (Literal[1, 2], "int", 2, 2),
        (float, "float", 1.5, 1.5),
        (UUID, "uuid", UUID(ID), UUID(ID)),
        (date, "date", date(2026, 1, 31), date(2026, 1, 31)),
        (Annotated[int, msgspec.Meta(le=9)] | None, "int", 9, 9),
    ],
)
def test_a_path_value_is_coerced_to_related_types(
    annotation: Any, converter: str, given: object, value: object
) -> None:
    """A number from the path may be any type of number in the view."""
    keep = path_coercer(kind_of(annotation), converter)
    assert keep is not None
    found = keep(given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "converter"),
    [(str, "int"), (bool, "int"), (int, "float"), (Decimal, "float"), (str, "uuid"), (str, "date"), (datetime, "date")],
)
def test_a_path_value_is_not_coerced_to_other_types(annotation: Any, converter: str) -> None:
    """Types that do not contain each other's values are refused before the port opens."""
    assert path_coercer(kind_of(annotation), converter) is None


@pytest.mark.parametrize(
    ("annotation", "given"),
    [(Annotated[int, msgspec.Meta(le=9)], 10), (Level, 3), (Literal[1, 2], 3), (float, 10**400)],
)
def test_constraints_hold_for_the_path_too(annotation: Any, given: object) -> None:
    """A number that the path accepts may still violate a constraint of the view."""
    keep = path_coercer(kind_of(annotation), "int")
    assert keep is not None
    with pytest.raises(ConversionError):
        keep(given)


@given(st.text(), st.sampled_from([int, float, Decimal, bool, UUID, date, datetime, time, Color, Literal["a"]]))
def test_no_text_raises_anything_but_a_conversion_error(text: str, annotation: Any) -> None:
    """Any text is converted, or rejected with a message of bounded length."""
    message = ""
    try:
        read(annotation, text)
    except ConversionError as unfit:
        message = str(unfit)
    assert len(message) < 600


@given(st.integers(min_value=-(10**100), max_value=10**100))
def test_parsing_an_integer_inverts_str(value: int) -> None:
    """str() and the parser are inverses."""
    assert read(int, str(value)) == value


@given(st.datetimes(timezones=st.sampled_from([None, UTC])))
def test_parsing_a_datetime_inverts_isoformat(value: datetime) -> None:
    """isoformat() and the parser are inverses."""
    assert read(datetime, value.isoformat()) == value
