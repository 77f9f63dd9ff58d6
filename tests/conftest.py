"""What all tests share: how many examples hypothesis makes, no process is left, certificates, a browser."""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from tests.browser import Browser, Tab
from tests.leftovers import MARK, end_leftovers
from tests.redis_server import RedisServer
from tests.speed import seconds

from fanlight.server.recording.own_loggers import flush_logs

# The examples of "quick" are the same each time, so that a failure is due to a change; "full" tries new ones
# (`make thorough`, or pytest --hypothesis-profile=full).
hypothesis.settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True)
hypothesis.settings.register_profile("full", max_examples=100, deadline=None, print_blob=True)
hypothesis.settings.load_profile("quick")

SESSION = os.environ.setdefault(MARK, uuid.uuid4().hex)  # inherited by the workers of pytest-xdist
LEAVE_SECONDS = 5.0  # for processes that are ending


class FlushedLog:
    """pytest's `caplog`, flushed first: the server logs in a thread of its own."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __getattr__(self, name: str) -> object:
        flush_logs()
        return getattr(self._caplog, name)


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> FlushedLog:
    """Return pytest's `caplog`, with the records of the server's log thread flushed."""
    flush_logs()  # of the tests before this one
    return FlushedLog(caplog)


def pytest_configure(config: pytest.Config) -> None:
    """Let SIGTERM end the session as Ctrl+C does, with all that it has started; sites keep their state elsewhere."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        os.environ[MARK] = f"{SESSION}/{worker}/"
    else:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="fanlight-tests-")  # of all that is started


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return twice the number of processors, because tests of servers wait for a third of their time."""
    return 2 * (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Kill the processes that an interrupted session has left."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)
        for each in end_leftovers(SESSION, LEAVE_SECONDS):
            print(f"killed a process that was left running: {each.pid} {each.command}", file=sys.stderr)  # noqa: T201


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test whose name differs each time: xdist's workers must agree on the names."""
    for each in items:
        if " at 0x" in each.nodeid:
            raise pytest.UsageError(f"{each.nodeid} has an address in its name: write pytest.param(..., id='...')")


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """Fail the last test if a server, a browser or any other process still runs, and kill it."""
    yield
    left = end_leftovers(os.environ[MARK], seconds(LEAVE_SECONDS))
    assert not left, "left running: " + "; ".join(f"{each.pid} {each.command}" for each in left)


@pytest.fixture(scope="session", autouse=True)
def _state_is_in_no_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have sites that need a secret or a store make them below a folder of the tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session", autouse=True)
def _sites_are_tested_without_plugins() -> None:
    """Have each pytest that a test starts load no plugin: a site has none, and importing ours takes a second."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and of its key."""

    cert: str
    key: str


class NoCollector:
    """Stands in for `gc` in the server, because hundreds of servers start in one process.

    Each start would walk over all the objects that pytest holds, for some 0.3 s.
    """

    collect = freeze = unfreeze = staticmethod(lambda: None)
    get_threshold, set_threshold = staticmethod(gc.get_threshold), staticmethod(gc.set_threshold)


class Certificates:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("Test authority", self._key, is_authority=True)
        self.ca = str(folder / "ca.pem")
        Path(self.ca).write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def make(
        self, *names: str, title: str = "test", kind: str = "ec", days: tuple[int, int] = (-1, 90), stem: str = ""
    ) -> Pair:
        """Sign a certificate for names and addresses, valid between two days from today; `stem` names its files."""
        key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ec"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        certificate = self._sign(title, key, names=names, days=days)
        stem = stem or f"{title}-{certificate.serial_number:x}"
        cert_path, key_path = self.folder / f"{stem}.pem", self.folder / f"{stem}-key.pem"
        cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(pem_of(key))
        return Pair(str(cert_path), str(key_path))

    def _sign(
        self,
        title: str,
        key: Key,
        *,
        names: tuple[str, ...] = (),
        days: tuple[int, int] = (-1, 90),
        is_authority: bool = False,
    ) -> x509.Certificate:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Fanlight's tests"),
                x509.NameAttribute(NameOID.COMMON_NAME, title),
            ]
        )
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if is_authority else self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .add_extension(_key_usage(is_authority=is_authority), critical=True)
        )  # fmt: skip
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
        return builder.sign(self._key, hashes.SHA256())


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    """Return what a key is for, without which Python 3.13 trusts no authority (RFC 5280 section 4.2.1.3)."""
    names = ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    own = {"key_encipherment": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
    return x509.KeyUsage(digital_signature=True, **own, **dict.fromkeys(names, False))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def pem_of(key: Key, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.fixture(scope="session", autouse=True)
def _no_collection_at_each_start() -> Iterator[None]:
    """Replace the garbage collector in the servers of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fanlight.server.server.gc", NoCollector)
        yield


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return an authority: `ca` is its certificate, and `make(*names)` signs others."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def other_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return another authority, which a client that trusts the first does not trust."""
    return Certificates(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="session")
def localhost(certificates: Certificates) -> Pair:
    """Return a certificate for localhost, the one that most tests need."""
    return certificates.make("localhost", "127.0.0.1", "::1", title="localhost", stem="localhost")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser that all tests share."""
    running = Browser(tmp_path_factory.mktemp("browser"))
    yield running
    running.close()


@pytest.fixture
def new_tab(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Give a function that opens a tab: in light or in dark, as wide as a desk or a phone."""
    tabs: list[Tab] = []

    def start(*, dark: bool = False, width: int = 900, height: int = 600) -> Tab:
        tabs.append(Tab(browser, dark=dark, width=width, height=height))
        return tabs[-1]

    yield start
    for each in tabs:
        each.close()


@pytest.fixture
def tab(new_tab: Callable[..., Tab]) -> Tab:
    """Return a tab."""
    return new_tab()


@pytest.fixture(scope="module")
def _kept_tab(browser: Browser) -> Iterator[Tab]:
    tab = Tab(browser)
    yield tab
    tab.close()


@pytest.fixture
def reader(_kept_tab: Tab) -> Tab:
    """Return a tab for a test that only looks at pages; it stays open for the others of the file, as it takes long."""
    _kept_tab.prefer(dark=False)
    _kept_tab.resize(900, 600)
    return _kept_tab


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Return a redis-server of the test's own, which may be killed and started again."""
    server = RedisServer(tmp_path / "redis")
    yield server
    server.stop()
