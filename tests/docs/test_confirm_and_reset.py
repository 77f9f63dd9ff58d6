"""The site of docs/how-to/confirm-and-reset.md, driven and attacked over real sockets."""

from __future__ import annotations

import email
import email.policy
import re
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Certificates, Pair
from tests.docs.page_site import Reply, Visitor, served, write_site
from tests.speed import PATIENCE

from fanlight.signing.signing_keys import Keys

SECRET = secrets.token_urlsafe(32)
PURPOSE = "signer:password"  # as the page has it
ADA, PASSWORD = "ada@example.com", "correct horse battery"


class Letters:
    """The letters in the outbox of a site."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "outbox"
        self._seen: set[Path] = set()

    def next(self) -> str:
        """Wait for a letter, and return it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for each in set(self._folder.glob("*.eml")) - self._seen:
                if text := each.read_text():
                    self._seen.add(each)
                    return text
            time.sleep(0.01)
        raise AssertionError("no letter has come")


def link_in(letter: str) -> str:
    found = re.search(r"^http://localhost:\d+(/password\?token=\S+)$", letter, re.MULTILINE)
    assert found, letter
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_site("confirm-and-reset", tmp_path)
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Iterator[str]:
    with served(folder, FANLIGHT_SECRET=SECRET) as site:
        yield site


@pytest.fixture
def letters(folder: Path) -> Letters:
    return Letters(folder)


def request_link(visitor: Visitor, letters: Letters, address: str = ADA) -> str:
    assert visitor.post("/link", {"email": address}).status == 200
    return link_in(letters.next())


def registered(site: str, letters: Letters) -> Visitor:
    visitor = Visitor(site)
    assert visitor.post(request_link(visitor, letters), {"password": PASSWORD}).status == 303
    assert "You are signed in" in visitor.get("/").text
    return visitor


def comparable(reply: Reply) -> tuple[object, ...]:
    fields = [(name, value) for name, value in reply.fields.items() if name not in ("date", "x-request-id")]
    return reply.status, [each for each in fields if not each[0].startswith("ratelimit")], reply.text


def test_an_address_with_an_account_gets_the_same_response(site: str, letters: Letters) -> None:
    """The response to a request for a link does not reveal whether there is an account."""
    visitor = Visitor(site)
    before = visitor.post("/link", {"email": ADA})
    assert visitor.post(link_in(letters.next()), {"password": PASSWORD}).status == 303
    assert comparable(Visitor(site).post("/link", {"email": ADA})) == comparable(before)


def test_a_link_works_once(site: str, letters: Letters) -> None:
    """A link is not valid after a password was chosen, by itself or by another link; nor for opening the form."""
    visitor = Visitor(site)
    links = [request_link(visitor, letters) for _ in range(2)]
    assert visitor.get(links[0]).status == 200
    assert visitor.post(links[0], {"password": PASSWORD}).status == 303
    for each in links:
        assert visitor.post(each, {"password": "of somebody else, later"}).status == 400
        assert visitor.get(each).status == 400
    assert Visitor(site).post("/sign-in", {"email": ADA, "password": PASSWORD}).status == 303


def test_a_new_password_ends_other_sessions(site: str, letters: Letters) -> None:
    """After a reset, the old password and all sessions that it has opened are worthless."""
    thief = registered(site, letters)
    owner = Visitor(site)
    assert owner.post(request_link(owner, letters), {"password": "a password of today"}).status == 303
    assert "You are signed in" in owner.get("/").text
    assert "You are signed in" not in thief.get("/").text
    assert thief.post("/sign-in", {"email": ADA, "password": PASSWORD}).status == 422


def test_an_old_or_forged_link_is_refused(site: str, letters: Letters) -> None:
    """A token that is old, was changed, cut off, signed by another secret, or is missing, opens no form."""
    visitor = Visitor(site)
    link = request_link(visitor, letters)
    token = link.partition("token=")[2]
    data = Keys([SECRET]).read(PURPOSE, token)

    def aged(seconds: int, secret: str = SECRET) -> str:
        return Keys([secret], clock=lambda: time.time() - seconds).sign(PURPOSE, data)

    assert visitor.get(f"/password?token={aged(3540)}").status == 200
    for forged in (aged(3660), f"{token}x", token[:-1], aged(0, secrets.token_urlsafe(32)), ""):
        assert visitor.get(f"/password?token={forged}").status == 400
        assert visitor.post(f"/password?token={forged}", {"password": PASSWORD}).status == 400
    assert visitor.get("/password").status == 400


