"""Converts images with boxes into the LMDB, LevelDB or TFRecord shards that AnnotatedData reads, with their labelmap.

    python -m data_prep.detection --source=VOCdevkit/VOC2007,VOCdevkit/VOC2012 --names=ImageSets/Main/trainval.txt \\
        --output=data/voc0712/trainval_lmdb --shuffle
    python -m data_prep.detection --source=instances_val2017.json --images=val2017 --output=data/coco/val_lmdb
    python -m data_prep.detection --source=boxes.csv --labelmap=data/mine/labelmap.prototxt --output=data/mine/test_lmdb
    python -m data_prep.detection --source=VOCdevkit/VOC2007 --backend=records --output=data/voc2007/trainval

The CSV has a line a box: image,label,xmin,ymin,xmax,ymax[,difficult], corners in pixels. Image files go over as they
are. Labels count from 1, as 0 is the background: in COCO's order, else by name; a labelmap of another split, by
--labelmap, keeps its numbers. It is written next to the output, and SSD's own tools read it too, and so are the names
and sizes of the images, as test_name_size.txt for test_lmdb, which DetectionEvaluate reads. --backend=records
writes a split of shards, with its card and a sheet of its first images, which TensorFlow Datasets opens too.
"""

import pathlib

import numpy as np
from absl import flags

from data_prep import annotations, box_shards, common, sources
from data_prep.image_transforms import kind_of
from data_prep.image_writers import key
from zoo.errors import DataError, Place
from zoo.formats import atomic, caffe_pb2, image_file, labelmap, lock, name_sizes
from zoo.formats.database_writer import DatabaseWriter
from zoo.progress import Progress
from zoo.report import Report


def convert(output, backend, images, labels, progress=iter, made=None, **options):
    """Writes `annotations.Annotated` images as AnnotatedDatum; returns {class name: boxes}, names with their sizes.

    Args:
        output: the folder to be, or the prefix of a split.
        backend: "lmdb", "leveldb" or "records".
        images: the images.
        labels: {class name: label}.
        progress: wraps the iteration over `images`.
        made: how it was made: what lies in a database as `sources.FILE`, and stands in a card.
        options: `shards` and `prepare` of `box_shards.write`.

    Raises:
        DataError: an image that cannot be read, a class without a label, or a box that is none.
    """
    counts, sizes = dict.fromkeys(labels, 0), []

    def records():
        for annotated in progress(images):
            record = _record(annotated, labels, counts)
            sizes.append((annotated.path.stem, (record.datum.height, record.datum.width)))
            yield annotated.path.name, record

    if backend == "records":
        box_shards.write(output, records(), len(images), labels, counts, made=made, **options)
        return counts, sizes
    with DatabaseWriter(output, backend, {sources.FILE: sources.text(made or {})}) as writer:
        for number, (name, record) in enumerate(records()):
            writer.put(key(number, name), record.SerializeToString())
    return counts, sizes


def _record(annotated, labels, counts):
    """Returns the AnnotatedDatum of an image, its file as it is; boxes in groups by label (io.cpp ReadXML...)."""
    at = Place(str(annotated.path))
    try:
        data = image_file.read(annotated.path)
    except OSError as error:
        hint = "--images names the folder of the images"
        raise DataError("cannot read the image", at=at, got=error.strerror, hint=hint) from None
    if kind_of(data) is None:
        raise DataError("no JPEG or PNG file", at=at, got=f"bytes {data[:4]!r}...")
    size = image_file.declared_size(data) or _decoded_size(data, at)
    image_file.check_size(data, at)
    record = caffe_pb2.AnnotatedDatum(type=caffe_pb2.AnnotatedDatum.BBOX)
    record.datum.encoded, record.datum.data, record.datum.label = True, data, -1
    record.datum.channels, record.datum.height, record.datum.width = 3, *size
    groups = {}
    for box, corners in annotations.fractions(annotated, (size[1], size[0])):
        if box.name not in labels:
            want = "a class of the labelmap"
            raise DataError("a class without a label", at=annotated.place, got=box.name, want=want)
        label = labels[box.name]
        if label not in groups:
            groups[label] = record.annotation_group.add(group_label=label)
        number = len(groups[label].annotation)
        bounds = groups[label].annotation.add(instance_id=number).bbox
        bounds.xmin, bounds.ymin, bounds.xmax, bounds.ymax = map(np.float32, corners)
        bounds.difficult = box.difficult
        counts[box.name] += 1
    return record


def _decoded_size(data, at):
    return image_file.decode(data, image_file.opencv().IMREAD_COLOR, at).shape[:2]


