"""A Caffe net and its weights as files that other programs load, and the proof that they compute the same.

Next to `zoo.training`: neither knows the other.
"""