def test_a_letter_has_one_recipient(site: str, folder: Path) -> None:
    """What is not one address is refused, and no letter is sent."""
    for address in (
        "ada@example.com,eve@evil.example",
        "ada@example.com eve@evil.example",
        "Ada <eve@evil.example>",
        "a@b\r\nBcc: eve@c",
        "a@b\nBcc: eve@c",
        "ada",
        "",
    ):
        assert Visitor(site).post("/link", {"email": address}).status == 422
    assert not (folder / "outbox").exists()


def test_a_link_leads_to_this_site(site: str, letters: Letters) -> None:
    """The host of a request is not in the letter."""
    assert Visitor(site).post("/link", {"email": ADA}, host="evil.example").status == 200
    assert "evil" not in letters.next()


def test_letters_are_limited(site: str) -> None:
    """The fourth letter to an address within an hour is a 429, also in capitals; another address gets one."""
    visitor = Visitor(site)
    assert [visitor.post("/link", {"email": ADA}).status for _ in range(4)] == [200, 200, 200, 429]
    assert visitor.post("/link", {"email": ADA.upper()}).status == 429
    assert visitor.post("/link", {"email": "bob@example.com"}).status == 200


def test_a_client_does_not_get_unlimited_letters(site: str) -> None:
    """A client that asks for many addresses gets 20 letters an hour."""
    visitor = Visitor(site)
    statuses = [visitor.post("/link", {"email": f"{number}@example.com"}).status for number in range(22)]
    assert statuses == [200] * 20 + [429] * 2


def test_an_account_has_one_spelling(site: str, letters: Letters) -> None:
    """An address in capitals is the same account."""
    visitor = registered(site, letters)
    assert visitor.post(request_link(visitor, letters, ADA.upper()), {"password": "a password of today"}).status == 303
    assert Visitor(site).post("/sign-in", {"email": ADA, "password": "a password of today"}).status == 303


# --- production -----------------------------------------------------------------------------------------


class MailServer:
    """A mail server with STARTTLS that takes one letter from a client that has signed in."""

    def __init__(self, pair: Pair) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(pair.cert, pair.key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        self.port = self._socket.getsockname()[1]
        self.commands: list[str] = []
        self.letter = ""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection: socket.socket = self._socket.accept()[0]
        connection.settimeout(PATIENCE)
        lines = connection.makefile("rb")
        connection.sendall(b"220 ready\r\n")
        while line := lines.readline().decode().strip():
            command = line.partition(" ")[0].upper()
            self.commands.append(command)
            reply = {"EHLO": "250-localhost\r\n250-STARTTLS\r\n250 AUTH PLAIN", "AUTH": "235 ok", "DATA": "354 go on"}
            connection.sendall(f"{reply.get(command, '220 ok' if command == 'STARTTLS' else '250 ok')}\r\n".encode())
            if command == "STARTTLS":
                connection = self._context.wrap_socket(connection, server_side=True)
                lines = connection.makefile("rb")
            elif command == "DATA":
                while (part := lines.readline()) != b".\r\n":
                    self.letter += part.decode()
                connection.sendall(b"250 taken\r\n")
            elif command == "QUIT":
                break
        lines.close()
        connection.close()

    def close(self) -> None:
        """Wait until it has the letter."""
        self._thread.join(PATIENCE)
        self._socket.close()


@pytest.fixture
def mail_server(localhost: Pair) -> Iterator[MailServer]:
    server = MailServer(localhost)
    yield server
    server.close()


def test_in_production_letters_go_to_a_mail_server(
    folder: Path, mail_server: MailServer, certificates: Certificates
) -> None:
    """With SMTP_HOST a letter is sent encrypted, after signing in, with a link to SITE."""
    settings = {"SMTP_HOST": "localhost", "SMTP_PORT": str(mail_server.port), "SMTP_USER": "cats"}
    settings |= {"SMTP_PASSWORD": "meow", "SSL_CERT_FILE": certificates.ca}
    with served(folder, **settings) as site:
        assert Visitor(site).post("/link", {"email": ADA}).status == 200
        mail_server.close()
    assert mail_server.commands[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    letter = email.message_from_string(mail_server.letter, policy=email.policy.default)
    assert letter["To"] == ADA
    assert f"{site}/password?token=" in letter.get_content()
