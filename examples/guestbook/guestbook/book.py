"""The pages of the book: read and search it, sign it, remove an entry."""

from pathlib import PurePosixPath

from fanlight import Flash, Forbidden, FormErrors, Request, State, limits, redirect, redirect_back, render

from . import entries
from .accounts import User
from .database import Database
from .entries import Id, Number, Picture, Text, Words
from .settings import UPLOADS


def read(db: Database, state: State, q: Words = "", page: Number = 1):
    version = state["news"].version  # before the entries, so that the page misses none
    return render("book.html", q=q, page=entries.page(db, q, page), version=version)


@limits(content_bytes=10 * 1024**2, files=1, fields=20)
def sign(
    request: Request, user: User, db: Database, state: State, flash: Flash, errors: FormErrors,
    text: Text, picture: Picture = None,
):  # fmt: skip
    if request.method == "GET" or errors:
        return render("sign.html", errors=errors)
    entries.add(db, user, text, picture)
    request.after(state["news"].look)
    flash("Thank you. Your entry is in the book.", "good")
    return redirect(request.url_for(read))


def remove(request: Request, user: User, db: Database, state: State, flash: Flash, id: Id):
    entry = entries.find(db, id)
    if entry.account != user.id and user.role != "admin":
        raise Forbidden("Only its writer can remove an entry, and the keeper of the book.")
    db.run("delete from entries where id = :id", id=id)
    if entry.picture:
        request.after((UPLOADS / PurePosixPath(entry.picture).name).unlink, missing_ok=True)
    request.after(state["news"].look)
    flash("The entry is removed.")
    return redirect_back(request)
