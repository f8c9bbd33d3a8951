"""The pages of what Python code can call, from signatures and docstrings that griffe reads without importing."""

import logging
import pathlib
from dataclasses import dataclass

import griffe

from docs_site import markdown
from zoo.errors import ZooError


@dataclass(frozen=True)
class Door:
    """One page.

    Attributes:
        name: of the page.
        title: its heading.
        module: whose docstring stands above; its `__all__` is listed where there are no `members`.
        members: dotted names of functions and classes.
    """

    name: str
    title: str
    module: str
    members: tuple[str, ...] = ()


DOORS = (
    Door("zoo", "zoo", "zoo"),
    Door("pycaffe", "zoo.pycaffe", "zoo.pycaffe"),
    Door("cv", "zoo.cv", "zoo.cv"),
    Door(
        "netdef",
        "Files and nets",
        "zoo.netdef",
        (
            "zoo.formats.prototxt.parse_net",
            "zoo.formats.caffemodel.write",
            "zoo.netdef.config.open_config",
            "zoo.netdef.net.net_def",
            "zoo.netdef.netdef.NetDef",
            "zoo.netdef.netdef.LayerDef",
            "zoo.netdef.deploy.deploy",
            "zoo.netdef.shape_inference.infer_shapes",
            "zoo.netdef.cost.cost",
            "zoo.netdef.receptive_field.receptive_fields",
        ),
    ),
    Door(
        "converters",
        "zoo.converters",
        "zoo.converters",
        (
            "zoo.converters.build.build",
            "zoo.converters.build.Net",
            "zoo.converters.weights.load",
            "zoo.converters.solver.solver_def",
            "zoo.converters.solver.SolverDef",
            "zoo.converters.blob_arrays.array_net",
            "zoo.export.conversion.convert",
            "zoo.export.conversion.Conversion",
        ),
    ),
    Door(
        "solvers",
        "zoo.solvers",
        "zoo.solvers",
        (
            "zoo.solvers.schedules.schedule",
            "zoo.solvers.optimizers.SGD",
            "zoo.solvers.optimizers.Nesterov",
            "zoo.solvers.optimizers.AdaGrad",
            "zoo.solvers.optimizers.RMSProp",
            "zoo.solvers.optimizers.AdaDelta",
            "zoo.solvers.optimizers.Adam",
        ),
    ),
    Door(
        "training",
        "Training",
        "zoo.training",
        ("zoo.training.trainer.train", "zoo.training.run_options.RunOptions", "zoo.training.session.Session"),
    ),
)
_TITLES = {"parameters": "Arguments", "raises": "Raises", "attributes": "Attributes", "yields": "Yields"}


def pages(root):
    """Returns {name in the site: Markdown} of the doors.

    Raises:
        ZooError: a door that is not there.
    """
    logging.getLogger("griffe").setLevel(logging.ERROR)
    loader = griffe.GriffeLoader(search_paths=[str(root)], allow_inspection=False)
    package = loader.load("zoo")
    doors = {door: members(door, package) for door in DOORS}
    known = {found.canonical_path: name for found_in in doors.values() for name, found in found_in.items()}
    writer = _Writer(pathlib.Path(root), known)
    return {f"api/{door.name}.md": "\n".join(writer.page(door, package, found)) for door, found in doors.items()}


def members(door, package):
    """Returns {name to call it by: griffe's object} of a door; what is plain data or a module is left out."""
    if door.members:
        names = {name: name for name in door.members}
    else:
        names = {f"{door.module}.{name}": f"{door.module}.{name}" for name in _found(door.module, package).exports}
    objects = {name: _found(path, package) for name, path in names.items()}
    return {name: found for name, found in objects.items() if found.is_function or found.is_class}


def _found(path, package):
    try:
        found = package
        for part in path.split(".")[1:]:
            found = found.members[part]
            while found.is_alias:
                found = package[found.target_path.removeprefix("zoo.")]
        return found
    except KeyError as error:
        raise ZooError("a door of the site's API pages is not there", got=path, want=f"{error} in it") from None


