"""One function for each address. What a view takes is what its address needs."""

import asyncio

from posts import containing, find, newest_first

from fanlight import NotFound, redirect, render

GUESTS = []


def home():
    return render("home.html", post=newest_first()[0])


def blog():
    return render("blog.html", posts=newest_first())


def post(slug):  # a segment of the path: /blog/{slug}
    found = find(slug)
    if found is None:
        raise NotFound("This journal has no such entry.")
    return render("post.html", post=found)


def comment(slug, text: str):  # the path's slug, and a field of the posted form
    found = find(slug)
    if found is None:
        raise NotFound("This journal has no such entry.")
    found.comments.append(text)
    return redirect(f"/blog/{slug}")


def search(q: str = ""):  # the query: /search?q=glass
    return render("search.html", q=q, posts=containing(q) if q else [])


def contact():
    return render("contact.html")


def send(name: str, message: str, stars: int = 5):  # three fields of a form; one of them must be a number
    GUESTS.append({"name": name, "message": message, "stars": stars})
    return redirect("/thanks")


def guests():  # a dict or a list becomes JSON
    return {"guests": GUESTS}


def posts_as_json():  # so does a list of dataclasses, dates and all
    return newest_first()


async def wait(seconds: float = 1):  # other visitors are served meanwhile
    await asyncio.sleep(min(seconds, 10))
    return {"waited": seconds}
