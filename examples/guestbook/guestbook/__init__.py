"""A visitors' book: accounts, entries with pictures, an API, and pages that follow what happens."""
