"""References to our own names, and the short form of our docstrings, for Sphinx."""

import re
from functools import reduce
from importlib import import_module
from importlib.util import find_spec

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

PACKAGES = ("manifolds", "symmetries", "solvers", "symport")
SECTION = re.compile(r"-{3,}")
ENTRY = re.compile(r"(?P<names>[*\w]+(, [*\w]+)*): (?P<text>\S.*)")


def resolve_own_name(
    app: Sphinx, env: BuildEnvironment, node: nodes.Element, contents: nodes.Element
) -> nodes.Element | None:
    """Lead `symmetries.loss.Loss` to the page of the public `symmetries.Loss`; leave an internal name without a link.

    A name that does not exist stays unresolved, so that Sphinx warns of it.
    """
    target = str(node.get("reftarget", ""))
    package, _, rest = target.partition(".")
    if node.get("refdomain") != "py" or package not in PACKAGES:
        return None
    parts = rest.split(".")
    for start in range(len(parts)):
        public = ".".join([package, *parts[start:]])
        entry = env.domains["py"].objects.get(public)
        if entry is not None:
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contents, public)
    return contents if exists(target) else None


def exists(target: str) -> bool:
    """Whether the dotted name is a module, or an attribute of one."""
    module, attributes = target, []
    while module and not is_module(module):
        module, _, attribute = module.rpartition(".")
        attributes.insert(0, attribute)
    if not module:
        return False
    try:
        reduce(getattr, attributes, import_module(module))
    except AttributeError:
        return attributes[-1] in annotations(module, attributes[:-1])
    return True


def is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


def annotations(module: str, attributes: list[str]) -> dict[str, object]:
    """The annotated fields of a class; a dataclass field without a default is no attribute of the class."""
    try:
        return reduce(getattr, attributes, import_module(module)).__annotations__
    except AttributeError:
        return {}


def spell_out(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]) -> None:
    """Turn the short form of a docstring into the one that napoleon reads.

    Under `Parameters` and its like, `name: text` becomes `name` with the text below; an example that follows without a
    heading gets one.
    """
    spelled: list[str] = []
    section = ""
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and SECTION.fullmatch(lines[number + 1]):
            section = line
        entry = ENTRY.fullmatch(line) if section in {"Parameters", "Attributes", "Raises"} else None
        if entry:
            spelled += [entry["names"], f"    {entry['text']}"]
        elif line.startswith(">>>") and section not in {"", "Examples", "Example"}:
            section = "Examples"
            spelled += ["Examples", "--------", line]
        else:
            spelled.append(line)
    lines[:] = spelled


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("missing-reference", resolve_own_name)
    app.connect("autodoc-process-docstring", spell_out, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
