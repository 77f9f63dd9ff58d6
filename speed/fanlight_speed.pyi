from collections.abc import Callable
from typing import Any, Self

INTERFACE: int

class PlainHead:
    method: str
    target: str
    path: str
    query: str
    target_authority: str | None
    block: bytes
    end: int
    @classmethod
    def read(cls, data: bytes | bytearray, start: int, max_bytes: int, max_fields: int, /) -> Self | None: ...
    def find(self, name: str, /) -> str | None: ...
    def pairs(self) -> list[tuple[str, str]]: ...

def lines(
    entries: list[Any],
    start: int,
    began: float,
    recipe: bytes,
    parts: tuple[Any, ...],
    has_no_secret: Callable[[str, str], bool],
    /,
) -> tuple[str, int]: ...
