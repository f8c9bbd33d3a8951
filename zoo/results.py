"""The models of configs/ and their scores: makes configs/README.md from the headers of the configs.

python -m zoo.results --readme
"""

from absl import flags

from zoo import command, config_flag
from zoo.errors import OutputError, ZooError

README = flags.DEFINE_bool("readme", False, "Write configs/README.md again from the headers of the configs.")


def main():
    """Reads the flags and writes the page."""
    from zoo.catalogue import readme
    from zoo.formats import atomic

    if not README.value:
        raise ZooError("nothing to do", want="--readme")
    folder = config_flag.checkout()
    page = readme.text(sorted(folder.glob("*.prototxt")))
    with atomic.replacing(folder / readme.NAME, OutputError) as file:
        file.write(page.encode())
    print(folder / readme.NAME)


if __name__ == "__main__":
    command.run(main)
