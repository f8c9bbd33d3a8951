"""The tree of pages that Sphinx reads: those of docs/ with their links rewritten, and those written from the code."""

import pathlib
import shutil

from docs_site import api, commands, links, models, notebooks, sections, sources

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
EXTRA = "extra"  # the folder of files that go into the site as they are


def write(folder, nets=True, run=True):
    """Writes the tree into the directory `folder`.

    Args:
        folder: an empty directory.
        nets: whether nets are drawn.
        run: whether the notebooks are run, so that they show what they print.

    Raises:
        ZooError: a link that leads nowhere, or an example that fails.
    """
    folder = pathlib.Path(folder)
    texts, linked = _docs()
    made = {**commands.pages(texts), **models.pages(ROOT, nets), **api.pages(ROOT), **texts}
    for section in sections.SECTIONS:
        made[f"{section.name}.md"] = _index(section, made)
    made["index.md"] = (HERE / "pages/index.md").read_text(encoding="utf-8")
    linked |= set(_sources(made))
    for path in linked:
        if (name := links.page_of(path)).startswith(f"{links.SOURCES}/"):
            made[name] = sources.page(path)
            _copy(path, folder / path)
    if nets:
        made |= {f"{EXTRA}/{name}": text for name, text in models.net_pages().items()}
    for name, text in made.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for path in [*ROOT.glob("docs/**/*.png"), *ROOT.glob("docs/**/*.jpg")]:
        _copy(path.relative_to(ROOT), folder / path.relative_to(ROOT / "docs"))
    for path in ROOT.glob("configs/*.prototxt"):
        _copy(path.relative_to(ROOT), folder / path.relative_to(ROOT))
    notebooks.write(ROOT / "docs/notebooks", folder / "notebooks", run)


def _docs():
    """Returns ({name in the site: text} of the pages that are written by hand, the files that they link to)."""
    texts, linked = {}, set()
    by_hand = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")]
    for path in sorted([*by_hand, *(path for path in links.PAGES if path not in ("README.md", "configs/README.md"))]):
        text, found = links.rewritten((ROOT / path).read_text(encoding="utf-8"), path, ROOT)
        texts[links.page_of(path)] = text
        linked |= found
    return texts, linked


def _sources(made):
    """Yields the files of the repository to whose pages those that were written here link."""
    marks = f"{links.SOURCES}/"
    for text in made.values():
        for part in text.split(f"]({marks}")[1:] + text.split(f"](../{marks}")[1:]:
            yield part.partition(".md)")[0]


def _index(section, made):
    """Returns the index page of a section: its intro, the list of its pages, and the tree that navigation follows."""
    lines = [f"# {section.title}", "", section.intro, ""]
    names = list(section.pages)
    if section.name == "commands/index":
        lines += commands.index()
        names = list(commands.COMMANDS)
    elif section.name == "models/index":
        lines += models.index()
        names = sorted(
            pathlib.PurePosixPath(name).stem for name in made if name.startswith("models/") and name.endswith(".md")
        )
        names = [name for name in names if name != "index"]
    elif section.name == "guides":
        names += _others(made)
    elif section.name == "reference":
        names += [f"api/{door.name}" for door in api.DOORS]
    listed = not section.name.endswith("/index")
    lines += ["```{toctree}", ":maxdepth: 1", *([] if listed else [":hidden:"]), "", *names, "```", ""]
    return "\n".join(lines)


def _others(made):
    """Returns the names of pages that are written by hand and in no section."""
    listed = {name for section in sections.SECTIONS for name in section.pages}
    folders = ("api/", "commands/", "models/", f"{links.SOURCES}/")
    names = {name.removesuffix(".md") for name in made if name.endswith(".md") and not name.startswith(folders)}
    return sorted(names - listed - {section.name for section in sections.SECTIONS} - {"index"})


def _copy(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / path, target)
