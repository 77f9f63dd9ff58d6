"""What differs from one machine to the next: all of it from the environment, or from a file `.env`."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("GUESTBOOK_FOLDER") or Path(__file__).parents[1] / "data").resolve()
IS_TRIAL = not os.environ.get("DATABASE_URL")  # then the book has some entries at first
DATABASE_URL = os.environ.get("DATABASE_URL") or f"sqlite:{FOLDER}/guestbook.sqlite"  # or postgresql://...
UPLOADS = FOLDER / "uploads"
MAIL = FOLDER / "mail"  # where letters lie as files, unless a server sends them
MAIL_SERVER = os.environ.get("MAIL_SERVER", "")
MAIL_FROM = os.environ.get("MAIL_FROM", "The Visitors' Book <book@localhost>")

for folder in (UPLOADS, MAIL):
    folder.mkdir(parents=True, exist_ok=True)
