"""The reason phrase of each status code (RFC 9110 section 15)."""

from __future__ import annotations

from http import HTTPStatus

# Until 3.13, Python's own table has the names of an older RFC for some of these.
REASON_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
