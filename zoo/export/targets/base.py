"""What a kind of file says of itself: its endings, how it is written, how it is loaded, how it is verified.

The modules of targets load Keras and what else they need when they write, so that the table itself costs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from zoo.export.conversion import Conversion
    from zoo.export.request import Request

Arrays = Mapping[str, np.ndarray]  # {blob: array of Caffe's shape}


Run = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class Reader:
    """A program that runs a written file.

    Attributes:
        name: how people call it.
        open: loads the file; returns a function from inputs to outputs. Raises `Absent` where the program is not here.
        decides: whether a difference makes the verdict; otherwise it is told as an opinion.
        timed: whether its time says anything.
        asked: whether it was asked for by name, so that its failure is one of the verification.
    """

    name: str
    open: Callable[[], Run]
    decides: bool = True
    timed: bool = True
    asked: bool = False


class Absent(Exception):
    """A reader that is not here, or cannot say anything of this net; its text is a clause that says why."""


@dataclass(frozen=True)
class Checked:
    """What is known of a written file without running it.

    Attributes:
        lines: what --verify says of it.
        right: whether the file is what it should be.
    """

    lines: Sequence[str]
    right: bool = True


@dataclass(frozen=True)
class Written:
    """What a target has written.

    Attributes:
        paths: its own first, then those of the files that lie next to it.
        lines: what else is said of it.
    """

    paths: Sequence[str]
    lines: Sequence[str] = ()


class Target:
    """A file or directory that is written from a `Conversion`.

    Class attributes, which each target sets where the default is not its own:
        endings: of the paths that it writes.
        text: whether it holds no parameters, so that neither weights nor Keras are needed.
        without_keras: whether it is written without Keras, from the blobs as Caffe has them.
        one_size: whether the file takes batches of the size only that the net's inputs have.
        keras_shapes: whether it is fed as a Keras model is, spatial tensors channels-last.
        of_solver: whether it is written by `write_step` from a solver, not by `write` from a net to deploy.
        forgetful: whether it starts each call without what layers carry from batch to batch.

    Args:
        path: as --output has it.
    """

    endings: ClassVar[tuple[str, ...]] = ()
    text: ClassVar[bool] = False
    without_keras: ClassVar[bool] = False
    one_size: ClassVar[bool] = False
    keras_shapes: ClassVar[bool] = False
    of_solver: ClassVar[bool] = False
    forgetful: ClassVar[bool] = False

    def __init__(self, path: str):
        self.path = path

    def allowed(self) -> float:
        """Returns what a difference may be, in parts of an output's largest value, where nobody says otherwise."""
        return 1e-4

    @property
    def place(self) -> str:
        """The path as the file system has it."""
        return self.path

    def accept(self, request: "Request") -> None:
        """Takes what concerns this target from the request.

        Raises:
            UnsupportedError: it cannot do what is asked for; said before any work.
        """

    def write(self, conversion: "Conversion") -> Written:
        """Writes the file whole or not at all."""
        raise NotImplementedError

    def how_to_load(self, conversion: "Conversion") -> list[str]:
        """Returns lines of code, or words, that tell how the file is loaded."""
        return []

    def check(self, conversion: "Conversion") -> Checked | None:
        """Returns what is known of the written file without running it; None where that is nothing."""
        return None

    def readers(self, conversion: "Conversion") -> Sequence[Reader]:
        """Returns the programs that run the written file, its own runtime first; () where it does not compute."""
        return ()


def given(conversion: "Conversion") -> str:
    """Returns what stands for a net's inputs in a line of code: "x", or a dict where there are several."""
    names = list(conversion.preprocessing)
    return "{" + ", ".join(f'"{name}": ...' for name in names) + "}" if len(names) > 1 else "x"


def word(blob: str) -> str:
    """Returns a blob's name as a variable's."""
    return blob if blob.isidentifier() else "y"
