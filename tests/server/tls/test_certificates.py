"""Certificates: which one a client gets, when they are reloaded, and how invalid files are reported."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.speed import PATIENCE

from fanlight import App
from fanlight.errors import InvalidSetting
from fanlight.server.tls.certificates import expiry
from fanlight.server.tls.dev_certificate import AUTHORITY, AUTHORITY_KEY, dev_certificate
from fanlight.server.tls.tls import FRESH_SECONDS, TlsConfig
from fanlight.settings.options import Options
from fanlight.testing import LiveServer


def shown(server: Any, name: str | None, context: ssl.SSLContext) -> set[str]:
    """Return the names of the certificate that a client gets for a server name."""
    context.check_hostname = False
    raw = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    with context.wrap_socket(raw, server_hostname=name) as sock:
        certificate = sock.getpeercert()
    assert certificate
    return {str(pair[1]) for pair in certificate["subjectAltName"]}


# --- by name -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "gets"),
    [
        ("one.test", "one.test"),
        ("ONE.test", "one.test"),
        ("two.test", "two.test"),
        ("a.wild.test", "*.wild.test"),
        ("exact.wild.test", "exact.wild.test"),
        ("a.b.wild.test", "one.test"),
        ("wild.test", "one.test"),
        ("nobody.test", "one.test"),
        (None, "one.test"),
    ],
)
def test_a_client_gets_the_certificate_for_its_name(
    serve_tls: Any, certificates: Any, trusting: Any, asked: str | None, gets: str
) -> None:
    """An exact name comes before a wildcard of one level; without a name, or with an unknown one, the first is used."""
    pairs = [certificates.make(name) for name in ("one.test", "two.test", "*.wild.test", "exact.wild.test")]
    server = serve_tls(TlsConfig(certificates=[(each.cert, each.key) for each in pairs]))
    assert shown(server, asked, trusting()) == {gets}


# --- read again -----------------------------------------------------------------------------------------


@pytest.fixture
def files(certificates: Any, tmp_path: Path) -> tuple[Path, Path]:
    """Give a certificate and its key in files of the test's own."""
    pair = certificates.make("first.test")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(pair.cert, cert)
    shutil.copy(pair.key, key)
    return cert, key


def put(source: str, target: Path) -> None:
    """Replace a file at one stroke, as certbot's hooks do."""
    fresh = target.with_suffix(".new")
    shutil.copy(source, fresh)
    fresh.replace(target)


def test_changed_files_are_served_to_new_connections(
    serve_tls: Any, certificates: Any, trusting: Any, files: tuple[Path, Path]
) -> None:
    """After a renewal new clients get the new certificate, and as long as nothing changes nothing is read."""
    tls = TlsConfig(certificates=[(str(files[0]), str(files[1]))])
    server = serve_tls(tls)
    assert not tls.refresh()
    renewed = certificates.make("second.test")
    put(renewed.cert, files[0])
    put(renewed.key, files[1])
    assert tls.refresh()
    assert not tls.refresh()
    assert shown(server, "second.test", trusting()) == {"second.test"}


