"""What a client says that it can read."""

from __future__ import annotations

import pytest

from fanlight.pages.static.side_files import codings_for


@pytest.mark.parametrize(
    ("accepted", "codings"),
    [
        ("", ()),
        ("gzip", ("gzip",)),
        ("gzip, deflate, br, zstd", ("br", "zstd", "gzip")),
        ("gzip;q=1.0, br;q=0.5", ("gzip", "br")),
        ("br;q=0, gzip", ("gzip",)),
        ("*", ("br", "zstd", "gzip")),
        ("*;q=0.5, gzip", ("gzip", "br", "zstd")),
        ("*;q=0, zstd", ("zstd",)),
        ("GZIP", ("gzip",)),
        ("x-gzip", ("gzip",)),
        ("identity", ()),
        ("identity;q=1, gzip;q=0.5", ()),
        ("identity;q=0.5, gzip;q=0.5", ("gzip",)),
        ("identity;q=0, gzip;q=0", ()),
        ("gzip;q=nan", ()),
        ("gzip;q=-1", ()),
        ("gzip;q=x", ()),
        ("gzip;level=9", ("gzip",)),
        (",,;;,=,", ()),
        ("deflate", ()),
        (",".join(["x"] * 600 + ["gzip"]), ()),
    ],
)
def test_the_codings_that_a_client_takes(accepted: str, codings: tuple[str, ...]) -> None:
    """Those it likes at least as much as the plain file, the best first; among equals the smaller one."""
    assert codings_for(accepted) == codings
