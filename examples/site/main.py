"""A small journal: run it with `fanlight dev`, or `python main.py`."""

from views import blog, comment, contact, guests, home, post, posts_as_json, search, send, wait

from fanlight import App, Static, redirect

URLS = {
    "/": home,
    "/about": "about.html",
    "/search": search,
    "/contact": contact,
    "POST /contact": send,
    "/thanks": "thanks.html",
    "/blog": {
        "/": blog,
        "/{slug}": post,
        "POST /{slug}/comments": comment,
    },
    "/journal": redirect("/blog", permanent=True),
    "/guests": guests,
    "/api": {
        "/posts": posts_as_json,
        "/wait": wait,
    },
    "/static": Static("static"),
}

app = App(URLS)

if __name__ == "__main__":
    app.run()
