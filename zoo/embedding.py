"""Lays images out on a plane by what a layer says of them: like lies next to like (t-SNE).

  python -m zoo.embedding --config=lenet --weights=lenet.caffemodel
  python -m zoo.embedding --config=deploy.prototxt --weights=net.caffemodel --blob=fc7 --images=photos/ \\
      --mean_value=104,117,123 --perplexity=10
  python -m zoo.embedding --config=lenet --weights=lenet.caffemodel --blob=data     the pixels alone, to compare

The features are the values of --blob, one vector an image, by default what the class scores are computed from. Images
are those of --images, or of the data that the config's test net reads. Where the data has labels, each image has a
frame in the colour of its class. How far two groups are apart means little in t-SNE; that they are apart does.
"""

from absl import flags

from zoo import command, look_flags
from zoo.formats import class_names
from zoo.progress import Progress, waiting

NET = look_flags.NetFlags()
SOURCE = look_flags.SourceFlags(500, "that are laid out")
BLOB = flags.DEFINE_string("blob", None, "Blob or layer of the features. Default: what the class scores come from.")
PERPLEXITY = flags.DEFINE_float("perplexity", 30, "About how many neighbours each image keeps.", lower_bound=1)
SEED = flags.DEFINE_integer("seed", 0, "Of what is drawn at random.", lower_bound=0)
BATCH = flags.DEFINE_integer("batch", None, "Images that the net runs over at once. Default: by its size.", 1)
WRITTEN = look_flags.Written("embedding.png", "the embedding")


def main():
    """Reads the flags, computes the features and their places, and draws."""
    WRITTEN.check()
    SOURCE.check()
    net = NET.open()
    from zoo.visualization import embedding
    from zoo.visualization.sheets.embeddings import embedding_sheet

    ref = net.value(BLOB.value) if BLOB.value else net.features()
    source = SOURCE.open(net)
    total = SOURCE.total(source)
    with Progress(total, "features", "image") as progress:
        batches = look_flags.counted(source.batches(BATCH.value or net.usual_batch, total), progress)
        vectors, fed, labels = embedding.features(net, ref, batches)
    with waiting(f"t-SNE of {len(vectors)} vectors of {vectors.shape[1]}"):
        places = embedding.tsne(vectors, PERPLEXITY.value, SEED.value)
    names = tuple(map(class_names.short, source.classes))
    note = f"t-SNE of {len(vectors)} x {vectors.shape[1]} values of {ref}, perplexity {PERPLEXITY.value:g}"
    image = embedding_sheet(net, places, fed, labels, names, f"What looks alike to {ref}: {NET.of(net)}", note)
    report = WRITTEN.end(f"{len(vectors)} images laid out by {ref}.", f"embedding/{ref}", image, NET.weights)
    return report.then("all at once", "zoo.gallery", *NET.again())


if __name__ == "__main__":
    command.run(main)
