"""Plain RSGI, Granian's own interface, no framework."""


async def app(scope, proto):
    proto.response_str(
        200,
        [("content-type", "text/html; charset=utf-8")],
        f"<h1>user {int(scope.path.rpartition('/')[2])}</h1>",
    )
