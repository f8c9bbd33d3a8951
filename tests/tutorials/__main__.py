"""Types the commands of a tutorial's page, in a directory of its own; writes what they print, and draw, into the page.

python -m tests.tutorials docs/tutorials/lenet.md --folder=/tmp/lenet --shared=../shared
"""

import pathlib
import re
import shutil

from absl import flags

from tests.tutorials.pages import link_data, written
from zoo import command

FOLDER = flags.DEFINE_string("folder", None, "Where it runs; it must not be there yet.", required=True)
SHARED = flags.DEFINE_string(
    "shared", None, "Where the data of the pages are, as `pages.DATA` names them.", required=True
)
IMAGE = re.compile(r"!\[[^\]]*\]\(([\w.-]+)\)")


def main(page):
    """Writes the page that is named, and next to it the images that it shows."""
    path, folder = pathlib.Path(page), pathlib.Path(FOLDER.value)
    folder.mkdir(parents=True)
    link_data(folder, pathlib.Path(SHARED.value))
    text = written(path.read_text(encoding="utf-8"), folder)
    for name in IMAGE.findall(text):
        shutil.copy(folder / name, path.with_name(name))
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command.run(main, arguments=1)
