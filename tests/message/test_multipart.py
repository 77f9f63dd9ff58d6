"""Multipart forms, however they arrive."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import AppError, BadRequest, ContentTooLarge, HTTPError
from fanlight.message.body_policy import FormLimits
from fanlight.message.form_reader import BIG_BYTES
from fanlight.message.multipart import Form, FormContent
from fanlight.message.part_header import boundary_of
from fanlight.message.spool import Spool
from fanlight.message.upload import Upload
from fanlight.testing.sending import multipart_of

KIND = "multipart/form-data; boundary=x"


def part(disposition: str, content: bytes = b"", *more: str) -> bytes:
    head = "\r\n".join(("--x", f"content-disposition: {disposition}", *more, "", ""))
    return head.encode() + content + b"\r\n"


def read(data: bytes, size: int | None = None, limits: FormLimits | None = None, kind: str = KIND) -> Form:
    content = FormContent(kind, limits or FormLimits())
    try:
        for at in range(0, len(data), size or len(data) or 1):
            if content.write(data[at : at + (size or len(data))]):
                break
        return content.form()
    except HTTPError:
        content.close()
        raise


def value_of(form: Form, name: str) -> object:
    value = form[name]
    return (value.filename, value.media_type, value.file.read()) if isinstance(value, Upload) else value


@pytest.mark.parametrize("size", [None, 1, 7, 64])
def test_a_form_is_the_same_in_any_pieces(size: int | None) -> None:
    """Whole, byte by byte, or in pieces: the same fields and files."""
    data = (
        part('form-data; name="a"', "grüezi".encode())
        + part('form-data; name="f"; filename="a.txt"', b"one\r\n--y\r\ntwo", "content-type: text/plain")
        + part('form-data; name="empty"; filename=""')
        + b"--x--\r\n"
    )
    form = read(data, size)
    assert value_of(form, "a") == "grüezi"
    assert value_of(form, "f") == ("a.txt", "text/plain", b"one\r\n--y\r\ntwo")
    assert value_of(form, "empty") == ("", "", b"")
    form.close()


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=20), max_size=4),
    st.lists(st.binary(max_size=200), max_size=3),
    st.integers(1, 50),
)
def test_a_form_is_read_as_it_was_sent(fields: dict[str, str], files: list[bytes], size: int) -> None:
    """Any text and any bytes arrive as they were, in pieces of any size; names as browsers quote them."""
    data, kind = multipart_of(fields, {"a file": [("a.bin", each) for each in files]})
    form = read(data, size, FormLimits(memory_bytes=100), kind)
    texts = [value for _, value in form.pairs() if isinstance(value, str)]
    uploads = [value.file.read() for value in form.get_all("a file") if isinstance(value, Upload)]
    assert sorted(texts) == sorted(fields.values())
    assert uploads == files
    form.close()


@given(st.binary(max_size=300), st.integers(1, 300))
def test_random_bytes_are_refused(data: bytes, size: int) -> None:
    """Whatever is sent, it is a form, or 400 or 413."""
    with contextlib.suppress(BadRequest, ContentTooLarge):
        read(b"--x\r\n" + data, size).close()


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"", "multipart/form-data", "no boundary"),
        (b"", KIND, "malformed: .*end"),
        (part('form-data; name="a"', b"x"), KIND, "malformed: .*end"),
        (part("form-data", b"x") + b"--x--", KIND, "a part .* has no name"),
        (part('attachment; name="a"', b"x") + b"--x--", KIND, "malformed: .*Content-Disposition"),
        (part('form-data; name="a"', b"\xff") + b"--x--", KIND, "is not UTF-8"),
        (b"--x\r\nno colon\r\n\r\n", KIND, "malformed: .*header"),
    ],
)
def test_a_malformed_form_is_400(data: bytes, kind: str, said: str) -> None:
    """A malformed form is refused, and the message names the rule."""
    with pytest.raises(BadRequest, match=said):
        read(data, kind=kind)


@pytest.mark.parametrize("size", [None, 100])
def test_the_header_of_a_part_has_a_limit(size: int | None) -> None:
    """A longer one is a 413, complete or not."""
    with pytest.raises(ContentTooLarge, match="over a limit: Maximum segment header length"):
        read(part(f'form-data; name="{"n" * 9000}"'), size)


def test_no_more_is_read_of_a_form_that_is_refused() -> None:
    """The first thing wrong is enough: the rest is not looked at, and files are given back."""
    content = FormContent(KIND, FormLimits(files=1, memory_bytes=0))
    assert not content.write(part('form-data; name="a"; filename="a"', b"content"))
    assert content.write(part('form-data; name="a"; filename="b"', b"content"))
    assert content.write(b"whatever follows")
    with pytest.raises(ContentTooLarge):
        content.form()
    content.close()


def test_the_raw_content_is_not_kept() -> None:
    """Reading the raw content raises AppError, which says what to use instead."""
    content = FormContent(KIND, FormLimits())
    content.write(b"--x--\r\n")
    for ask in (content.read, content.open):
        with pytest.raises(AppError, match=r"use request\.form"):
            ask()
    assert len(content.form()) == 0
    content.close()


def test_small_files_stay_in_memory_together_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all files of a form hold in memory is bounded; those over it wait in files without names."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    parts = [part(f'form-data; name="f"; filename="{n}"', b"x" * 400) for n in range(5)]
    form = read(b"".join(parts) + b"--x--", limits=FormLimits(memory_bytes=1000))
    uploads = [each for each in form.get_all("f") if isinstance(each, Upload)]
    assert [each.file.read() for each in uploads] == [b"x" * 400] * 5
    assert [hasattr(each.file, "getbuffer") for each in uploads] == [True, True, False, False, False]
    assert not list(tmp_path.iterdir())
    form.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number matters


def test_closing_deletes_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are whole, and one that is not, are closed with the content, whether it is read or not."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = descriptors()
    for is_read in (False, True):
        content = FormContent(KIND, FormLimits(memory_bytes=0))
        content.write(part('form-data; name="a"; filename="a"', b"small"))
        content.write(part('form-data; name="b"; filename="b"', b"big" * BIG_BYTES))
        if is_read:
            content.write(b"--x--")
            assert len(content.form()) == 2
        else:
            content.write(part('form-data; name="c"; filename="c"', b"half" * BIG_BYTES)[:-4])
        assert descriptors() == before + (2 if is_read else 3)
        content.close()
        assert descriptors() == before


def test_a_form_that_is_received_slowly_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, texts and small files wait in one file together: 1100 parts cost one descriptor, and little memory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    long = "n" * 4000
    texts = [part(f'form-data; name="{long}{n}"', b"v" * 5000) for n in range(1000)]
    files = [part(f'form-data; name="f"; filename="{long}{n}"', b"f" * 5000) for n in range(100)]
    before = descriptors()
    tracemalloc.start()
    content = FormContent(KIND, FormLimits(text_bytes=16 * 1024 * 1024))
    for each in texts + files:
        assert not content.write(each)
    held = tracemalloc.get_traced_memory()[0] - sum(map(sys.getsizeof, (texts, files)))
    tracemalloc.stop()
    assert held < 500_000
    assert descriptors() == before + 1
    content.write(b"--x--")
    form = content.form()
    assert len(form) == 1001
    assert form[f"{long}999"] == "v" * 5000
    assert [each.size for each in form.get_all("f") if isinstance(each, Upload)] == [5000] * 100
    content.close()
    assert descriptors() == before


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 60)), max_size=20), st.integers(0, 100))
def test_a_spool_holds_what_was_written(steps: list[tuple[bytes, int]], memory_bytes: int) -> None:
    """Whatever is written and cut off again, in memory or on the disk, the rest is what it was."""
    spool, expected = Spool(memory_bytes), b""
    for data, cut in steps:
        spool.write(data)
        expected += data
        size = min(cut, len(expected))
        assert spool.cut(size) == expected[len(expected) - size :]
        expected = expected[: len(expected) - size]
        assert spool.size == len(expected)
        assert spool.read_at(0, spool.size) == expected
    spool.close()


def raw(disposition: bytes, content: bytes = b"", *more: bytes) -> bytes:
    head = b"\r\n".join((b"--x", b"content-disposition: " + disposition, *more, b"", b""))
    return head + content + b"\r\n--x--\r\n"


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        (b'form-data; name="f"; filename="a.txt"', "f", "a.txt"),
        ('form-data; name="für"; filename="über.txt"'.encode(), "für", "über.txt"),
        ('form-data; name="f\xfcr"; filename="\xfcber.txt"'.encode("latin-1"), "für", "über.txt"),
        (b'form-data; name="a%22b%0D%0A%41"; filename="100%.txt"', 'a"b\r\n%41', "100%.txt"),
        (b'form-data; name="f"; filename="a\\"b\\".txt"', "f", 'a"b".txt'),
        (b'form-data; name="f"; filename="C:\\docs\\a.txt"', "f", "a.txt"),
        (b'form-data; name="f"; filename="dir\\"', "f", ""),
        (b"form-data; name=f; filename=a.txt", "f", "a.txt"),
        (b"form-data ; filename = a.txt ; name = f;", "f", "a.txt"),
        (b"form-data; name=f; filename=my file.txt", "f", "my file.txt"),
        (
            b'form-data; name="f"; filename="=?utf-8?B?w7xiZXIudHh0?="; filename*=utf-8\'\'%C3%BCber.txt',
            "f",
            "über.txt",
        ),
        (b'form-data; name="=?utf-8?B?ZsO8cg==?="; filename="=?utf-8?B?w7xiZXIudHh0?="', "für", "über.txt"),
        (b'form-data; name="f"; filename="=?iso-8859-1?q?=FCber.txt?="', "f", "über.txt"),
        (b"form-data; name*=utf-8''f%C3%BCr; filename*=utf-8''%C3%BCber.txt", "für", "über.txt"),
        (b"form-data; name=f; filename*=UTF-8'de'%E2%82%AC.txt; filename=euro.txt", "f", "€.txt"),
        (b"form-data; name=f; filename*=iso-8859-1''%FCber.txt", "f", "über.txt"),
        (b"form-data; name=f; filename*=\"utf-8''%C3%BCber.txt\"", "f", "über.txt"),
        (b"form-data; name=f; filename=a.txt; filename*=broken", "f", "a.txt"),
        (b"form-data; name=f; filename*=utf-8''..%2F..%2Fetc%2Fpasswd", "f", "passwd"),
        (b"form-data; name=f; filename*=utf-8''..%5C..%5Cevil.exe%00", "f", "evil.exe"),
        (b'form-data; name=f; filename="=?utf-8?B?Li4vLi4vZXRjL3Bhc3N3ZA==?="', "f", "passwd"),
        (b'form-data; name=f; filename="=?utf-8?B?a?="', "f", "=?utf-8?B?a?="),
        (
            b'form-data; name="a; filename=evil"; filename="b; filename*=utf-8\'\'evil"',
            "a; filename=evil",
            "b; filename*=utf-8''evil",
        ),
    ],
)
def test_what_clients_write_of_a_file_is_read(disposition: bytes, name: str, filename: str) -> None:
    """Browsers, curl, .NET, old urllib3, Windows: each has its habit, and none leads out of a folder."""
    for size in (None, 1):
        form = read(raw(disposition, b"\xff\x00"), size)
        file = form[name]
        assert isinstance(file, Upload)
        assert (file.filename, file.file.read()) == (filename, b"\xff\x00")
        assert Path(file.safe_name).name == file.safe_name
        form.close()


@pytest.mark.parametrize(
    ("disposition", "more", "said"),
    [
        (b"form-data", (), "has no name"),
        (b'form-data; name=""', (), "has no name"),
        (b"form-data; filename=x", (), "has no name"),
        (b"form-data; name=a; name=b", (), "two parameters name"),
        (b"form-data; name=a; filename=b; FileName=c", (), "two parameters filename"),
        (b'form-data; name="a', (), "can't be parsed"),
        (b'form-data; name="a"x', (), "can't be parsed"),
        (b"form-data; name", (), "can't be parsed"),
        (b"form-data; name=a; filename*=x", (), "filename\\* that is not"),
        (b"form-data; name=a; filename*=utf-8''%FF", (), "not valid text in its charset"),
        (b"form-data; name=a; filename*=punycode''x", (), "not a supported charset"),
        (b"form-data; name=a; filename*=utf-8''%zz", (), "filename\\* that is not"),
        (b"form-data; name=a", (b"content-disposition: form-data; name=b",), "two content-disposition fields"),
        (b"form-data; name=a", (b"content-type: text/plain", b"Content-Type: text/html"), "two content-type fields"),
        (b"form-data; name=a", (b"content-transfer-encoding: base64",), "encoded as base64"),
        (b"form-data; name=a", (b"content-type: text/plain; charset=punycode",), "not a supported charset"),
        (b"form-data; name=a", (b"content-type: text/plain; charset=ascii",), "has charset=ascii"),
        (b"form-data; name=a", (), "field 'a' is not UTF-8"),
        (b"attachment; name=a", (), "Wrong type"),
        (b"form-data; name=a", (b"no colon",), "Malformed segment header"),
        (b"form-data; name=a", (b"b\xfcd: x",), "Invalid segment header name"),
        (b"form-data; name=a", (b"content-length: x",), "Content-Length"),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_400(disposition: bytes, more: tuple[bytes, ...], said: str) -> None:
    """Missing, malformed or repeated names, and encoded parts, are refused with a message of ours, not of Python."""
    for size in (None, 1):
        with pytest.raises(BadRequest, match=f"(?i){said}") as caught:
            read(raw(disposition, b"\xff", *more), size)
        assert "Error(" not in caught.value.detail
        assert "codec" not in caught.value.detail


@given(st.binary(max_size=80).filter(lambda line: b"\r" not in line and b"\n" not in line), st.binary(max_size=40))
def test_any_head_is_read_or_refused(tail: bytes, value: bytes) -> None:
    """Whatever a client writes into the head of a part, it is a form or a clear 400."""
    for line in (tail, b"; filename=" + tail, b"; filename*=utf-8''" + tail, b'; filename="' + tail + b'"'):
        data = raw(
            b"form-data; name=a" + line,
            b"x",
            b"content-type: text/plain;" + value.replace(b"\n", b"").replace(b"\r", b""),
        )
        try:
            read(data).close()
        except BadRequest as error:
            assert "Error(" not in error.detail  # noqa: PT017 - most heads are right


@pytest.mark.parametrize(
    "charset", ["ISO-8859-1", '"iso-8859-1"', "latin1", "windows-1252", "utf-8", "UTF-16", "Shift_JIS"]
)
def test_a_texts_charset_is_honoured(charset: str) -> None:
    """A text is read in the charset that its part names: Apache's HttpClient writes latin-1."""
    text = "日本" if charset == "Shift_JIS" else "grüezi"
    data = raw(
        b'form-data; name="t"', text.encode(charset.strip('"')), f"content-type: text/plain; charset={charset}".encode()
    )
    for size in (None, 1):
        assert value_of(read(data, size), "t") == text


