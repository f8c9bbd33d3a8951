"""Names that texts use for layers and fields: Caffe's own types, those of its forks, and words of other frameworks.

With them an error says where a name that Caffe does not know comes from, instead of a word that merely looks like it.
"""

from collections.abc import Iterable

from zoo.errors import did_you_mean

# fmt: off
TYPES: frozenset[str] = frozenset((
    "AbsVal", "Accuracy", "ArgMax", "BNLL", "BatchNorm", "BatchReindex", "Bias", "Clip", "Concat", "ContrastiveLoss",
    "Convolution", "Crop", "Data", "Deconvolution", "Dropout", "DummyData", "ELU", "Eltwise", "Embed", "EuclideanLoss",
    "Exp", "Filter", "Flatten", "HDF5Data", "HDF5Output", "HingeLoss", "Im2col", "ImageData", "InfogainLoss",
    "InnerProduct", "Input", "LRN", "LSTM", "LSTMUnit", "Log", "MVN", "MemoryData", "MultinomialLogisticLoss", "PReLU",
    "Parameter", "Pooling", "Power", "Python", "RNN", "ReLU", "Reduction", "Reshape", "SPP", "Scale", "Sigmoid",
    "SigmoidCrossEntropyLoss", "Silence", "Slice", "Softmax", "SoftmaxWithLoss", "Split", "Swish", "TanH", "Threshold",
    "Tile", "WindowData",
))  # of BVLC/caffe 9b8915401
KNOWN: set[str] = set(TYPES)  # and those that the registry of layer types adds

# Fork -> its layer types; its fields, of whatever message.
_FORKS = {
    "SSD (weiliu89/caffe@ssd)": (
        "AnnotatedData DetectionEvaluate DetectionOutput MultiBoxLoss Normalize Permute PriorBox SmoothL1Loss"
        " VideoData",
        "annotated_data_param ap_version crop_h crop_w detection_evaluate_param detection_output_param distort_param"
        " emit_constraint eval_type expand_param multibox_loss_param noise_param norm_param permute_param"
        " plateau_winsize prior_box_param resize_param show_per_class_result video_data_param",
    ),
    "Fast R-CNN (rbgirshick/caffe-fast-rcnn)": (
        "ROIPooling SmoothL1Loss", "roi_pooling_param scale_train smooth_l1_loss_param",
    ),
    "R-FCN (daijifeng001/caffe-rfcn)": (
        "BoxAnnotatorOHEM PSROIPooling SmoothL1Loss",
        "box_annotator_ohem_param pre_fixed_normalizer psroi_pooling_param",
    ),
    "SegNet (alexgkendall/caffe-segnet)": (
        "BN DenseImageData Upsample",
        "bn_mode bn_param class_weighting dense_image_data_param sample_weights_test upsample_param"
        " weight_by_label_freqs",
    ),
    "PSPNet (hszhao/PSPNet)": ("BN Interp SegAccuracy", "bn_param interp_param seg_accuracy_param"),
    "PVANet (sanghoon/caffe)": ("Proposal", "proposal_param"),
    "Intel's (intel/caffe)": (
        "BoxAnnotatorOHEM MKLBatchNorm PSROIPooling ROIPooling Reorg SmoothL1LossOHEM SoftmaxWithLossOHEM"
        " SpatialDropout",
        "avg_include_pad spatial_dropout_param",
    ),
    "NVIDIA's (NVIDIA/caffe)": (
        "DetectNetTransformation L1Loss",
        "backward_math backward_type conv_algos_override cudnn_math_override default_backward_math"
        " default_backward_type default_forward_math default_forward_type detectnet_augmentation_param"
        " detectnet_groundtruth_param forward_math forward_type scale_bias",
    ),
    "YOLO (eric612/Caffe-YOLOv3-Windows)": (
        "ReLU6 RegionLoss Reorg YoloDetectionOutput Yolov3 Yolov3DetectionOutput",
        "region_loss_param relu6_param reorg_param yolo_detection_output_param yolov3_detection_output_param"
        " yolov3_param",
    ),
    "happynear/caffe-windows": ("BN Local Normalize", "bn_param local_param normalize_param"),
    "yonghenglh6/DepthwiseConvolution": ("DepthwiseConvolution", ""),
    "sp2823/caffe": ("ConvolutionDepthwise", ""),
    "ShuffleNet (farmingyard/ShuffleNet)": ("ShuffleChannel", "shuffle_channel_param"),
    "SENet (hujie-frank/SENet)": ("Axpy", ""),
    "SphereFace (wy1iu/sphereface)": ("MarginInnerProduct", "margin_inner_product_param"),
    "Center loss (ydwen/caffe-face)": ("CenterLoss", "center_loss_param"),
    "OCR (senlinuc/caffe_ocr)": (
        "CTCGreedyDecoder DenseBlock Lstm Reverse Transpose WarpCTC WarpCTCLoss",
        "ctc_decoder_param ctc_loss_param denseblock_param lstm_param reverse_param transpose_param warp_ctc_param",
    ),
    "C3D (facebook/C3D)": (
        "Convolution3D DECONVOLUTION3D Pooling3D VIDEO_DATA VIDEO_SEGMENTATION_DATA VOLUME_DATA VOXEL_SOFTMAX_LOSS",
        "convolution3d_param filter_group kernel_depth pooling3d_param temporal_pad temporal_stride",
    ),
    "FlowNet (lmb-freiburg/flownet2)": (
        "Correlation Downsample FlowWarp L1Loss Mean Resample",
        "correlation_param downsample_param l1_loss_param mean_param resample_param",
    ),
    "opencv_contrib": ("NormalizeBBox", "normalize_bbox_param"),
}

