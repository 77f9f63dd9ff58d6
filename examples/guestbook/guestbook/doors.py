"""Come in, and go out: register, sign in, sign out."""

from typing import Annotated

from msgspec import Meta

from fanlight import Flash, FormErrors, Request, Session, redirect, redirect_back, render

from . import accounts, mail
from .accounts import User
from .database import Database

Name = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"\S")]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+$")]
Password = Annotated[str, Meta(min_length=10, max_length=200)]
LETTER = "Dear {name},\n\nwelcome to the Visitors' Book. You can sign it now, with a picture if you have one.\n"


def register(
    request: Request, db: Database, session: Session, flash: Flash, errors: FormErrors,
    name: Name, email: Email, password: Password,
):  # fmt: skip
    if request.method == "POST" and not errors:
        account = accounts.add(db, email, name, password)
        if account is not None:
            request.after(mail.send, to=account.email, subject="Welcome", text=LETTER.format(name=name))
            return come_in(request, session, flash, account)
        errors["email"] = "has an account already"
    return render("register.html", errors=errors)


def enter(
    request: Request, db: Database, session: Session, flash: Flash, errors: FormErrors, email: str, password: str
):  # fmt: skip
    if request.method == "POST" and not errors:
        account = accounts.check(db, email, password)
        if account is not None:
            return come_in(request, session, flash, account)
        errors["password"] = "is not that of this address"
    return render("sign-in.html", errors=errors)


def come_in(request, session, flash, account):
    session.sign_in(account.id)
    flash(f"Welcome, {account.name}.", "good")
    return redirect_back(request)  # to the page that wanted someone to be signed in


def account(user: User):
    return render("account.html")


def leave(session: Session, flash: Flash, everywhere: bool = False):
    if everywhere and session.user_id is not None:
        session.sign_out_everywhere()
    session.sign_out()
    flash("You are signed out on all devices." if everywhere else "You are signed out.")
    return redirect("/")
