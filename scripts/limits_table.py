"""Print the table of docs/reference/limits.md, from the limits themselves: `python scripts/limits_table.py`."""

from dataclasses import fields

from fanlight import Limits


def table() -> str:
    """Return the table in Markdown."""
    rows = ["| limit | default | what it bounds |", "|---|---|---|"]
    rows += [
        f"| `{each.name}` | {each.default:,} {each.metadata['unit'].replace('count', '').strip()} | {each.metadata['help']} |".replace(
            " |  |", " |"
        ).replace("  |", " |")
        for each in fields(Limits)
    ]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
