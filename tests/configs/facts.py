"""What is known of each config from elsewhere: parameters, multiply-adds, sizes, with where the numbers come from."""

from typing import NamedTuple


class Facts(NamedTuple):
    """What is known of a net from elsewhere.

    Attributes:
        parameters: learned and fixed weights, shared ones once, BatchNorm's sums left out.
        data: {data layer: the tops' shapes without the batch}, in Caffe's order.
        batches: batch sizes of TRAIN and TEST.
        sizes: {blob: shape without the batch} where the authors publish it.
        statistics: BatchNorm's sums: two a channel and one factor a layer.
        outputs: the TEST net's outputs, in Caffe's order.
        flops: multiply-adds of the deploy net for one input of that shape: (counted, published or None). What is
            published is rounded, and some count more than convolutions and inner products: 2 % are allowed.
    """

    parameters: int
    data: dict
    batches: tuple[int, int]
    sizes: dict
    statistics: int = 0
    outputs: tuple[str, ...] = ("accuracy", "loss")
    flops: tuple[int, float | None] | None = None


def images(size, name="data", channels=3):
    """Data of a Data layer with images and labels."""
    return {name: ((channels, size, size), ())}


CLASSIFIED = ("accuracy", "accuracy_top5", "loss")
GOOGLENET_OUTPUTS = tuple(f"loss{i}/{what}" for i in (1, 2, 3) for what in (f"loss{i}", "top-1", "top-5"))
VOC = {"data": ((3, 375, 500),), "label": ((1, 375, 500),)}
VGG_BODY = 14714688  # its thirteen convolutions
FCN_BODY = VGG_BODY + (7 * 7 * 512 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 21  # 134 M in table 1 of the paper

WIDE = ((16, 64), (64, 128), (128, 256))  # channels that a group of WRN-16-4 reads and gives

SHUFFLED = (  # channels that a unit of ShuffleNet reads, that its middle has and that its branch gives
    (24, 54, 216),
    *((240, 60, 240),) * 4,
    *((480, 120, 480),) * 8,
    *((960, 240, 960),) * 3,
)

PSP_STAGES = ((3, 128, 64), (4, 256, 128), (6, 512, 256), (3, 1024, 512))  # blocks, channels read, of the middle
PSP_CHANNELS = 64 + 64 + 128 + sum((6 * count + 4) * width for count, _, width in PSP_STAGES) + 4 * 512 + 512 + 256

FACTS = {
    # 10 classes. (5*5*1+1)*20 + (5*5*20+1)*50 + (4*4*50+1)*500 + (500+1)*10.
    "lenet": Facts(431080, images(28, "mnist", 1), (64, 100), {"pool2": (50, 4, 4)}, flops=(2293000, None)),
    # LeNet with (500+1)*5 in place of (500+1)*10.
    "lenet_finetune": Facts(428575, images(28, "mnist", 1), (64, 100), {"pool2": (50, 4, 4)}, flops=(2290500, None)),
    # (5*5*3+1)*32 + (5*5*32+1)*32 + (5*5*32+1)*64 + (4*4*64+1)*64 + (64+1)*10.
    "cifar10_quick": Facts(
        145578, images(32, "cifar"), (100, 100), {"pool1": (32, 16, 16), "pool3": (64, 4, 4)}, flops=(12354176, None)
    ),
    # The same convolutions, then (4*4*64+1)*10.
    "cifar10_full": Facts(
        89578, images(32, "cifar"), (100, 100), {"norm2": (32, 8, 8), "pool3": (64, 4, 4)}, flops=(12298240, None)
    ),
    # The same.
    "cifar10_sigmoid": Facts(
        89578, images(32, "cifar"), (111, 1000), {"pool2": (32, 8, 8), "pool3": (64, 4, 4)}, flops=(12298240, None)
    ),
    # (5*5*3+1)*192 + (192+1)*160 + (160+1)*96, (5*5*96+1)*192 + 2*(192+1)*192, (3*3*192+1)*192 + (192+1)*(192+10).
    "cifar10_nin": Facts(
        966986, images(32), (128, 100), {"cccp2": (96, 32, 32), "cccp6": (10, 8, 8)}, flops=(222486528, None)
    ),
    # Table 6 of the paper says 0.27 M. 27*16, six of 9*16*16, 9*16*32, five of 9*32*32, 9*32*64, five of 9*64*64
    # weights; two numbers of a Scale for 7*16 + 6*32 + 6*64 channels; (64+1)*10.
    "cifar10_resnet20": Facts(
        269722,
        images(32),
        (128, 100),
        {"res1_3": (16, 32, 32), "res2_3": (32, 16, 16), "res3_3": (64, 8, 8)},
        statistics=2 * (7 * 16 + 6 * 32 + 6 * 64) + 19,
        flops=(40551040, None),
    ),
    # Layer by layer in models/bvlc_alexnet at Caffe's HEAD; Krizhevsky, Sutskever and Hinton say 60 million.
    # Multiply-adds: Sze, Chen, Yang and Emer, arXiv 1703.09039, table II.
    "alexnet": Facts(
        60965224, images(227), (256, 50), {"conv1": (96, 55, 55), "pool5": (256, 6, 6)}, flops=(724406816, 724e6)
    ),
    "caffenet": Facts(
        60965224,
        images(227),
        (256, 50),
        {"norm1": (96, 27, 27), "pool5": (256, 6, 6)},
        outputs=CLASSIFIED,
        flops=(724406816, 724e6),
    ),
    # Without the auxiliary classifiers 6,998,552, which test_googlenet_without_its_auxiliary_classifiers counts.
    # Multiply-adds, without the auxiliary classifiers: the paper's section 5 says 1.5 billion and Netscope 1.6.
    "googlenet": Facts(
        13378280,
        images(224),
        (32, 50),
        {"inception_3a/output": (256, 28, 28), "inception_4e/output": (832, 14, 14), "pool5/7x7_s1": (1024, 1, 1)},
        outputs=GOOGLENET_OUTPUTS,
        flops=(1591044096, 1.6e9),
    ),
    # torchvision.models.vgg16 and keras.applications.VGG16 say the same; the paper's table 2 says 138 M.
    # torchvision's page of models has the multiply-adds of this and of others below: 15.47 billion.
    "vgg16": Facts(
        138357544, images(224), (64, 50), {"pool5": (512, 7, 7)}, outputs=CLASSIFIED, flops=(15470264320, 15.47e9)
    ),
    # torchvision.models.resnet50 has 25,557,032; He's release gives conv1 64 biases more.
    # Multiply-adds: table 1 of the paper.
    "resnet50": Facts(
        25557032 + 64,
        images(224),
        (256, 50),
        {"pool1": (64, 56, 56), "res3a": (512, 28, 28), "res5c": (2048, 7, 7), "pool5": (2048, 1, 1)},
        statistics=53120 + 53,
        outputs=CLASSIFIED,
        flops=(3857973248, 3.8e9),
    ),
    # torchvision.models.densenet121.
    "densenet121": Facts(
        7978856,
        images(224),
        (256, 50),
        {"pool1": (64, 56, 56), "pool2": (128, 28, 28), "concat_5_16": (1024, 7, 7)},
        statistics=83648 + 121,
        outputs=CLASSIFIED,
        flops=(2834161664, 2.83e9),
    ),
    # torchvision.models.densenet169, and its multiply-adds.
    "densenet169": Facts(
        14149480,
        images(224),
        (256, 50),
        {"pool1": (64, 56, 56), "concat_5_32": (1664, 7, 7)},
        statistics=158400 + 169,
        outputs=CLASSIFIED,
        flops=(3359843328, 3.36e9),
    ),
    # keras.applications.VGG19 and torchvision.models.vgg19.
    "vgg19": Facts(
        143667240, images(224), (64, 50), {"pool5": (512, 7, 7)}, outputs=CLASSIFIED, flops=(19632062464, 19.63e9)
    ),
    # torchvision.models.resnet18 has 11,689,512; here the first block has a projection, 64*64 weights and 2*64 of
    # Scale. Multiply-adds: table 1 of the paper, as for the two below.
    "resnet18": Facts(
        11689512 + 64 * 64 + 2 * 64,
        images(224),
        (256, 50),
        {"pool1": (64, 56, 56), "res3a": (128, 28, 28), "res5b": (512, 7, 7), "pool5": (512, 1, 1)},
        statistics=9600 + 128 + 21,
        outputs=CLASSIFIED,
        flops=(1826918400, 1.8e9),
    ),
    # torchvision.models.resnet101 and resnet152.
    "resnet101": Facts(
        44549160,
        images(224),
        (32, 50),
        {"pool1": (64, 56, 56), "res4b22": (1024, 14, 14), "pool5": (2048, 1, 1)},
        statistics=105344 + 104,
        outputs=CLASSIFIED,
        flops=(7570194432, 7.6e9),
    ),
    "resnet152": Facts(
        60192808,
        images(224),
        (32, 50),
        {"pool1": (64, 56, 56), "res4b35": (1024, 14, 14), "pool5": (2048, 1, 1)},
        statistics=151424 + 155,
        outputs=CLASSIFIED,
        flops=(11282415616, 11.3e9),
    ),
    # torchvision.models.resnext50_32x4d, 25,028,904, and its multiply-adds; here the data have a Scale, too.
    "resnext50": Facts(
        25028904 + 6,
        images(224),
        (32, 50),
        {"pooling0": (64, 56, 56), "stage2_unit1_plus": (512, 28, 28), "pool1": (2048, 1, 1)},
        statistics=68224 + 6 + 54,
        outputs=CLASSIFIED,
        flops=(4230479872, 4.23e9),
    ),
    # A ResNet-50 and, for each of its 16 blocks of C channels, (C+1)*C/16 + (C/16+1)*C. OpenVINO's Open Model Zoo,
    # se-resnet-50, has 7.775 billion operations, an addition and a multiplication each, of the same Caffe net.
    "se_resnet50": Facts(
        25557032
        + sum(count * (2 * c * c // 16 + c // 16 + c) for count, c in ((3, 256), (4, 512), (6, 1024), (3, 2048))),
        images(224),
        (32, 50),
        {
            "pool1/3x3_s2": (64, 56, 56),
            "conv2_1_global_pool": (256, 1, 1),
            "conv2_1_1x1_down": (16, 1, 1),
            "conv3_1": (512, 28, 28),
            "pool5/7x7_s1": (2048, 1, 1),
        },
        statistics=53120 + 53,
        outputs=CLASSIFIED,
        flops=(3860488192, 7.775e9 / 2),
    ),
    # Stem, stages, pyramid, and 3 x 3 and 1 x 1 convolutions of both heads; slope and bias of each channel that BN has,
    # which keeps a mean and a variance. The authors' net to apply has 46,841,174 numbers in all: without the second
    # head, whose 2,398,358 weights and 512 statistics are here besides.
    "pspnet50": Facts(
        9 * (3 * 64 + 64 * 64 + 64 * 128)
        + sum(
            read * 5 * width + count * 13 * width**2 + (count - 1) * 4 * width**2 for count, read, width in PSP_STAGES
        )
        + 4 * 2048 * 512
        + 9 * (4096 * 512 + 1024 * 256)
        + (512 + 1 + 256 + 1) * 150
        + 2 * PSP_CHANNELS,
        {"data": ((3, 473, 473),), "label": ((1, 473, 473),)},
        (16, 4),
        {
            "pool1_3x3_s2": (128, 119, 119),
            "conv3_1": (512, 60, 60),
            "conv5_3": (2048, 60, 60),
            "conv5_3_pool6": (2048, 6, 6),
            "conv5_3_concat": (4096, 60, 60),
            "conv6_interp": (150, 473, 473),
        },
        statistics=2 * PSP_CHANNELS,
        outputs=("accuracy", "loss", "loss_aux"),
        flops=(170160481472, None),
    ),
    # (7*7*3+1)*64 + 7*(7*7*64+1)*64, two numbers of SegNet's BN for 8 times 64 channels, (64+1)*11.
    "segnet_basic": Facts(
        (7 * 7 * 3 + 1) * 64 + 7 * (7 * 7 * 64 + 1) * 64 + 2 * 8 * 64 + (64 + 1) * 11,
        {"data": ((3, 360, 480), (1, 360, 480))},
        (4, 1),
        {
            "pool3": (64, 45, 60),
            "pool4": (64, 23, 30),
            "pool4_mask": (64, 23, 30),
            "upsample4": (64, 45, 60),
            "conv_classifier": (11, 360, 480),
        },
        flops=(
            49 * 64 * (360 * 480 * (3 + 64) + 2 * 64 * (180 * 240 + 90 * 120 + 45 * 60)) + 360 * 480 * 64 * 11,
            None,
        ),
    ),
    # Convolutions, two numbers of a Scale for each channel that is normalised, (960+1)*1000. The authors' own form is
    # wider in the units that halve the map: 1.9 M, and 138 million multiply-adds.
    "shufflenet_1x_g3": Facts(
        27 * 24
        + sum(
            read * thin // (3 if number else 1) + 9 * thin + thin * given // 3
            for number, (read, thin, given) in enumerate(SHUFFLED)
        )
        + 2 * (24 + sum(2 * thin + given for _, thin, given in SHUFFLED))
        + (960 + 1) * 1000,
        images(224),
        (128, 50),
        {
            "pool1": (24, 56, 56),
            "resx1_concat": (240, 28, 28),
            "resx5_concat": (480, 14, 14),
            "resx16_elewise": (960, 7, 7),
        },
        statistics=2 * (24 + sum(2 * thin + given for _, thin, given in SHUFFLED)) + 49,
        outputs=CLASSIFIED,
        flops=(127061304, None),
    ),
    # torchvision.models.squeezenet1_0 and squeezenet1_1. The authors count 1.72 billion operations for 1.0: an addition
    # and a multiplication each. Of 1.1 they say 0.72, which is right for 224 x 224; here it is 227 x 227.
    "squeezenet1_0": Facts(
        1248424,
        images(227),
        (32, 25),
        {"pool1": (96, 55, 55), "pool4": (256, 27, 27), "pool8": (512, 13, 13)},
        outputs=CLASSIFIED,
        flops=(861339936, 1.72e9 / 2),
    ),
    "squeezenet1_1": Facts(
        1235496,
        images(227),
        (32, 25),
        {"pool1": (64, 56, 56), "pool3": (128, 28, 28), "pool5": (256, 14, 14)},
        outputs=CLASSIFIED,
        flops=(387747520, None),
    ),
    # torchvision.models.mobilenet_v2, 3,504,872, has no expansion in its first block: 32*32 weights and 2*32 of Scale.
    # Multiply-adds: issue 69 of shicai/MobileNet-Caffe; the paper's 300 million are for its later versions, which have
    # 14 x 14 where the first one has 28 x 28.
    "mobilenet_v2": Facts(
        3504872 + 32 * 32 + 2 * 32,
        images(224),
        (256, 50),
        {"conv1": (32, 112, 112), "block_3_1": (24, 56, 56), "block_4_6": (64, 28, 28), "pool6": (1280, 1, 1)},
        statistics=34112 + 64 + 53,
        outputs=CLASSIFIED,
        flops=(429111936, 429e6),
    ),
    # keras.applications.InceptionV3: 23,817,352 learned; its BatchNorm has no factor, which are 17,216 numbers.
    # torchvision counts 5.71 billion multiply-adds for 299 x 299.
    "inception_v3": Facts(
        23817352 + 34432 // 2,
        images(299),
        (32, 50),
        {"pool2_3x3_s2": (192, 35, 35), "reduction_a_concat": (768, 17, 17), "inception_c2_concat": (2048, 8, 8)},
        statistics=34432 + 94,
        outputs=CLASSIFIED,
        flops=(5713216096, 5.71e9),
    ),
    # Layer by layer: lim0606/caffe-googlenet-bn without loss1 and loss2. Cadene's BNInception, whose modules 4c and 4d
    # give 32 channels more, has 2.05 billion multiply-adds (sovrasov/flops-counter.pytorch).
    "inception_bn": Facts(
        11194984,
        images(224),
        (32, 50),
        {"inception_3c/output": (576, 14, 14), "inception_5b/output": (1024, 7, 7)},
        statistics=19904 + 69,
        outputs=CLASSIFIED,
        flops=(2018851840, 2.05e9),
    ),
    # (11*11*3+1)*96 + 2*(96+1)*96, (5*5*96+1)*256 + 2*(256+1)*256, (3*3*256+1)*384 + 2*(384+1)*384, and
    # (3*3*384+1)*1024 + (1024+1)*(1024+1000).
    "nin_imagenet": Facts(
        7595176,
        images(224),
        (64, 50),
        {"pool0": (96, 27, 27), "pool3": (384, 6, 6), "pool4": (1000, 1, 1)},
        outputs=CLASSIFIED,
        flops=(1100188800, None),
    ),
    # (7*7*3+1)*96 + (5*5*96+1)*256 + (3*3*256+1)*384 + (3*3*384+1)*384 + (3*3*384+1)*256, and the 58.6 M of AlexNet's
    # inner products. Sizes: figure 3 of the paper.
    "zfnet": Facts(
        62357608,
        images(224),
        (128, 50),
        {"conv1": (96, 110, 110), "pool1": (96, 55, 55), "conv2": (256, 26, 26), "pool2": (256, 13, 13)}
        | {"pool5": (256, 6, 6)},
        outputs=CLASSIFIED,
        flops=(1168032896, None),
    ),
    # Table 6 of the paper says 0.85 M. Multiply-adds: readme of the code of Lin et al., arXiv 2307.00198.
    "cifar10_resnet56": Facts(
        853018,
        images(32),
        (128, 100),
        {"res1_9": (16, 32, 32), "res2_9": (32, 16, 16), "res3_9": (64, 8, 8)},
        statistics=2 * (19 * 16 + 18 * 32 + 18 * 64) + 55,
        flops=(125485696, 125.49e6),
    ),
    # keras.applications.MobileNet: 4,253,864, of which 4,231,976 are trainable and 21,888 are moving statistics.
    # Multiply-adds: table 8 of the paper.
    **dict.fromkeys(
        ("mobilenet_v1", "mobilenet_v1_depthwise"),
        Facts(
            4231976,
            images(224),
            (256, 50),
            {"conv1": (32, 112, 112), "conv6/sep": (1024, 7, 7), "pool6": (1024, 1, 1)},
            statistics=21888 + 27,
            outputs=CLASSIFIED,
            flops=(568740352, 569e6),
        ),
    ),
    # Besides the body, one bilinear kernel a class.
    "fcn32s": Facts(FCN_BODY + 21 * 64 * 64, VOC, (1, 1), {"score": (21, 375, 500)}, flops=(146315274624, None)),
    # Besides the body, two fixed scales, two scores, three bilinear kernels a class.
    "fcn8s": Facts(
        FCN_BODY + (512 + 256) + (512 + 1 + 256 + 1) * 21 + 21 * (4 * 4 + 4 * 4 + 16 * 16),
        VOC,
        (1, 1),
        {"score": (21, 375, 500)},
        flops=(146370535872, None),
    ),
    # A LeNet with (10+1)*2 more; its twin has the same parameters.
    "siamese_mnist": Facts(
        431080 + 22,
        images(28, "pair_data", 2),
        (64, 100),
        {"data_p": (1, 28, 28), "feat": (2,), "feat_p": (2,)},
        outputs=("loss",),
        flops=(4586040, None),
    ),
    # 8801 words of 1000; two LSTM of 4*1000 rows, the second with the image's 1000 features; 8801 scores.
    "lstm_captioner": Facts(
        8801 * 1000 + 4000 * (1000 + 1 + 1000) + 4000 * (1000 + 1 + 1000 + 1000) + (1000 + 1) * 8801,
        {},
        (20, 20),
        {},
        outputs=("accuracy", "cross_entropy_loss"),
    ),
    # Convolutions 3 x 3: 3 to 16, 32, four of 64 channels; on three maps 6 boxes of 4 numbers and 4 classes.
    "ssd_digits": Facts(
        (27 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64 + 3 * (9 * 64 + 1) * 64 + 6 * (9 * 64 + 1) * 24,
        {},
        (16, 10),
        {"conv3b": (64, 24, 24), "f1": (64, 12, 12), "f2": (64, 6, 6)},
        outputs=("mAP",),
    ),
    # VGG-16's convolutions; fc6, fc7; SSD's eight; a scale a channel; on six maps 4, 6, 6, 6, 4, 4 boxes of 25 numbers.
    "ssd300_vgg16": Facts(
        VGG_BODY
        + (9 * 512 + 1) * 1024
        + (1024 + 1) * 1024
        + (1024 + 1) * 256
        + (9 * 256 + 1) * 512
        + (512 + 1) * 128
        + (9 * 128 + 1) * 256
        + 2 * ((256 + 1) * 128 + (9 * 128 + 1) * 256)
        + 512
        + 25
        * sum(
            boxes * (9 * channels + 1) for boxes, channels in zip((4, 6, 6, 6, 4, 4), (512, 1024, 512, 256, 256, 256))
        ),
        {},
        (32, 8),
        {
            "conv4_3_norm": (512, 38, 38),
            "fc7": (1024, 19, 19),
            "conv6_2": (512, 10, 10),
            "conv7_2": (256, 5, 5),
            "conv8_2": (256, 3, 3),
            "conv9_2": (256, 1, 1),
            "mbox_priorbox": (2, 8732 * 4),
            "mbox_conf": (8732 * 21,),
        },
        outputs=("detection_eval",),
    ),
    # MobileNet's 3,206,976 without its classifier; SSD's eight convolutions with two numbers a channel for Scale.
    "mobilenet_ssd": Facts(
        4231976
        - (1024 + 1) * 1000
        + sum(
            read * thin + 9 * thin * wide + 2 * (thin + wide)
            for read, thin, wide in ((1024, 256, 512), (512, 128, 256), (256, 128, 256), (256, 64, 128))
        )
        + 25
        * sum(boxes * (channels + 1) for boxes, channels in zip((3, 6, 6, 6, 6, 6), (512, 1024, 512, 256, 256, 128))),
        {},
        (24, 8),
        {
            "conv11": (512, 19, 19),
            "conv13": (1024, 10, 10),
            "conv14_2": (512, 5, 5),
            "conv15_2": (256, 3, 3),
            "conv16_2": (256, 2, 2),
            "conv17_2": (128, 1, 1),
            "mbox_priorbox": (2, 1917 * 4),
            "mbox_conf": (1917 * 21,),
        },
        statistics=21888 + 27 + 2 * (256 + 512 + 128 + 256 + 128 + 256 + 64 + 128) + 8,
        outputs=("detection_eval",),
    ),
    # The weights and 10 biases of cifar10_full; BatchNorm of 32, 32 and 64 channels.
    "cifar10_sigmoid_bn": Facts(
        5 * 5 * 32 * (3 + 32 + 64) + (4 * 4 * 64 + 1) * 10,
        images(32, "cifar"),
        (100, 1000),
        {"bn1": (32, 16, 16), "pool3": (64, 4, 4)},
        statistics=2 * 128 + 3,
        flops=(12298240, None),
    ),
    # The paper's table 1 with k = 4 and N = 2: convolutions, a projection a group, two numbers of a Scale for each
    # channel that is normalised, (256+1)*10. Later implementations say 2.75 M.
    "cifar10_wrn16_4": Facts(
        9 * 3 * 16
        + sum(9 * (read * given + 3 * given * given) + read * given for read, given in WIDE)
        + 2 * (sum(read + 3 * given for read, given in WIDE) + 256)
        + (256 + 1) * 10,
        images(32),
        (128, 100),
        {"group1_2": (64, 32, 32), "group3_2": (256, 8, 8)},
        statistics=2 * (sum(read + 3 * given for read, given in WIDE) + 256) + 13,
        flops=(392612352, None),
    ),
    **{
        f"lenet_{name}": Facts(431080, images(28, "mnist", 1), (64, 100), {"pool2": (50, 4, 4)}, flops=(2293000, None))
        for name in ("multistep", "adam", "rmsprop", "adadelta", "adagrad", "nesterov", "linear")
    },
    # (5*5*1+1)*6 + (5*5*6+1)*16 + (4*4*16+1)*120 + (120+1)*84 + (84+1)*10.
    "lenet_6_16": Facts(44426, images(28, "mnist", 1), (100, 100), {"pool2": (16, 4, 4)}, flops=(281640, None)),
    # (5*5*1+1)*10 + (5*5*10+1)*20 + (4*4*20+1)*50 + (50+1)*10; PyTorch users know the number.
    "mnist_dropout": Facts(21840, images(28, "mnist", 1), (64, 1000), {"pool2": (20, 4, 4)}, flops=(480500, None)),
    # 784, 1000, 500, 250, 30 and back.
    "mnist_autoencoder": Facts(
        sum((a + 1) * b + (b + 1) * a for a, b in ((784, 1000), (1000, 500), (500, 250), (250, 30))),
        {"data": ((1, 28, 28),)},
        (100, 100),
        {"encode4": (30,), "decode1neuron": (784,)},
        outputs=("cross_entropy_loss", "l2_error"),
        flops=(2 * (784 * 1000 + 1000 * 500 + 500 * 250 + 250 * 30), None),
    ),
    "logreg_hdf5": Facts((4 + 1) * 2, {"data": ((4,), ())}, (10, 10), {"fc1": (2,)}, flops=(8, None)),
    # Besides the body, one score, two bilinear kernels a class.
    "fcn16s": Facts(
        FCN_BODY + (512 + 1) * 21 + 21 * (4 * 4 + 32 * 32),
        VOC,
        (1, 1),
        {"score": (21, 375, 500)},
        flops=(146334864768, None),
    ),
    # CaffeNet, whose arrays lie otherwise.
    "caffenet_full_conv": Facts(
        60965224,
        images(227),
        (256, 50),
        {"pool5": (256, 6, 6), "fc6-conv": (4096, 1, 1), "fc8-conv": (1000, 1, 1)},
        outputs=CLASSIFIED,
        flops=(724406816, 724e6),
    ),
    # CaffeNet with (4096+1)*20 in place of (4096+1)*1000.
    "flickr_style": Facts(
        60965224 - (4096 + 1) * (1000 - 20), images(227), (50, 50), {"fc8_flickr": (20,)}, flops=(720392736, None)
    ),
    # The paper says 8,032 weights; here with biases.
    "srcnn": Facts(
        8032 + 64 + 32 + 1,
        {"data": ((1, 33, 33), (1, 21, 21))},
        (128, 2),
        {"conv1": (64, 25, 25), "conv3": (1, 21, 21)},
        outputs=("loss",),
        flops=(25 * 25 * (81 * 64 + 64 * 32) + 21 * 21 * 25 * 32, None),
    ),
    # (9+1)*64 + 18*(9*64+1)*64 + (9*64+1)*1.
    "vdsr": Facts(
        665921,
        {"data": ((1, 41, 41), (1, 41, 41))},
        (64, 2),
        {"conv19": (64, 41, 41), "sum": (1, 41, 41)},
        outputs=("loss",),
        flops=(1117367424, None),
    ),
    # open-mmlab/mmaction2, configs/recognition/c3d/README.md: 78.4 M, and 38.5 billion multiply-adds.
    # fc6 reads 4*4*512 numbers.
    "c3d": Facts(
        78409573,
        {"data": ((3, 16, 112, 112), ())},
        (30, 30),
        {"pool1": (64, 16, 56, 56), "pool5": (512, 1, 4, 4), "fc8": (101,)},
        flops=(38547378176, 38.5e9),
    ),
}
