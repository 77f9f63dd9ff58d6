"""What the compiled reader does with memory: nothing is lost, whatever fails."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.compiled.mutated_heads import BROWSER, PIECES
from tests.speed import PATIENCE

pytest.importorskip(
    "fanlight_speed", exc_type=ImportError, reason="`make test` builds and installs it: pip install ./speed"
)

from fanlight.wire.http1.plain_head import PlainHead


def use(data: bytes) -> None:
    """Read a head, and use all of it."""
    head = PlainHead.read(data, 0, 8192, 100)
    if head is not None:
        head.set_authority("a.example")
        assert head.authority == "a.example"
        assert head.values.get("cookie", "") is not None
        assert dict(head.values)["host"]
        assert head.pairs()


def kept_blocks(act: Callable[[], object]) -> int:
    """Return how many blocks of memory an action keeps."""
    act()  # what is made once
    gc.collect()
    before = sys.getallocatedblocks()
    act()
    gc.collect()
    return sys.getallocatedblocks() - before


def test_memory_does_not_grow() -> None:
    """After thousands of heads, plain and not, no more objects are there than before, and no more references."""
    heads = [BROWSER, b"", b"GET / HTTP/1.1\r\n\r\n", *(BROWSER[:90] + piece + BROWSER[90:] for piece in PIECES)]

    def read_all() -> None:
        for _ in range(10):
            for data in heads:
                use(data)

    references = sys.getrefcount(PlainHead), sys.getrefcount(BROWSER)
    assert kept_blocks(read_all) < 50
    assert abs(sys.getrefcount(PlainHead) - references[0]) < 5
    assert sys.getrefcount(BROWSER) - references[1] < 5


def test_without_memory_the_error_is_raised_and_nothing_is_lost() -> None:
    """Whichever allocation fails, MemoryError is raised, and what was made before it is freed."""
    testcapi = pytest.importorskip("_testcapi", reason="this Python was installed without its test modules")
    head = PlainHead.read(BROWSER, 0, 8192, 100)
    assert head is not None
    read, find, pairs, errors = PlainHead.read, head.find, head.pairs, [0]

    def fail_each() -> None:
        for act, arguments in ((read, (BROWSER, 0, 8192, 100)), (find, ("cookie",)), (pairs, ())):
            for number in range(1, 60):
                testcapi.set_nomemory(number, number + 1)
                try:
                    act(*arguments)
                except MemoryError:
                    errors[0] += 1
                finally:
                    testcapi.remove_mem_hooks()

    assert kept_blocks(fail_each) < 20
    assert errors[0] > 40  # a string for each part of the head, for each name and each value


def test_a_head_is_not_made_in_any_other_way() -> None:
    """An object whose members were never set can't exist."""
    with pytest.raises(TypeError):
        PlainHead()
    with pytest.raises(TypeError):
        object.__new__(PlainHead)


@pytest.mark.parametrize("arguments", [(), (b"",), (b"", 0, 1, "x"), (b"", 0, 1, 1 << 99), (b"", 0, 1, 1, 1)])
def test_wrong_arguments_are_errors(arguments: tuple[object, ...]) -> None:
    """Arguments of another number or type raise an error."""
    with pytest.raises((TypeError, OverflowError)):
        PlainHead.read(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("start", "size"), [(-1, 99), (len(BROWSER), 99), (1 << 40, 99), (0, -1), (0, 0), (5, 3)])
def test_a_place_outside_of_the_bytes_has_no_head(start: int, size: int) -> None:
    """A position or a size that makes no sense is as good as no head."""
    assert PlainHead.read(BROWSER, start, size, 100) is None


def test_interpreters_of_one_process_have_a_module_each() -> None:
    """An interpreter that ends takes nothing with it that another one uses."""
    inner = f"""
import fanlight_speed
class Head(fanlight_speed.PlainHead): pass
assert Head.read({BROWSER!r}, 0, 8192, 100).method == "GET"
"""
    code = f"""
import _xxsubinterpreters as interpreters
import fanlight_speed
for _ in range(3):
    other = interpreters.create()
    interpreters.run_string(other, {inner!r})
    interpreters.destroy(other)
    exec({inner!r})
"""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("its module has another name in each version")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
