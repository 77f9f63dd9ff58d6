"""Apps of other frameworks: ASGI 3 and WSGI (PEP 3333), each as one call."""
