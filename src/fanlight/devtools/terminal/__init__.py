"""What the terminal of a development server shows: a line for each request."""
