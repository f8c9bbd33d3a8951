"""Writes ImageNet, or any images in classes, as TFRecord shards.

    python -m data_prep.imagenet --source=ILSVRC2012_img_train.tar --val_source=ILSVRC2012_img_val.tar
        --val_labels=ILSVRC2012_devkit_t12.tar.gz [--output_dir=data/imagenet] [--resize=256]
    python -m data_prep.imagenet --source=DIRECTORY [--val_source=DIRECTORY]

A source is an archive, read in place; a directory with one directory or one archive for each class
(``n01440764/x.JPEG``), or with the files themselves, ``n01440764_x.JPEG``; or a list as Caffe has them, with
--root_folder. Labels count from 0 over the sorted class names, as in Caffe's lists. JPEG files are kept byte for byte;
what only looks like one (CMYK, or a PNG under a JPEG's name) is re-encoded and listed. --resize brings every image to
one size, its aspect lost, as create_imagenet.sh does with RESIZE=true; with --encoding=raw the pixels are then those of
convert_imageset. A run that was stopped resumes where it was when it is started again.

Where one machine is too small, Apache Beam spreads the work, and the shards are the same:

    python -m data_prep.imagenet --source=/shared/ILSVRC2012_img_train.tar --output_dir=/shared/imagenet ...
        --runner=DaskRunner --dask_scheduler=tcp://HOST:8786

--runner is DaskRunner (pip install -r requirements-beam.txt -r requirements-dask.txt), DirectRunner (--processes of
this machine; pip install -r requirements-beam.txt) or another of Beam's, of which none was run; data_prep/README.md
says how to start Dask. The images and --output_dir have to lie on storage that this machine and all workers share,
under the same names; each worker needs the same packages, and this repository on its PYTHONPATH. What lies there
finished is kept, whoever made it. The counts are checked, and the card is written, here.
"""

import contextlib
import os
import pathlib
import sys

from absl import flags

from data_prep import beam, common, contact_sheet, image_files, images, leftovers, official, shards, sources
from data_prep.image_files import collect
from zoo import terminal
from zoo.errors import DataError, Place
from zoo.formats import records
from zoo.formats.records_writer import SplitWriter
from zoo.progress import Progress

SHARDS, VAL_SHARDS = 1024, 128  # of the whole of ImageNet
PER_SHARD = 256  # images at least, where the number of shards is not given
MANY = 5000  # images for which several processes are worth their start
CORES = 4  # that the threads of one process keep busy; each further process takes 0.8 GB of memory for TensorFlow


def parse_size(text):
    """Returns (H, W) of "256" or "256x320" (height first), None of None; raises DataError for anything else."""
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise DataError("--resize is not a size", got=repr(text), want='"256" or "256x320", height first')
    return int(sides[0]), int(sides[-1])


class Options:
    """How images are written, and by whom.

    Args:
        shards: files of the split; no more than images.
        resize: see `images.made`.
        encoding: "jpeg", or with `resize` "png" or "raw".
        skip_corrupt: whether damaged images are left out, where else one ends it.
        made: see `zoo.formats.records.Card`.
        processes: how many make shards.
        force: whether a split that is already complete is made again.
        names: of the features; see `zoo.formats.records.features`.
        beam: `beam.options` where Apache Beam makes the shards instead, else None.

    Raises:
        DataError: an encoding without the size that it needs.
    """

    def __init__(
        self,
        shards,
        resize=None,
        encoding="jpeg",
        skip_corrupt=False,
        made=None,
        processes=1,
        force=False,
        names="tfds",
        beam=None,
    ):
        if encoding != "jpeg" and not resize:
            raise DataError(f"--encoding={encoding} re-encodes every image", want="--resize with it")
        if encoding == "raw" and not isinstance(resize, tuple):
            raise DataError("--encoding=raw holds images of one size", got="--resize_shorter", want="--resize")
        self.shards, self.resize, self.encoding, self.skip_corrupt = shards, resize, encoding, skip_corrupt
        self.made, self.processes, self.force = made or {}, processes, force
        self.names, self.beam = names, beam

    def make_all(self, jobs):
        """Returns a generator of (index, `shards.Note`) of the list `jobs`."""
        return beam.make_all(jobs, self.beam) if self.beam else shards.make_all(jobs, self.processes)


