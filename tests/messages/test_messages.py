"""The wording of errors, read as a page: `messages.txt` is what is printed for each mistake, word by word.

After a change of wording: ``python -m tests.messages.test_messages``, and read the difference.
"""

import contextlib
import os
import pathlib
import tempfile

import pytest

from tests.messages.mistakes import MISTAKES
from zoo.errors import ZooError

PAGE = pathlib.Path(__file__).with_name("messages.txt")
HEAD = """\
What is printed for typical mistakes, word by word: file:line: layer "name" (Type): what, got G, want W (hint).
Made by `python -m tests.messages.test_messages` from tests/messages/mistakes.py; a test compares.
"""


def message(mistake, folder):
    """Returns what is printed for a mistake that is made in the empty directory `folder`."""
    with contextlib.chdir(folder):
        try:
            mistake()
        except ZooError as e:
            return str(e).replace(str(folder) + os.sep, "").replace(str(folder), ".")
    return None


def entry(name, text):
    """Returns the lines of one mistake."""
    return "\n".join([name, *(f"    {line}" for line in text.splitlines())]) + "\n"


def page():
    """Returns the whole page; raises AssertionError for a mistake that is none."""
    parts = [HEAD]
    for section, mistakes in MISTAKES.items():
        parts.append(f"\n\n{section}\n{'=' * len(section)}\n")
        for name, mistake in mistakes.items():
            with tempfile.TemporaryDirectory() as folder:
                said = message(mistake, pathlib.Path(folder).resolve())
            assert said is not None, f"no error: {section}: {name}"
            parts.append("\n" + entry(name, said))
    return "".join(parts)


@pytest.mark.parametrize(("section", "name"), [(s, name) for s, mistakes in MISTAKES.items() for name in mistakes])
def test_the_message_is_that_of_the_page(section, name, tmp_path):
    said = message(MISTAKES[section][name], tmp_path)
    assert said is not None, "no error"
    of_section = PAGE.read_text().partition(f"\n{section}\n{'=' * len(section)}\n")[2]
    assert "\n" + entry(name, said) in of_section


def test_the_page_holds_these_mistakes_in_this_order_and_no_others():
    lines = [line for line in PAGE.read_text().removeprefix(HEAD).splitlines() if line and line[0] not in " ="]
    assert lines == [text for section, mistakes in MISTAKES.items() for text in (section, *mistakes)]


if __name__ == "__main__":
    PAGE.write_text(page())
