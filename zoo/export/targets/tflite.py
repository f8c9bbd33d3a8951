"""NAME.tflite: the net for LiteRT, of its built-in operators alone; float32, or quantized."""

from zoo.export.targets.base import Reader, Target, Written, word

ALLOWED = {"float16": 1e-2, "int8": 0.2}  # a few per cent are what quantizing costs; --tolerance asks for less


class Tflite(Target):
    """The Keras model as LiteRT's interpreter runs it; fed channels-last."""

    endings = (".tflite",)
    keras_shapes = True
    forgetful = True
    _quantize, _request = "", None

    def accept(self, request):
        self._quantize, self._request = request.quantize, request

    def allowed(self):
        return ALLOWED.get(self._quantize, super().allowed())

    def write(self, conversion):
        from zoo.export import metadata, tflite
        from zoo.export.examples import examples

        lines, given = [], None
        if self._quantize == "int8":
            given, said = examples(self._request, conversion, self._request.representative)
            lines.append(f"quantized by the ranges of {said}")
        tflite.write(conversion, self.path, self._quantize, given)
        paths = metadata.write(self.path, conversion, conversion.exported)
        return Written([self.path, *paths], lines)

    def how_to_load(self, conversion):
        blob = next(iter(conversion.outputs))
        load = f'net = ai_edge_litert.interpreter.Interpreter("{self.path}").get_signature_runner()'
        names = conversion.exported.inputs
        inputs = ", ".join(f"{names[name]}={'x' if len(names) == 1 else '...'}" for name in names)
        return [load, f'{word(blob)} = net({inputs})["{blob}"]']

    def readers(self, conversion):
        from zoo.export import runtimes

        names, blobs = conversion.exported.inputs, list(conversion.outputs)
        return [Reader("LiteRT", lambda: runtimes.litert(self.path, names, blobs))]
