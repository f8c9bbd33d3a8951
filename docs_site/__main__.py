"""Builds the documentation as HTML that can be read from its files, without a server or a network.

  python -m docs_site                         into site/; open site/index.html
  python -m docs_site --output=/tmp/site --norun --nonets

Pages come from docs/, from the docstring and flags of each command, from each config of configs/ and from the
docstrings of the public modules. A link that leads nowhere, or anything else that Sphinx warns of, is an error.
"""

import pathlib

from absl import flags

from docs_site import building
from zoo import command
from zoo.report import Report

OUTPUT = flags.DEFINE_string("output", "site", "The directory to make; what an earlier build left there is replaced.")
NETS = flags.DEFINE_bool("nets", True, "Draw each net, as `python -m zoo.draw` does.")
RUN = flags.DEFINE_bool("run", True, "Run the notebooks, so that they show what they print: minutes.")


def main():
    """Reads the flags, builds the site; returns the `Report`."""
    pages = building.build(pathlib.Path(OUTPUT.value), NETS.value, RUN.value)
    return Report(f"{pages} pages written.").made("site", pathlib.Path(OUTPUT.value, "index.html"))


if __name__ == "__main__":
    command.run(main)
