"""Fanlight: a text, JSON with parameters, and a template."""

from shop import listing

from fanlight import App, render


def small():
    return "hello"


def item(number: int, page: int = 1):
    return {"number": number, "page": page}


def shown(number: int):
    return render("list.html", **listing(number, ""))


app = App({"/small": small, "/items/{number}": item, "/list/{number}": shown})
