"""Messages, images and their way into a net."""

import os

import cv2
import numpy as np
import pytest

import zoo.pycaffe as caffe
from zoo.errors import DataError, NetError
from zoo.pycaffe.proto import caffe_pb2

RNG = np.random.default_rng(3)
io = caffe.io


def test_blobs():
    values, diff = RNG.normal(size=(2, 3, 1)), RNG.normal(size=(2, 3, 1))
    blob = io.array_to_blobproto(values, diff)
    assert list(blob.shape.dim) == [2, 3, 1]
    np.testing.assert_allclose(io.blobproto_to_array(blob), values, rtol=1e-6)
    np.testing.assert_allclose(io.blobproto_to_array(blob, return_diff=True), diff, rtol=1e-6)
    legacy = caffe_pb2.BlobProto(num=1, channels=2, height=1, width=3, data=range(6))
    np.testing.assert_array_equal(io.blobproto_to_array(legacy), np.arange(6).reshape(1, 2, 1, 3))
    arrays = io.blobprotovector_str_to_arraylist(io.arraylist_to_blobprotovector_str([values, values[0]]))
    assert [a.shape for a in arrays] == [(2, 3, 1), (3, 1)]
    with pytest.raises(DataError, match="5 values for shape"):
        io.blobproto_to_array(caffe_pb2.BlobProto(num=1, channels=2, height=1, width=3, data=range(5)))
    with pytest.raises(DataError, match="gradients unlike"):
        io.array_to_blobproto(values, diff[0])
    with pytest.raises(DataError, match="values for shape"):
        io.blobproto_to_array(caffe_pb2.BlobProto(num=-1, channels=-6, height=1, width=1, data=range(6)))
    with pytest.raises(DataError, match="no BlobProtoVector"):
        io.blobprotovector_str_to_arraylist(b"\xff\xff\xff")


def test_datums():
    picture = RNG.integers(0, 256, (3, 4, 5), np.uint8)
    datum = io.array_to_datum(picture, 7)
    assert (datum.label, datum.data) == (7, picture.tobytes())
    np.testing.assert_array_equal(io.datum_to_array(datum), picture)
    floats = RNG.normal(size=(2, 3, 1))
    datum = io.array_to_datum(floats)
    assert not datum.HasField("label")
    np.testing.assert_allclose(io.datum_to_array(datum), floats, rtol=1e-6)
    png = cv2.imencode(".png", picture.transpose(1, 2, 0))[1].tobytes()
    np.testing.assert_array_equal(io.datum_to_array(caffe_pb2.Datum(encoded=True, data=png)), picture)
    for wrong in (
        caffe_pb2.Datum(encoded=True, data=b"no"),
        caffe_pb2.Datum(channels=1, height=2, width=2, data=b"123"),
    ):
        with pytest.raises(DataError):
            io.datum_to_array(wrong)
    with pytest.raises(DataError, match=r"want \(K, H, W\)"):
        io.array_to_datum(picture[0])


def test_load_image(tmp_path):
    rgb = RNG.integers(0, 256, (4, 6, 3), np.uint8)
    grey = RNG.integers(0, 256, (4, 6), np.uint8)
    deep = RNG.integers(0, 65536, (4, 6, 3), np.uint16)
    for name, picture in (("c", rgb[..., ::-1]), ("g", grey), ("d", deep[..., ::-1])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([rgb[..., ::-1], grey]))
    for name, want in (("c", rgb / 255), ("a", rgb / 255), ("d", deep / 65535), ("g", np.dstack([grey / 255] * 3))):
        found = io.load_image(str(tmp_path / f"{name}.png"))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, want, rtol=1e-6)
    luminance = rgb[..., 0] / 255 * 0.2125 + rgb[..., 1] / 255 * 0.7154 + rgb[..., 2] / 255 * 0.0721
    np.testing.assert_allclose(io.load_image(tmp_path / "c.png", color=False)[..., 0], luminance, rtol=1e-5)
    np.testing.assert_allclose(io.load_image(tmp_path / "g.png", color=False)[..., 0], grey / 255, rtol=1e-6)
    (tmp_path / "no.png").write_text("text")
    for name, says in (("no.png", "an image that does not decode"), ("gone.png", "cannot read the image")):
        with pytest.raises(DataError, match=f"{name}: {says}"):
            io.load_image(tmp_path / name)


