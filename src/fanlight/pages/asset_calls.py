"""Say which files a template asks `asset` for.

In: the text of a template that compiles. Out: each call of the function that all templates know by this name, with
the file's name, where it is written out. A name that is worked out while the page is rendered is left out, and so
is every call where a template has something of its own by the name `asset`.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from fanlight.pages.environment import FolderEnvironment

ASSET = "asset"


def asset_calls_of(name: str, environment: FolderEnvironment) -> Iterator[tuple[str, int]]:
    """Yield each file's name, and the line in which it stands."""
    source, filename, _ = environment.loader.get_source(environment, name)
    if ASSET not in source:
        return
    tree = environment.parse(source, name, filename)
    if _has_its_own(tree):
        return
    for call in tree.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == ASSET and call.args):
            continue
        first = call.args[0]
        if isinstance(first, nodes.Const) and isinstance(first.value, str):
            yield first.value, call.lineno


def _has_its_own(tree: nodes.Template) -> bool:
    """Say whether a template gives the name to something: a variable, a macro, an import."""
    set_names = (each.name for each in tree.find_all(nodes.Name) if each.ctx != "load")
    macros = (each.name for each in tree.find_all(nodes.Macro))
    modules = (each.target for each in tree.find_all(nodes.Import))
    imported = (
        name if isinstance(name, str) else name[1] for each in tree.find_all(nodes.FromImport) for name in each.names
    )
    return any(ASSET in names for names in (set_names, macros, modules, imported))