def write_split(output_dir, split, files, classes, options, prepare):
    """Writes the images `files` in their order as one split; returns the `Card`.

    Args:
        output_dir, split: where to.
        files: `images.File` list.
        classes: the class names; an image's label is the index of its class.
        options: `Options`.
        prepare: the command that does this again.

    Raises:
        DataError: a damaged image, unless `options` leave such out, or a disk that is full. Finished shards stay for
            the next run.
    """
    number = min(options.shards, len(files))
    bounds = [len(files) * i // number for i in range(number + 1)]
    jobs = list(_jobs(output_dir, split, files, classes, options, bounds))
    pictures = shards.key_of_all(jobs)
    card = None if options.force else _whole(f"{output_dir}/{split}", pictures, options.skip_corrupt)
    if card:
        print(f"{split}: is already complete.")
    else:
        card = _made(split, files, classes, options, prepare, jobs, pictures)
    leftovers.remove(leftovers.of_split(output_dir, split) + leftovers.shared(output_dir))
    contact_sheet.write(f"{output_dir}/{split}", card)
    return card


def _made(split, files, classes, options, prepare, jobs, pictures):
    """Makes the shards of `jobs` and the card; returns that; see `write_split`."""
    output_dir, number = jobs[0].folder, len(jobs)
    progress = Progress(len(files), split, "record", lines=True)
    with SplitWriter(output_dir, split, number, keep=True) as writer, progress:
        leftovers.remove(leftovers.shared(output_dir))
        notes = {}
        with contextlib.closing(options.make_all(jobs)) as finished:
            for index, note in finished:
                notes[index] = note
                writer.adopt(index, note.shard)
                progress.add(len(jobs[index].files), note.resumed)
        notes = [notes[index] for index in range(number)]
        if any(note.resumed for note in notes):
            print(f"{split}: {sum(note.resumed for note in notes)} of {number} shards were finished by an earlier run.")
        made = _summary(notes, files, classes)
        shapes = {note.image_shape for note in notes}
        card = writer.finish(
            encoding=options.encoding,
            features=jobs[0].features(),
            channels=3,
            channel_order="BGR",
            image_shape=shapes.pop() if len(shapes) == 1 else None,
            min_size=tuple(min(side) for side in zip(*(note.min_size for note in notes))),
            classes=tuple(classes),
            prepare=prepare,
            made={**options.made, "pictures": pictures, **made},
        )
    for title, name in (("re-encoded", "rewritten"), ("SKIPPED as damaged", "skipped")):
        for line in made[name]:
            print(f"{split}: {title}: {line}")
    return card


def _whole(prefix, pictures, skip_corrupt):
    """Returns the `Card` of the split at `prefix` if it is whole and of the same images and options, else None."""
    try:
        card = records.read_card(prefix)
        records.check_shards(prefix, card, contents=True)
    except DataError:
        return None
    same = card.made.get("pictures") == pictures and (skip_corrupt or not card.made["skipped"])
    return card if same else None


def _jobs(output_dir, split, files, classes, options, bounds):
    labels = {name: label for label, name in enumerate(classes)}
    threads = max(1, (os.cpu_count() or 1) // options.processes)
    how = (options.resize, options.encoding, options.skip_corrupt, threads, options.names)
    for index, (start, end) in enumerate(zip(bounds, bounds[1:])):
        yield shards.Job(str(output_dir), split, len(bounds) - 1, index, files[start:end], labels, *how)


def _summary(notes, files, classes):
    """Returns what the card says of the images; raises DataError where there are others than were listed."""
    counts = [0] * len(classes)
    for note in notes:
        for label, count in note.counts.items():
            counts[label] += count
    rewritten, skipped = ([line for note in notes for line in getattr(note, n)] for n in ("rewritten", "skipped"))
    wanted = dict.fromkeys(classes, 0)
    damaged = set(skipped)
    for file in files:
        wanted[file.class_name] += str(file) not in damaged if damaged else 1
    if counts != list(wanted.values()):
        raise DataError("the shards do not hold the images that were listed", got=sum(counts), want=len(files))
    return {"per_class": counts, "rewritten": rewritten, "skipped": skipped}


def shard_count(pictures, usual):
    """Returns how many shards so many images get where nobody said: `usual`, or fewer for a small set."""
    return min(usual, -(-pictures // PER_SHARD))


def divide(files, fraction, seed):
    """Returns (train, val): `files` shuffled by `seed`, the first `fraction` of them (at least one) for val."""
    if not 0 < fraction < 1 or len(files) < 2:
        got = f"{fraction} of {len(files)} images"
        raise DataError("--validation_fraction leaves a split empty", got=got, want="between 0 and 1, of 2 or more")
    files = images.shuffled(files, seed)
    held = min(max(1, round(len(files) * fraction)), len(files) - 1)
    return files[held:], files[:held]


def _splits(f):
    """Returns ({split: files}, classes) of the flags."""
    train, classes = collect(f.source, f.root_folder)
    if f.val_source:
        val, _ = collect(f.val_source, f.val_root_folder, classes, f.val_labels)
        return {"train": images.shuffled(train, f.seed), "val": images.shuffled(val, f.seed)}, classes
    if f.val_labels:
        raise DataError("--val_labels are those of --val_source", at=Place(f.val_labels), want="--val_source with them")
    train, val = divide(train, f.validation_fraction, f.seed)
    print(
        f"No --val_source: {len(val)} of the {len(train) + len(val)} images in {f.source} are held out as val "
        f"(--validation_fraction={f.validation_fraction}). This is not ImageNet's validation set.",
        file=sys.stderr,
    )
    return {"train": train, "val": val}, classes


def _note(split, splits, classes, held_out):
    """Returns what the card says where the source has other images than ILSVRC2012, whose classes it has; else {}."""
    if not official.is_ilsvrc(classes) or (held_out and split == "val"):
        return {}
    count = sum(map(len, splits.values())) if held_out else len(splits[split])
    return official.noted("ILSVRC2012", split, count)


def _sources(f):
    """Returns {split: {name: paths of its files}} of the flags, for `data_prep.sources`."""
    train = image_files.paths(f.source, f.root_folder)
    if not f.val_source:
        return {"train": train, "val": train}
    return {"train": train, "val": image_files.paths(f.val_source, f.val_root_folder, f.val_labels)}


def _all_sources(f):
    return {name: paths for of_split in _sources(f).values() for name, paths in of_split.items()}


def _sheets(output_dir, cards):
    """Makes the readable cards and sheets that a killed run left out; a note says where the disk refuses."""
    for split, card in cards.items():
        try:
            contact_sheet.write(f"{output_dir}/{split}", card)
        except DataError as e:
            terminal.warning(f"{split} has no sheet of its images: {e}", "NOTE")


def main(_):
    """Reads the flags, prepares, and says the numbers."""
    f = flags.FLAGS
    resize = parse_size(f.resize) or f.resize_shorter
    if f.resize and f.resize_shorter:
        raise DataError("--resize and --resize_shorter exclude each other", got="both", want="one")
    wanted = {
        "source": f.source,
        "val_source": f.val_source or f"{f.validation_fraction} of the source",
        "val_labels": f.val_labels,
        "shards": f.shards,
        "val_shards": f.val_shards,
        "resize": f.resize or (f"shorter side {resize}" if resize else "no"),
        "encoding": f.encoding,
        "feature_names": f.feature_names,
        "seed": f.seed,
    }
    if not f.force:
        cards = common.finished(f.output_dir, ("train", "val"), wanted, lambda: _all_sources(f), f.verify_sources)
        if cards:
            print(f"Nothing to do: {f.output_dir} is complete (--force prepares it again).")
            _sheets(f.output_dir, cards)
            return _report(f, cards)
    cores = os.cpu_count() or 1
    processes = f.processes or (cores if f.runner else -(-cores // CORES))
    on_beam = beam.options(f.runner, f.beam_options, processes, f.dask_scheduler) if f.runner else None
    for flag in ("beam_options", "dask_scheduler"):
        if f[flag].value and not f.runner:
            raise DataError(f"--{flag} without the --runner that it is for", got=f[flag].value, want="--runner with it")
    with common.alone(f.output_dir):
        splits, classes = _splits(f)
        prepare = "python -m data_prep.imagenet " + common.flags_set(f) + " --force"
        numbers = {"train": (f.shards, SHARDS), "val": (f.val_shards or f.shards, VAL_SHARDS)}
        noted = {split: sources.noted(paths, f.verify_sources) for split, paths in _sources(f).items()}
        cards = {}
        for split, files in splits.items():
            if on_beam:  # whose workers may stand elsewhere
                files = [file._replace(path=file.path.absolute()) for file in files]
            given, usual = numbers[split]
            number = given or shard_count(len(files), usual)
            at_once = min(processes if f.processes or on_beam or len(files) >= MANY else 1, number)
            note = _note(split, splits, classes, held_out=not f.val_source) | {sources.KEY: noted[split]}
            how = (f.skip_corrupt, wanted | note, at_once, f.force, f.feature_names, on_beam)
            options = Options(number, resize, f.encoding, *how)
            cards[split] = write_split(f.output_dir, split, files, classes, options, prepare)
    return _report(f, cards)


def _report(f, cards):
    report, folder = common.describe(f.output_dir, cards), pathlib.Path(f.output_dir)
    if all(card.image_shape == (256, 256) for card in cards.values()):
        return common.train_next(report, folder, "imagenet", "alexnet")
    if all(card.image_shape for card in cards.values()):
        mean = [f"--source={folder / 'train'}", f"--output={folder / 'mean.binaryproto'}"]
        return report.then("mean image", "data_prep.mean_image", *mean)
    return report


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "Archive, directory or list of the images.", required=True)
    flags.DEFINE_string("root_folder", "", "What to put before the names of a list.")
    flags.DEFINE_string("output_dir", "data/imagenet", "Where to write the shards.")
    flags.DEFINE_string("val_source", None, "Archive, directory or list of the val split, with the same classes.")
    flags.DEFINE_string("val_root_folder", "", "What to put before the names of the val split's list.")
    flags.DEFINE_string(
        "val_labels",
        None,
        "Classes of --val_source where names do not tell them: the devkit's archive, its ground truth with meta.mat "
        "next to it, a synset a line, or Caffe's val.txt.",
    )
    flags.DEFINE_float(
        "validation_fraction", 0.1, "Share of --source to hold out as val where there is no --val_source."
    )
    at_most = f"; by default at most {SHARDS}, and {PER_SHARD} images in each"
    flags.DEFINE_integer("shards", None, "Files of train" + at_most, lower_bound=1)
    flags.DEFINE_integer("val_shards", None, f"Files of val; by default as --shards, or {VAL_SHARDS}", lower_bound=1)
    flags.DEFINE_string("resize", None, 'Bring every image to this size: "256" or "256x320", height first.')
    flags.DEFINE_integer(
        "resize_shorter",
        None,
        "Resize images to this length of the shorter side, keeping their aspect ratio.",
        lower_bound=1,
    )
    flags.DEFINE_enum("encoding", "jpeg", ["jpeg", "png", "raw"], "Form of the pixels; png and raw need a size.")
    common.define_feature_names()
    sources.define_flag()
    flags.DEFINE_integer("seed", 0, "Seed of the shuffling.")
    flags.DEFINE_integer(
        "processes", 0, f"How many processes; 0: one for {CORES} cores, or just one below {MANY} images.", 0
    )
    flags.DEFINE_string("runner", None, "Runner of Apache Beam that makes the shards: DirectRunner, DaskRunner, ...")
    flags.DEFINE_string(
        "beam_options", None, "Options of the runner, such as '--flink_master=host:8081 --parallelism=64'."
    )
    flags.DEFINE_string("dask_scheduler", None, "Where the scheduler of --runner=DaskRunner is: tcp://HOST:8786.")
    flags.DEFINE_bool(
        "skip_corrupt", False, "Leave out damaged images, and list them; otherwise the first one ends the run."
    )
    flags.DEFINE_bool("force", False, "Prepare again even if it is already there.")
    common.run(main)
