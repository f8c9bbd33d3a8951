"""Pages that show files of the repository to which other pages link: layer types, licence, tables."""

import pathlib

LANGUAGES = {".py": "python", ".proto": "protobuf", ".toml": "toml"}


def page(path):
    """Returns the Markdown of the page for the file at `path`, from the top of the repository.

    The file itself has to lie at the same path of the tree that Sphinx reads.
    """
    up = "../" * (1 + path.count("/"))
    language = LANGUAGES.get(pathlib.PurePosixPath(path).suffix, "text")
    return f"""---
orphan: true
---
# {path}

[Download](<{up}{path}>)

```{{literalinclude}} {up}{path}
:language: {language}
:linenos:
```
"""
