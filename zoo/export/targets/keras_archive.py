"""NAME.keras: one file that plain Keras 3 loads, with a JSON next to it."""

from zoo.export.targets.base import Target, Written, given, word


class KerasArchive(Target):
    """The net as a Keras model of stock layers."""

    endings = (".keras",)
    keras_shapes = True
    forgetful = True

    def write(self, conversion):
        from zoo.export import keras_file, metadata

        keras_file.write(conversion.exported, conversion, self.path)
        return Written([self.path, *metadata.write(self.path, conversion, conversion.exported)])

    def how_to_load(self, conversion):
        blobs = list(conversion.outputs)
        item = f'["{blobs[0]}"]' if len(blobs) > 1 else ""
        load = f'model = keras.saving.load_model("{self.path}")'
        return [load, f"{word(blobs[0])} = model({given(conversion)}){item}"]

    def run(self, conversion):
        from zoo.export import keras_file
        from zoo.export.caffe_order import in_caffe_order

        return in_caffe_order(conversion, keras_file.load(self.path), conversion.exported.inputs)
