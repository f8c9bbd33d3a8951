"""What the commands of this folder share: flags, reruns, and how errors and counts are said."""

import contextlib
import os
import pathlib

import numpy as np
from absl import flags

from data_prep import leftovers, sources
from zoo import command, terminal
from zoo.errors import DataError, Place
from zoo.formats import atomic, limits, lock, records, tfds_writer
from zoo.progress import Progress
from zoo.report import Report

MANY = 20  # classes at most to say the count of each


def run(main):
    """Runs the absl command `main`; an error that is the input's fault is one line and exit code 1."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # nothing here needs a GPU, and a run next to it may need all its memory
    flags.disclaim_key_flags()  # what is defined here belongs to the command, whose --help says it
    limits.define_flags()
    command.run(lambda: main([]))


def define_feature_names():
    """Defines --feature_names."""
    flags.DEFINE_enum(
        "feature_names",
        "tfds",
        list(records.NAMES),
        "What the features of records are called: `image` and `label` as in TensorFlow Datasets, or `image/encoded` "
        "and `image/class/label` as in the TF Model Garden. TensorFlow Datasets opens both.",
    )


@contextlib.contextmanager
def alone(folder, name=lock.NAME):
    """Holds `folder`, made if need be, for this process while the block runs.

    What killed commands left there that is of no one split is removed.

    Args:
        folder: where it writes.
        name: of the lock file in it: another one for each of several outputs that may be made there at a time.

    Raises:
        DataError: another process holds it, or it cannot be written.
    """
    folder = pathlib.Path(folder)
    new = not folder.exists()
    atomic.make_directory(folder, DataError)
    what = f"another command is preparing data in {folder}"
    hint = "wait for it, stop it, or name another output"
    try:
        with lock.locked(folder / name, DataError, what, hint):
            if name == lock.NAME:
                leftovers.remove(leftovers.shared(folder))
            yield
    finally:
        if new:
            with contextlib.suppress(OSError):  # where something lies in it by now
                folder.rmdir()


def finished(output_dir, splits, wanted, files, verify=False, unsaid=None):
    """Returns the cards of `splits` ({name: `Card`}) if all lie whole under `output_dir`, else None.

    Args:
        output_dir: the folder of the splits.
        splits: their names.
        wanted: {name of a flag: value, or None for any} to compare with what the cards say in `made`.
        files, verify: of their sources, see `sources.check`, which has its say.
        unsaid: {name of a flag: value} that cards which say nothing of it, being older than it, were made with.

    Raises:
        DataError: they are whole but were made with another value or, with `verify`, of other sources.
    """
    prefixes = {split: pathlib.Path(output_dir) / split for split in splits}
    if not any(records.card_path(prefix).exists() for prefix in prefixes.values()):
        return None
    try:
        cards = {split: records.read_card(prefix) for split, prefix in prefixes.items()}
        for split, card in cards.items():
            records.check_shards(prefixes[split], card, contents=True)
    except DataError as e:
        print(f"What lies in {output_dir} is incomplete and is prepared again: {e}")
        return None
    hint = "add --force to prepare it again, or name another --output_dir"
    for split, card in cards.items():
        _check_flags("this split", (unsaid or {}) | card.made, wanted, records.card_path(prefixes[split]), hint)
    sources.check([card.made for card in cards.values()], files, output_dir, verify)
    _tidy(output_dir, splits)
    tfds_writer.describe(output_dir)  # again where a run ended, or the disk was full, before it was done
    return cards


def check_folder(folder, wanted, files, verify, hint):
    """Checks a database or folder of images that is there, as `finished` does a split, by its `sources.FILE`.

    Args:
        folder: where it lies.
        wanted, files, verify: as for `finished`; flags of which nothing was noted are passed over.
        hint: what to do where it was made with another value.

    Raises:
        DataError: as `finished`.
    """
    made = sources.read(folder)
    noted = {flag: value for flag, value in wanted.items() if flag in made}
    _check_flags("this", made, noted, pathlib.Path(folder, sources.FILE), hint)
    sources.check([made], files, folder, verify)


@contextlib.contextmanager
def noted_last(folder, made):
    """Holds `folder` as `alone`, and writes `made` into its `sources.FILE` when the block ends well.

    Until then there is no such file: what a killed or failed command left is not taken for whole.
    """
    path = pathlib.Path(folder, sources.FILE)
    with alone(folder):
        try:
            path.unlink(missing_ok=True)
        except OSError as e:
            raise DataError("cannot be replaced", at=Place(str(path)), got=e.strerror or str(e)) from e
        yield
        with atomic.replacing(path, DataError) as file:
            file.write(sources.text(made))


def _check_flags(what, made, wanted, path, hint):
    for flag, value in wanted.items():
        if value is not None and made.get(flag) != value:
            what = f"{what} was made with --{flag}={made.get(flag)}"
            raise DataError(what, at=Place(str(path)), want=value, hint=hint)


def _tidy(output_dir, splits):
    """Removes what killed commands left of splits that are whole, unless another is at work or the disk refuses."""

    def left():
        return [path for split in splits for path in leftovers.of_split(output_dir, split)] + leftovers.shared(
            output_dir
        )

    if left() or pathlib.Path(output_dir, lock.NAME).exists():
        with contextlib.suppress(DataError), alone(output_dir):
            leftovers.remove(left())


def describe(output_dir, cards, title=None):
    """Returns the `Report` of what one should check: of each split the records, their form and their files.

    What is odd is said on stderr.
    """
    report = Report(title)
    report.more["splits"] = {}
    for split, card in cards.items():
        if "note" in card.made:
            terminal.warning(f"{split}: {card.made['note']}.", "NOTE")
        size = f"{card.image_shape[0]} x {card.image_shape[1]}" if card.image_shape else "several sizes"
        form = f"{card.encoding}, {size} (H x W), {card.channels} channel{'s' * (card.channels > 1)}"
        report.text(f"{split}: {card.count} records, {len(card.classes)} classes, {form}, {card.channel_order}")
        for name in ("mean", "per_class"):
            if name in card.made:
                value = card.made[name]
                if name == "per_class" and len(value) > MANY:
                    value = f"{min(value)} to {max(value)}"
                report.text(f"  {name.replace('_', ' ')}: {value}")
        prefix = pathlib.Path(output_dir) / split
        report.text(f"  {len(card.shards)} shards: {prefix}-*.tfrecord").text(f'  in a prototxt: source: "{prefix}"')
        report.note_made(split, prefix)
        report.more["splits"][split] = {"records": card.count, "classes": len(card.classes), "shards": len(card.shards)}
    return report


def train_next(report, output_dir, name, config):
    """Adds the command that trains `config`, which looks for its data in a directory `name`, where that is the one."""
    folder = pathlib.Path(output_dir)
    if folder.name != name:
        return report
    data_dir = [] if folder.parent == pathlib.Path("data") else [f"--data_dir={folder.parent}"]
    return report.then("train", "zoo.train", f"--config={config}", *data_dir)


def write_arrays(output_dir, split, images, labels, shards, classes, prepare, made, names="tfds"):
    """Writes uint8 `images` (N, H, W, C) and `labels` (N,) as raw records, in their order; returns the `Card`.

    Args:
        output_dir, split, shards, classes, prepare: see `zoo.formats.records`.
        made: what the card says about how it was made; mean and counts are added.
        names: of the features; see `zoo.formats.records.features`.
    """
    from zoo.formats.records_writer import SplitWriter

    height, width, channels = images.shape[1:]
    bounds = [len(images) * i // shards for i in range(shards + 1)]
    made = {
        **made,
        "mean": round(float(images.mean(dtype=np.float64)), 4),
        "per_class": np.bincount(labels, minlength=len(classes)).tolist(),
    }
    command.quiet_tensorflow()  # before the bar, whose time left does not count it
    with SplitWriter(output_dir, split, shards) as writer, Progress(len(images), split, "record") as progress:
        for index, (start, end) in enumerate(zip(bounds, bounds[1:])):
            places = progress.over(range(start, end))
            writer.shard(index, (records.raw_example(images[i], labels[i], names, "RGB") for i in places))
        return writer.finish(
            encoding="raw",
            features=records.features(names, "raw"),
            channels=channels,
            channel_order="gray" if channels == 1 else "RGB",
            image_shape=(height, width),
            min_size=(height, width),
            classes=tuple(classes),
            prepare=prepare,
            made=made,
        )


def flags_set(values, exclude=("force",), one="output_dir"):
    """Returns the flags of the command that were given, as one would type them again; `one` is a flag of its own."""
    import shlex

    module = values.find_module_defining_flag(one)
    given = [flag for flag in values.flags_by_module_dict()[module] if flag.present and flag.name not in exclude]
    said = {flag.name: ",".join(flag.value) if isinstance(flag.value, list) else flag.value for flag in given}
    return " ".join(shlex.quote(f"--{name}={value}") for name, value in said.items())
