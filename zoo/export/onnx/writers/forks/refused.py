"""Layer types of forks that no ONNX file holds, and why."""

from zoo.export.onnx.registry import refuse

refuse(
    "it compares with labels, which a net to deploy does not have",
    "BoxAnnotatorOHEM",
    "CenterLoss",
    "DetectionEvaluate",
    "L1Loss (nvidia)",
    "MultiBoxLoss",
    "RegionLoss",
    "SegAccuracy",
    "SmoothL1Loss (frcnn)",
    "SmoothL1Loss (rfcn)",
    "SmoothL1Loss (ssd)",
    "SmoothL1LossOHEM",
    "SoftmaxWithLoss (segnet)",
    "SoftmaxWithLossOHEM",
    "WarpCTCLoss",
    "Yolov3",
)
