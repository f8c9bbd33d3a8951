"""NAME.onnx: the net to deploy with standard operators, in Caffe's order."""

import numpy as np

from zoo.errors import UnsupportedError
from zoo.export.targets.base import Reader, Target, Written


class OnnxFile(Target):
    """The net as ONNX, written without Keras; run by ONNX Runtime and by what else reads ONNX."""

    endings = (".onnx",)
    without_keras = True
    forgetful = True

    def __init__(self, path):
        super().__init__(path)
        self._any_size, self._pixels = False, ""

    def accept(self, request):
        self._any_size, self._pixels = request.any_size, request.pixels
        try:
            import onnx  # noqa: F401
        except ImportError:
            hint = "pip install onnx"
            raise UnsupportedError("onnx is not installed, which writes .onnx files", hint=hint) from None

    def write(self, conversion):
        from zoo.export.onnx import file
        from zoo.export.onnx.pixels import ORDERS

        paths = file.write(conversion, self.path, any_size=self._any_size, pixels=self._pixels)
        lines = [] if conversion.fixed else ["batches of any size"]
        if self._any_size:
            lines.append("images of any height and width")
        if self._pixels:
            colour = any(known.order in ORDERS for known in conversion.preprocessing.values())
            order = f"{self._pixels} pixels 0..255" if colour else "pixels 0..255"
            lines.append(f"takes {order}, resized and cropped; the rest of the preprocessing is in the graph")
        return Written(paths, lines)

    def how_to_load(self, conversion):
        feeds = ", ".join(f'"{name}": ...' for name in conversion.preprocessing)
        return [
            f'session = onnxruntime.InferenceSession("{self.path}")',
            f"outputs = session.run(None, {{{feeds}}})",
        ]

    def readers(self, conversion):
        from zoo.export import runtimes

        names, blobs = [ref.name for ref in conversion.inputs], list(conversion.outputs)

        def reader(name, open_it, decides=True):
            return Reader(name, lambda: self._fed(conversion, open_it(self.path, names, blobs)), decides)

        return [
            reader("ONNX Runtime", runtimes.onnx_runtime),
            reader("OpenVINO", runtimes.openvino),
            reader("OpenCV", runtimes.opencv_onnx, decides=False),
        ]

    def _fed(self, conversion, run):
        """Returns `run` as it is fed what the net takes, not what this file takes."""
        if not self._pixels:
            return run
        return lambda arrays: run({blob: self._pixels_of(conversion, blob, array) for blob, array in arrays.items()})

    def _pixels_of(self, conversion, blob, array):
        """Returns the pixels that the file makes `array` of."""
        from zoo.export.onnx.pixels import pixels_of

        return np.asarray(pixels_of(conversion, blob, array, self._pixels), np.float32)
