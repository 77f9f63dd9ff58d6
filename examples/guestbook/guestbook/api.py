"""The book for programs; /openapi.json describes it, and /docs shows that to people."""

from fanlight import Request, State, in_openapi

from . import entries
from .accounts import User
from .database import Database
from .entries import Entry, Id, Number, Page, Text, Words


def search(db: Database, q: Words = "", page: Number = 1) -> Page:
    """Return a page of the entries with some words in them, the newest first."""
    return entries.page(db, q, page)


def one(db: Database, id: Id) -> Entry:
    """Return an entry."""
    return entries.find(db, id)


@in_openapi(responses={201: Entry})
def add(request: Request, user: User, db: Database, state: State, text: Text) -> tuple[Entry, int]:
    """Sign the book."""
    request.after(state["news"].look)
    return entries.add(db, user, text), 201


URLS = {"GET /entries": search, "POST /entries": add, "GET /entries/{id}": one}
