"""Shows the image patches that excite the units of a layer most, and what in each of them does.

  python -m zoo.patches --config=lenet --weights=lenet.caffemodel --blob=conv2
  python -m zoo.patches --config=deploy.prototxt --weights=net.caffemodel --blob=conv5 --images=photos/ --units=3,17
  python -m zoo.patches --config=lenet --weights=lenet.caffemodel --blob=ip1 --most=24 --count=10000

For each unit, a channel of --blob, the images are found that excite it most, of --images or of the data that the
config's test net reads. Of each image the part is cut out that the unit sees, its receptive field, and next to these
patches stands the activation brought back to pixels by the deconvolution of Zeiler and Fergus (2013): through the
switches of max pooling, rectified at each ReLU, by transposed filters.
"""

from absl import flags

from zoo import command, look_flags
from zoo.formats import class_names
from zoo.progress import Progress

NET = look_flags.NetFlags()
SOURCE = look_flags.SourceFlags(2000, "among which the patches are looked for")
BLOB = flags.DEFINE_string("blob", None, "The blob or layer whose units are shown, such as conv2.", required=True)
UNITS = flags.DEFINE_list("units", [], "Numbers of the units, from 0. Default: the first --most.")
MOST = flags.DEFINE_integer("most", 12, "How many units are shown where --units does not say which.", lower_bound=1)
TOP = flags.DEFINE_integer("top", 9, "Patches of each unit.", lower_bound=1)
BATCH = flags.DEFINE_integer("batch", None, "Images that the net runs over at once. Default: by its size.", 1)
WRITTEN = look_flags.Written("patches.png", "the patches")


def main():
    """Reads the flags, looks for the patches and draws."""
    WRITTEN.check()
    SOURCE.check()
    wanted = list(dict.fromkeys(look_flags.numbers("--units", UNITS.value)))
    net = NET.open()
    from zoo.visualization.patches import strongest
    from zoo.visualization.sheets.patches import patch_panel, patch_sheet

    ref = net.value(BLOB.value)
    units = wanted or list(range(min(MOST.value, net.units(ref))))
    net.check_units(ref, units)
    source = SOURCE.open(net)
    names = tuple(map(class_names.short, source.classes))
    total = SOURCE.total(source)
    with Progress(total, "images", "image") as progress:
        batches = look_flags.counted(source.batches(BATCH.value or net.usual_batch, total), progress)
        found = strongest(net, ref, units, batches, TOP.value)
    with Progress(len(units), "deconvolutions", "unit") as progress:
        panels = [patch_panel(net, ref, unit, found[unit], names) for unit in progress.over(units)]
    title = f"What excites {BLOB.value}: {NET.of(net)}"
    image = patch_sheet(net, ref, panels, title, f"{total} images")
    report = WRITTEN.end(f"Top patches of {len(units)} units of {BLOB.value}.", f"patches/{ref}", image, NET.weights)
    return report.then(
        "dream", "zoo.deep_dream", *NET.again(images=False), f"--blob={BLOB.value}", f"--channel={units[0]}"
    )


if __name__ == "__main__":
    command.run(main)
