"""Times a net layer by layer and as a whole, as `caffe time` does, and its input pipeline.

  python -m zoo.benchmark --config=configs/lenet.prototxt                          needs no weights
  python -m zoo.benchmark --config=configs/alexnet.prototxt --batch_size=32 --iterations=5
  python -m zoo.benchmark --config=deploy.prototxt --phase=TEST
  python -m zoo.benchmark --config=configs/lenet.prototxt --data_only              reads and transforms, nothing else

The config is a net, with data layers or to deploy, or a solver: then its training net, or for --phase=TEST its first
test net, and for TRAIN a whole training iteration is timed too.

How the times are got. TensorFlow runs a net as one graph, so a layer inside it has no time of its own. Each layer is
therefore traced alone and run on what the layers before it really gave; its backward is what the gradients add to its
forward, and each is the median of all rounds. Then the whole net is timed as the one graph that training runs. Both are
printed: the sum of the layers is more than the whole where TensorFlow joins layers, and less where they compete. One
batch, in memory, is used for all.

Where the data of a data layer are not there, it is said, and the net is timed on numbers of the same shape. Where they
are, the data layers are timed alone: records a second, and megabytes of float32 that reach the net. The last line says
which is slower, data or net.
"""

from absl import flags, logging

from zoo import change_flags, command, config_flag, user_code
from zoo.catalogue import machine
from zoo.formats import limits

CONFIG = config_flag.define("Net or solver file (prototxt), or the name of a packaged config such as lenet.")
ITERATIONS = flags.DEFINE_integer("iterations", 10, "How many times everything is timed.", lower_bound=1)
PHASE = flags.DEFINE_enum("phase", "TRAIN", ["TRAIN", "TEST"], "What the net is filtered for.")
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", None, "Axis 0 of every input. Default: as the file has it.", lower_bound=1
)
INPUT_SHAPE = flags.DEFINE_multi_string(
    "input_shape", [], "Caffe shape of an input, where the file does not say it: 'data: 1,3,227,227'."
)
DATA_ONLY = flags.DEFINE_bool("data_only", False, "Time the data layers and nothing else.")
SET = change_flags.define_set()
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where data sources are looked for first.")
LEVEL = flags.DEFINE_integer("level", None, "Level of the net's state.")
STAGE = flags.DEFINE_list("stage", [], "Stages of the net's state.")
limits.define_flags(limits.MEMORY_BYTES)


def main():
    """Reads the flags, times, returns the tables."""
    config_flag.check(CONFIG.value)
    tf = command.quiet_tensorflow()
    user_code.load()

    from zoo.export.input_shapes import parse
    from zoo.timing import benchmark
    from zoo.timing.timed_net import open_source

    devices = tf.config.list_physical_devices("GPU")
    where = f"{len(devices)} GPU" if devices else "no GPU"
    logging.info("%s, %s, TensorFlow %s", machine.hardware(), where, tf.__version__)
    asked = CONFIG.value, PHASE.value, LEVEL.value, STAGE.value, DATA_DIR.value, BATCH_SIZE.value
    source = open_source(*asked, changes=change_flags.given(SET.value))
    if DATA_ONLY.value:
        return benchmark.data_only(source, ITERATIONS.value, DATA_DIR.value)
    report = benchmark.everything(source, ITERATIONS.value, DATA_DIR.value, parse(INPUT_SHAPE.value))
    other = "TEST" if PHASE.value == "TRAIN" else "TRAIN"
    words = command.again("config", "set", "input_shape", "data_dir", "level", "stage", "batch_size", "iterations")
    return report.then(other, "zoo.benchmark", *words, *user_code.given(), f"--phase={other}")


if __name__ == "__main__":
    command.run(main)
