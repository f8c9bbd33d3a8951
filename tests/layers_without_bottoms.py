"""A Python layer without bottoms that learns, named by the net of test_execution.py."""

import zoo.pycaffe as caffe


class Offset(caffe.Layer):
    """top = w, a learned vector of 4 values from 0.5."""

    def setup(self, bottom, top):
        self.blobs.add_blob(4)
        self.blobs[0].data[...] = 0.5

    def reshape(self, bottom, top):
        top[0].reshape(4)

    def forward(self, bottom, top):
        top[0].data[...] = self.blobs[0].data

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += top[0].diff
