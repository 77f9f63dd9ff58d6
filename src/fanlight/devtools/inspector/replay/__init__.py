"""Replay: a kept exchange is sent again, its two responses are compared, and it is saved as a test.

Reading order: `response_reader`, `raw_request`, `resending`, `differences`, `recording_file`, `saved_test`.
"""