@pytest.mark.parametrize("is_first", [True, False])
def test_the_charset_of_a_form_is_honoured(*, is_first: bool) -> None:
    """The field `_charset_`, wherever it is, holds for texts that name none."""
    parts = [
        b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\ngr\xfcezi\r\n',
        b'--x\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"\xff" * (BIG_BYTES + 1) + b"\r\n",
        b'--x\r\ncontent-disposition: form-data; name="b"\r\ncontent-type: text/x; charset=utf-8\r\n\r\n\xc3\xbc\r\n',
    ]
    parts.insert(0 if is_first else 3, b'--x\r\ncontent-disposition: form-data; name="_charset_"\r\n\r\niso-8859-1\r\n')
    form = read(b"".join(parts) + b"--x--\r\n", 4096)
    assert [form[name] for name in ("a", "b", "_charset_")] == ["grüezi", "ü", "iso-8859-1"]
    form.close()
    with pytest.raises(BadRequest, match="not a supported charset"):
        read(raw(b"form-data; name=_charset_", b"zlib"))


@pytest.mark.parametrize(
    ("written", "boundary"),
    [
        ("x", "x"),
        ('"a b"', "a b"),
        ('"a\\"b"', 'a"b'),
        ("x; charset=utf-8", "x"),
        ("----WebKitFormBoundaryu4kYqIkAsAcW6JYr", "----WebKitFormBoundaryu4kYqIkAsAcW6JYr"),
        ('"--b\'()+_,-./:=?"; x="boundary=y"', "--b'()+_,-./:=?"),
    ],
)
def test_a_boundary_is_read(written: str, boundary: str) -> None:
    """With quotes or without, among other parameters."""
    assert boundary_of(f"multipart/form-data; boundary={written}") == boundary


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("boundary=x; boundary=y", "two parameters boundary"),
        ('boundary="x"; BOUNDARY=x', "two parameters boundary"),
        ("boundary=x, multipart/form-data; boundary=y", "two parameters boundary"),
        ('boundary="x"y; boundary=z', "a Content-Type that can't be parsed"),
        ("boundary=\xe9", "has no boundary"),
        ('boundary=""', "has no boundary"),
    ],
)
def test_a_boundary_that_can_be_read_in_two_ways_is_refused(written: str, said: str) -> None:
    """A firewall in front of us might take the first, and see other parts than we do."""
    with pytest.raises(BadRequest, match=said):
        read(part('form-data; name="a"', b"x") + b"--x--", kind=f"multipart/form-data; {written}")
