from dataclasses import dataclass

from prices import average

from fanlight import render


@dataclass
class Book:
    title: str
    author: str
    price: float


BOOKS = [Book("The Waves", "Virginia Woolf", 12.5), Book("Orlando", "Virginia Woolf", 9.0)]


def home():
    return render("home.html", books=BOOKS)


def author(name: str, request):
    discounts = {"Virginia Woolf": 0.1}
    books = [book for book in BOOKS if book.author == name]
    try:
        discount = discounts[name]
    except KeyError:
        # No discount of its own: one that depends on what the books cost.
        discount = 1 / average([book.price for book in books])
    total = sum(book.price for book in books) * (1 - discount)
    return render("author.html", name=name, books=books, total=total)


URLS = {"/": home, "/authors/{name}": author}
