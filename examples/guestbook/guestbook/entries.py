"""The entries of the book."""

from datetime import UTC, datetime
from math import ceil
from typing import Annotated

from msgspec import Meta, Struct

from fanlight import Image, NotFound, Upload

from .settings import UPLOADS

ON_A_PAGE = 7  # as many as the window at the top has panes
PICTURES = "/pictures"  # the URL of the folder UPLOADS

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=1, le=1_000_000)]
Words = Annotated[str, Meta(max_length=100)]
Text = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]
Picture = Annotated[Upload | None, Image("jpeg", "png", "webp", "gif", max_pixels=50_000_000)]


class Entry(Struct):
    id: int
    account: int
    name: str
    text: str
    picture: str | None
    written: datetime


class Page(Struct):
    entries: list[Entry]
    number: int
    count: int  # of pages
    total: int  # of entries


ENTRIES = "from entries join accounts on accounts.id = account"
MATCHES = "where lower(text) like :like escape '!' or lower(name) like :like escape '!'"


def page(db, words, number):
    """Return a page of the entries in which some words are, the newest first. Raises NotFound behind the last one."""
    escaped = words.strip().lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    like = f"%{escaped}%"
    total = db.row(dict, f"select count(*) as total {ENTRIES} {MATCHES}", like=like)["total"]
    count = max(1, ceil(total / ON_A_PAGE))
    if number > count:
        raise NotFound(f"The book has {count} pages.")
    sql = f"select entries.*, name {ENTRIES} {MATCHES} order by entries.id desc limit :limit offset :offset"
    found = db.rows(Entry, sql, like=like, limit=ON_A_PAGE, offset=(number - 1) * ON_A_PAGE)
    return Page(found, number, count, total)


def find(db, id):
    entry = db.row(Entry, f"select entries.*, name {ENTRIES} where entries.id = :id", id=id)
    if entry is None:
        raise NotFound("There is no such entry. It may have been removed.")
    return entry


def add(db, account, text, picture=None):
    """Write an entry, and return it. The file of its picture gets a name that no one can guess."""
    path = None if picture is None else f"{PICTURES}/{picture.save_in(UPLOADS).name}"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    sql = "insert into entries (account, text, picture, written) values (:account, :text, :picture, :now) returning id"
    return find(db, db.row(dict, sql, account=account.id, text=text.strip(), picture=path, now=now)["id"])
