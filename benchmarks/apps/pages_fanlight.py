"""Fanlight: a Jinja page of 25 items, sync and async."""

from shop import listing

from fanlight import App, render


def page(number: int, q: str = ""):
    return render("list.html", **listing(number, q))


async def page_async(number: int, q: str = ""):
    return render("list.html", **listing(number, q))


URLS = {"/list/{number}": page, "/async/list/{number}": page_async}

app = App(URLS, compression=None)  # as its peers: they compress nothing by themselves
