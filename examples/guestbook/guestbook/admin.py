"""The keeper's page: all guests. `python -m guestbook.admin ada@example.com` makes that guest the keeper."""

import sys

from fanlight import Flash, Forbidden, Request, Session, middleware, redirect, render

from . import database
from .accounts import User
from .database import Database
from .entries import Id


def for_the_keeper(user: User):
    if user.role != "admin":
        raise Forbidden("This page is for the keeper of the book.")
    yield


def guests(db: Database):
    sql = """select accounts.id, name, email, role, count(entries.id) as entries
             from accounts left join entries on account = accounts.id
             group by accounts.id order by accounts.id desc limit 200"""
    return render("guests.html", guests=db.rows(dict, sql))


def send_out(request: Request, session: Session, flash: Flash, id: Id):
    session.sign_out_everywhere(id)
    flash("The guest is signed out on all devices.")
    return redirect(request.url_for(guests))


URLS = middleware(for_the_keeper)({"/": guests, "POST /{id}/sign-out": send_out})

if __name__ == "__main__":
    with database.opened() as connect, connect() as connection:
        sql = "update accounts set role = 'admin' where email = :email"
        found = database.Connection(connection).run(sql, email=sys.argv[1].lower()).rowcount
    print(f"{sys.argv[1]} keeps the book now" if found else f"there is no account for {sys.argv[1]}: register first")