# What another framework calls a layer -> how Caffe says it.
_TYPES_ELSEWHERE = {
    **dict.fromkeys(("LogSoftmax", "NLLLoss", "CrossEntropyLoss", "CrossEntropy", "SparseCategoricalCrossentropy"),
                    "in Caffe SoftmaxWithLoss is log-softmax and the loss of it in one; alone: Softmax, then Log"),
    **dict.fromkeys(("MSELoss", "L2Loss", "MeanSquaredError"), "Caffe's EuclideanLoss is half of it"),
    **dict.fromkeys(("BCELoss", "BCEWithLogitsLoss"), "in Caffe: SigmoidCrossEntropyLoss, before a sigmoid"),
    **dict.fromkeys(("Conv", "Conv2d", "Conv2D", "Conv1d", "Conv3d", "Conv3D"), "in Caffe: Convolution"),
    **dict.fromkeys(("ConvTranspose2d", "Conv2DTranspose"), "in Caffe: Deconvolution"),
    **dict.fromkeys(("Linear", "Dense", "FullyConnected", "FC"), "in Caffe: InnerProduct"),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNormalization"), "in Caffe: BatchNorm, then Scale"),
    **dict.fromkeys(("MaxPool", "MaxPool2d", "MaxPooling2D"), "in Caffe: Pooling with pool: MAX"),
    **dict.fromkeys(("AvgPool", "AvgPool2d", "AveragePooling2D"), "in Caffe: Pooling with pool: AVE"),
    **dict.fromkeys(("GlobalAveragePooling2D", "AdaptiveAvgPool2d"),
                    "in Caffe: Pooling with pool: AVE global_pooling: true"),
    **dict.fromkeys(("LeakyReLU", "LeakyRelu"), "in Caffe: ReLU with relu_param { negative_slope: ... }"),
    "Softplus": "in Caffe: BNLL", "SiLU": "in Caffe: Swish", "Add": "in Caffe: Eltwise with operation: SUM",
}
_RATE = "in Caffe: base_lr, with an lr_policy"
_LENGTH = "in Caffe: max_iter, counted in batches"
_BATCH = "set it in a data layer of the net: data_param { batch_size: ... }"
_FIELDS_ELSEWHERE = {
    "SolverParameter": {
        **dict.fromkeys(("lr", "learning_rate"), _RATE),
        **dict.fromkeys(("epochs", "num_epochs", "epoch", "iterations", "max_iters", "max_epoch"), _LENGTH),
        **dict.fromkeys(("batch_size", "batchsize"), _BATCH),
        **dict.fromkeys(("optimizer", "optimiser"), 'in Caffe: type: "SGD", "Adam", ...'),
        **dict.fromkeys(("gpu", "gpus", "gpu_id"), "in Caffe: device_id; several: zoo.train --gpu=0,1"),
        "decay": "in Caffe: weight_decay", "beta1": "in Caffe: momentum", "beta2": "in Caffe: momentum2",
        "epsilon": "in Caffe: delta", "seed": "in Caffe: random_seed",
    },
    "NetParameter": {
        **dict.fromkeys(("lr", "learning_rate"), "set in the solver, as base_lr; a layer: param { lr_mult: ... }"),
        **dict.fromkeys(("batch_size", "batchsize"), _BATCH),
    },
}
# fmt: on


def _forks_of(name, kind):
    return [fork for fork, names in _FORKS.items() if name in names[kind].split()]


def forks_with_field(name: str) -> list[str]:
    """Returns the forks that have a field of this name, in whatever message, as "SSD (weiliu89/caffe@ssd)"."""
    return _forks_of(name, 1)


def about_type(name: str, known: Iterable[str] = TYPES) -> str | None:
    """Returns what to say of a layer type that is not among the `known`: whose it is, or the nearest word; or None."""
    if forks := _forks_of(name, 0):
        return f"a layer of a fork of Caffe that is not supported here, {' or '.join(forks)}"
    return _TYPES_ELSEWHERE.get(name) or did_you_mean(name, known)


def about_field(name, message, known, type_known=True):
    """Returns what to say of a field that the schema does not have, or None.

    Args:
        name: the field's.
        message: the name of the message that it stands in, such as "TransformationParameter".
        known: the names of that message's fields.
        type_known: whether the layer in which it stands has a type of Caffe's; if not, its `..._param` is its own.
    """
    if forks := _forks_of(name, 1):
        return f"a field of a fork of Caffe that is not supported here, {' or '.join(forks)}"
    if cure := _FIELDS_ELSEWHERE.get(message, {}).get(name):
        return cure
    return did_you_mean(name, known) if type_known or not name.endswith("_param") else None
