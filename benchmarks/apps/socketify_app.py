"""socketify: its own server (uWebSockets) and router, a sync view. Run: python socketify_app.py PORT."""

import sys

from socketify import App, AppListenOptions


def user(res, req):
    res.write_header("content-type", "text/html; charset=utf-8")
    res.end(f"<h1>user {int(req.get_parameter(0))}</h1>")


app = App()
app.get("/user/:id", user)
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"), lambda _config: None)
app.run()
