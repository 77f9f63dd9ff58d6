"""A diary with comments, which is served for the pictures of the inspector."""

import logging
import sqlite3
import time
from pathlib import Path
from typing import Annotated

from fanlight import App, Cookie, Request, redirect, render

FILE = Path(__file__).with_name("diary.sqlite")
log = logging.getLogger("diary")


def database():
    """Open the database for a request, and close it behind it."""
    opened = sqlite3.connect(FILE, check_same_thread=False)
    opened.row_factory = sqlite3.Row
    yield opened
    opened.close()


Database = Annotated[sqlite3.Connection, database]


def timing(request: Request):
    """Write into a field how long the site has worked."""
    began = time.perf_counter()
    response = yield
    response.headers["server-timing"] = f"site;dur={(time.perf_counter() - began) * 1000:.1f}"


def home(db: Database):
    return render("home.html", posts=db.execute("SELECT * FROM posts").fetchall())


def post(db: Database, slug: str, page: int = 1, theme: Cookie[str] = "light"):
    """Show a post with its comments."""
    found = db.execute("SELECT * FROM posts WHERE slug = ?", (slug,)).fetchone()
    rows = db.execute("SELECT * FROM comments WHERE post = ?", (found["id"],)).fetchall()
    authors = [db.execute("SELECT name FROM authors WHERE id = ?", (row["author"],)).fetchone() for row in rows]
    log.warning("%s has a query for each of its %d comments", slug, len(rows))
    return render("posts/post.html", post=found, comments=list(zip(rows, authors, strict=True)), theme=theme)


def add(db: Database, slug: str, title: str, year: int):
    db.execute("INSERT INTO posts (slug, title, text) VALUES (?, ?, '')", (slug, title))
    return redirect(f"/posts/{slug}")


def login(name: str, password: str):
    response = redirect("/")
    response.set_cookie("session", f"{name}-{len(password)}")
    return response


def report():
    """Wait for another server, then fail."""
    time.sleep(0.3)
    return {"total": sum(row["price"] for row in [{"cost": 3}])}


URLS = {
    "/": home,
    "/posts": {"/{slug}": post, "POST /": add},
    "POST /login": login,
    "/report": report,
}
app = App(URLS, middleware=[timing])

if not FILE.exists():
    with sqlite3.connect(FILE) as new:
        new.executescript("""
            CREATE TABLE posts (id INTEGER PRIMARY KEY, slug, title, text);
            CREATE TABLE comments (id INTEGER PRIMARY KEY, post, author, text);
            CREATE TABLE authors (id INTEGER PRIMARY KEY, name);
            INSERT INTO posts (slug, title, text) VALUES
                ('snow', 'Snow', 'It fell all night, and in the morning the house was still.');
            INSERT INTO authors (name) VALUES ('Anna'), ('Ben'), ('Cleo');
            INSERT INTO comments (post, author, text) VALUES
                (1, 1, 'We heard nothing at all.'), (1, 2, 'The path is gone.'), (1, 3, 'Bring the sledge!');
        """)
    new.close()
