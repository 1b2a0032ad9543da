"""XML as a tree without namespaces: no entities, no external files, bounded in size and depth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ..errors import InputError
from .blob import Blob

MAX_BYTES = 1 << 25
MAX_DEPTH = 100
MAX_ELEMENTS = 500_000


def xml_tree(blob: Blob, root: str) -> Element:
    """The tree of a document whose root is `root`, tags and attributes by local name.

    A DOCTYPE is tolerated (MUSE writes one) and never followed; declaring an entity is refused.
    """
    content = blob.whole(MAX_BYTES)
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise blob.fault("its XML is nested or split beyond any ECG and is refused as hostile")
        builder.start(_local(tag), {_local(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(tag))

    def entity(*_: object) -> None:
        raise blob.fault("its XML declares entities and is refused as hostile; export it again")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(content, True)
        tree = builder.close()
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        if isinstance(error, InputError):
            raise
        raise blob.fault(f"it is damaged XML ({error}); export it again") from None
    if tree.tag != root:
        raise blob.fault(f"its XML is {tree.tag[:40]!r}, not {root}; choose another file")
    return tree


def starts_xml(head: bytes, root: bytes) -> bool:
    """Whether a file's first bytes open an element `root`, in whatever encoding of XML."""
    plain = head.replace(b"\0", b"")  # UTF-16
    return re.search(rb"<(?:[A-Za-z_][\w.-]*:)?" + root + rb"[\s/>]", plain) is not None


def text_of(parent: Element | None, path: str) -> str:
    """The text at `path` below an element, empty where there is none."""
    found = parent.findtext(path) if parent is not None else None
    return (found or "").strip()


def attribute(parent: Element | None, path: str, name: str) -> str:
    """An attribute of the element at `path`, empty where there is none."""
    found = parent.find(path) if parent is not None else None
    return (found.get(name) or "").strip() if found is not None else ""


def all_of(parent: Element, *path: str) -> Iterator[Element]:
    """Every element that a path of child names leads to."""
    if not path:
        yield parent
        return
    for child in parent:
        if child.tag == path[0]:
            yield from all_of(child, *path[1:])


def _local(name: str) -> str:
    return name.rsplit(" ", 1)[-1]