def test_images_larger_than_the_limits(tmp_path, monkeypatch):
    """Both as the files that they are and within a Datum, before their pixels are decoded."""
    data = cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    (tmp_path / "x.png").write_bytes(data)
    (tmp_path / "x.jpg").write_bytes(cv2.imencode(".jpg", np.zeros((20, 30, 3), np.uint8))[1].tobytes())
    monkeypatch.setenv("ZOO_MAX_IMAGE_PIXELS", "599")
    said = r"an image of 20 x 30 \(H x W\), got 600 pixels, want at most 599 .*ZOO_MAX_IMAGE_PIXELS=N"
    for name in ("x.png", "x.jpg"):
        with pytest.raises(DataError, match=f"{name}: {said}") as caught:
            io.load_image(tmp_path / name)
        assert isinstance(caught.value, OSError)
    with pytest.raises(DataError, match=said) as caught:
        io.datum_to_array(caffe_pb2.Datum(encoded=True, data=data))
    assert isinstance(caught.value, ValueError)
    monkeypatch.setenv("ZOO_MAX_IMAGE_PIXELS", "600")
    monkeypatch.setenv("ZOO_MAX_IMAGE_BYTES", f"{len(data) - 1}")
    with pytest.raises(DataError, match=f"x.png: an image file that is too large, got {len(data)} bytes"):
        io.load_image(tmp_path / "x.png")
    monkeypatch.setenv("ZOO_MAX_IMAGE_BYTES", f"{len(data)}")
    assert io.load_image(tmp_path / "x.png").shape == (20, 30, 3)


def test_an_image_that_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(DataError, match="x.png: cannot read the image, got is a device, pipe or socket"):
        io.load_image(tmp_path / "x.png")


def bilinear(im, size):
    """Centres on centres, zeros beyond the edge, each output pixel from its four neighbours."""
    padded = np.pad(im, ((1, 1), (1, 1), (0, 0)))
    out = np.zeros((*size, im.shape[2]))
    for y, x in np.ndindex(*size):
        at_y, at_x = (y + 0.5) * im.shape[0] / size[0] - 0.5, (x + 0.5) * im.shape[1] / size[1] - 0.5
        top, left = int(np.floor(at_y)), int(np.floor(at_x))
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = abs(1 - i - (at_y - top)) * abs(1 - j - (at_x - left))
            out[y, x] += weight * padded[top + i + 1, left + j + 1]
    return out


