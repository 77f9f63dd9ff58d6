"""The keys of `Hosts`: what they match, which values they bind, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from fanlight.errors import SetupError, UnfittingValue
from fanlight.routing.host_pattern import find_host_conflicts, host_name, parse_host


def mistake(key: object) -> str:
    with pytest.raises(SetupError) as caught:
        parse_host(key)
    (found,) = caught.value.mistakes
    return f"{found.message}; {found.hint}"


def conflicts(*keys: str) -> list[str]:
    return [each.message for each in find_host_conflicts([(parse_host(key), key) for key in keys])]


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("Example.ORG:8000", "example.org"),
        ("example.org.", "example.org"),
        ("[2001:DB8:0::7]:8000", "[2001:db8::7]"),
        ("", ""),
    ],
)
def test_a_host_is_compared_without_its_port_and_in_lower_case(authority: str, name: str) -> None:
    """A dot at its end makes no difference either, nor the form of an address."""
    assert host_name(authority) == name


@pytest.mark.parametrize(
    ("key", "host", "values"),
    [
        ("Example.org", "example.org", {}),
        ("{user}.example.org", "alice-2.example.org", {"user": "alice-2"}),
        ("{user}.example.org", "a.b.example.org", None),
        ("{user}.example.org", "example.org", None),
        ("{user}.example.org", ".example.org", None),
        ("{user}.example.org", "a_b.example.org", None),
        ("{user}.example.org", "-a.example.org", None),
        ("{user}.example.org", f"{'a' * 63}.example.org", {"user": "a" * 63}),
        ("{user}.example.org", f"{'a' * 64}.example.org", None),
        ("{user}.example.org", "é.example.org", None),
        ("{id:int}.example.org", "42.example.org", {"id": 42}),
        ("{id:int}.example.org", "-42.example.org", None),
        ("{day:date}.{user}.example.org", "2026-01-31.bob.example.org", {"day": date(2026, 1, 31), "user": "bob"}),
        ("[2001:DB8::7]", "[2001:db8::7]", {}),
        ("2001:DB8::7", "[2001:db8::7]", {}),
    ],
)
def test_a_parameter_is_one_label(key: str, host: str, values: dict[str, object] | None) -> None:
    """It has letters, digits and hyphens, and none at either end; a type converts it."""
    labels = [host] if host.startswith("[") else host.split(".")
    assert parse_host(key).read(labels) == values


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (7, "the key 7 of Hosts is no host"),
        ("", "the key '' of Hosts is no host"),
        ("https://example.org/x", 'is more than a host; write "example.org"'),
        ("example.org:8000", 'names a port; write "example.org"'),
        ("{user}.example.org:8000", 'names a port; write "{user}.example.org"'),
        ("*.example.org", 'has an asterisk; write "{name}.example.org"'),
        ("example.org.", 'ends in a dot; write "example.org"'),
        ("münchen.example", 'is not as browsers send it; write "xn--mnchen-3ya.example"'),
        ("a..example.org", '"" in "a..example.org" is no label'),
        ("under score.org", '"under score" in "under score.org" is no label'),
        ("user-{id}.example.org", "has text beside a parameter"),
        ("{user...}.example.org", "has a parameter of several labels"),
        ("{x:float}.example.org", "a label of a host can't be a float"),
        ("{x:path}.example.org", "a label of a host can't be a path"),
        ("{x:number}.example.org", '"number" in "{x:number}" is no type of parameter'),
        ("{a}.{a}.example.org", 'the parameter "a" occurs twice'),
        ("{class}.example.org", "can't be the name of a view's parameter"),
        (".".join(["a" * 60] * 5), "has more than 253 characters"),
    ],
)
def test_what_no_request_could_name_is_refused(key: object, message: str) -> None:
    """The message says what to write instead."""
    assert message in mistake(key)


def test_two_patterns_for_the_same_hosts_need_an_order() -> None:
    """One of them is more specific in each label, or both are refused."""
    assert conflicts("example.org", "{user}.example.org", "www.example.org", "{id:int}.example.org") == []
    assert conflicts("{id:int}.example.org", "{day:date}.example.org") == []
    assert conflicts("{a}.org", "{b}.example.org") == []
    assert conflicts("{a}.example.org", "{b}.example.org") == [
        '"{a}.example.org" and "{b}.example.org" match the same hosts'
    ]
    assert conflicts("Example.org", "example.ORG") == ['"example.org" and "example.org" match the same hosts']
    (message,) = conflicts("{a}.example.org", "www.{b}.org")
    assert message.endswith("both match some hosts, and neither is more specific in each label")


@pytest.mark.parametrize("value", ["Alice", "a.b", "a_b", "", "a/b", "-a", "a" * 64, None])
def test_a_host_is_written_of_labels_only(value: object) -> None:
    """Any other value is refused: it would lead to another host, or to none."""
    pattern = parse_host("{user}.example.org")
    assert pattern.write({"user": "alice-2"}) == "alice-2.example.org"
    with pytest.raises(UnfittingValue, match=r"does not fit \{user\}\.example\.org: it takes letters in lower case"):
        pattern.write({"user": value})
