"""The layer types of Caffe's forks."""
