"""NAME.onnx: the net to deploy with standard operators, in Caffe's order."""

import numpy as np

from zoo.errors import UnsupportedError
from zoo.export.targets.base import Target, Written


class OnnxFile(Target):
    """The net as ONNX, written without Keras; loaded by ONNX Runtime."""

    endings = (".onnx",)
    without_keras = True
    forgetful = True

    def __init__(self, path):
        super().__init__(path)
        self._any_size, self._pixels = False, ""

    def refuse(self, request):
        self._any_size, self._pixels = request.any_size, request.pixels
        try:
            import onnx  # noqa: F401
        except ImportError:
            hint = "pip install onnx"
            raise UnsupportedError("onnx is not installed, which writes .onnx files", hint=hint) from None

    def write(self, conversion):
        from zoo.export.onnx import file

        paths = file.write(conversion, self.path, any_size=self._any_size, pixels=self._pixels)
        lines = [] if conversion.fixed else ["batches of any size"]
        if self._any_size:
            lines.append("images of any height and width")
        if self._pixels:
            colour = any(known.order == "BGR" for known in conversion.preprocessing.values())
            order = f"{self._pixels} pixels 0..255" if colour else "pixels 0..255"
            lines.append(f"takes {order}, resized and cropped; the rest of the preprocessing is in the graph")
        return Written(paths, lines)

    def how_to_load(self, conversion):
        feeds = ", ".join(f'"{name}": ...' for name in conversion.preprocessing)
        return [
            f'session = onnxruntime.InferenceSession("{self.path}")',
            f"outputs = session.run(None, {{{feeds}}})",
        ]

    def run(self, conversion):
        import onnxruntime

        session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]

        def run(arrays):
            feeds = {
                name: np.asarray(self._pixels_of(conversion, ref.name, arrays[ref.name]), np.float32)
                for name, ref in zip(names, conversion.inputs)
            }
            return dict(zip(conversion.outputs, session.run(None, feeds)))

        return run

    def _pixels_of(self, conversion, blob, array):
        """Returns the pixels that the file makes `array` of, where it does the preprocessing."""
        if not self._pixels:
            return array
        from zoo.export.onnx.pixels import pixels_of

        return pixels_of(conversion, blob, array, self._pixels)
