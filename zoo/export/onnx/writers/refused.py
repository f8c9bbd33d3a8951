"""Layer types that no ONNX file holds, and why."""

from zoo.export.onnx.registry import refuse

refuse(
    "it compares with labels, which a net to deploy does not have",
    "Accuracy",
    "ContrastiveLoss",
    "EuclideanLoss",
    "HingeLoss",
    "InfogainLoss",
    "MultinomialLogisticLoss",
    "SigmoidCrossEntropyLoss",
    "SoftmaxWithLoss",
)
refuse("it is code of the user's own", "Python")
