"""The compiled reader and the one written in Python understand every head alike."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from tests.compiled.mutated_heads import BROWSER, LIMITS, SHORT, compare, mutated, seeds
from tests.wire.feeding import LIMITS as DEFAULT_LIMITS
from tests.wire.readers import reading_with
from tests.wire.test_vectors import EXPECTED, feeds, read, vector

pytest.importorskip(
    "fanlight_speed", exc_type=ImportError, reason="`make test` builds and installs it: pip install ./speed"
)

from fanlight.wire.http1.plain_head import PlainHead

EXAMPLES = settings().max_examples  # of the profile
IS_QUICK = EXAMPLES < 100


@pytest.mark.parametrize("feed", [0, 2, 3], ids=["whole", "with-next", "halves"])
def test_each_vector_comes_to_the_same(feed: int) -> None:
    """A message is accepted, or refused with its status, by both readers; single bytes never reach the compiled one."""
    for reader in ("Python", "compiled"):
        with reading_with(reader):
            for name, expected in EXPECTED.items():
                assert read(list(feeds(vector(name)))[feed])[0] == expected, (reader, name)


def test_each_vector_has_the_same_fields() -> None:
    """All that can be seen of a message is the same, and so are the words of each refusal."""
    for name in EXPECTED:
        compare(vector(name), DEFAULT_LIMITS)


def test_each_mutated_head_comes_to_the_same() -> None:
    """Heads that differ from valid ones by a few bytes are read, or refused, alike; `make fuzz` tries many more."""
    rng, heads = random.Random(1 if IS_QUICK else None), seeds()
    plain = sum(compare(mutated(rng, heads), rng.choice(LIMITS)) for _ in range(20 * EXAMPLES))
    assert plain > 2 * EXAMPLES  # else nothing was compared


@pytest.mark.parametrize(
    "mark",
    [b"GET", b" /", b"?", b" HTTP", b"/1.", b"\r\nHost", b"st:", b"0.0", b":8000", b"Mozilla", b"pt: ", b"\r\n\r\n"],
)
def test_each_byte_means_the_same_in_each_place(mark: bytes) -> None:
    """Any byte, in the method, the target, the version, a name, a value or the host, is taken or refused alike."""
    at = BROWSER.index(mark) + len(mark) - 1
    for byte in range(256):
        data = BROWSER[:at] + bytes([byte]) + BROWSER[at:]
        compare(data[:180] + b"\r\n\r\n", DEFAULT_LIMITS)


@pytest.mark.parametrize("data", [BROWSER, SHORT, vector("plain-get"), vector("query"), vector("field-with-latin-1")])
def test_plain_heads_are_read_compiled(data: bytes) -> None:
    """What browsers and simple clients send is not left to the slower reader."""
    head = PlainHead.read(data, 0, 8192, 100)
    assert head is not None
    assert head.end == len(data)


@pytest.mark.parametrize("size", [len(BROWSER) - 1, len(BROWSER), len(BROWSER) + 1])
def test_a_head_over_its_size_is_left_to_the_other(size: int) -> None:
    """A head, with its empty line, of more bytes than allowed is not read."""
    assert (PlainHead.read(BROWSER, 0, size, 100) is not None) == (size >= len(BROWSER))


@pytest.mark.parametrize("most", [6, 7, 8])
def test_a_head_of_too_many_fields_is_left_to_the_other(most: int) -> None:
    """A head of more fields than allowed is not read."""
    assert (PlainHead.read(BROWSER, 0, 8192, most) is not None) == (most >= 8)


def test_no_beginning_of_a_head_is_taken_for_one() -> None:
    """A head without its last bytes is not read, wherever it is cut; nor is one that is not in bytes."""
    assert not any(PlainHead.read(BROWSER[:end], 0, 8192, 100) for end in range(len(BROWSER)))
    assert not any(PlainHead.read(BROWSER + BROWSER[:end], len(BROWSER), 8192, 100) for end in range(len(BROWSER)))
    assert PlainHead.read(bytearray(BROWSER), 0, 8192, 100) is None
