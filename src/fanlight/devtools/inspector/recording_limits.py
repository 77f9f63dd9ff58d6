"""How much is recorded: every limit of the recorder and of its store, in one place.

An exchange that exceeds one of them is recorded as far as the limit, and is marked as cut (`Exchange.is_cut`).
"""

from __future__ import annotations

# --- the store: the oldest exchanges make room -------------------------------------------------------
MAX_EXCHANGES = 1000
MAX_STORED_BYTES = 64 * 1024 * 1024

# --- one exchange ------------------------------------------------------------------------------------
MAX_RECEIVED_BYTES = 256 * 1024
MAX_SENT_BYTES = 256 * 1024
MAX_PIECES = 2000  # of each direction; further ones are counted, and not kept
MAX_CONTENT_BYTES = 64 * 1024  # of the request's content, and of the response's
MAX_LOG_LINES = 200
MAX_LOG_LINE_CHARACTERS = 4000
MAX_FRAMES = 500  # of a WebSocket; further ones are not kept
MAX_FRAME_BYTES = 200  # of the beginning of a frame
LATE_SECONDS = 60.0  # log lines that are made so long after the end of an exchange are not added to it
MAX_SPANS = 500
MAX_VALUE_CHARACTERS = 500  # of the repr of an argument, of a value in a template's context
MAX_NAMES = 60  # of a template's context
MAX_STATEMENT_CHARACTERS = 4000  # of an SQL statement
MAX_TRACEBACK_CHARACTERS = 32_000
MAX_STACK_SAMPLES = 5
MAX_STACK_FRAMES = 40
MAX_CANDIDATES = 50

# --- what waits for the recorder's thread ------------------------------------------------------------
MAX_WAITING = 300  # exchanges; the newest stay
MAX_WAITING_BYTES = 32 * 1024 * 1024
MAX_BATCH = 200  # exchanges written in one transaction
CALM_BATCH = 40  # of more than so many at once, what takes long to find out is left out: the routes that lost
BATCH_SECONDS = 0.1  # between two transactions
FLOOD_BATCH = 50
FLOOD_SECONDS = 0.25  # the same, while more come than are written
FLOOD_SHARE = 8  # one of so many requests is recorded meanwhile: most would be dropped anyway
FLOOD_INTERVAL = 0.001  # calls that begin so soon after another one are not measured in CPU time
SAMPLE_SECONDS = 0.025  # between two looks at the views that run
BLOCKED_SECONDS = 0.02  # a view that runs for longer gets a stack sample
OPEN_SECONDS = 0.15  # an exchange that takes longer is shown while it runs,
REFRESH_SECONDS = 0.5  # and again after each such time
