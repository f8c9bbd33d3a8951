"""How large what a file declares may be: the limits in one place, held against it before any memory is taken.

A few bytes can declare gigabytes (an image's header, a chunked HDF5 dataset, a gzip stream). A limit is raised by its
flag, by its environment variable (so that processes started from here have it too), or by `Limit.set`.
"""

import os
from dataclasses import dataclass

from zoo.errors import ZooError
from zoo.formats.memory import available


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        name: of its flag; its environment variable is ZOO_ and the name in capitals.
        default: what holds where nobody says otherwise.
        unit: what is counted.
        help: what it limits, as a clause.
    """

    name: str
    default: int
    unit: str
    help: str

    @property
    def said(self):
        """What holds where nobody says otherwise, for people."""
        return str(self.default)

    @property
    def variable(self):
        """The name of the environment variable."""
        return f"ZOO_{self.name.upper()}"

    @property
    def given(self):
        """Whether somebody says otherwise."""
        return self.variable in os.environ

    @property
    def value(self):
        """What holds now; raises ZooError where the environment variable is no number."""
        said = os.environ.get(self.variable)
        if said is None:
            return self.default
        if not (said.isascii() and said.isdigit() and 0 < len(said) < 19):
            raise ZooError(f"environment variable {self.variable}", got=repr(said[:40]), want="a number above 0")
        return int(said)

    @property
    def hint(self):
        """How it is raised."""
        return f"--{self.name}=N raises it, as does {self.variable}=N in the environment"

    def set(self, value):
        """Makes `value` hold in this process and in those that it starts."""
        os.environ[self.variable] = str(int(value))

    def check(self, declared, error, what, at=None):
        """Raises `error` where `declared` exceeds the limit.

        Args:
            declared: how much a file says that it holds.
            error: the class raised: a ZooError's, or one that takes the same but for `at`, which is then None.
            what: what is too large, as a clause such as "an image of 30000 x 30000".
            at: the `Place` of it.
        """
        if declared > self.value:
            place = {} if at is None else {"at": at}
            got, want = f"{declared} {self.unit}", f"at most {self.value}"
            raise error(what, got=got, want=want, hint=self.hint, **place)


class _Available(Limit):
    """A limit that is what the machine has, where nobody says otherwise; None where the machine does not say."""

    said = "what may still be taken here"

    @property
    def value(self):
        """What holds now."""
        return super().value if self.given else available()


# OpenCV's own limit is 2^30 pixels, which are 3 GB of colour; the largest of ImageNet's images has under 2^26.
IMAGE_PIXELS = Limit("max_image_pixels", 1 << 27, "pixels", "how many pixels (height x width) one image may have")
IMAGE_BYTES = Limit("max_image_bytes", 1 << 28, "bytes", "how many bytes one image file or database record may have")
UNPACKED_BYTES = Limit(
    "max_unpacked_bytes", 1 << 30, "bytes", "to how many bytes one compressed file or array may unpack"
)
MEMORY_BYTES = _Available("max_memory_bytes", 0, "bytes", "how much memory a net may need by the sizes of its blobs")
LIMITS = (IMAGE_PIXELS, IMAGE_BYTES, UNPACKED_BYTES)
RATIO = 16  # what unpacks to no more than this many times its stored bytes is no bomb, however large


def check_unpacked(declared, stored, error, what, at=None):
    """Raises `error` where `stored` bytes unpack to more than `UNPACKED_BYTES` and to over `RATIO` times as many.

    `declared` is to how many bytes they unpack; the others are those of `Limit.check`.
    """
    if declared > stored * RATIO:
        UNPACKED_BYTES.check(declared, error, what, at)


def define_flags(*more):
    """Defines a flag for each limit, for commands that read files; what is given holds from parsing on.

    `more` are limits of commands that do more, such as `MEMORY_BYTES` of those that build nets.
    """
    from absl import flags

    flags.disclaim_key_flags()  # so that they are the caller's own, and its --help says them
    for limit in (*LIMITS, *more):
        if limit.name not in flags.FLAGS:
            said = f"Raises or lowers {limit.help}. Default: {limit.said}."
            flags.DEFINE_integer(limit.name, None, said, lower_bound=1)
            flags.register_validator(limit.name, lambda value, limit=limit: value is None or not limit.set(value))