def labels_of(images, ordered=None):
    """Returns {class name: label from 1 on}: in the order that the source gives, else by name."""
    found = {box.name for annotated in images for box in annotated.boxes}
    return {name: number for number, name in enumerate(ordered or sorted(found), 1)}


def main(_):
    """Reads the flags, converts, and says the numbers."""
    f = flags.FLAGS
    output = pathlib.Path(f.output)
    images, ordered = annotations.read_all(f.source, f.images, f.names)
    labels = labelmap.read(f.labelmap) if f.labelmap else labels_of(images, ordered)
    made = {"source": ",".join(f.source), "shuffle": f.seed if f.shuffle else "no"}
    made |= {name: f[name].value or "no" for name in ("images", "names", "labelmap")}
    files, shards = _files(f, images), f.backend == "records"
    if shards and not f.force and common.finished(output.parent, [output.name], made, lambda: files, f.verify_sources):
        return Report(f"Nothing to do: {output} is complete (--force prepares it again).")
    if not shards and f.verify_sources and output.exists():
        common.check_folder(output, made, lambda: files, True, "remove it, or name another --output")
        return Report(f"Nothing to do: {output} is there, made of these sources.")
    made[sources.KEY] = sources.noted(files, f.verify_sources)
    if f.shuffle:
        np.random.default_rng(f.seed).shuffle(images)
    options = {
        "shards": f.shards,
        "prepare": f"python -m data_prep.detection {common.flags_set(f, one='backend')} --force",
    }
    with common.alone(output.parent, lock.NAME if shards else f".{output.name}{lock.NAME}"):
        with Progress(len(images), output.name, "image") as progress:
            counts, sizes = convert(
                output, f.backend, images, labels, progress.over, made, **(options if shards else {})
            )
        written = output.parent / "labelmap.prototxt"
        if not f.labelmap:
            _write(written, labelmap.text(labels))
        stem = output.name.removesuffix(f"_{f.backend}")
        named, text = output.parent / f"{stem}_name_size.txt", name_sizes.text(sizes)
        if text is not None:
            _write(named, text)
    boxes, without = sum(counts.values()), sum(not annotated.boxes for annotated in images)
    said = f"{len(images)} images, {without} of them without boxes; {boxes} boxes of {len(labels)} classes"
    report = Report().text(f"{output}: {said}").note_made(f.backend, output)
    for name, count in sorted(counts.items(), key=lambda item: -item[1])[: common.MANY]:
        report.text(f"  {labels[name]} {name}: {count}")
    report.text(f"  labels: {f.labelmap or written}")
    if not f.labelmap:
        report.note_made("labels", written)
    if text is not None:
        report.note_made("names and sizes", named)
    report.text(f"  names and sizes: {named if text is not None else 'not written, as there are names with spaces'}")
    backend = "" if shards else f" backend: {f.backend.upper()}"
    report.text(f'  in a prototxt: type: "AnnotatedData" data_param {{ source: "{output}"{backend} }}')
    report.more |= {"images": len(images), "boxes": counts}
    return report


def _write(path, text):
    with atomic.replacing(path, DataError) as file:
        file.write(text.encode())


def _files(values, images):
    """Returns {name: paths of its files} of the flags and `annotations.Annotated` images, for `data_prep.sources`."""
    source = ",".join(values.source)
    found = {source: sorted({annotated.place.file for annotated in images})}
    found[f"images of {source}"] = [annotated.path for annotated in images]
    names = [annotations.names_file(folder, values.names) for folder in values.source] if values.names else []
    return found | {str(path): [path] for path in (*names, values.labelmap) if path}


if __name__ == "__main__":
    flags.DEFINE_list(
        "source", None, "Folder of VOC's (or several: A,B), .json file of COCO's, or .csv file.", required=True
    )
    flags.DEFINE_string("output", None, "Database to make, or split of shards.", required=True)
    flags.DEFINE_string("images", None, "Folder of the images. Default: VOC's JPEGImages, else the folder of the file.")
    flags.DEFINE_string(
        "names", None, "For VOC: the names of the images to take, such as ImageSets/Main/test.txt in it."
    )
    flags.DEFINE_string("labelmap", None, "Labelmap to number the classes by, such as the training set's.")
    flags.DEFINE_enum("backend", "lmdb", ["lmdb", "leveldb", "records"], "The form to write.")
    flags.DEFINE_integer("shards", 10, "How many files a split has at most.", lower_bound=1)
    flags.DEFINE_bool("force", False, "Make a split of shards again even if it is already there.")
    flags.DEFINE_bool("shuffle", False, "Shuffle the images.")
    flags.DEFINE_integer("seed", 0, "Of the shuffling.")
    sources.define_flag()
    common.run(main)
