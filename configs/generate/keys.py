"""The keys in the headers of the generated configs; `zoo.formats.config_header` says what each means."""

KEYS = {
    "c3d": """
net: C3D on clips of 16 frames
parameters: 78,409,573
multiply_adds: 38,547,378,176
input: 3 x 16 x 112 x 112 (C x L x H x W)
recipe: facebook/C3D examples/c3d_finetuning
published: none
""",
    "caffenet_full_conv": """
net: CaffeNet with convolutions for inner products
parameters: 60,965,224
multiply_adds: by the size of the image
input: 3 x any x any
recipe: ours, from CaffeNet's weights
published: none
""",
    "cifar10_resnet20": """
net: ResNet-20, shortcuts without parameters
parameters: 269,722 + 1,395
multiply_adds: 40,551,040
input: 3 x 32 x 32, cropped from 40 x 40
recipe: paper
published: 91.25 %
published_in: table 6 of arXiv 1512.03385
measured: 87.16 %, the whole recipe on an NVIDIA H200 (docs/stablehlo.md)
""",
    "cifar10_resnet56": """
net: ResNet-56, shortcuts without parameters
parameters: 853,018 + 4,119
multiply_adds: 125,485,696
input: 3 x 32 x 32, cropped from 40 x 40
recipe: paper
published: 93.03 %
published_in: table 6 of arXiv 1512.03385
""",
    "cifar10_wrn16_4": """
net: WRN-16-4, wide and pre-activated
parameters: 2,748,890 + 3,629
multiply_adds: 392,612,352
input: 3 x 32 x 32, cropped from 40 x 40
recipe: paper
published: 94.98 %
published_in: table 6 of arXiv 1605.07146
""",
    "densenet121": """
net: DenseNet-121, growth 32
parameters: 7,978,856 + 83,769
multiply_adds: 2,834,161,664
input: 3 x 224 x 224
recipe: paper
published: top-1 74.91 %, top-5 92.19 %
published_in: readme of shicai/DenseNet-Caffe, converted weights
""",
    "densenet169": """
net: DenseNet-169, growth 32
parameters: 14,149,480 + 158,569
multiply_adds: 3,359,843,328
input: 3 x 224 x 224
recipe: paper
published: top-1 76.09 %, top-5 93.14 %
published_in: readme of shicai/DenseNet-Caffe, converted weights
""",
    "flickr_style": """
net: CaffeNet with a new last layer for 20 styles
parameters: 56,950,164
multiply_adds: 720,392,736
input: 3 x 227 x 227
recipe: BVLC models/finetune_flickr_style
published: 39.16 %
published_in: BVLC/caffe models/finetune_flickr_style/readme.md
""",
    "googlenet": """
net: BVLC GoogLeNet, three losses (without the two auxiliary ones 6,998,552 parameters)
parameters: 13,378,280
multiply_adds: 1,591,044,096
input: 3 x 224 x 224
recipe: BVLC quick_solver
published: top-1 68.7 %, top-5 88.9 %
published_in: BVLC/caffe models/bvlc_googlenet/readme.md
score: loss3/top-1
""",
    "inception_bn": """
net: GoogLeNet with BatchNorm
parameters: 11,194,984 + 19,973
multiply_adds: 2,018,851,840
input: 3 x 224 x 224
recipe: lim0606, on one GPU
published: top-1 72.05 %, top-5 90.87 %
published_in: readme of lim0606's release
""",
    "inception_v3": """
net: Inception-v3
parameters: 23,834,568 + 34,526
multiply_adds: 5,713,216,096
input: 3 x 299 x 299
recipe: paper, without what Caffe does not have
published: top-1 78.33 %, top-5 94.25 %
published_in: readme of soeaver/caffe-model, converted weights
""",
    "lenet_6_16": """
net: LeNet with 6 and 16 channels, ReLU
parameters: 44,426
multiply_adds: 281,640
input: 1 x 28 x 28
recipe: a lecture's: Adam, 10 epochs
published: none that can be cited
""",
    "lenet_adadelta": """
net: LeNet by AdaDelta
parameters: 431,080
multiply_adds: 2,293,000
input: 1 x 28 x 28
recipe: Caffe's examples/mnist
published: none
""",
    "lenet_adagrad": """
net: LeNet by AdaGrad
parameters: 431,080
multiply_adds: 2,293,000
input: 1 x 28 x 28
recipe: ours, with numbers of Caffe's examples/mnist
published: none
""",
    "lenet_adam": """
net: LeNet by Adam
parameters: 431,080
multiply_adds: 2,293,000
input: 1 x 28 x 28
recipe: Caffe's examples/mnist
published: none
""",
    "lenet_linear": """
net: LeNet without its ReLU
parameters: 431,080
multiply_adds: 2,293,000
input: 1 x 28 x 28
recipe: Caffe's examples/mnist
published: none that can be cited
""",
    "lenet_multistep": """
net: LeNet, its rate falling by steps
parameters: 431,080
multiply_adds: 2,293,000
input: 1 x 28 x 28
recipe: Caffe's examples/mnist
published: none
""",
    "lenet_nesterov": """
net: LeNet by Nesterov's momentum
parameters: 431,080
multiply_adds: 2,293,000
input: 1 x 28 x 28
recipe: Caffe's examples/mnist, by another rule
published: none
""",
    "lenet_rmsprop": """
net: LeNet by RMSProp
parameters: 431,080
multiply_adds: 2,293,000
input: 1 x 28 x 28
recipe: Caffe's examples/mnist
published: none
""",
    "mnist_dropout": """
net: two convolutions and dropout
parameters: 21,840
multiply_adds: 480,500
input: 1 x 28 x 28
recipe: PyTorch's first basic example
published: none that can be cited
""",
    "mobilenet_ssd": """
net: SSD on MobileNet v1, six maps of boxes
parameters: 5,796,089 + 25,379
multiply_adds: 1,148,479,168
input: 3 x 300 x 300
recipe: author (docs/detection.md)
published: mAP 72.7 % on VOC 2007 test, first trained on COCO
published_in: readme of chuanqi305/MobileNet-SSD
score: detection_eval
""",
    "mobilenet_v1": """
net: MobileNet v1, width 1
parameters: 4,231,976 + 21,915
multiply_adds: 568,740,352
input: 3 x 224 x 224
recipe: ours, not yet run
published: top-1 70.81 %, top-5 89.85 %
published_in: readme of shicai/MobileNet-Caffe
""",
    "mobilenet_v1_depthwise": """
net: MobileNet v1, width 1, with layers of the type DepthwiseConvolution
parameters: 4,231,976 + 21,915
multiply_adds: 568,740,352
input: 3 x 224 x 224
recipe: ours, not yet run
published: top-1 70.81 %, top-5 89.85 %
published_in: readme of shicai/MobileNet-Caffe
""",
    "mobilenet_v2": """
net: MobileNet v2, width 1
parameters: 3,505,960 + 34,229
multiply_adds: 429,111,936
input: 3 x 224 x 224
recipe: paper; how long is ours
published: top-1 71.90 %, top-5 90.49 %
published_in: readme of shicai/MobileNet-Caffe
""",
    "nin_imagenet": """
net: Network in Network
parameters: 7,595,176
multiply_adds: 1,100,188,800
input: 3 x 224 x 224
recipe: authors
published: top-1 59.36 %
published_in: readme of the authors' gist
""",
    "pspnet50": """
net: PSPNet-50, a pyramid of averages on a ResNet-50 with holes, two losses
parameters: 49,180,908 + 59,136
multiply_adds: 170,160,481,472
input: 3 x 473 x 473
recipe: first author's PyTorch code, without its augmentation
published: 41.68 mean IU, 80.04 % of pixels on ADE20K's validation set
published_in: readme of hszhao/PSPNet
""",
    "resnet101": """
net: ResNet-101, He's release
parameters: 44,549,160 + 105,448
multiply_adds: 7,570,194,432
input: 3 x 224 x 224
recipe: paper; when the rate drops is ours
published: top-1 76.4 %, top-5 92.9 %
published_in: readme of KaimingHe/deep-residual-networks
""",
    "resnet152": """
net: ResNet-152, He's release
parameters: 60,192,808 + 151,579
multiply_adds: 11,282,415,616
input: 3 x 224 x 224
recipe: paper; when the rate drops is ours
published: top-1 77.0 %, top-5 93.3 %
published_in: readme of KaimingHe/deep-residual-networks
""",
    "resnet18": """
net: ResNet-18, HolmesShuan's release
parameters: 11,693,736 + 9,749
multiply_adds: 1,826,918,400
input: 3 x 224 x 224
recipe: HolmesShuan, on one GPU
published: top-1 69.08 %, top-5 89.03 %
published_in: readme of HolmesShuan's release, shorter side 256
""",
    "resnet50": """
net: ResNet-50, He's release
parameters: 25,557,096 + 53,173
multiply_adds: 3,857,973,248
input: 3 x 224 x 224
recipe: paper; when the rate drops is ours
published: top-1 75.3 %, top-5 92.2 %
published_in: readme of KaimingHe/deep-residual-networks
""",
    "resnext50": """
net: ResNeXt-50, 32 x 4d
parameters: 25,028,910 + 68,284
multiply_adds: 4,230,479,872
input: 3 x 224 x 224
recipe: paper; when the rate drops is ours
published: top-1 76.9 %, top-5 93.3 %
published_in: readme of the release, converted weights
""",
    "se_resnet50": """
net: SE-ResNet-50, the authors' release
parameters: 28,088,024 + 53,173
multiply_adds: 3,860,488,192
input: 3 x 224 x 224
recipe: authors' batch and rate; how long is ours
published: top-1 77.63 %, top-5 93.64 %
published_in: readme of hujie-frank/SENet
""",
    "segnet_basic": """
net: SegNet-Basic, four pools and back by their masks
parameters: 1,416,587
multiply_adds: 59,188,838,400
input: 3 x 360 x 480
recipe: authors
published: 46.3 mean IU on CamVid's test images, 82.8 % of pixels
published_in: authors' tutorial, as chainer/chainercv examples/segnet/README.md quotes it
""",
    "shufflenet_1x_g3": """
net: ShuffleNet 1x, 3 groups, farmingyard's form
parameters: 1,814,734 + 23,785
multiply_adds: 127,061,304
input: 3 x 224 x 224
recipe: authors' PyTorch code, without smoothed labels
published: top-1 67.8 %, top-5 87.7 %, of the authors' wider form
published_in: ShuffleNetV1/README.md of megvii-model/ShuffleNet-Series
""",
    "squeezenet1_0": """
net: SqueezeNet 1.0
parameters: 1,248,424
multiply_adds: 861,339,936
input: 3 x 227 x 227
recipe: authors
published: top-1 57.5 %, top-5 80.3 %
published_in: table 2 of arXiv 1602.07360
""",
    "squeezenet1_1": """
net: SqueezeNet 1.1
parameters: 1,235,496
multiply_adds: 387,747,520
input: 3 x 227 x 227
recipe: authors
published: top-5 80.3 % or better
published_in: readme of the release
""",
    "srcnn": """
net: SRCNN 9-1-5
parameters: 8,129
multiply_adds: 4,872,800
input: 1 x 33 x 33
recipe: authors; how long was not checked
published: 32.39 dB on Set5 at a scale of 3
published_in: section 4.1 of arXiv 1501.00092
score: loss
""",
    "ssd300_vgg16": """
net: SSD300 on VGG-16, six maps of boxes
parameters: 26,285,486
multiply_adds: 31,373,537,792
input: 3 x 300 x 300
recipe: authors (docs/detection.md)
published: mAP 77.2 % on VOC 2007 test
published_in: readme of weiliu89/caffe, branch ssd
score: detection_eval
""",
    "vdsr": """
net: VDSR, twenty convolutions
parameters: 665,921
multiply_adds: 1,117,367,424
input: 1 x 41 x 41
recipe: paper, gradients clipped together; how long is ours
published: 37.53 dB on Set5 at a scale of 2
published_in: table 3 of arXiv 1511.04587
score: loss
""",
    "vgg16": """
net: VGG-16, configuration D
parameters: 138,357,544
multiply_adds: 15,470,264,320
input: 3 x 224 x 224
recipe: paper; when the rate drops is ours
published: top-1 73.0 %, top-5 91.2 %
published_in: table 3 of arXiv 1409.1556, applied densely
""",
    "vgg19": """
net: VGG-19, configuration E
parameters: 143,667,240
multiply_adds: 19,632,062,464
input: 3 x 224 x 224
recipe: paper; when the rate drops is ours
published: top-1 72.7 %, top-5 91.0 %
published_in: table 3 of arXiv 1409.1556, applied densely
""",
    "zfnet": """
net: ZFNet
parameters: 62,357,608
multiply_adds: 1,168,032,896
input: 3 x 224 x 224
recipe: paper; when the rate drops is ours
published: top-1 61.6 %, top-5 83.5 %
published_in: table 2 of arXiv 1311.2901
""",
}


def with_keys(name, write):
    """Returns the text that `write()` gives for the config `name`, with its keys below the commands of the header."""
    lines = write().split("\n")
    end = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    last = max(index for index, line in enumerate(lines[:end]) if line.startswith("#   "))
    lines[last + 1 : last + 1] = ["#", *(f"# {line}" for line in KEYS[name].strip().split("\n"))]
    return "\n".join(lines)
