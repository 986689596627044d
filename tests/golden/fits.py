"""`sedge fit` on float models and labelled data: less than half of the size, and no more than half a point (a point for MobileNetV1-0.25 and
detectors) or 2 samples lost on samples that nothing was chosen by. No option is set by hand. usage: fits.py BUILD TESTDATA [PATTERN]
"""
import json
import os
import subprocess
import sys

import evals

TABLE = [  # model, data, points that may be lost, percent of the size that is asked for if not 45
    ("vision/mnist-8.onnx", evals.mnist, 0.5), ("vision/cnn_mnist_pytorch.onnx", evals.mnist, 0.5),
    ("mlperf_tiny/ic01_resnet8_float.onnx", evals.cifar10, 0.5),
    ("tflite/mlperf_tiny/ic01_resnet8_float.tflite", evals.cifar10, 0.5),
    ("tflite/mlperf_tiny/vww_96_float.tflite", evals.person, 0.5),
    ("tflite/vision/mobilenet_v1_0.25_224_float.tflite", evals.imagenet_1001, 1.0),
    ("tflite/tabular/keypoint_classifier.tflite", evals.hands, 0.5, 75),
    ("tflite/text/text_classification.tflite", evals.sentences, 0.5),
    ("detect/FastestDet.onnx", evals.boxes, 1.0),
]


def fit(build, path, card, data, points, percent=45):
    out = evals.place(build, "fit.onnx")
    done = subprocess.run([build + "/sedge", "fit", path, "--card", card, "--json", "-o", out, "--max-drop", str(points), "--max-bytes",
                           str(os.path.getsize(path) * percent // 100)] + [x for x in data if x != "--anyway"], capture_output=True, text=True, timeout=600)
    if done.returncode not in (0, 3):
        raise RuntimeError(done.stderr.strip() or "exit status %d" % done.returncode)
    return json.loads(done.stdout)


def main(build, testdata, pattern=""):
    passed = failed = skipped = 0
    for model, data, points, *percent in TABLE:
        if pattern not in model:
            continue
        path = os.path.join(testdata, "" if model.endswith(".tflite") else "onnx", model)
        if not os.path.exists(path):
            skipped += 1
            print("SKIP fit %s: not there" % model)
            continue
        try:
            path, card = evals.card_of(build, testdata, model)
            r = fit(build, path, card, data(build, testdata), points, *percent)
            room = max(points / 100, 2 / r["proved"])
            good = r["drop"] <= room + 1e-9
            text = "%s, %s %.4f before, %.4f after on %d samples (%d lost, %d gained), %d bytes of %d" % (
                r["chosen"], r["measure"], r["score_before"], r["score_after"], r["proved"], r["lost"], r["gained"], r["bytes_after"],
                r["bytes_before"])
        except (RuntimeError, OSError, subprocess.TimeoutExpired, KeyError) as e:
            good, text = False, str(e)
        passed += good
        failed += not good
        print("%s fit %s: %s" % ("ok  " if good else "FAIL", model, text), flush=True)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
