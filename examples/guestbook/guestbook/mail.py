"""Send a letter: by MAIL_SERVER, or without one into a folder, as a file that a mail program opens."""

import smtplib
from email.message import EmailMessage
from email.utils import formatdate
from time import time_ns

from .settings import MAIL, MAIL_FROM, MAIL_SERVER


def send(to, subject, text):
    """Send a letter. It waits for the server, so views call it by `request.after(send, ...)`."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = MAIL_FROM, to, subject
    letter["Date"] = formatdate()
    letter.set_content(text)
    if MAIL_SERVER:
        with smtplib.SMTP(MAIL_SERVER, timeout=10) as server:
            server.send_message(letter)
    else:
        (MAIL / f"{time_ns()}.eml").write_bytes(bytes(letter))
