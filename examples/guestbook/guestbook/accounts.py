"""Who has an account, who is signed in, and who may do what."""

from typing import Annotated

from msgspec import Struct

from fanlight import Session, Unauthorized, hash_password, needs_rehash, verify_password

from .database import Database


class Account(Struct):
    id: int
    email: str
    name: str
    password: str | None
    role: str  # "guest" or "admin"


def add(db, email, name, password):
    """Make an account, and return it; None if there is one for that address."""
    sql = """insert into accounts (email, name, password) values (:email, :name, :password)
             on conflict do nothing returning *"""
    return db.row(Account, sql, email=email.strip().lower(), name=name, password=hash_password(password))


def find(db, id):
    return db.row(Account, "select * from accounts where id = :id", id=id)


def check(db, email, password):
    """Return the account of an address and its password, None if they don't match."""
    account = db.row(Account, "select * from accounts where email = :email", email=email.lower())
    if not verify_password(password, account and account.password):  # as long for an address without an account
        return None
    if needs_rehash(account.password):
        db.run("update accounts set password = :new where id = :id", id=account.id, new=hash_password(password))
    return account


def visitor(session: Session, db: Database) -> Account | None:
    """Return the account that is signed in: `user` in every template."""
    return None if session.user_id is None else find(db, session.user_id)


def signed_in(visitor: Annotated[Account | None, visitor]) -> Account:
    if visitor is None:
        raise Unauthorized("Please sign in.")  # a browser is sent to the sign-in page, and back here afterwards
    return visitor


User = Annotated[Account, signed_in]
