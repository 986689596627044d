"""Int8 by Sedge, ONNX Runtime and NNCF: the share of samples on which the integer model gives the float model's answer.

All calibrate on the same samples, and are judged on others. Of ONNX Runtime's methods, ranges and types the best counts; Sedge and NNCF have no
option set. The integer models run in ONNX Runtime, Sedge's also in Sedge. Prints a table as docs/fit.md has it.
usage: quantizers.py SEDGE TESTDATA [NAME...]
"""
import contextlib
import csv
import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile

import nncf
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image


def rows(path):
    with open(path, newline="") as f:
        return list(csv.reader(f))[1:]


def pictures(path):
    with tarfile.open(path) as t:
        for m in sorted((m for m in t.getmembers() if m.name.lower().endswith((".jpg", ".jpeg"))), key=lambda m: m.name):
            yield os.path.basename(m.name), Image.open(io.BytesIO(t.extractfile(m).read())).convert("RGB")


def mnist(d):
    with gzip.open(d + "/mnist/t10k-0-5000-images.idx.gz") as f:
        x = np.frombuffer(f.read()[16:], np.uint8).reshape(-1, 1, 28, 28)
    x = ((x / 255 - 0.1307) / 0.3081).astype(np.float32)
    return x[3000:3300], x[:2000]


def keywords(d):
    x = (np.fromfile(d + "/kws01/features_i8.bin", np.int8).reshape(-1, 49, 10, 1).astype(np.float32) - 83) * np.float32(0.584703)
    return x[:100], x[100:]


def cifar10(d):
    x = np.fromfile(d + "/cifar10/test_subset.bin", np.uint8).reshape(600, -1)[:, 1:].reshape(600, 3, 32, 32)
    seen = np.stack([np.asarray(p) for _, p in pictures(d + "/cifar10/train_2000_jpg.tar.gz")]).transpose(0, 3, 1, 2)
    return seen[np.random.default_rng(1).permutation(len(seen))[:300]].astype(np.float32), x.astype(np.float32)


def imagenet(d):
    def middle(p):
        left, top = (p.size[0] - 224) // 2, (p.size[1] - 224) // 2
        return np.asarray(p.crop((left, top, left + 224, top + 224)))
    x = (np.stack([middle(p) for _, p in pictures(d + "/imagenet_samples/images.tar.gz")]) / 127.5 - 1).astype(np.float32)
    order = np.random.default_rng(2).permutation(len(x))
    return x[order[:100]], x[order[100:]]


def person(d):
    named = {os.path.basename(r[0]) for r in rows(d + "/coco_val/vww_person.csv")}

    def small(p):
        return np.asarray(p.resize((96, 96), Image.BILINEAR), np.float32) / 255
    seen = [small(p) for _, p in pictures(d + "/imagenet_samples/images.tar.gz")][:150]
    return np.stack(seen), np.stack([small(p) for name, p in pictures(d + "/coco_val/coco_val.tar.gz") if name in named])


TABLE = [  # name, model, its samples
    ("keywords (DS-CNN)", "tflite/mlperf_tiny/kws_ref_model_float32.tflite", keywords),
    ("CIFAR-10 (ResNet8)", "onnx/mlperf_tiny/ic01_resnet8_float.onnx", cifar10),
    ("MNIST (cnn_mnist_pytorch)", "onnx/vision/cnn_mnist_pytorch.onnx", mnist),
    ("person (MobileNetV1 0.25, 96 x 96)", "tflite/mlperf_tiny/vww_96_float.tflite", person),
    ("ImageNet (MobileNetV1 0.25, 224 x 224)", "tflite/vision/mobilenet_v1_0.25_224_float.tflite", imagenet),
]


class Samples(CalibrationDataReader):
    def __init__(self, name, x):
        self.left = ({name: one[None]} for one in x)

    def get_next(self):
        return next(self.left, None)


def answers(model, x):
    """The best class of each sample, by ONNX Runtime. model: a path or bytes."""
    o = ort.SessionOptions()
    o.intra_op_num_threads, o.log_severity_level = 1, 3
    s = ort.InferenceSession(model, o)
    name = s.get_inputs()[0].name
    return np.array([s.run(None, {name: one[None]})[0].argmax() for one in x])


def sedge(command, folder, *words):
    done = subprocess.run([command, *words], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())


def agreement(command, model, data, folder):
    """Shares of (ONNX Runtime's best, NNCF, Sedge in ONNX Runtime) and how many samples."""
    seen, new = data
    np.save(folder + "/seen.npy", seen)
    sedge(command, folder, "convert", model, "-o", "float.onnx")
    sedge(command, folder, "quantize", model, "--data", "seen.npy", "-o", "sedge.onnx")
    path = folder + "/float.onnx"
    want = answers(path, new)
    name = ort.InferenceSession(path).get_inputs()[0].name

    def share(other):
        return float((answers(other, new) == want).mean())
    quant_pre_process(path, folder + "/pre.onnx", skip_symbolic_shape=True)
    best = 0.0
    for method in (CalibrationMethod.MinMax, CalibrationMethod.Percentile, CalibrationMethod.Entropy):
        for kind in (QuantType.QUInt8, QuantType.QInt8):
            quantize_static(folder + "/pre.onnx", folder + "/ort.onnx", Samples(name, seen), calibrate_method=method, per_channel=True,
                            activation_type=kind, weight_type=QuantType.QInt8, quant_format=QuantFormat.QDQ)
            best = max(best, share(folder + "/ort.onnx"))
    q = nncf.quantize(onnx.load(path), nncf.Dataset([{name: one[None]} for one in seen]), subset_size=len(seen))
    return best, share(q.SerializeToString()), share(folder + "/sedge.onnx"), len(new)


def main(command, testdata, *names):
    table = sys.stdout
    with contextlib.redirect_stdout(sys.stderr): # the quantizers tell what they do
        compare(table, command, testdata, *names)


def compare(table, command, testdata, *names):
    command, testdata = os.path.abspath(command), os.path.abspath(testdata)
    print("| model | samples | ONNX Runtime %s | NNCF %s | Sedge, no option set |\n|---|---|---|---|---|" %
          (ort.__version__, nncf.__version__), file=table, flush=True)
    for name, model, data in TABLE:
        if names and not any(n in name for n in names):
            continue
        with tempfile.TemporaryDirectory() as folder:
            *share, n = agreement(command, os.path.join(testdata, model), data(testdata + "/data"), folder)
        print("| %s | %d | %s |" % (name, n, " | ".join("%.2f %%" % (100 * s) for s in share)), file=table, flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
