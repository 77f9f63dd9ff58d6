from typing import Self

INTERFACE: int

class PlainHead:
    method: str
    target: str
    path: str
    query: str
    target_authority: str
    block: bytes
    end: int
    @classmethod
    def read(cls, data: bytes | bytearray, start: int, max_bytes: int, max_fields: int, /) -> Self | None: ...
    def find(self, name: str, /) -> str | None: ...
    def pairs(self) -> list[tuple[str, str]]: ...
