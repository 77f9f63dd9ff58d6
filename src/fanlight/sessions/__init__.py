"""Sessions: what a site remembers of a visitor, which user is signed in, and the messages for the next page.

Reading order: `session_settings.py` (what a site decides), `session.py` (what a view holds), `session_state.py` (one
session in one request), `session_cookie.py`, `session_token.py` and `cookie_values.py` (what the cookie is),
`session_records.py` (what is in the store), `session_writer.py` (what is written at the end), `session_data.py` and
`json_values.py` (which values a session can have), `session_users.py` (for limits and logs), `flash.py` and
`flash_messages.py`, `signer.py`, `sign_in_page.py`, `form_tokens.py` and `token_guard.py`.
"""
