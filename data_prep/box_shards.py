"""Images with boxes as a split of TFRecord shards, with its card and a sheet of its first images, boxes drawn."""

import pathlib

from data_prep import contact_sheet
from data_prep.image_transforms import kind_of
from zoo.formats import box_records


def write(prefix, records, count, labels, counts, *, shards=10, prepare="", made=None):
    """Writes a split; returns its `Card`.

    Args:
        prefix: folder and split.
        records: yields (file name, AnnotatedDatum), `count` of them.
        labels: {class name: label}, without the background, which is label 0.
        counts: {class name: boxes}, looked at once `records` is read.
        shards: files at most; no more than images.
        prepare, made: see `zoo.formats.records.Card`.

    Raises:
        DataError: a file that cannot be written, or what `records` raises.
    """
    from zoo.formats.records_writer import SplitWriter

    prefix, stream, kinds, sizes, most = pathlib.Path(prefix), iter(records), set(), set(), 0
    shards = min(shards, count)

    def until(wanted):
        nonlocal most
        for _ in range(wanted):
            name, record = next(stream)
            kinds.add(kind_of(record.datum.data))
            sizes.add((record.datum.height, record.datum.width))
            most = max(most, sum(len(group.annotation) for group in record.annotation_group))
            yield box_records.example(record, name)

    bounds = [count * index // shards for index in range(shards + 1)]
    with SplitWriter(prefix.parent, prefix.name, shards) as writer:
        for index, (begin, end) in enumerate(zip(bounds, bounds[1:])):
            writer.shard(index, until(end - begin))
        next(stream, None)  # so that whoever gives the stream ends, too
        classes = {0: "background", **{label: name for name, label in labels.items()}}
        names = tuple(classes.get(label, str(label)) for label in range(max(classes) + 1))
        card = writer.finish(
            encoding=kinds.pop() if len(kinds) == 1 else "jpeg",  # the reader of which takes both
            features=box_records.FEATURES,
            channels=3,
            channel_order="BGR",
            image_shape=next(iter(sizes)) if len(sizes) == 1 else None,
            min_size=tuple(min(side) for side in zip(*sizes)),
            classes=names,
            prepare=prepare,
            made={**(made or {}), "most_boxes": most, "per_class": [counts.get(name, 0) for name in names]},
        )
    contact_sheet.write(prefix, card)
    return card
