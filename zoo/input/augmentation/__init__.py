"""SSD's augmentation of an image and its boxes, each step a function of a NumPy random generator (weiliu89/caffe@ssd).

SSD writes a JPEG file between two steps and reads it again; here pixels stay as they are.
"""
