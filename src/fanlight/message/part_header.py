"""Parse the header of a part of a multipart form: field name, file name, media type, charset (RFC 7578 section 4).

In: the fields of one part, as latin-1, and the content type of the form. Out: a `PartHead`, and the boundary. Accepts
what browsers write (HTML standard: `%22` for a quote), and what other clients write: `filename*` and `name*` (RFC
8187), encoded words of RFC 2047 as in .NET, quotes escaped by a backslash, bytes that are not UTF-8. Refuses with 400
what is ambiguous, and a part with a transfer encoding. A file name is never used as a path: see `upload.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from fanlight.errors import BadRequest
from fanlight.message.charset import decode_text
from fanlight.message.media_types import essence_of

_PLAIN = re.compile(r'form-data; name="([^"\\%=]*)"(?:; filename="([^"\\%=]*)")?')  # what nearly all clients write
# A quoted value ends before the next parameter: browsers do not escape a backslash in it.
_PARAMETER = re.compile(
    r'\s*;\s*(?:([^\s=;"]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"(?=\s*(?:;|$))|"([^"]*)"(?=\s*(?:;|$))|([^;"]*)(?=;|$)))?'
)
_EXTENDED = re.compile(r"([A-Za-z0-9_.:-]+)'[A-Za-z0-9-]*'((?:%[0-9A-Fa-f]{2}|[^%])*)")
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_.:-]+)(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([!->@-~]*)\?=")
_PART = "a part of the multipart form has a"
_BY_BROWSERS = {"%22": '"', "%0D": "\r", "%0A": "\n"}


class PartHead(NamedTuple):
    """The parsed header of a part; `filename` is None for a field that is not a file."""

    name: str
    filename: str | None
    kind: str
    charset: str


def read_part_head(fields: Sequence[tuple[str, str]]) -> PartHead:
    """Parse the fields of a part. Raises BadRequest."""
    values: dict[str, str] = {}
    for field, value in fields:
        if values.setdefault(field.lower(), value) is not value and field.lower().startswith("content-"):
            raise BadRequest(f"a part of the multipart form has two {field} fields")
    disposition = values.get("content-disposition", "")
    plain = _PLAIN.fullmatch(disposition)
    if plain is not None:
        name, filename = plain[1], plain[2]
        name, filename = _decode_name(name), None if filename is None else _decode_name(filename)
    else:
        parameters = _parameters(disposition, f"{_PART} Content-Disposition")
        name = _parameter_text(parameters, "name") or ""
        filename = _parameter_text(parameters, "filename")
    if not name:
        raise BadRequest("a part of the multipart form has no name")
    coding = values.get("content-transfer-encoding", "").strip().lower()
    if coding not in ("", "7bit", "8bit", "binary"):
        raise BadRequest(
            f"the part {name!r} is encoded as {coding[:20]}; send it without an encoding (RFC 7578 section 4.7)"
        )
    content_type = values.get("content-type", "")
    charset = ""
    if "charset" in content_type.lower():
        charset = _unquoted(_parameters(content_type, f"{_PART} Content-Type").get("charset", ""))
    return PartHead(name, filename, essence_of(content_type), charset)


def boundary_of(content_type: str) -> str:
    """Return the boundary between the parts of a form. Raises BadRequest if it is missing or ambiguous."""
    boundary = _parameters(content_type, "a multipart form has a Content-Type").get("boundary", "")
    if boundary.startswith('"'):
        boundary = re.sub(r"\\(.)", r"\1", boundary[1:-1])
    if not boundary or not boundary.isascii():
        raise BadRequest("the multipart form has no boundary")
    return boundary


def _parameters(value: str, of_what: str) -> dict[str, str]:
    """Return the parameters after the first semicolon; quoted values keep their quotes."""
    found: dict[str, str] = {}
    position = len(value.partition(";")[0])
    while position < len(value):
        each = _PARAMETER.match(value, position)
        if each is None:
            raise BadRequest(f"{of_what} that can't be parsed")
        position = each.end()
        if each[1] is None:
            continue
        key = each[1].lower()
        if key in found:
            raise BadRequest(f"{of_what} with two parameters {key[:20]}")
        quoted = each[2] if each[2] is not None else each[3]
        found[key] = f'"{quoted}"' if quoted is not None else each[4].strip()
    return found


def _parameter_text(parameters: dict[str, str], key: str) -> str | None:
    """Return a parameter as text, None without one; `name*` takes precedence over `name` (RFC 6266 section 4.3)."""
    plain, extended = parameters.get(key), parameters.get(f"{key}*")
    if extended is not None:
        found = _EXTENDED.fullmatch(_unquoted(extended))
        if found is not None:
            return decode_text(unquote_to_bytes(found[2]), found[1])
        if plain is None:
            raise BadRequest(f"a part of the multipart form has a {key}* that is not charset'language'text (RFC 8187)")
    return None if plain is None else _decode_name(_unquoted(plain))


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    inner = value[1:-1]
    if '\\"' in inner:
        return re.sub(r'\\(["\\])', r"\1", inner)
    return re.sub("%22|%0D|%0A", lambda found: _BY_BROWSERS[found[0]], inner)


def _decode_name(raw: str) -> str:
    """Decode a name: an encoded word of RFC 2047, as .NET writes it, else UTF-8, else latin-1."""
    word = _ENCODED_WORD.fullmatch(raw)
    if word is not None:
        import binascii  # noqa: PLC0415 - rarely needed
        from base64 import b64decode  # noqa: PLC0415 - as above
        from quopri import decodestring  # noqa: PLC0415 - as above

        encoded = word[3].encode("ascii")
        try:
            data = b64decode(encoded, validate=True) if word[2] in "Bb" else decodestring(encoded, header=True)
        except binascii.Error:
            return raw
        return decode_text(data, word[1])
    if raw.isascii():
        return raw
    data = raw.encode("latin-1")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return raw
