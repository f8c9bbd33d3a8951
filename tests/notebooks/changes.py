"""What has to change in the cells of the classic notebooks besides the import and what `python3` does, and why.

Kinds: "python" is Python 3 where only the meaning differs; "libraries" NumPy, pandas and scikit-learn of today; "gpu"
that the machine has none; "data" what cannot be had; "time" that a run stays short; "caffe" a program of Caffe's that
is not there. Only the last would be ours to mend.
"""

from tests.notebooks.running import Change

NO_GPU = "the machine that this ran on has no GPU"
TEXT = "Python 3 opens temporary files for bytes unless told; the net is text"
SHORTER = "so that two CPU cores are done in minutes"
CAFFE_TRAIN = "`caffe train` is `zoo.train` here; its snapshots go to the run directory"
COLUMNS = "pandas has `sort_values` instead of `sort` and `order`"
DETECT = """!mkdir -p _temp
import sys
with open('_temp/det_input.csv', 'w') as f:
    f.write('filename,ymin,xmin,ymax,xmax\\n')
    for window in [(79, 9, 246, 339), (20, 130, 240, 260), (100, 20, 200, 200), (0, 0, 300, 300)]:
        f.write('images/fish-bike.jpg,%d,%d,%d,%d\\n' % window)
!sed "s/import caffe/import zoo.pycaffe as caffe/; s/output_file, 'df'/output_file, key='df'/" ../python/detect.py \\
    > _temp/detect.py
!{sys.executable} _temp/detect.py --crop_mode=list --mean_file=../python/caffe/imagenet/ilsvrc_2012_mean.npy \\
    --model_def=../models/bvlc_reference_rcnn_ilsvrc13/deploy.prototxt \\
    --pretrained_model=../models/bvlc_reference_rcnn_ilsvrc13/bvlc_reference_rcnn_ilsvrc13.caffemodel \\
    --raw_scale=255 _temp/det_input.csv _temp/det_output.h5"""

CHANGES = {
    "00-classification": [
        Change(12, "gpu", NO_GPU, "caffe.set_device(0)", "# caffe.set_device(0)"),
        Change(12, "gpu", NO_GPU, "caffe.set_mode_gpu()", "caffe.set_mode_cpu()"),
        Change(
            21,
            "data",
            "the cell wants an address of yours",
            "!wget -O image.jpg $my_image_url",
            "!cp images/fish-bike.jpg image.jpg",
        ),
    ],
    "01-learning-lenet": [
        Change(7, "gpu", NO_GPU, "caffe.set_device(0)\ncaffe.set_mode_gpu()", "caffe.set_mode_cpu()"),
        Change(19, "python", "`/` gives a float, which no array takes as its length", "niter / 10", "niter // 10"),
    ],
    "02-fine-tuning": [
        Change(1, "gpu", NO_GPU, "caffe.set_device(0)\ncaffe.set_mode_gpu()", "caffe.set_mode_cpu()"),
        Change(
            4,
            "libraries",
            "NumPy takes no line end as a delimiter any more",
            "str, delimiter='\\n'",
            "str, delimiter='\\t'",
        ),
        Change(5, "python", TEXT, "NamedTemporaryFile(", "NamedTemporaryFile('w', "),
        Change(15, "python", TEXT, "NamedTemporaryFile(", "NamedTemporaryFile('w', "),
        Change(17, "time", SHORTER, "niter = 200", "niter = 3"),
        Change(20, "time", SHORTER, "test_iters=10", "test_iters=1"),
    ],
    "net_surgery": [],
    "brewing-logreg": [
        Change(
            3,
            "libraries",
            "scikit-learn has other names for these arguments",
            "loss='log', n_iter=1000",
            "loss='log_loss', max_iter=1000, tol=None",
        ),
        Change(7, "time", "`%%timeit` of Python 3 runs it eight times", "%%timeit", "%%timeit -n1 -r1"),
        Change(
            8,
            "caffe",
            CAFFE_TRAIN,
            "./build/tools/caffe train -solver ",
            "{sys.executable} -m zoo.train --run_dir=runs/logreg --config=",
        ),
        Change(10, "time", "as cell 7", "%%timeit", "%%timeit -n1 -r1"),
        Change(
            11,
            "caffe",
            CAFFE_TRAIN,
            "./build/tools/caffe train -solver ",
            "{sys.executable} -m zoo.train --run_dir=runs/nonlinear --config=",
        ),
    ],
    "mnist_siamese": [
        Change(3, "libraries", "NumPy's `fromstring` reads text only", "np.fromstring(", "np.frombuffer("),
    ],
    "detection": [
        Change(
            1,
            "data",
            "selective search is MATLAB: four windows of ours; in `detect.py` the import, and `key=` for pandas",
            None,
            DETECT,
        ),
        Change(3, "libraries", COLUMNS, "labels_df.sort(", "labels_df.sort_values("),
        Change(5, "libraries", COLUMNS, "max_s.sort(", "max_s = max_s.sort_values("),
        Change(6, "libraries", COLUMNS, "f.order(", "f.sort_values("),
        Change(
            8,
            "libraries",
            "pandas takes no new axis in an index",
            "scores[:, np.newaxis]",
            "scores.values[:, np.newaxis]",
        ),
    ],
    "dream": [
        Change(
            1, "python", "an image is bytes", "from cStringIO import StringIO", "from io import BytesIO as StringIO"
        ),
        Change(4, "time", SHORTER, "iter_n=10", "iter_n=2"),
        Change(10, "time", SHORTER, "xrange(100)", "xrange(2)"),
        Change(11, "time", "as cell 10", "0029", "0001"),
    ],
}
