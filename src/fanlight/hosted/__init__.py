"""An app of Fanlight as an ASGI or WSGI app, served by another server, or mounted in another app."""
