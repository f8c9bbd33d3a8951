"""Messages and arrays: BlobProto, BlobProtoVector and Datum, as pycaffe's io converts them."""

import math

import numpy as np

from zoo.errors import DataError
from zoo.formats import caffe_pb2, image_file
from zoo.pycaffe.errors import also, raised_as


def blobproto_to_array(blob, return_diff=False):
    """Returns the values of a BlobProto, or its gradients, in its shape (float64, as pycaffe gives them).

    Raises:
        DataError: the shape is not that of the values.
    """
    data = np.array(blob.diff if return_diff else blob.data, np.float64)
    legacy = any(blob.HasField(name) for name in ("num", "channels", "height", "width"))
    shape = (blob.num, blob.channels, blob.height, blob.width) if legacy else tuple(blob.shape.dim)
    return _shaped(data, shape, "BlobProto")


def array_to_blobproto(arr, diff=None):
    """Returns a BlobProto of an array of any shape, and of its gradients."""
    arr = np.asarray(arr)
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend(arr.shape)
    blob.data.extend(arr.astype(np.float64).flat)
    if diff is not None:
        diff = np.asarray(diff)
        if diff.shape != arr.shape:
            raise also(DataError, ValueError)("gradients unlike the values", got=diff.shape, want=arr.shape)
        blob.diff.extend(diff.astype(np.float64).flat)
    return blob


def arraylist_to_blobprotovector_str(arraylist):
    """Returns a list of arrays as the bytes of a BlobProtoVector."""
    return caffe_pb2.BlobProtoVector(blobs=[array_to_blobproto(arr) for arr in arraylist]).SerializeToString()


def blobprotovector_str_to_arraylist(str):
    """Returns the list of arrays in the bytes of a BlobProtoVector; raises DataError for other bytes."""
    try:
        vector = caffe_pb2.BlobProtoVector.FromString(str)
    except Exception as error:  # protobuf's DecodeError, or TypeError for what is no bytes
        raise also(DataError, type(error))("no BlobProtoVector", got=f"{error}") from error
    return [blobproto_to_array(blob) for blob in vector.blobs]


def array_to_datum(arr, label=None):
    """Returns a Datum of an array (K, H, W), uint8 as bytes, else as floats; raises DataError for other ranks."""
    arr = np.asarray(arr)
    if arr.ndim != 3:
        raise also(DataError, ValueError)("a Datum holds one image", got=f"shape {arr.shape}", want="(K, H, W)")
    datum = caffe_pb2.Datum(channels=arr.shape[0], height=arr.shape[1], width=arr.shape[2])
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(np.float64).flat)
    if label is not None:
        datum.label = int(label)
    return datum


def datum_to_array(datum):
    """Returns the image of a Datum as (K, H, W): uint8 from bytes, float64 from floats; an encoded one decoded (BGR).

    Raises:
        DataError: the sizes are not those of the values, or the encoded image is damaged or larger than the limit.
    """
    if datum.encoded:
        with raised_as(ValueError):
            picture = image_file.decode(datum.data, image_file.opencv().IMREAD_UNCHANGED)
        return np.ascontiguousarray(np.atleast_3d(picture).transpose(2, 0, 1))
    shape = (datum.channels, datum.height, datum.width)
    if datum.data:
        return _shaped(np.frombuffer(datum.data, np.uint8).copy(), shape, "Datum")
    return _shaped(np.array(datum.float_data, np.float64), shape, "Datum")


def _shaped(data, shape, what):
    if data.size != math.prod(shape) or min(shape, default=0) < 0:
        raise also(DataError, ValueError)(f"sizes of a {what}", got=f"{data.size} values for shape {shape}")
    return data.reshape(shape)
