"""Fanlight: a page that says which process made it."""

import os


def index():
    return str(os.getpid())


URLS = {"/": index}
