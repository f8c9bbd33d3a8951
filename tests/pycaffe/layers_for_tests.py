"""Python layers as users of pycaffe write them, named by the nets of test_python_layers.py."""

import json

import numpy as np

import zoo.pycaffe as caffe


class Scale(caffe.Layer):
    """top = factor * bottom."""

    def setup(self, bottom, top):
        if len(bottom) != 1:
            raise ValueError("Scale wants one bottom")
        self.factor = json.loads(self.param_str or "{}").get("factor", 10)

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.factor * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].diff[...] = self.factor * top[0].diff


class EuclideanLoss(caffe.Layer):
    """The sum of squared differences over 2N, which the loss layer of that name gives, too."""

    def setup(self, bottom, top):
        if len(bottom) != 2:
            raise ValueError("needs two bottoms")

    def reshape(self, bottom, top):
        if bottom[0].count != bottom[1].count:
            raise ValueError("inputs must be alike")
        self.diff = np.zeros_like(bottom[0].data)
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.diff[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.diff**2) / bottom[0].num / 2.0

    def backward(self, top, propagate_down, bottom):
        for i, sign in enumerate((1, -1)):
            if propagate_down[i]:
                bottom[i].diff[...] = sign * self.diff / bottom[i].num * top[0].diff[0]


class Source(caffe.Layer):
    """Data: 1, 2, 3, ... of a growing number of items."""

    def setup(self, bottom, top):
        self.count = 0

    def reshape(self, bottom, top):
        top[0].reshape(2 + self.count, 3)

    def forward(self, bottom, top):
        self.count += 1
        top[0].data[...] = self.count


class Chosen(caffe.Layer):
    """As many items as the first value of its bottom says, known only when it runs forward."""

    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(1, *bottom[0].shape[1:])

    def forward(self, bottom, top):
        count = int(bottom[0].data.flat[0])
        top[0].reshape(count, *bottom[0].shape[1:])
        top[0].data[...] = bottom[0].data[:count]

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 0
        bottom[0].diff[: top[0].num] = top[0].diff


class Learned(caffe.Layer):
    """top = bottom + w, one learned w a column, from 0.5."""

    def setup(self, bottom, top):
        self.blobs.add_blob(bottom[0].shape[1])
        self.blobs[0].data[...] = 0.5

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data + self.blobs[0].data

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += top[0].diff.sum(0)
        if propagate_down[0]:
            bottom[0].diff[...] = top[0].diff


class Phase(caffe.Layer):
    """Its phase."""

    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape()

    def forward(self, bottom, top):
        top[0].data[()] = self.phase


class Failing(caffe.Layer):
    """Fails."""

    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        raise RuntimeError("the user's own")


NO_LAYER = 3
