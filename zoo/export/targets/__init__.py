"""What `zoo.convert` can write: one module a kind of file, and the table in which they are found by their ending."""

from zoo.errors import UnsupportedError
from zoo.export.targets.base import Target
from zoo.export.targets.caffemodel import Caffemodel
from zoo.export.targets.keras_archive import KerasArchive
from zoo.export.targets.onnx_file import OnnxFile
from zoo.export.targets.prototxt import Prototxt
from zoo.export.targets.saved_model import SavedModel
from zoo.export.targets.stablehlo import StableHlo
from zoo.export.targets.tflite import Tflite
from zoo.export.targets.training_step import TrainingStep

# In the order in which messages list them. An ending stands before a shorter one that it ends in.
TARGETS: tuple[type[Target], ...] = (
    KerasArchive,
    SavedModel,
    OnnxFile,
    Caffemodel,
    Prototxt,
    TrainingStep,
    StableHlo,
    Tflite,
)


def target(path: str) -> Target:
    """Returns the `Target` that writes `path`, found by its ending.

    Raises:
        UnsupportedError: no target has that ending.
    """
    for kind in TARGETS:
        if path.endswith(kind.endings):
            return kind(path)
    endings = ", ".join(ending for kind in TARGETS for ending in kind.endings)
    hint = "a SavedModel directory ends in /"
    raise UnsupportedError("unknown kind of output", got=path, want=endings, hint=hint)
