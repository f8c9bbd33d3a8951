"""cv2.dnn's model classes over a `Net`: an image in, boxes, a class, a mask or key points out."""

import cv2
import numpy as np

from zoo.cv import calls, files
from zoo.cv.keywords import also_called
from zoo.cv.net import Net
from zoo.errors import NetError, UnsupportedError
from zoo.pycaffe.errors import also, raised_as


class Model:
    """A net with the way from an image to its input.

    Threads may share a model: each image is done whole before the next begins.

    Args:
        model: a `Net`, or the path of a Caffe file.
        config: path of the other file.
    """

    @also_called(network="model")
    def __init__(self, model, config=""):
        net = model if isinstance(model, Net) else files.readNet(model, config)
        if not isinstance(net, Net):
            raise also(UnsupportedError, cv2.error)("these are no files of Caffe's", got=model, hint="cv2.dnn has them")
        self._net = net
        self._outputs = net.getUnconnectedOutLayersNames()
        shape = net.stated_shape()
        self._size = (shape[3], shape[2]) if shape is not None and len(shape) == 4 else (0, 0)
        self._scale, self._mean, self._swap, self._crop = 1.0, (), False, False

    def setInputParams(self, scale=1.0, size=(0, 0), mean=(), swapRB=False, crop=False):
        """Sets how an image becomes the input: resized to `size` (W, H), or cropped from its centre; less `mean`,
        times `scale`."""
        self._scale, self._size, self._mean, self._swap, self._crop = scale, tuple(size), mean, swapRB, crop

    def setInputScale(self, scale):
        """Sets the factor; returns the model."""
        self._scale = scale
        return self

    def setInputMean(self, mean):
        """Sets the mean of each channel; returns the model."""
        self._mean = mean
        return self

    @also_called(width="size")
    def setInputSize(self, size, height=None):
        """Sets (W, H), a tuple or two numbers; returns the model."""
        self._size = tuple(size) if height is None else (size, height)
        return self

    def setInputSwapRB(self, swapRB):
        """Sets whether the first and the last channel change places; returns the model."""
        self._swap = swapRB
        return self

    def setInputCrop(self, crop):
        """Sets whether the image is cropped; returns the model."""
        self._crop = crop
        return self

    def setOutputNames(self, outNames):
        """Sets the layers whose outputs `predict` gives; returns the model."""
        self._outputs = tuple(outNames)
        return self

    def setPreferableBackend(self, backendId):
        """Accepted; returns the model."""
        return self

    def setPreferableTarget(self, targetId):
        """Accepted; returns the model."""
        return self

    def enableWinograd(self, useWinograd):
        """Accepted; returns the model."""
        return self

    @raised_as(cv2.error)
    def predict(self, frame, outs=()):
        """Returns a tuple of the outputs for an image (H,W,C), written into the arrays of `outs` too where these fit.

        Raises:
            NetError: the size of the input is not set.
        """
        if min(self._size) <= 0:
            raise NetError("Input size not specified", got=self._size, hint="call setInputParams(size=(W, H))")
        mean = np.ravel(self._mean).astype(float).tolist() or (0, 0, 0, 0)
        blob = cv2.dnn.blobFromImage(frame, self._scale, self._size, mean, self._swap, self._crop)
        with self._net.lock:
            self._net.setInput(blob)
            if self._reads_sizes():
                self._net.setInput(np.array([[self._size[1], self._size[0], 1.6]], np.float32), "im_info")
            return self._net.forward(self._outputs, outs)

    def _reads_sizes(self):
        return self._net.getLayer(0).outputNameToIndex("im_info") != -1

    def _only(self, frame):
        outputs = self.predict(frame)
        if len(outputs) != 1:
            raise NetError("the net must have one output", got=", ".join(self._outputs), hint="call setOutputNames")
        return outputs[0]


class ClassificationModel(Model):
    """A net that scores classes."""

    @also_called(network="model")
    def __init__(self, model, config=""):
        super().__init__(model, config)
        self._softmax = False

    def setEnableSoftmaxPostProcessing(self, enable):
        """Sets whether scores pass a softmax; returns the model."""
        self._softmax = enable
        return self

    def getEnableSoftmaxPostProcessing(self):
        """Whether scores pass a softmax."""
        return self._softmax

    @raised_as(cv2.error)
    def classify(self, frame):
        """Returns (number of the highest score, that score)."""
        scores = self._only(frame).ravel()
        if self._softmax:
            powers = np.exp(scores - scores.max())
            scores = powers / powers.sum()
        best = int(scores.argmax())
        return best, float(scores[best])


