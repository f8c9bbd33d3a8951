"""Super-resolution: SRCNN, Dong et al., arXiv 1501.00092, and VDSR, Kim, Lee and Lee, arXiv 1511.04587."""

from configs.generate.imagenet import MSRA, ZERO, window
from configs.generate.sketch import Sketch

DATA = """
Data: HDF5 files, listed in {folder}/train.txt and {folder}/test.txt, with the datasets data and label: luminance from 0
to 1, data (N,1,{given},{given}) made smaller and larger again by bicubic interpolation, label (N,1,{wanted},{wanted})
as it was{where}.
"""


def data(folder, batch, test_batch):
    """Returns the fields of the HDF5Data layer in TRAIN and in TEST."""
    return tuple(
        {"hdf5_data_param": {"source": f"{folder}/{split}.txt", "batch_size": count}}
        for split, count in (("train", batch), ("test", test_batch))
    )


SRCNN_SOLVER = {
    "base_lr": 0.0001,
    "lr_policy": "fixed",
    "momentum": 0.9,
    "weight_decay": 0,
    "max_iter": 15000000,
    "display": 100,
    "test_iter": 556,
    "test_interval": 500,
    "snapshot": 10000,
}

SRCNN = """
SRCNN: super-resolution of the luminance by three convolutions, Dong, Loy, He and Tang, arXiv 1501.00092, with the
layers and names of the authors' release, 9-1-5. 8,129 parameters: the 8,032 weights of the paper and 97 biases.

  python -m data_prep.super_resolution --source=T91 --val_source=Set5
  python -m zoo.train --config=configs/srcnn.prototxt

Score of the original authors, not run here: 32.39 dB on Set5 at a scale of 3, trained on 91 images, 32.52 dB for
9-1-5 trained on ImageNet (the paper's section 4.1). From the paper and the net of their release: batch 128, rate
0.0001, a tenth of it for the last layer and for biases, weights of deviation 0.001. The rest of the
solver (momentum, no decay, 15,000,000 iterations, the tests) was not checked against theirs. The loss is half of the
summed squares over a batch's images.

{data}
"""


def srcnn():
    """Returns the text of SRCNN's config."""
    net = Sketch("SRCNN", *data("srcnn", 128, 2), kind="HDF5Data")
    normal = {"weight_filler": {"type": "gaussian", "std": 0.001}, **ZERO}
    top = net.data
    for number, (channels, size, rate) in enumerate(((64, 9, 1), (32, 1, 1), (1, 5, 0.1)), 1):
        rates = {"param": [{"lr_mult": rate}, {"lr_mult": 0.1}]}
        top = net.add(f"conv{number}", "Convolution", top, num_output=channels, **window(size), **normal, **rates)
        if number < 3:
            top = net.add(f"relu{number}", "ReLU", top, in_place=True)
    net.add("loss", "EuclideanLoss", top, net.label)
    where = ", without the border of 6 that the convolutions take away; T91 stands for the directory of their 91 images"
    described = DATA.format(folder="srcnn", given=33, wanted=21, where=where).strip("\n")
    return net.text("srcnn", SRCNN.format(data=described), SRCNN_SOLVER)


VDSR_SOLVER = {
    "base_lr": 0.1,
    "lr_policy": "step",
    "gamma": 0.1,
    "stepsize": (46080, "20 epochs of 2304 batches, as many as 147,456 patches make; ours"),
    "momentum": 0.9,
    "weight_decay": 0.0001,
    "clip_gradients": (0.1, "of all gradients together, where the paper clips each by the rate"),
    "max_iter": (184320, "80 epochs"),
    "display": 100,
    "test_iter": 100,
    "test_interval": 2304,
    "snapshot": 11520,
}

VDSR = """
VDSR: super-resolution of the luminance by twenty convolutions that give what is to be added to the image, Kim, Lee
and Lee, arXiv 1511.04587. 665,921 parameters.

  python -m data_prep.super_resolution --source=T291 --val_source=Set5 --output_dir=data/vdsr \\
      --size=41 --label_size=41 --stride=41 --scales=2,3,4 --augment
  python -m zoo.train --config=configs/vdsr.prototxt

Score of the original authors, not run here: 37.53 dB on Set5 at a scale of 2, 33.66 dB at 3 and 31.35 dB at 4 (the
paper's table 3). From the paper: 20 layers of 64 channels, He's filler, batch 64, momentum 0.9, decay 0.0001, rate
0.1 divided by 10 every 20 of 80 epochs. Ours: how long an epoch is; their 80 have 9,960 iterations, here 184,320.
Differs from theirs: Caffe clips the norm of all gradients, where theirs clips each gradient to a range that shrinks
as the rate grows; the loss is half of the summed squares over a batch's images.

{data}
"""


def vdsr():
    """Returns the text of VDSR's config."""
    net = Sketch("VDSR", *data("vdsr", 64, 2), kind="HDF5Data")
    rates = {"param": [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 0.1, "decay_mult": 0}]}
    top = net.data
    for number in range(1, 21):
        channels = 64 if number < 20 else 1
        top = net.add(
            f"conv{number}", "Convolution", top, num_output=channels, **window(3, 1, 1), **MSRA, **ZERO, **rates
        )
        if number < 20:
            top = net.add(f"relu{number}", "ReLU", top, in_place=True)
    top = net.add("sum", "Eltwise", net.data, top)
    net.add("loss", "EuclideanLoss", top, net.label)
    described = DATA.format(
        folder="vdsr", given=41, wanted=41, where="; T291 stands for the directory of their 291 images"
    ).strip("\n")
    return net.text("vdsr", VDSR.format(data=described), VDSR_SOLVER)
