"""Shapes of what the net to deploy is fed: said by the file, the mean, the weights or the data; otherwise asked for."""

import re

from zoo import command
from zoo.errors import NetError, ZooError, raise_together
from zoo.export.preprocessing import find_mean, images_spec
from zoo.formats import caffemodel, config_header
from zoo.formats.paths import candidates
from zoo.input import mean_file
from zoo.input.sources.locate import find_source
from zoo.layers import find
from zoo.netdef import header_shapes
from zoo.netdef.data_source import source_field


def parse(texts):
    """Returns {blob: Caffe shape} of texts such as "data: 1,3,227,227"; several may be given in one, separated by ";".

    Raises:
        NetError: a text is something else, or names a blob twice.
    """
    shapes = {}
    for text in (part for whole in texts for part in whole.split(";") if part.strip()):
        match = re.fullmatch(r"\s*(.+?)\s*:\s*(\d{1,20}(?:\s*[, x]\s*\d{1,20})*)\s*", text)
        if not match:
            raise NetError("invalid input shape", got=repr(text), want="'blob: 1,3,227,227'")
        if match[1] in shapes:
            raise NetError("an input shape is given twice", got=repr(match[1]))
        shapes[match[1]] = tuple(int(number) for number in re.findall(r"\d+", match[2]))
    return shapes


def shapes(source, given, weights=(), data_dir=None, open_data=True):
    """Returns {blob: Caffe shape} to deploy `source` with, and {blob: where its shape was found}.

    An image's height and width are said by crop_size, new_height and new_width, the mean image or the data itself;
    its channels by those, by force_gray, is_color and mean_value, or by the first convolution's weights, and are 3
    where a crop_size has nothing else next to it. Where none of these says both, the words of a config's header do.

    Args:
        source: a `ConfigNet`.
        given: {blob: shape} as the user has it, which comes first.
        weights: paths of weights files, of which the last counts.
        data_dir: where data and mean files are looked for first.
        open_data: whether data are opened, which loads TensorFlow, where nothing but the header says a shape.

    Raises:
        NetError: what nothing says, with the flag that does; of all inputs together.
    """
    known, found, errors = dict(given), dict.fromkeys(given, "as given"), []
    asked = {t.name: (1,) for layer in source.definition.layers if _asks(layer) for t in layer.tops}
    needed = {top for layer in source.deployed({**asked, **given}).message.layer for top in layer.top}
    for layer in source.definition.layers:
        for index, top in enumerate(layer.tops):
            if not _asks(layer) or top.name not in needed or top.name in given:
                continue
            try:
                known[top.name], found[top.name] = _shape(layer, index, source, weights, data_dir, open_data)
            except NetError as error:
                errors.append(error)
    raise_together(errors)
    return known, found


def _asks(layer):
    """Whether a layer feeds the net in shapes that its message does not state."""
    kind = find(layer.kind)
    return kind is not None and kind.feeds(layer) and not kind.states_shapes


def _shape(layer, index, source, weights, data_dir, open_data):
    name, images = layer.tops[index].name, index == 0 and find(layer.kind).gives_images
    hint = f"say it with --input_shape='{name}: {'1,3,227,227' if images else 'N,...'}', Caffe's order"
    if not images:
        opened = open_data and _open(layer, index, source, data_dir)
        if opened:
            return opened, "the data"
        what = f'nothing in the file says the shape of "{name}", and its data cannot be opened here'
        raise NetError(what, at=layer.at(), hint=hint)
    spec = images_spec(layer)
    mean = find_mean(layer, spec, data_dir)
    mean_shape = None if mean is None else mean_file.mean_image(mean).shape
    size = _size(spec, mean_shape)
    channels = _channels(layer, spec, mean_shape, source, weights, size)
    if size and channels:
        return (1, channels[0], *size[0]), f"{size[1]}; {channels[1]}"
    opened = open_data and _open(layer, index, source, data_dir)
    if opened:
        return (1, *opened[1:]), "the data"
    stated = header_shapes.input_shapes(source.definition, config_header.of(source.file)).get(name)
    if stated:
        return stated, "the config's header"
    missing = " and ".join(
        what for what, there in (("height and width", size), ("number of channels", channels)) if not there
    )
    what = f'nothing in the file says {missing} of "{name}", and its data cannot be opened here'
    raise NetError(what, at=layer.at(), hint=hint)


def _size(spec, mean_shape):
    """Returns ((H, W), where found), or None."""
    if spec.size:
        size, fields = spec.size
        return size, f"height and width from {fields}"
    return (mean_shape[:2], "height and width from the mean image") if mean_shape else None


def _channels(layer, spec, mean_shape, source, weights, size):
    """Returns (C, where found), or None."""
    if spec.gray:
        return 1, "1 channel as the layer says"
    if spec.color:
        return 3, f"3 channels from {spec.color}"
    if mean_shape:
        return mean_shape[2], f"channels of the mean image: {mean_shape[2]}"
    means = len(spec.transform.mean_values)
    if means > 1:
        return means, f"a channel for each mean_value: {means}"
    channels = _channels_of_weights(layer.tops[0], source, weights)
    if channels:
        return channels, f"channels of the first convolution's weights: {channels}"
    return (3, "3 channels taken, since nothing says otherwise") if size and not means else None


def _channels_of_weights(top, source, weights):
    """Channels that the convolutions on `top` have weights for, or None."""
    readers = [layer for layer in source.definition.layers if layer.type == "Convolution" and layer.bottoms[0] == top]
    saved = caffemodel.read(weights[-1]) if weights and readers else caffemodel.Weights()
    arrays = {saved.names[key]: blobs[0] for key, blobs in saved.items() if blobs}
    found = {
        arrays[layer.name].shape[1] * layer.message.convolution_param.group
        for layer in readers
        if arrays.get(layer.name) is not None and arrays[layer.name].ndim == 4
    }
    return found.pop() if len(found) == 1 else None


def _open(layer, index, source, data_dir):
    """Returns the Caffe shape that a layer's data gives its top number `index`, or None where they cannot be read."""
    if not _is_there(layer, data_dir):
        return None
    command.quiet_tensorflow()  # which most files do not need here
    from zoo.input.pipeline import data_layer

    try:
        feed = data_layer(layer, source.definition.phase, data_dir=data_dir)
    except ZooError:  # no data here, or not such as could be trained on: the shape is asked for instead
        return None
    return None if feed is None else tuple(feed.shapes[index])


def _is_there(layer, data_dir):
    """Whether there is what a data layer reads, by its name; TensorFlow is not loaded to see that it is not."""
    field = source_field(layer.message)
    if field is None:
        return True
    name, file = getattr(layer.message, field).source, layer.place.file
    if layer.type != "Data":
        return any(path.exists() for path in candidates(name, data_dir, file))
    try:
        return bool(find_source(name, at=layer.at(), data_dir=data_dir, file=file))
    except ZooError:
        return False
