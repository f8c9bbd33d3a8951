"""Dreams: changes an image, or noise, until a layer, a channel or a class finds most of itself in it.

  python -m zoo.deep_dream --config=lenet --weights=lenet.caffemodel --class=all
  python -m zoo.deep_dream --config=deploy.prototxt --weights=net.caffemodel --blob=inception_4c/output --images=sky.jpg
  python -m zoo.deep_dream --config=deploy.prototxt --weights=net.caffemodel --blob=conv5 --channel=12 --size=300,400

With --blob alone the sum of the squares of the layer's values rises, so that whatever it sees becomes more of it
(Mordvintsev 2015); with --channel the sum of one channel; with --class the score of a class (Simonyan 2013), for a list
of classes or all of them an image each. The image is that of --images, else noise. It is worked on at --octaves sizes,
from small to large, as far as the net takes them: a net with InnerProduct takes one size only, but what comes before
these takes any, so that an image keeps its own size there, up to --largest, or has that of --size.
"""

import dataclasses

from absl import flags

from zoo import command, look_flags
from zoo.errors import ZooError
from zoo.progress import Progress

NET = look_flags.NetFlags()
IMAGES = flags.DEFINE_list("images", [], "One image file to begin with. Default: noise.")
BLOB = flags.DEFINE_string("blob", None, "Blob or layer that finds more of itself; with --class, the class scores.")
CHANNEL = flags.DEFINE_integer("channel", None, "One channel of --blob instead of all.", lower_bound=0)
CLASS = flags.DEFINE_list("class", [], "Classes, by number or name, or all: an image for each.")
SIZE = flags.DEFINE_list("size", [], "Height and width of the result. Default: the image's, or the net's input.")
LARGEST = flags.DEFINE_integer("largest", 512, "Pixels that the longer side of an image is brought down to.", 16)
OCTAVES = flags.DEFINE_integer("octaves", 4, "At how many sizes.", lower_bound=1)
OCTAVE_SCALE = flags.DEFINE_float("octave_scale", 1.4, "From each size to the next.", lower_bound=1.01)
STEPS = flags.DEFINE_integer("steps", None, "Steps at each size. Default: 10, with --class 100.", lower_bound=1)
STEP = flags.DEFINE_float("step", None, "Mean change of a pixel in a step, of 255. Default: 1.5.", lower_bound=0)
JITTER = flags.DEFINE_integer("jitter", 32, "Largest random shift, at most an eighth of the image.", lower_bound=0)
BLUR = flags.DEFINE_float("blur", None, "Sigma of the blur after each fourth step. Default: 0, with --class 0.6.", 0)
DECAY = flags.DEFINE_float("decay", None, "Part taken back to grey in a step. Default: 0, with --class 0.01.", 0, 1)
SEED = flags.DEFINE_integer("seed", 0, "Of the noise and the shifts.")
PLAIN = flags.DEFINE_bool("plain", False, "Write the result alone, pixel for pixel, without title and start.")
WRITTEN = look_flags.Written("dream.png", "the dream")


def main():
    """Reads the flags, dreams and draws."""
    WRITTEN.check()
    size = look_flags.size("--size", SIZE.value)
    if CLASS.value and CHANNEL.value is not None:
        raise ZooError("--class and --channel exclude each other")
    if not CLASS.value and not BLOB.value:
        raise ZooError("of what?", want="--blob=NAME or --class=NUMBER", hint="--help has examples")
    if PLAIN.value and (len(CLASS.value) > 1 or CLASS.value == ["all"]):
        raise ZooError("--plain writes one image", got=f"--class={','.join(CLASS.value)}", want="one class")
    path = look_flags.one_image(IMAGES.value)
    net = NET.open()
    from zoo.visualization.sheets.dreams import Dreamer, dream_sheet

    ref, seed, titles, what = _aim(net)
    dreamer = Dreamer(net, _ascent(), path, size, LARGEST.value)
    with Progress(dreamer.steps(ref), "dreaming", "step") as progress:
        dreamer.progress = progress.add
        panels = dreamer.panels(ref, seed, titles)
    start = "from noise" if path is None else f"from {path.stem}"
    image = dreamer.result if PLAIN.value else dream_sheet(panels, f"A dream of {what} {start}: {NET.of(net)}")
    report = WRITTEN.end(f"A dream of {what}.", "dream", image, NET.weights)
    if path is not None:
        return report.then("activations", "zoo.activations", *NET.again())
    return report.then("like to like", "zoo.embedding", *NET.again())


def _aim(net):
    """Returns (value of the objectives, its seed, a title for each of its items, all in words)."""
    from zoo.visualization import deep_dream
    from zoo.visualization.sheets.saliency import label_of

    if CLASS.value:
        ref = net.scores(BLOB.value)
        names = NET.names(net.units(ref))
        labels = range(len(names)) if CLASS.value == ["all"] else [label_of(x, names, NET.config) for x in CLASS.value]
        titles = [names[label] for label in labels]
        said = "all classes" if CLASS.value == ["all"] else f"class {', '.join(titles)}"
        return ref, deep_dream.channels(labels), titles, said
    ref = net.value(BLOB.value)
    if CHANNEL.value is None:
        return ref, deep_dream.squares, [BLOB.value], BLOB.value
    net.check_units(ref, [CHANNEL.value])
    title = f"{BLOB.value}, channel {CHANNEL.value}"
    return ref, deep_dream.channels([CHANNEL.value]), [title], title


def _ascent():
    from zoo.visualization import deep_dream

    usual = deep_dream.OF_CLASSES if CLASS.value else deep_dream.Ascent()
    given = {"steps": STEPS.value, "blur": BLUR.value, "decay": DECAY.value}
    if STEP.value is not None:
        given["step"] = STEP.value / 255
    return dataclasses.replace(
        usual,
        octaves=OCTAVES.value,
        scale=OCTAVE_SCALE.value,
        jitter=JITTER.value,
        seed=SEED.value,
        **{name: value for name, value in given.items() if value is not None},
    )


if __name__ == "__main__":
    command.run(main)
