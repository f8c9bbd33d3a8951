"""All that `zoo.convert` is asked for, as plain data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.export.targets import Target
from zoo.netdef.changes import Change


@dataclass(frozen=True)
class Request:
    """What shall be converted, to what.

    Attributes:
        config: path of a net's or solver's prototxt.
        targets: what is written.
        weights: paths of weights files.
        drawn: whether the parameters are drawn instead, see `drawn.draw`.
        phase: "TEST", "TRAIN", or "" where nothing is said, which is TEST for a net to deploy.
        level, stages: of the net's state.
        input_shapes: of inputs, as people type them: "data: 1,3,227,227".
        batch: "any", a size, or None.
        outputs: names of the blobs that the net returns; () for those that no layer reads.
        deploy: False keeps data layers, losses and all phases.
        changes: what is merged into the config.
        data_dir: where mean files and data are looked for first.
        fold: whether constant affine layers are folded into the layers next to them, see `folding.fold`.
        summary: whether the net's table is printed.
        verify: whether what was written is compared with independent implementations.
        any_size: whether a .onnx file takes any height and width.
        pixels: "BGR" or "RGB" where a .onnx file does the preprocessing of pixels in that order, or "".
        tolerance: what that allows, in parts of an output's largest value; None leaves it to each target.
        images: a directory of images, or a list of them, that --verify runs on, too; "" for none.
        backends: of Keras, on which --verify runs a .keras file next to TensorFlow.
        quantize: how a .tflite file is quantized: "", "float16" or "int8".
        representative: what "int8" measures ranges on, as `examples.examples` takes it.
        images_of: from a directory or a list (.txt) to the paths of its images, [] where it has none.
        prepare: from a `Conversion` and paths of images to {input: array}.
        open_step: `zoo.training.pure_step.open_step`, or None where no solver may be converted.
    """

    config: str
    targets: Sequence[Target]
    weights: Sequence[str] = ()
    drawn: bool = False
    phase: str = ""
    level: int | None = None
    stages: Sequence[str] = ()
    input_shapes: Sequence[str] = ()
    batch: int | str | None = None
    outputs: Sequence[str] = ()
    deploy: bool = True
    changes: Sequence[Change] = ()
    data_dir: str | None = None
    fold: bool = False
    summary: bool = False
    verify: bool = False
    any_size: bool = False
    pixels: str = ""
    tolerance: float | None = None
    images: str = ""
    backends: Sequence[str] = ()
    quantize: str = ""
    representative: str = ""
    images_of: Callable[[str], list[Any]] | None = None
    prepare: Callable[..., Any] | None = None
    open_step: Callable[..., Any] | None = None

    @property
    def without_keras(self) -> bool:
        """Whether nothing that is asked for needs Keras before the files are verified."""
        return not self.summary and all(target.without_keras for target in self.targets)

    @property
    def text_alone(self) -> bool:
        """Whether all that is asked for is text, which holds no parameters and needs no Keras."""
        return not (self.weights or self.summary or self.fold) and all(target.text for target in self.targets)
