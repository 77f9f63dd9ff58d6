"""Fanlight: a page with a session, of a visitor and of a user that is signed in; sync and async."""

from fanlight import App, Session


def begin(session: Session, user: int = 0):
    session.update(theme="dark", seen=[1, 2, 3])
    if user:
        session.sign_in(user)
    return "begun"


def page(session: Session):
    return f"<h1>{session['theme']} {session.user_id}</h1>"


async def page_async(session: Session):
    return f"<h1>{session['theme']} {session.user_id}</h1>"


app = App({"/begin": begin, "/page": page, "/async/begin": begin, "/async/page": page_async}, compression=None)
