"""NetSpec: nets written in Python, ``n.conv1 = L.Convolution(n.data, kernel_size=5, num_output=20)``.

Every attribute of `layers` is a function that makes a layer of that type from its bottoms and fields; what it returns
is the layer's top, or a tuple of `ntop` of them. Tops and layers without a name of their own get one from the type and
a number.
"""

from collections import Counter, OrderedDict

from google.protobuf import message as protobuf_message

from zoo.errors import NetError, Place, PrototxtError, did_you_mean
from zoo.formats import caffe_pb2
from zoo.layers import find, layer_types
from zoo.pycaffe.errors import also


def _messages_of_types():
    """Returns {layer type: field of LayerParameter}, as "Convolution": "convolution_param".

    Of several fields of one message the first is BVLC Caffe's; a fork's type, such as ReLU6, may have another.
    """
    found = {}
    for field in caffe_pb2.LayerParameter.DESCRIPTOR.fields:
        if field.message_type is not None and field.name.endswith("_param"):
            found.setdefault(field.message_type.name.removesuffix("Parameter"), field.name)
    for kind in map(find, layer_types()):
        if kind is not None and kind.fork and kind.fields:
            found.setdefault(kind.type, kind.fields[0])
    return found


_MESSAGE_OF = _messages_of_types()


class Top:
    """One top of a layer."""

    def __init__(self, fn, n):
        self.fn, self.n = fn, n

    def to_proto(self):
        """Returns the NetParameter of all layers that this top needs."""
        return to_proto(self)


class Function:
    """One layer: its type, the tops that it reads and its fields.

    Args:
        type_name: Caffe's type string.
        inputs: its bottoms, `Top`s.
        params: fields of the type's own message, or of the layer; besides them `ntop` (1) and `in_place` (False).
    """

    def __init__(self, type_name, inputs, params):
        for index, top in enumerate(inputs):
            if not isinstance(top, Top):
                what = f"{type_name} input {index} is not a Top (type is {type(top)})"  # in pycaffe's words
                raise also(NetError, TypeError)(what)
        self.type_name, self.inputs, self.params = type_name, tuple(inputs), dict(params)
        self.ntop, self.in_place = self.params.pop("ntop", 1), self.params.pop("in_place", False)
        self.tops = tuple(Top(self, n) for n in range(self.ntop))


class _Writer:
    """Writes functions as layers, each after those that it reads."""

    def __init__(self, names):
        self.layers = OrderedDict()
        self._names, self._counts = dict(names), Counter()

    def add(self, fn):
        if fn in self.layers:
            return
        for top in fn.inputs:
            self.add(top.fn)
        layer = caffe_pb2.LayerParameter(type=fn.type_name)
        layer.bottom.extend(self.layers[top.fn].top[top.n] for top in fn.inputs)
        if fn.in_place:
            layer.top.extend(layer.bottom)
        else:
            layer.top.extend(self._name(top) for top in fn.tops)
        layer.name = self._name(fn.tops[0] if fn.tops else fn)
        for name, value in fn.params.items():
            self._assign(layer, name, value)
        self.layers[fn] = layer

    def _name(self, thing):
        """Name of a top, or of a function without tops."""
        if thing not in self._names:
            kind = getattr(thing, "fn", thing).type_name
            self._counts[kind] += 1
            self._names[thing] = f"{kind}{self._counts[kind]}"
        return self._names[thing]

    def _assign(self, layer, name, value):
        own = _MESSAGE_OF.get(layer.type)
        target = layer
        if own is not None and not name.endswith("param") and name in _fields(getattr(layer, own)):
            target = getattr(layer, own)
        assign_proto(target, name, value, layer)


def assign_proto(proto, name, val, layer=None):
    """Sets the field `name` of a message from Python: dicts are messages, lists repeated fields, else the value.

    A single value for a repeated field is taken as a list of one.

    Raises:
        PrototxtError: no such field, or a value that it does not take.
    """
    at = Place(layer=layer.name or None, type=layer.type) if layer is not None else None
    if name not in _fields(proto):
        known = set(_fields(proto))
        if layer is not None and proto is layer and layer.type in _MESSAGE_OF:
            known |= set(_fields(getattr(layer, _MESSAGE_OF[layer.type])))
        what, hint = f"no field {name} in {type(proto).__name__}", did_you_mean(name, known)
        raise also(PrototxtError, AttributeError)(what, at=at, hint=hint)
    field = proto.DESCRIPTOR.fields_by_name[name]
    try:
        if field.is_repeated:
            values = val if isinstance(val, list | tuple) else [val]
            for value in values:
                if isinstance(value, dict):
                    _assign_all(getattr(proto, name).add(), value, layer)
                elif isinstance(value, protobuf_message.Message):
                    getattr(proto, name).add().CopyFrom(value)
                else:
                    getattr(proto, name).append(value)
        elif isinstance(val, dict):
            getattr(proto, name).SetInParent()
            _assign_all(getattr(proto, name), val, layer)
        elif isinstance(val, protobuf_message.Message):
            getattr(proto, name).CopyFrom(val)
        else:
            setattr(proto, name, val)
    except PrototxtError:  # of a message within
        raise
    except (TypeError, ValueError, AttributeError) as error:
        what = f"field {name} does not take this value"
        raise also(PrototxtError, type(error))(what, at=at, got=repr(val)) from error


def _assign_all(proto, values, layer):
    for name, value in values.items():
        assign_proto(proto, name, value, layer)


def _fields(message):
    return message.DESCRIPTOR.fields_by_name


def to_proto(*tops):
    """Returns the NetParameter of all layers that the tops need, their names made of types and numbers."""
    return _net([top.fn if isinstance(top, Top) else top for top in tops], {})


def _net(functions, names):
    writer = _Writer(names)
    for fn in functions:
        writer.add(fn)
    return caffe_pb2.NetParameter(layer=writer.layers.values())


class NetSpec:
    """Tops by name, set as attributes or items; `to_proto` makes a net of them."""

    def __init__(self):
        super().__setattr__("tops", OrderedDict())

    def __setattr__(self, name, value):
        self.tops[name] = value

    def __getattr__(self, name):
        if name not in self.tops:
            hint = did_you_mean(name, self.tops)
            raise AttributeError(f"no top {name} in this net" + (f" ({hint})" if hint else ""))
        return self.tops[name]

    def __setitem__(self, name, value):
        self.tops[name] = value

    def __getitem__(self, name):
        return self.tops[name]

    def to_proto(self):
        """Returns the NetParameter of all layers that the tops need, with their names."""
        return _net([getattr(top, "fn", top) for top in self.tops.values()], {t: n for n, t in self.tops.items()})


class _Layers:
    """Its attributes make layers."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def make(*inputs, **params):
            fn = Function(name, inputs, params)
            return fn if fn.ntop == 0 else fn.tops[0] if fn.ntop == 1 else fn.tops

        return make


class _Constants:
    """Its attributes are those of a type's message: ``params.Pooling.MAX``."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        message = getattr(caffe_pb2, f"{name}Parameter", None)
        if message is None:
            raise AttributeError(f"no {name}Parameter in the schema")
        return message


layers = _Layers()
params = _Constants()
