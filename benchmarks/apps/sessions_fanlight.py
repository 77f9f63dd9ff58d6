"""Fanlight: pages that read and change a session, of a visitor and of a user that is signed in; sync and async."""

from fanlight import App, Session


def begin(session: Session, number: int, user: int = 0):
    session.update(theme="dark", seen=[1, 2, 3], visits=number)
    if user:
        session.sign_in(user)
    return "begun"


def page(session: Session):
    return f"<h1>{session['visits']} {session.user_id}</h1>"


async def page_async(session: Session):
    return f"<h1>{session['visits']} {session.user_id}</h1>"


def count(session: Session):
    session["visits"] += 1
    return f"<h1>{session['visits']} visits</h1>"


async def count_async(session: Session):
    session["visits"] += 1
    return f"<h1>{session['visits']} visits</h1>"


SYNC = {"/begin": begin, "/page": page, "/count": count}
ASYNC = {"/begin": begin, "/page": page_async, "/count": count_async}
app = App({**SYNC, "/async": ASYNC}, compression=None)
