"""Twelve small sites, each with one of the commonest mistakes of beginners."""

from __future__ import annotations

HOME = 'def home():\n    return "<h1>Hello</h1>"\n\n\nURLS = {"/": home}\n'

TYPO_IN_A_TEMPLATE = {
    "main.py": """\
from fanlight import render


def home():
    return render("home.html", title="Snow")


URLS = {"/": home}
""",
    "templates/home.html": "<!doctype html>\n<title>{{ title }}</title>\n<h1>{{ titel }}</h1>\n",
}
MISSING_RETURN = {"main.py": 'def home():\n    "<h1>Hello</h1>"\n\n\nURLS = {"/": home}\n'}
WRONG_RETURN_TYPE = {"main.py": 'def home():\n    return {"Ada", "Bob"}\n\n\nURLS = {"/": home}\n'}
FORGOTTEN_IMPORT = {
    "main.py": 'def home():\n    return render("home.html")\n\n\nURLS = {"/": home}\n',
    "templates/home.html": "<h1>Hello</h1>\n",
}
SYNTAX_ERROR = {"main.py": HOME.replace("home():", "home()")}
PARAMETER_NOBODY_SENDS = {"main.py": HOME.replace("home():", "home(req):")}
SAME_ROUTE_TWICE = {
    "main.py": """\
def post(slug):
    return f"<h1>{slug}</h1>"


def author(name):
    return f"<h1>{name}</h1>"


URLS = {
    "/{slug}": post,
    "/{name}": author,
}
""",
}
FORM_FIELD_MISSING = {
    "main.py": """\
from fanlight import render


def contact():
    return render("contact.html")


def send(name: str, message: str):
    return "<h1>Thank you</h1>"


URLS = {"/": contact, "POST /": send}
""",
    "templates/contact.html": """\
<!doctype html>
<title>Contact</title>
<form method="post">
  <input name="name"> <input name="mesage">
  <button>Send</button>
</form>
""",
}
PORT_IN_USE = {"main.py": HOME}
EXCEPTION_IN_A_VIEW = {
    "main.py": """\
PRICES = []


def average():
    return sum(PRICES) / len(PRICES)


def home():
    return f"<h1>{average()}</h1>"


URLS = {"/": home}
""",
}
BLOCKING_CALL = {
    "main.py": """\
import time


async def home():
    time.sleep(0.5)
    return "<h1>Hello</h1>"


URLS = {"/": home}
""",
}
FILE_NOT_FOUND = {
    "main.py": 'from blog import views\n\nURLS = {"/": views.home}\n',
    "blog/views.py": """\
def home():
    with open("posts.txt") as file:
        return f"<h1>{len(file.readlines())} posts</h1>"
""",
    "blog/posts.txt": "Snow\nThaw\n",
}

# In the order of the table in docs/reference/mistakes.md.
SITES = {
    "a typo in a template": TYPO_IN_A_TEMPLATE,
    "a missing return": MISSING_RETURN,
    "a wrong return type": WRONG_RETURN_TYPE,
    "a forgotten import": FORGOTTEN_IMPORT,
    "a syntax error": SYNTAX_ERROR,
    "a parameter that no one sends": PARAMETER_NOBODY_SENDS,
    "the same route twice": SAME_ROUTE_TWICE,
    "a form field that is missing": FORM_FIELD_MISSING,
    "a port in use": PORT_IN_USE,
    "an exception in a view": EXCEPTION_IN_A_VIEW,
    "a blocking call in an async view": BLOCKING_CALL,
    "a file that is not found": FILE_NOT_FOUND,
}
