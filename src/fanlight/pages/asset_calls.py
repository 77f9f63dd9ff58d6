"""Find the files for which a template calls `asset`.

In: the name of a template that compiles. Out: the file's name and the line of each call whose argument is a literal. A
template that defines something of its own named `asset` is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from fanlight.pages.environment import FolderEnvironment

ASSET = "asset"


def asset_calls_of(name: str, environment: FolderEnvironment) -> Iterator[tuple[str, int]]:
    """Yield each file's name, and the line of the call."""
    source, filename, _ = environment.loader.get_source(environment, name)
    if ASSET not in source:
        return
    tree = environment.parse(source, name, filename)
    if _defines_asset(tree):
        return
    for call in tree.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == ASSET and call.args):
            continue
        first = call.args[0]
        if isinstance(first, nodes.Const) and isinstance(first.value, str):
            yield first.value, call.lineno


def _defines_asset(tree: nodes.Template) -> bool:
    """Return whether a template binds the name: as a variable, a macro or an import."""
    set_names = (each.name for each in tree.find_all(nodes.Name) if each.ctx != "load")
    macros = (each.name for each in tree.find_all(nodes.Macro))
    modules = (each.target for each in tree.find_all(nodes.Import))
    imported = (
        name if isinstance(name, str) else name[1] for each in tree.find_all(nodes.FromImport) for name in each.names
    )
    return any(ASSET in names for names in (set_names, macros, modules, imported))
