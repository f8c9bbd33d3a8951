"""Links between files of the repository, rewritten so that they lead to the same place in the site."""

import posixpath
import re

from zoo.errors import Place, ZooError

# Files outside docs/ that are pages of the site; those in docs/ keep their names without "docs/".
PAGES = {
    "README.md": "index.md",
    "WORKSPACE.md": "workspace.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "data_prep/README.md": "data_prep.md",
    "configs/README.md": "models/index.md",
}
SOURCES = "source"  # the folder of the site with the files of the repository that pages link to
_FENCED = re.compile(r"^(```+|~~~+).*?^\1 *$", re.M | re.S)
_LINK = re.compile(r"(\]\()([^)\s]+)(?=\))")
_CONFIG = re.compile(r"configs/(\w+)\.prototxt")


def page_of(path):
    """Returns where the file `path` of the repository is in the site, as a path from the site's top."""
    if path in PAGES:
        return PAGES[path]
    if config := _CONFIG.fullmatch(path):
        return f"models/{config[1]}.md"
    if path.startswith("docs/") and path.endswith((".md", ".ipynb", ".png", ".jpg", ".svg")):
        return path.removeprefix("docs/")
    return f"{SOURCES}/{path}.md"


def rewritten(text, path, root):
    """Returns (the text of the file `path` with its links rewritten, the files of the repository that it links to).

    Args:
        text: Markdown; what stands in fenced blocks stays as it is.
        path: of the file, from the top of the repository.
        root: the top of the repository.

    Raises:
        ZooError: a link to a file that is not there.
    """
    here, linked, parts, end = posixpath.dirname(page_of(path)), set(), [], 0

    def target(match):
        file, mark, anchor = match[2].partition("#")
        if not file or ":" in file:
            return match[0]
        named = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
        if (root / named).is_dir():
            named = posixpath.join(named, "__init__.py")
        if not (root / named).is_file():
            raise ZooError("a link leads nowhere", at=Place(path), got=match[2])
        linked.add(named)
        return match[1] + posixpath.relpath(page_of(named), here or ".") + mark + anchor

    for block in _FENCED.finditer(text):
        parts += [_LINK.sub(target, text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, _LINK.sub(target, text[end:])]), linked