class SegmentationModel(Model):
    """A net that scores classes for each pixel."""

    @raised_as(cv2.error)
    def segment(self, frame, mask=None):
        """Returns the class of each pixel of the output, (H,W) of uint8, written into `mask` too where that fits."""
        return calls.written(self._only(frame)[0].argmax(axis=0).astype(np.uint8), mask)


class KeypointsModel(Model):
    """A net that gives a map of probability for each point, and one of the background last; or the points."""

    @raised_as(cv2.error)
    def estimate(self, frame, thresh=0.5):
        """Returns the points as (N,2) of float32, x and y in the image; (-1, -1) for one that is not there."""
        output = self._only(frame)
        if output.ndim != 4:
            return np.array(output[0, :, :2], np.float32)
        height, width = output.shape[2:]
        points = []
        for plane in output[0, :-1]:
            row, column = np.unravel_index(plane.argmax(), plane.shape)
            x, y = np.float32(column), np.float32(row)
            x, y = x * (np.float32(frame.shape[1]) / width), y * (np.float32(frame.shape[0]) / height)
            points.append((x, y) if plane[row, column] > thresh else (-1, -1))
        return np.array(points, np.float32).reshape(-1, 2)


class DetectionModel(Model):
    """A net that ends in DetectionOutput."""

    @also_called(network="model")
    def __init__(self, model, config=""):
        super().__init__(model, config)
        self._across = False

    def setNmsAcrossClasses(self, value):
        """Sets whether boxes of one class suppress those of others; returns the model."""
        self._across = value
        return self

    def getNmsAcrossClasses(self):
        """Whether boxes of one class suppress those of others."""
        return self._across

    @raised_as(cv2.error)
    def detect(self, frame, confThreshold=0.5, nmsThreshold=0.0):
        """Returns (classes, scores, boxes): arrays (N,), (N,) and (N,4) of x, y, width, height in pixels of the image.

        Args:
            frame: the image (H,W,C).
            confThreshold: the least score.
            nmsThreshold: the largest overlap of two boxes that stay, where not 0.

        Raises:
            UnsupportedError: the net ends in a layer of another type.
        """
        kind = self._net.getLayer(len(self._net.getLayerNames())).type
        if kind != "DetectionOutput":
            raise UnsupportedError(f'Unknown output layer type: "{kind}"', want="DetectionOutput")
        sizes = self._size if self._reads_sizes() else (frame.shape[1], frame.shape[0])
        rows = np.concatenate([output.reshape(-1, 7) for output in self.predict(frame)])
        rows = rows[rows[:, 2] >= np.float32(confThreshold)]
        classes, scores = rows[:, 1].astype(np.int32), rows[:, 2].copy()
        boxes = np.array([_box(row[3:], sizes) for row in rows], np.int32).reshape(-1, 4)
        if nmsThreshold and len(rows):
            kept = self._kept(classes, scores, boxes, confThreshold, nmsThreshold)
            classes, scores, boxes = classes[kept], scores[kept], boxes[kept]
        return (classes, scores, boxes) if len(classes) else ((), (), ())

    def _kept(self, classes, scores, boxes, least, most):
        groups = [np.arange(len(classes))]
        if not self._across:
            groups = [np.flatnonzero(classes == each) for each in np.unique(classes)]
        kept = [
            group[np.array(cv2.dnn.NMSBoxes(boxes[group].tolist(), scores[group].tolist(), least, most), int).ravel()]
            for group in groups
        ]
        return np.concatenate(kept)


def _box(corners, sizes):
    """Returns (x, y, width, height) in whole pixels of corners in parts of the image, or in pixels where so large."""
    left, top, right, bottom = (int(value) for value in corners)
    width, height = right - left + 1, bottom - top + 1
    if width <= 2 or height <= 2:
        scales = np.array([*sizes, *sizes], np.float32)
        left, top, right, bottom = (int(value) for value in corners * scales)
        width, height = right - left + 1, bottom - top + 1
    left, top = max(0, min(left, sizes[0] - 1)), max(0, min(top, sizes[1] - 1))
    return left, top, max(1, min(width, sizes[0] - left)), max(1, min(height, sizes[1] - top))
