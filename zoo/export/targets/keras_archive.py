"""NAME.keras: one file that plain Keras 3 loads, with a JSON next to it."""

from zoo.export.targets.base import Reader, Target, Written, given, word

BACKENDS = {"jax": "JAX", "torch": "PyTorch"}  # next to TensorFlow, by the names that Keras has for them


class KerasArchive(Target):
    """The net as a Keras model of stock layers."""

    endings = (".keras",)
    keras_shapes = True
    forgetful = True
    _backends = ()

    def write(self, conversion):
        from zoo.export import keras_file, metadata

        keras_file.write(conversion.exported, conversion, self.path)
        return Written([self.path, *metadata.write(self.path, conversion, conversion.exported)])

    def how_to_load(self, conversion):
        blobs = list(conversion.outputs)
        item = f'["{blobs[0]}"]' if len(blobs) > 1 else ""
        load = f'model = keras.saving.load_model("{self.path}")'
        return [load, f"{word(blobs[0])} = model({given(conversion)}){item}"]

    def accept(self, request):
        self._backends = tuple(dict.fromkeys(request.backends))
        if self._backends:
            from zoo.export import runtimes

            for name in self._backends:
                runtimes.check_keras_on(name)

    def readers(self, conversion):
        from zoo.export import runtimes

        names, blobs = conversion.exported.inputs, list(conversion.outputs)
        others = [
            Reader(
                f"Keras on {BACKENDS[name]}",
                lambda name=name: runtimes.keras_on(name, self.path, names, blobs),
                asked=True,
            )
            for name in self._backends
        ]
        return [Reader("TensorFlow", lambda: runtimes.keras(self.path, conversion)), *others]
