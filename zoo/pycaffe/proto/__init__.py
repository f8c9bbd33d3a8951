"""Where pycaffe keeps its messages: ``from zoo.pycaffe.proto import caffe_pb2``."""
