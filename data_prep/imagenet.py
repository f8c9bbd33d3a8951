"""A folder of pictures, such as ImageNet, as TFRecord shards.

    python -m data_prep.imagenet --source=FOLDER [--output_dir=data/imagenet] [--val_source=FOLDER] [--resize=256]

FOLDER holds one folder a class (``n01440764/x.JPEG``) or the files themselves, ``n01440764_x.JPEG``. Labels count from
0 over the sorted class names, as in Caffe's lists. JPEG files are kept byte for byte; what only looks like one (CMYK,
or a PNG under a JPEG's name) is written anew and listed. --resize brings every picture to one size, its aspect lost,
as create_imagenet.sh does with RESIZE=true; with --encoding=raw the pixels are then those of convert_imageset.
"""

import sys

from absl import flags

from data_prep import common, images
from zoo.errors import DataError, Place
from zoo.formats.records_writer import SplitWriter

QUALITY = 95  # of JPEG files that are written anew


def parse_size(text):
    """Returns (H, W) of "256" or "256x320" (height first), None of None; raises DataError for anything else."""
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise DataError("--resize is not a size", got=repr(text), want='"256" or "256x320", height first')
    return int(sides[0]), int(sides[-1])


def write_split(output_dir, split, files, classes, options, prepare):
    """Writes the pictures `files` in their order as one split; returns the `Card`.

    Args:
        output_dir, split: where to.
        files: `images.File` list.
        classes: the class names; a picture's label is the index of its class.
        options: `Options`.
        prepare: the command that does this again.
    """
    labels = {name: label for label, name in enumerate(classes)}
    bounds = [len(files) * i // options.shards for i in range(options.shards + 1)]
    rewritten, skipped, sizes = [], [], set()

    def records(start, end):
        for file, made in images.prepared(files[start:end], options.resize, options.encoding, QUALITY):
            if isinstance(made, DataError):
                if not options.skip_corrupt:
                    raise made
                skipped.append(str(file.path))
                continue
            if made.note:
                rewritten.append(f"{file.path}: {made.note}")
            sizes.add(made.shape[:2])
            yield made.example(labels[file.class_name], file)

    with SplitWriter(output_dir, split, options.shards) as writer:
        with common.progress(len(files), split) as bar:
            for index, (start, end) in enumerate(zip(bounds, bounds[1:])):
                writer.shard(index, bar(records(start, end)))
        card = writer.finish(
            encoding=options.encoding,
            channels=3,
            channel_order="BGR",
            image_shape=next(iter(sizes)) if len(sizes) == 1 else None,
            min_size=(min(h for h, _ in sizes), min(w for _, w in sizes)),
            classes=tuple(classes),
            prepare=prepare,
            made={**options.made, "rewritten": rewritten, "skipped": skipped},
        )
    for title, names in (("written anew", rewritten), ("SKIPPED as damaged", skipped)):
        for name in names:
            print(f"{split}: {title}: {name}")
    return card


class Options:
    """How pictures are written: `shards`, `resize` (H, W) or None, `encoding`, `skip_corrupt`, `made` (see `Card`)."""

    def __init__(self, shards, resize=None, encoding="jpeg", skip_corrupt=False, made=None):
        if encoding != "jpeg" and not resize:
            raise DataError(f"--encoding={encoding} writes every picture anew", want="--resize with it")
        self.shards, self.resize, self.encoding, self.skip_corrupt = shards, resize, encoding, skip_corrupt
        self.made = made or {}


def divide(files, fraction, seed):
    """Returns (train, val): `files` shuffled by `seed`, the first `fraction` of them (at least one) for val."""
    if not 0 < fraction < 1 or len(files) < 2:
        got = f"{fraction} of {len(files)} pictures"
        raise DataError("--validation_fraction leaves a split empty", got=got, want="between 0 and 1, of 2 or more")
    files = images.shuffled(files, seed)
    held = min(max(1, round(len(files) * fraction)), len(files) - 1)
    return files[held:], files[:held]


def main(_):
    """Reads the flags, prepares, and says the numbers."""
    f = flags.FLAGS
    resize = parse_size(f.resize)
    wanted = {
        "source": f.source,
        "val_source": f.val_source or f"{f.validation_fraction} of the source",
        "shards": f.shards,
        "resize": f.resize or "no",
        "encoding": f.encoding,
        "seed": f.seed,
    }
    if not f.force:
        cards = common.finished(f.output_dir, ("train", "val"), wanted)
        if cards:
            print(f"Nothing to do: {f.output_dir} is whole (--force prepares it again).")
            common.describe(f.output_dir, cards)
            return
    train = images.listing(f.source)
    classes = sorted({file.class_name for file in train})
    if f.val_source:
        train, val = images.shuffled(train, f.seed), images.shuffled(images.listing(f.val_source), f.seed)
        strangers = sorted({file.class_name for file in val} - set(classes))
        if strangers:
            got = ", ".join(strangers[:5])
            raise DataError("classes that training does not have", at=Place(f.val_source), got=got)
    else:
        train, val = divide(train, f.validation_fraction, f.seed)
        print(
            f"No --val_source: {len(val)} of the {len(train) + len(val)} pictures in {f.source} are held out as val "
            f"(--validation_fraction={f.validation_fraction}). This is not ImageNet's validation set.",
            file=sys.stderr,
        )
    prepare = "python -m data_prep.imagenet " + common.flags_set(f, exclude=("force",)) + " --force"
    cards = {}
    for split, files in (("train", train), ("val", val)):
        shards = min(f.shards, len(files))
        options = Options(shards, resize, f.encoding, f.skip_corrupt, wanted)
        cards[split] = write_split(f.output_dir, split, files, classes, options, prepare)
    common.describe(f.output_dir, cards)


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "Folder of the pictures.", required=True)
    flags.DEFINE_string("output_dir", "data/imagenet", "Where to write the shards.")
    flags.DEFINE_string("val_source", None, "Folder of the pictures of the val split, with the same classes.")
    flags.DEFINE_float(
        "validation_fraction", 0.1, "Share of --source to hold out as val where there is no --val_source."
    )
    flags.DEFINE_integer("shards", 16, "Files a split at most.", lower_bound=1)
    flags.DEFINE_string("resize", None, 'Bring every picture to this size: "256" or "256x320", height first.')
    flags.DEFINE_enum("encoding", "jpeg", ["jpeg", "png", "raw"], "Form of the pixels; png and raw need --resize.")
    flags.DEFINE_integer("seed", 0, "Of the shuffling.")
    flags.DEFINE_bool("skip_corrupt", False, "Leave damaged pictures out, and list them, where otherwise one ends it.")
    flags.DEFINE_bool("force", False, "Prepare again what is there.")
    common.run(main)
