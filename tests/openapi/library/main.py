"""A library: an API with everything that a description has to say, served for the tools that read it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, NotRequired, TypedDict
from uuid import UUID, uuid4

import msgspec
from msgspec import Meta, Struct

from fanlight import (
    App,
    BasicCredentials,
    BearerToken,
    Body,
    Conflict,
    Cookie,
    Event,
    EventStream,
    Field,
    Forbidden,
    Header,
    NotFound,
    OpenAPI,
    Response,
    Unauthorized,
    Upload,
    api_key,
    in_openapi,
    redirect,
    render,
    table,
)
from fanlight.pages.page import Page as Rendered

FOLDER = Path(__file__).parent
TOKEN, KEY, LIBRARIAN = "reader-token", "partner-key", ("ada", "lovelace")
_lock = threading.Lock()


class Genre(Enum):
    """A kind of book."""

    NOVEL = "novel"
    POEM = "poem"
    ESSAY = "essay"


class Shelf(Enum):
    FIRST = 1
    SECOND = 2


@dataclass
class Author:
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    born: date | None = None


class Book(Struct, kw_only=True):
    """A book, as it stands on a shelf."""

    title: Annotated[str, Meta(min_length=1, max_length=120, description="As it is printed.")]
    author: Author
    genre: Genre = Genre.NOVEL
    pages: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    price: Decimal = Decimal(0)
    tags: Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=5)] = []
    sequel: Book | None = None


class StoredBook(Book, kw_only=True):
    """A book in the catalogue."""

    id: UUID
    added: Annotated[datetime, Meta(tz=True)]


class Page(Struct):
    """A part of a list."""

    items: list[StoredBook]
    total: int
    next: int | None = None


class Loan(TypedDict):
    book: UUID
    due: date
    note: NotRequired[str]


class Lent(Struct, tag="lent"):
    book: UUID
    days: Annotated[int, Meta(ge=1, le=60)]


class Returned(Struct, tag="returned"):
    book: UUID
    damage: bool = False


class Filter(Struct):
    q: str = ""
    genre: Genre | None = None
    year: Annotated[int, Meta(ge=1400, le=2100)] | None = None
    sort: Literal["title", "added"] = "title"


@dataclass
class Review:
    stars: Annotated[int, Meta(ge=1, le=5)]
    text: str = ""
    by: str = field(default="somebody", init=False)

    def __post_init__(self) -> None:
        self.text = self.text.strip()


_books: dict[UUID, StoredBook] = {}
_loans: list[Loan] = []


def seeded() -> dict[UUID, StoredBook]:
    """Return the books with which the library opens."""
    one = StoredBook(
        id=UUID("3f2b8f5e-6a0a-4d35-9d7f-5d2f0a1c9b10"),
        title="Emma",
        author=Author("Jane Austen", date(1775, 12, 16)),
        added=datetime(2026, 1, 31, 12, tzinfo=UTC),
    )
    return {one.id: one}


_books.update(seeded())


def find_book(book: UUID) -> StoredBook:
    with _lock:
        found = _books.get(book)
    if found is None:
        raise NotFound("There is no such book.")
    return found


# --- who is asking ---


def reader(token: BearerToken) -> str:
    """Let in who has a card of the library."""
    if token != TOKEN:
        raise Unauthorized("This token is not known.", headers={"www-authenticate": "Bearer"})
    return "reader"


def librarian(given: BasicCredentials) -> str:
    if (given.name, given.password) != LIBRARIAN:
        raise Unauthorized("Wrong name or password.", headers={"www-authenticate": "Basic"})
    return given.name


def partner(key: Annotated[str, api_key("X-API-Key")]) -> str:
    if key != KEY:
        raise Forbidden("This key is not known.")
    return "partner"


Reader = Annotated[str, reader]
Librarian = Annotated[str, librarian]
Partner = Annotated[str, partner]


# --- books ---


def books(
    wanted: Filter, limit: Annotated[int, Meta(ge=1, le=100)] = 20, start: Annotated[int, Meta(ge=0)] = 0
) -> Page:
    """List the books.

    They are in the order of their titles, unless `sort` names another one.
    """
    with _lock:
        found = [each for each in _books.values() if wanted.q.lower() in each.title.lower()]
    if wanted.genre is not None:
        found = [each for each in found if each.genre is wanted.genre]
    found.sort(key=lambda each: each.title if wanted.sort == "title" else str(each.added))
    rest = start + limit
    return Page(found[start:rest], len(found), rest if rest < len(found) else None)


def add_book(book: Book, reader: Reader) -> tuple[StoredBook, Literal[201]]:
    """Add a book to the catalogue."""
    stored = StoredBook(**msgspec.structs.asdict(book), id=uuid4(), added=datetime.now(UTC))
    with _lock:
        if len(_books) >= 500:
            _books.clear()
            _books.update(seeded())
        _books[stored.id] = stored
    return stored, 201


def book(book: UUID) -> StoredBook:
    """Show one book."""
    return find_book(book)


def replace_book(book: UUID, new: Book, reader: Reader) -> StoredBook:
    """Replace a book by another."""
    old = find_book(book)
    stored = StoredBook(**msgspec.structs.asdict(new), id=old.id, added=old.added)
    with _lock:
        _books[old.id] = stored
    return stored


def remove_book(book: UUID, librarian: Librarian) -> None:
    """Remove a book from the catalogue."""
    find_book(book)
    with _lock:
        if book not in seeded():  # what is in the catalogue from the start stays
            _books.pop(book, None)


def shelf(shelf: Shelf, room: Annotated[str, Meta(pattern="^[a-z]{1,8}$")]) -> dict[str, int]:
    """Count the books on a shelf of a room."""
    return {room: shelf.value}


def rate(book: UUID, review: Review) -> Review:
    """Write a review of a book."""
    find_book(book)
    return review


def lend(event: Lent | Returned, partner: Partner) -> Loan | None:
    """Note that a book was lent or has come back."""
    if isinstance(event, Returned):
        return None
    if any(each["book"] == event.book for each in _loans[-5:]):
        raise Conflict("That book is lent already.")
    loan: Loan = {"book": event.book, "due": date(2026, 1, 31) + timedelta(days=event.days)}
    return loan


def prices(prices: Body[dict[str, Annotated[float, Meta(ge=0)]]]) -> list[str]:
    """Take the prices of books by their names."""
    return sorted(prices)


def renumber(numbers: list[int]) -> dict[str, list[int]]:
    """Take numbers, and give them in order."""
    return {"numbers": sorted(numbers)}


# --- fields of every kind ---


class Everything(Struct):
    """One value of each kind."""

    a_bool: bool
    a_float: float
    a_date: date
    a_moment: Annotated[datetime, Meta(tz=True)]
    a_duration: timedelta
    some_bytes: bytes
    a_set: set[int]
    by_number: dict[int, str]
    anything: object = None


class Settings(Struct, rename="camel"):
    color_theme: str
    size: int
    words: list[str]
    is_new: bool
    since: date | None


def everything(everything: Everything) -> Everything:
    """Give back what was sent."""
    return everything


def settings(
    theme: Cookie[Literal["light", "dark"]] = "light",
    x_page_size: Header[int] = 20,
    words: list[str] = [],  # noqa: B006 - each request gets a copy
    is_new: Annotated[bool, Field("new")] = False,
    since: date | None = None,
) -> Settings:
    """Show which settings were sent."""
    return Settings(theme, x_page_size, words, is_new, since)


# --- forms, files, streams ---


def subscribe(name: Annotated[str, Meta(min_length=1)], email: str, letters: int = 1) -> dict[str, str | int]:
    """Subscribe to letters, by a form or JSON."""
    return {"name": name, "email": email, "letters": letters}


def add_cover(book: UUID, cover: Upload) -> dict[str, int]:
    """Upload the cover of a book."""
    find_book(book)
    return {"bytes": cover.size}


def cover(book: UUID) -> Path:
    """Download the cover of a book."""
    find_book(book)
    return FOLDER / "cover.txt"


def export() -> Iterator[str]:
    """Export all titles, a line each."""
    with _lock:
        titles = [each.title for each in _books.values()]
    for each in titles:
        yield f"{each}\n"


async def news() -> EventStream:
    """Follow what is new."""

    async def events() -> AsyncIterator[Event]:
        yield Event({"books": len(_books)}, "count")

    return EventStream(events())


def latest() -> Response:
    """Go on to the newest book."""
    return redirect("/api/books")


def blob() -> bytes:
    """Give some bytes."""
    return b"\0\1\2"


@in_openapi(responses={200: list[str], 202: None}, deprecated=True, tags=["old"])
def legacy() -> object:
    return ["old"]


@in_openapi(False)
def hidden() -> dict[str, str]:
    return {}


def home() -> Rendered:
    return render("home.html")


BOOKS = {
    "/": books,
    "POST /": add_book,
    "/{book}": book,
    "PUT /{book}": replace_book,
    "DELETE /{book}": remove_book,
    "POST /{book}/reviews": rate,
    "POST /{book}/cover": add_cover,
    "/{book}/cover": cover,
}
URLS = {
    "/": home,
    "/about": "About the library",
    "/api": table(
        {
            "/books": table(BOOKS, name="books"),
            "/shelves/{shelf}/{room}": shelf,
            "POST /loans": lend,
            "POST /prices": prices,
            "POST /numbers": renumber,
            "POST /everything": everything,
            "/settings": settings,
            "POST /subscribe": subscribe,
            "/export": export,
            "/news": news,
            "/latest": latest,
            "/blob": blob,
            "/legacy": legacy,
            "/hidden": hidden,
        },
        json_errors=True,
    ),
    "/search": books,
}
app = App(URLS, openapi=OpenAPI(title="Library", version="1.2.0", description="Books, and who has them."))
