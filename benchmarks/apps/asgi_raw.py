"""Plain ASGI, no framework: what the server alone can do."""


async def app(scope, _receive, send):
    if scope["type"] != "http":
        return
    content = b"<h1>user %d</h1>" % int(scope["path"].rpartition("/")[2])
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-length", b"%d" % len(content)),
            ],
        }
    )
    await send({"type": "http.response.body", "body": content})
