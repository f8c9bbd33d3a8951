"""Images with boxes in TFRecord shards: the records of `zoo.formats.records`, with a list of boxes in place of a label.

The features are those of TensorFlow Datasets' VOC: `objects/bbox` has four numbers a box, ymin, xmin, ymax, xmax as
fractions of the image. Labels count from 0, which is the background. In memory such a record is SSD's AnnotatedDatum.
"""

from google.protobuf.message import DecodeError

from zoo import command
from zoo.errors import DataError
from zoo.formats import caffe_pb2, records

FEATURES = {  # what a record says: name of the feature
    "image": "image",
    "file_name": "image/filename",
    "boxes": "objects/bbox",
    "label": "objects/label",
    "difficult": "objects/is_difficult",
}
SIDES = ("ymin", "xmin", "ymax", "xmax")


def has_boxes(card):
    """Returns whether the records of a `records.Card` have boxes in place of a label."""
    return "boxes" in card.features


def example(datum, file_name):
    """Returns one serialised record of an AnnotatedDatum with an image file; boxes follow its groups."""
    tf = command.quiet_tensorflow()

    def feature(kind, values):
        lists = {"bytes": tf.train.BytesList, "float": tf.train.FloatList, "int64": tf.train.Int64List}
        return tf.train.Feature(**{f"{kind}_list": lists[kind](value=values)})

    found = [(group.group_label, each.bbox) for group in datum.annotation_group for each in group.annotation]
    values = {
        "image": feature("bytes", [datum.datum.data]),
        "file_name": feature("bytes", [file_name.encode("utf-8", "surrogateescape")]),
        "boxes": feature("float", [getattr(box, side) for _, box in found for side in SIDES]),
        "label": feature("int64", [label for label, _ in found]),
        "difficult": feature("int64", [int(box.difficult) for _, box in found]),
    }
    features = tf.train.Features(feature={FEATURES[key]: value for key, value in values.items()})
    return tf.train.Example(features=features).SerializeToString(deterministic=True)


def annotated(data, card, at):
    """Returns the AnnotatedDatum of a serialised record: a group for each label, in the order of their first boxes.

    Args:
        data: the record's bytes.
        card: the `records.Card` of its split.
        at: the `Place` of the record.

    Raises:
        DataError: no such record, or boxes, labels and marks of different numbers.
    """
    tf = command.quiet_tensorflow()
    try:
        found = tf.train.Example.FromString(data).features.feature
    except DecodeError as e:
        raise DataError("not a tf.train.Example", at=at, hint=records.again(card.prepare)) from e
    image, corners = found[card.features["image"]].bytes_list.value, found[card.features["boxes"]].float_list.value
    labels, difficult = (found[card.features[key]].int64_list.value for key in ("label", "difficult"))
    if len(image) != 1 or not image[0] or not len(corners) / 4 == len(labels) == len(difficult):
        got = f"{len(image)} images, {len(corners)} corners, {len(labels)} labels, {len(difficult)} marks"
        want = "one image; four corners, a label and a mark for each box"
        raise DataError("a record without its image and boxes", at=at, got=got, want=want)
    record, groups = caffe_pb2.AnnotatedDatum(type=caffe_pb2.AnnotatedDatum.BBOX), {}
    record.datum.encoded, record.datum.data, record.datum.label = True, image[0], -1
    for number, label in enumerate(labels):
        if label not in groups:
            groups[label] = record.annotation_group.add(group_label=label)
        box = groups[label].annotation.add(instance_id=len(groups[label].annotation)).bbox
        for side, value in zip(SIDES, corners[4 * number : 4 * number + 4]):
            setattr(box, side, value)
        box.difficult = bool(difficult[number])
    return record
