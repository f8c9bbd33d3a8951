"""Reads the fields of a layer's messages and remembers which were read: nothing that a file sets passes unseen."""

from zoo.errors import NetError, UnsupportedError
from zoo.formats import extra_fields


class Fields:
    """A message of a layer by attribute: ``p.num_output`` gives the value or Caffe's default and marks it as read.

    Args:
        layer: the `LayerDef`.
        path: the field of LayerParameter that holds the message ("convolution_param"), or "" for the layer's own.
    """

    def __init__(self, layer, path):
        self._layer, self._path = layer, path
        self._message = extra_fields.get(layer.message, path) if path else layer.message
        self._read = set()

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        self._read.add(name)
        return getattr(self._message, name)

    def has(self, name):
        """Returns whether the file sets the field (for a repeated one: at least once); marks it as read."""
        self._read.add(name)
        return any(field.name == name for field, _ in self._message.ListFields())

    def enum(self, name):
        """Returns the name of an enum field's value, such as "MAX"."""
        value = getattr(self, name)
        return self._message.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number[value].name

    def no_effect(self, *names):
        """Marks fields as read that cannot change a result, such as `engine`."""
        self._read.update(names)

    def at(self, name):
        """Returns the `Place` of a field."""
        return self._layer.at(f"{self._path}.{name}" if self._path else name)

    def error(self, what, field=None, **kwargs):
        """Returns a NetError placed at `field`; `got` and `want` as in `ZooError`."""
        return NetError(what, at=self.at(field) if field else self._layer.at(), **kwargs)

    def unread_errors(self):
        """Returns an UnsupportedError for each field that the file sets and that no reader asked for."""
        prefix = f"{self._path}." if self._path else ""
        return [
            UnsupportedError(
                f"field {prefix}{field.name} has no meaning for this layer type",
                at=self.at(field.name),
                hint="remove it",
            )
            for field, _ in self._message.ListFields()
            if field.name not in self._read
        ]
