"""C3D, a net of 3-D convolutions over clips: Tran et al., arXiv 1412.0767, with the names of facebook/C3D."""

from configs.generate.imagenet import BIAS, POOL, WEIGHT, hidden
from configs.generate.sketch import Sketch

GROUPS = ((64, "a"), (128, "a"), (256, "ab"), (512, "ab"), (512, "ab"))
RATES = {"param": [WEIGHT, BIAS]}


def fillers(std, bias):
    """Returns the two fillers."""
    return {"weight_filler": {"type": "gaussian", "std": std}, "bias_filler": {"type": "constant", "value": bias}}


def sketch():
    """Returns the net."""
    train, test = (
        {"hdf5_data_param": {"source": f"ucf101/{split}.txt", "batch_size": 30} | more}
        for split, more in (("train", {"shuffle": True}), ("test", {}))
    )
    net = Sketch("DeepConv3DNet_ucf101_finetuning", train, test, kind="HDF5Data")
    top = net.data
    for group, (channels, letters) in enumerate(GROUPS, 1):
        net.section(f"Group {group}: {channels} channels of {16 >> max(0, group - 2)} frames, {224 >> group} wide.")
        for letter in letters:
            cube = {"num_output": channels, "kernel_size": 3, "kernel_depth": 3, "pad": 1, "temporal_pad": 1}
            cube |= fillers(0.01, 0 if group == 1 else 1)
            top = net.add(f"conv{group}{letter}", "Convolution3D", top, convolution3d_param=cube, **RATES)
            top = net.add(f"relu{group}{letter}", "ReLU", top, in_place=True)
        depth = 1 if group == 1 else 2
        window = {"pool": POOL.MAX, "kernel_size": 2, "kernel_depth": depth, "stride": 2, "temporal_stride": depth}
        top = net.add(f"pool{group}", "Pooling3D", top, pooling3d_param=window)
    net.section("Classifier.")
    for number in (6, 7):
        top = hidden(net, number, top, **fillers(0.005, 1), **RATES)
    net.scores(net.add("fc8", "InnerProduct", top, num_output=101, **fillers(0.01, 0), **RATES))
    return net


SOLVER = {
    "base_lr": 0.0001,
    "lr_policy": "step",
    "gamma": 0.1,
    "stepsize": 5000,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": 20000,
    "display": 20,
    "test_iter": 100,
    "test_interval": 1000,
    "test_initialization": False,
    "snapshot": 5000,
}

HEADER = """
C3D on UCF-101: a net of 3-D convolutions over clips of 16 frames, Tran, Bourdev, Fergus, Torresani and Paluri,
arXiv 1412.0767, fine-tuned from Sports-1M as in examples/c3d_finetuning of facebook/C3D, whose Convolution3D and
Pooling3D it takes. 78,409,573 parameters.

  python -m zoo.train --config=configs/c3d.prototxt --weights=conv3d_deepnetA_sport1m_iter_1900000

Score: the example publishes none, and it is not run here; the paper reports 82.3 % with a linear SVM on fc6 of one
such net (its table 3). The recipe is the example's. Differs from it: test_interval, which is none there, and where
the clips come from.

Data: HDF5 files, listed in ucf101/train.txt and ucf101/test.txt, with the datasets data (N,3,16,112,112), clips of
BGR frames of 128 x 171 less their mean, cropped and mirrored at random, and label (N) from 0 to 100. They take the
place of VIDEO_DATA, which reads frames from lists; with HDF5 a clip is cropped once, where there it is in each
epoch.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("c3d", HEADER, SOLVER)
