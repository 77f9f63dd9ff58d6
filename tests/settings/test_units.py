"""What a person may write for a setting, and what it is read as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidSetting
from fanlight.settings.field import info_of
from fanlight.settings.sources import SETTINGS
from fanlight.settings.units import format_bytes, format_value, parse


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("head_bytes", "16384", 16384),
        ("head_bytes", "64k", 65536),
        ("head_bytes", "64 K", 65536),
        ("head_bytes", "64KiB", 65536),
        ("content_bytes", "16M", 16 << 20),
        ("content_bytes", "16MiB", 16 << 20),
        ("content_bytes", "1.5g", 3 << 29),
        ("content_bytes", "100_000_000", 100_000_000),
        ("content_bytes", "0", 0),
        ("idle_seconds", "10", 10),
        ("idle_seconds", "0.5", 0.5),
        ("idle_seconds", "500ms", 0.5),
        ("idle_seconds", "10s", 10),
        ("idle_seconds", "2m", 120),
        ("idle_seconds", "1h", 3600),
        ("hsts_seconds", "365d", 31_536_000),
        ("threads", " 8 ", 8),
        ("workers", "3", 3),
        ("socket_mode", "660", 0o660),
        ("socket_mode", "0660", 0o660),
        ("socket_mode", "0o660", 0o660),
        ("uvloop", "Yes", True),
        ("uvloop", "1", True),
        ("access_log", "off", False),
        ("access_log", "FALSE", False),
        ("bind", ":8000, unix:/run/s", (":8000", "unix:/run/s")),
        ("bind", "", ()),
        ("access_format", "json", "json"),
        ("user", "", ""),
        ("control", "none", ""),
        ("control", "auto", "auto"),
        ("log_file", "none", "none"),
    ],
)
def test_a_value_is_read_as_a_person_means_it(name: str, text: str, value: object) -> None:
    """Sizes with k, M and G (of 1024), times with their unit, yes and no, octal permissions, lists by comma."""
    found = parse(SETTINGS[name], text, "--it")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("head_bytes", "16MB", "bytes, like 16384, 64k or 16MiB"),  # of 1000 or of 1024?
        ("head_bytes", "many", "bytes, like"),
        ("head_bytes", "-1", "bytes, like"),
        ("head_bytes", "", "bytes, like"),
        ("head_bytes", "0.3", "bytes, like"),
        ("head_bytes", "1", "--it is 1; the minimum is 64"),
        ("idle_seconds", "10 fortnights", "a time, like"),
        ("idle_seconds", "inf", "a time, like"),
        ("idle_seconds", "nan", "a time, like"),
        ("idle_seconds", "0", "the minimum is 0.001"),
        ("hsts_seconds", "500ms", "a time, like"),
        ("threads", "1.5", "a whole number"),
        ("threads", "8k", "a whole number"),
        ("threads", "auto", "a whole number"),
        ("workers", "all", "a whole number, or auto"),
        ("socket_mode", "rw", "permissions in octal, like 660"),
        ("socket_mode", "888", "permissions in octal"),
        ("socket_mode", "1777", "it takes 0 to 777"),
        ("uvloop", "maybe", "yes or no"),
        ("uvloop", "", "yes or no"),
        ("access_format", "xml", "'text', 'combined' or 'json'"),
        ("pid_file", "a\0b", "null byte"),
    ],
)
def test_an_invalid_value_is_refused_with_the_expected_form(name: str, text: str, message: str) -> None:
    """The refusal has the name under which it was given, and what would be right."""
    with pytest.raises(InvalidSetting) as caught:
        parse(SETTINGS[name], text, "--it")
    assert str(caught.value).startswith("--it is ")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_default_can_be_typed(name: str) -> None:
    """What --help shows as the default is read as just that."""
    each = SETTINGS[name]
    if each.default is not None:
        assert parse(each, format_value(each.default, info_of(each)), "--it") == each.default


@given(st.sampled_from(sorted(SETTINGS)), st.text(max_size=20))
def test_no_text_is_met_with_another_error(name: str, text: str) -> None:
    """Whatever is written, it is a value of the setting or an InvalidSetting."""
    try:
        parse(SETTINGS[name], text, "--it")
    except InvalidSetting:
        return


@given(st.integers(min_value=64, max_value=2**53))
def test_a_size_is_written_so_that_it_can_be_read(size: int) -> None:
    """Nothing is lost between `format_value` and `parse`."""
    each = SETTINGS["head_bytes"]
    assert parse(each, format_value(size, info_of(each)), "--it") == size


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (16 << 20, "16 MiB"), (3 << 40, "3,072 GiB")],
)
def test_a_size_is_shown_in_its_largest_unit(size: int, shown: str) -> None:
    """A size for people is rounded to one decimal of the largest unit that it fills."""
    assert format_bytes(size) == shown