@pytest.mark.parametrize("size", [(5, 7), (3, 11), (13, 4), (9, 21)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resize(size, channels):
    im = RNG.normal(size=(5, 7, channels)).astype(np.float32)
    low = im.min()
    np.testing.assert_allclose(io.resize_image(im, size), bilinear(im - low, size) + low, rtol=1e-4, atol=1e-4)


def test_resize_of_other_channels_and_constants():
    im = RNG.normal(size=(3, 4, 2)).astype(np.float32)
    got = io.resize_image(im, (5, 7))
    np.testing.assert_allclose(got[::2, ::2], im, atol=1e-5)  # corners on corners
    np.testing.assert_allclose(got[1, ::2], (im[0] + im[1]) / 2, atol=1e-5)
    np.testing.assert_array_equal(io.resize_image(np.full((2, 3, 3), 0.3), (4, 5)), np.full((4, 5, 3), np.float32(0.3)))
    nearest = io.resize_image(np.arange(6.0).reshape(2, 3, 1), (4, 6), interp_order=0)
    np.testing.assert_array_equal(nearest[..., 0], np.arange(6).reshape(2, 3).repeat(2, 0).repeat(2, 1))
    for im, size in ((np.zeros((2, 3)), (4, 5)), (np.zeros((2, 3, 3)), (0, 5)), (np.zeros((0, 3, 3)), (4, 5))):
        with pytest.raises(DataError, match="cannot resize"):
            io.resize_image(im, size)


def test_oversample():
    im = RNG.normal(size=(6, 9, 2)).astype(np.float32)
    crops = io.oversample([im, -im], (3, 4))
    assert crops.shape == (20, 3, 4, 2)
    corners = [im[:3, :4], im[:3, 5:], im[3:, :4], im[3:, 5:], im[1:4, 2:6]]
    np.testing.assert_array_equal(crops[:5], corners)
    np.testing.assert_array_equal(crops[5:10], [corner[:, ::-1] for corner in corners])
    np.testing.assert_array_equal(crops[10:], -crops[:10])
    with pytest.raises(DataError, match="larger"):
        io.oversample([im], (7, 4))


def test_transformer():
    t = io.Transformer({"data": (10, 3, 4, 6)})
    mean = RNG.normal(size=3) * 20
    t.set_transpose("data", (2, 0, 1))
    t.set_channel_swap("data", (2, 1, 0))
    t.set_raw_scale("data", 255)
    t.set_mean("data", mean)
    t.set_input_scale("data", 0.5)
    im = RNG.random((4, 6, 3)).astype(np.float32)
    kept = im.copy()
    x = t.preprocess("data", im)
    np.testing.assert_array_equal(im, kept)
    want = (im.transpose(2, 0, 1)[::-1] * 255 - mean[:, None, None]) * 0.5
    np.testing.assert_allclose(x, want, rtol=1e-4, atol=1e-4)
    assert x.dtype == np.float32
    np.testing.assert_allclose(t.deprocess("data", x[None]), im, atol=1e-5)
    assert t.deprocess("data", x).dtype == np.float32
    assert t.preprocess("data", RNG.random((8, 9, 3))).shape == (3, 4, 6)
    picture = RNG.random((3, 4, 6)) * 100
    t.set_mean("data", picture)
    np.testing.assert_allclose(
        t.preprocess("data", im), want + (mean[:, None, None] - picture) / 2, rtol=1e-4, atol=1e-3
    )
    t.set_mean("data", np.full((3, 8, 12), 7.0))
    np.testing.assert_allclose(t.mean["data"], np.full((3, 4, 6), 7))
    t.set_mean("data", np.arange(24.0).reshape(4, 6))
    assert t.mean["data"].shape == (1, 4, 6)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda t: t.preprocess("dat", np.zeros((2, 2, 3))), '"dat" is no input, want data'),
        (lambda t: t.set_transpose("data", (2, 0)), "order of axes"),
        (lambda t: t.set_channel_swap("data", (2, 1, 1)), "order of channels"),
        (lambda t: t.set_mean("data", np.zeros(4)), "channels, got 4, want 3"),
        (lambda t: t.set_mean("data", np.zeros((2, 3, 4, 6))), "mean does not fit"),
        (lambda t: t.set_mean("data", np.zeros((2, 4, 6))), "mean does not fit"),
    ],
)
def test_transformer_says_what_does_not_fit(act, says):
    with pytest.raises(NetError, match=says):
        act(io.Transformer({"data": (10, 3, 4, 6)}))


def test_transformer_rounds_as_caffe_does():
    """Float32 arrays changed in place by a float64 mean: white comes back as 1, not a little above."""
    mean = np.array([104.00698793, 116.66876762, 122.67891434])
    t = io.Transformer({"data": (1, 3, 40, 40)})
    t.set_transpose("data", (2, 0, 1))
    t.set_raw_scale("data", 255)
    t.set_mean("data", mean)
    im = RNG.random((40, 40, 3)).astype(np.float32)
    im[:20] = 1
    want = im.transpose(2, 0, 1) * np.float32(255)
    want -= mean[:, None, None]
    x = t.preprocess("data", im)
    np.testing.assert_array_equal(x, want)
    want += mean[:, None, None]
    want /= np.float32(255)
    back = t.deprocess("data", x)
    np.testing.assert_array_equal(back, want.transpose(1, 2, 0))
    assert back.max() == 1


def test_messages_under_io():
    assert io.caffe_pb2.NetParameter(force_backward=True).force_backward
