"""Print the table of docs/reference/limits.md, from the limits themselves: `python scripts/limits_table.py`."""

from dataclasses import fields

from fanlight import Limits


def table() -> str:
    """Return the table in Markdown."""
    rows = ["| limit | default | what it bounds |", "|---|---|---|"]
    for each in fields(Limits):
        unit = each.metadata["unit"]
        default = f"{each.default:,}" if unit == "count" else f"{each.default:,} {unit}"
        rows.append(f"| `{each.name}` | {default} | {each.metadata['help']} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
