"""Flask: the form of binding_fanlight.py, converted and validated by hand, as Flask leaves that to the view."""

from flask import Flask, abort, request

app = Flask(__name__)


@app.post("/form")
def form() -> dict[str, object]:
    sent = request.form
    name, age = sent.get("name", ""), sent.get("age", -1, type=int)
    if not 1 <= len(name) <= 50 or not 0 <= age <= 150 or "email" not in sent:
        abort(422)
    return {
        "name": name,
        "email": sent["email"],
        "age": age,
        "tags": sent.getlist("tags"),
        "news": sent.get("news") == "on",
        "note": sent.get("note", ""),
    }