def test_invalid_files_change_nothing_and_are_logged_once(
    serve_tls: Any, trusting: Any, files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A broken file leaves the old certificate in use; it is logged when it is still broken at the second check."""
    tls = TlsConfig(certificates=[(str(files[0]), str(files[1]))])
    server = serve_tls(tls)
    files[0].write_text("half a certi")
    with caplog.at_level(logging.ERROR, "fanlight.server"):
        assert not tls.refresh()
        assert not caplog.records
        assert not any(tls.refresh() for _ in range(5))
    reason = f"the certificate {files[0]} has no CERTIFICATE in it, so it is not a PEM file"
    assert [each.getMessage() for each in caplog.records] == [f"the certificates are not reloaded: {reason}"]
    assert shown(server, "first.test", trusting()) == {"first.test"}


def test_a_renewal_between_two_writes_is_waited_for(
    certificates: Any, files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """Between the new certificate and its key nothing matches; a moment later it does, and nothing is logged."""
    tls = TlsConfig(certificates=[(str(files[0]), str(files[1]))])
    renewed = certificates.make("second.test")
    put(renewed.cert, files[0])
    with caplog.at_level(logging.ERROR, "fanlight.server"):
        assert not tls.refresh()
        put(renewed.key, files[1])
        assert tls.refresh()
    assert not caplog.records


@pytest.mark.parametrize(("days", "said"), [((-9, -1), "expired on "), ((1, 9), "is not valid before ")])
def test_a_certificate_out_of_its_time_is_served_with_a_warning(
    certificates: Any, caplog: pytest.LogCaptureFixture, days: tuple[int, int], said: str
) -> None:
    """Dates that do not include today are a warning: clients decide."""
    pair = certificates.make("late.test", days=days)
    TlsConfig(certificates=[(pair.cert, pair.key)])
    assert said in caplog.text


def test_a_change_of_rights_is_a_change(files: tuple[Path, Path]) -> None:
    """A file that was made readable need not be written again."""
    tls = TlsConfig(certificates=[(str(files[0]), str(files[1]))])
    files[1].chmod(0o640)
    assert tls.refresh()
    assert not tls.refresh()


def test_keys_of_tickets_live_no_longer_than_a_day(
    files: tuple[Path, Path], ends_at: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    """After a day everything is reloaded, without a message, even though no file has changed."""
    tls = TlsConfig(certificates=[(str(files[0]), str(files[1]))])
    before = tls._contexts.first
    with caplog.at_level(logging.INFO, "fanlight.server"):
        ends_at(FRESH_SECONDS - 60)
        assert not tls.refresh()
        ends_at(FRESH_SECONDS + 60)
        assert tls.refresh()
    assert tls._contexts.first is not before
    assert not caplog.records


@pytest.fixture
def ends_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give a function that puts the clock forward to so many seconds from now."""
    now = time.monotonic()
    return lambda seconds: monkeypatch.setattr("fanlight.server.tls.tls.time.monotonic", lambda: now + seconds)


def test_a_running_site_uses_a_renewed_certificate(
    certificates: Any, files: tuple[Path, Path], trusting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next client gets the new certificate, and existing connections stay."""
    monkeypatch.setattr("fanlight.server.listening.listener_policy.REFRESH_SECONDS", 0.0)
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(str(files[0]),), key=(str(files[1]),))
    ask = b"GET / HTTP/1.1\r\nHost: first.test\r\n\r\n"
    with LiveServer(App({"/": lambda: "hello"}), options=options) as server:
        raw = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        with trusting().wrap_socket(raw, server_hostname="first.test") as old:
            renewed = certificates.make("second.test")
            put(renewed.cert, files[0])
            put(renewed.key, files[1])
            assert shown(server, "second.test", trusting()) == {"second.test"}
            old.sendall(ask)
            assert old.recv(15) == b"HTTP/1.1 200 OK"


# --- refused ----------------------------------------------------------------------------------------------


def der_of(path: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text())


def der_of_key(path: Path) -> bytes:
    command = ["openssl", "pkey", "-in", str(path), "-outform", "der"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def a_folder_at(path: Path) -> None:
    path.unlink()
    path.mkdir()


Break = Callable[[Path, Path, Any], object]
BROKEN: list[tuple[Break, str]] = [
    (lambda cert, _key, _: cert.unlink(), "the certificate {cert} can't be read: No such file or directory"),
    (lambda _cert, key, _: key.unlink(), "the key {key} can't be read: No such file or directory"),
    (lambda cert, _key, _: cert.write_text("\n"), "the certificate {cert} is empty"),
    (
        lambda cert, _key, _: cert.write_text("hello"),
        "the certificate {cert} has no CERTIFICATE in it, so it is not a PEM",
    ),
    (
        lambda cert, _key, _: cert.write_bytes(der_of(str(cert))),
        "it looks like DER; convert it to PEM: openssl x509 -inform der -in {cert} -out FILE",
    ),
    (
        lambda cert, key, _: (shutil.copy(cert, f"{cert}x"), shutil.copy(key, cert), shutil.copy(f"{cert}x", key)),
        "are --cert and --key swapped?",
    ),
    (
        lambda _cert, key, certificates: shutil.copy(certificates.make("other.test").key, key),
        "the key {key} does not match the certificate {cert}",
    ),
    (
        lambda cert, _key, certificates: cert.write_text(Path(certificates.ca).read_text() + cert.read_text()),
        "the first certificate in the file must be that of the key, followed by its chain",
    ),
    (lambda _cert, key, _: key.write_text(""), "the key {key} is empty"),
    (
        lambda _cert, key, _: key.write_bytes(der_of_key(key)),
        "it looks like DER; convert it to PEM: openssl pkey -inform der -in {key} -out FILE",
    ),
    (
        lambda cert, _key, _: cert.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        "{cert} and {key} can't be used as certificate and key: ",
    ),
    (lambda cert, _key, _: a_folder_at(cert), "the certificate {cert} can't be read: Is a directory"),
]


@pytest.mark.parametrize(("spoil", "said"), BROKEN)
def test_files_that_are_no_good_are_refused(
    files: tuple[Path, Path], certificates: Any, spoil: Break, said: str
) -> None:
    """Before the port opens, the message names the file and what is wrong with it."""
    cert, key = files
    spoil(cert, key, certificates)
    with pytest.raises(InvalidSetting) as caught:
        TlsConfig(certificates=[(str(cert), str(key))])
    assert said.format(cert=cert, key=key) in str(caught.value)


def test_a_key_with_a_password_is_refused(files: tuple[Path, Path]) -> None:
    """The server can't prompt for it; the message names the command that removes it."""
    cert, key = files
    locked = key.with_name("locked.pem")
    command = ["openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(
        InvalidSetting, match=r"is encrypted with a password, which the server can't ask for; remove it: openssl"
    ):
        TlsConfig(certificates=[(str(cert), str(locked))])


def test_a_weak_certificate_is_refused(tmp_path: Path) -> None:
    """A key of RSA that is too small is refused, with what would do."""
    cert, key = tmp_path / "c.pem", tmp_path / "k.pem"
    what = ["-newkey", "rsa:1024", "-nodes", "-days", "9", "-subj", "/CN=weak", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", "req", "-x509", *what], check=True, capture_output=True)
    with pytest.raises(InvalidSetting, match=r"is too weak .* ECDSA P-256 or RSA 2048"):
        TlsConfig(certificates=[(str(cert), str(key))])


@pytest.mark.parametrize(
    ("text", "said"),
    [("", " is empty"), ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", " can't be used: ")],
)
def test_an_authority_that_is_none_is_refused(files: tuple[Path, Path], tmp_path: Path, text: str, said: str) -> None:
    """client_ca is checked like the others."""
    path = tmp_path / "ca.pem"
    path.write_text(text)
    with pytest.raises(InvalidSetting, match=rf"client_ca {path}{said}"):
        TlsConfig(certificates=[(str(files[0]), str(files[1]))], client_ca=str(path), client_cert="required")


def test_without_any_certificate_there_is_no_tls() -> None:
    """The message names the settings."""
    with pytest.raises(InvalidSetting, match="add --cert and --key, or --tls dev"):
        TlsConfig()


def test_the_end_of_a_certificate_is_known(certificates: Any, tmp_path: Path) -> None:
    """`expiry` is the last day of a certificate's time, and None for a file that has none."""
    ends = expiry(certificates.make("a.test", days=(-1, 30)).cert)
    assert ends is not None
    assert timedelta(days=29) < ends - datetime.now(UTC) < timedelta(days=31)
    assert expiry(str(tmp_path / "none.pem")) is None


# --- for development ------------------------------------------------------------------------------------------


def read(path: str | Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


def test_a_certificate_for_development_is_made_and_kept(tmp_path: Path) -> None:
    """At first an authority and a certificate are made, later they are used again; only their owner reads the keys."""
    path, same = dev_certificate(["localhost:8000"], tmp_path)
    assert path == same
    before = Path(path).read_bytes()
    assert dev_certificate(["localhost:8000"], tmp_path) == (path, path)
    assert Path(path).read_bytes() == before
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (Path(path).name, AUTHORITY_KEY)] == [0o600] * 2
    names = read(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "*.localhost"} <= set(names.get_values_for_type(x509.DNSName))


def test_a_certificate_near_its_end_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that would soon expire is replaced; the CA, which browsers trust, stays."""
    monkeypatch.setattr("fanlight.server.tls.dev_certificate.DAYS", 20)
    old = Path(dev_certificate(["localhost:8000"], tmp_path)[0])
    before, authority = old.read_bytes(), (tmp_path / AUTHORITY).read_bytes()
    monkeypatch.undo()
    again = Path(dev_certificate(["localhost:8000"], tmp_path)[0])
    assert again == old
    assert again.read_bytes() != before
    assert (tmp_path / AUTHORITY).read_bytes() == authority


def test_a_client_that_believes_the_authority_believes_the_site(
    serve_tls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the authority's certificate and nothing else a client is content."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    server = serve_tls(TlsConfig(is_dev=True, hosts=["localhost:8000"]))
    context = ssl.create_default_context(cafile=str(tmp_path / "fanlight" / AUTHORITY))
    raw = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    with context.wrap_socket(raw, server_hostname="localhost") as sock:
        assert sock.version() == "TLSv1.3"


def test_the_authority_signs_for_no_host_of_the_public_net(tmp_path: Path) -> None:
    """A name of the public net is refused, and the authority's own certificate forbids it."""
    with pytest.raises(InvalidSetting, match=r"for this machine and private networks, not for example.org"):
        dev_certificate(["example.org:443"], tmp_path)
    constraints = read(tmp_path / AUTHORITY).extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees


def test_without_its_package_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--tls dev` without cryptography names the extra."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.delitem(sys.modules, "fanlight.server.tls.dev_ca", raising=False)
    with pytest.raises(InvalidSetting, match=r"pip install 'fanlight\[tls\]'"):
        dev_certificate(["localhost:8000"], tmp_path)


def test_a_folder_that_can_t_be_written_is_refused(tmp_path: Path) -> None:
    """The message names the data folder, and how to choose another."""
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSetting, match="set XDG_DATA_HOME to another folder"):
        dev_certificate(["localhost:8000"], tmp_path / "file" / "below")