@dataclass(frozen=True)
class _Writer:
    """Writes pages.

    Attributes:
        root: the top of the repository.
        known: {path where a thing is defined: name under which a page has it}, for links in signatures.
    """

    root: pathlib.Path
    known: dict[str, str]

    def page(self, door, package, found):
        """Returns the lines of a door's page."""
        module = _found(door.module, package)
        lines = [f"# {door.title}", "", *markdown.prose(module.docstring.value if module.docstring else ""), ""]
        for name, thing in found.items():
            lines += [f"## {name.rpartition('.')[2]}", "", *self.described(name, thing)]
        return lines

    def described(self, name, thing):
        """Returns the lines of a function or class."""
        source = pathlib.Path(thing.filepath).relative_to(self.root).as_posix()
        body = [*_docstring(thing), f"[{source}](../source/{source}.md)", ""]
        if thing.is_function:
            return _directive("function", name + self.signature(thing), body)
        for member in thing.members.values():
            if not member.is_alias and not member.name.startswith("_") and member.docstring:
                if member.is_function:
                    body += _directive("method", member.name + self.signature(member), _docstring(member))
                elif "property" in member.labels:
                    body += _directive("property", member.name, _docstring(member))
        start = thing.members.get("__init__")
        return _directive(
            "class", name + (self.signature(start) if start is not None and start.is_function else ""), body
        )

    def signature(self, function):
        """Returns the arguments and the result of a function as Python writes them."""
        parts, last = [], None
        for parameter in function.parameters:
            kind = parameter.kind.value if parameter.kind else ""
            if parameter.name in ("self", "cls"):
                continue
            if kind == "keyword-only" and last not in ("keyword-only", "variadic positional"):
                parts.append("*")
            stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
            annotation = f": {self.type(parameter.annotation)}" if parameter.annotation is not None else ""
            default = f" = {parameter.default}" if parameter.default is not None and not stars else ""
            parts.append(f"{stars}{parameter.name}{annotation}{default}")
            last = kind
        returns = f" -> {self.type(function.returns)}" if function.returns is not None else ""
        return f"({', '.join(parts)}){returns}"

    def type(self, annotation):
        """Returns an annotation with whole names, so that links lead to the right one; "~" shows the last part."""
        if isinstance(annotation, str):
            return annotation
        parts = annotation.iterate(flat=True)
        return "".join(part if isinstance(part, str) else self._name(part) for part in parts)

    def _name(self, part):
        path = part.canonical_path
        return f"~{self.known.get(path, path)}" if path.startswith("zoo.") else part.name


def _directive(kind, signature, body):
    fence = "`" * (6 if kind in ("function", "class") else 5)  # methods stand in classes, and blocks of code in both
    return [f"{fence}{{py:{kind}}} {signature}", "", *body, fence, ""]


def _docstring(found):
    """Returns the lines of a docstring: its text, then what it says of arguments and errors, then its examples."""
    if not found.docstring:
        return []
    lines = []
    for section in found.docstring.parse("google"):
        kind = section.kind.value
        if kind == "text":
            lines += [*markdown.prose(section.value), ""]
        elif kind in _TITLES:
            lines += [f"**{_TITLES[kind]}**", ""]
            for item in section.value:
                name = getattr(item, "name", None) or str(item.annotation)
                lines.append(f"- {markdown.code(name)}: {markdown.escaped(' '.join(item.description.split()))}")
            lines.append("")
        elif kind == "admonition":
            lines += ["**Example**", "", *markdown.fenced(section.value.contents.splitlines(), "pycon")]
        elif kind == "returns":
            lines += ["**Returns**", "", markdown.escaped(" ".join(item.description for item in section.value)), ""]
        else:
            raise ZooError("a docstring has a section that the site does not know", got=f"{found.path}: {kind}")
    return lines
