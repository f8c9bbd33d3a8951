"""DIRECTORY/: a SavedModel for TensorFlow, with a JSON next to it."""

from zoo.export.targets.base import Reader, Target, Written, given, word


class SavedModel(Target):
    """The Keras model as TensorFlow serves it."""

    endings = ("/",)
    keras_shapes = True
    forgetful = True

    @property
    def place(self):
        return self.path.rstrip("/")

    def write(self, conversion):
        from zoo.export import metadata, saved_model

        saved_model.write(conversion.exported, conversion.outputs, self.place)
        return Written([self.path, *metadata.write(self.place, conversion, conversion.exported)])

    def how_to_load(self, conversion):
        blob = next(iter(conversion.outputs))
        served = f'{word(blob)} = module.serve({given(conversion)})["{blob}"]'
        return [f'module = tf.saved_model.load("{self.path}")', served]

    def readers(self, conversion):
        from zoo.export import runtimes

        return [Reader("TensorFlow", lambda: runtimes.saved_model(self.place, conversion))]
