"""Scores models on labelled data by their cards alone and compares with the scores listed in the test material.

Within 0.3 points or 2 samples, whichever is more, above as below. Then what the list has no score for: single runs against a
reference runtime, texts that are found and read, and streams in pieces of 10 ms against the whole. usage: cards.py BUILD TESTDATA. The cards stand in tests/golden/cards, with without.tsv: models that no card
can be for, and why. A model with neither, or a card that nothing here has run, fails. Only Python's own library is used.
"""
import array
import base64
import csv
import gzip
import json
import math
import os
import subprocess
import sys
import tarfile
import wave
import zipfile
import zlib

import graphs

HERE = os.path.dirname(os.path.abspath(__file__))


RUN = set()  # cards


def card_name(path):
    name = os.path.basename(path)
    if name.endswith(".onnx"):
        name = os.path.basename(os.path.dirname(path)) if name == "model.onnx" else name[:-5]
    return name + ".card.json"


def answers(build, testdata, model, sources, folder=None, card=None):
    path = os.path.join(testdata, "" if model.endswith(".tflite") else "onnx", model)
    RUN.add(card_name(path))
    card = card or os.path.join(HERE, "cards", card_name(path))
    done = subprocess.run([build + "/tests/golden/answers", path, card, folder or os.path.dirname(path)], input="\n".join(sources) + "\n",
                          capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or "exit status %d" % done.returncode)
    return [json.loads(line) for line in done.stdout.splitlines()]


def unpack(build, testdata, archive):
    out = os.path.join(os.path.abspath(build), "tests/golden/data", os.path.basename(archive).split(".")[0])
    if not os.path.isdir(out):
        with tarfile.open(os.path.join(testdata, "data", archive)) as t:
            t.extractall(out, filter="data") if hasattr(tarfile, "data_filter") else t.extractall(out)
    return out


def gunzip(build, testdata, name):
    out = os.path.join(os.path.abspath(build), "tests/golden/data", os.path.basename(name)[:-3])
    os.makedirs(os.path.dirname(out), exist_ok=True)
    if not os.path.exists(out):
        with gzip.open(os.path.join(testdata, "data", name)) as f, open(out, "wb") as g:
            g.write(f.read())
    return out


def rows_of(testdata, name):
    with open(os.path.join(testdata, "data", name), newline="", encoding="utf-8-sig") as f:
        return list(csv.DictReader(f))


def hits(got, want, top=1):
    return sum(w in [a["class"] for a in g["answers"][:top]] for g, w in zip(got, want))


def mnist(build, testdata):
    images = gunzip(build, testdata, "mnist/t10k-0-5000-images.idx.gz")
    labels = open(gunzip(build, testdata, "mnist/t10k-0-5000-labels.idx.gz"), "rb").read()[8:2008]
    return ["raw gray 28 28 %d %s" % (16 + 784 * i, images) for i in range(2000)], list(labels)


def cifar10(build, testdata):
    path, width = os.path.join(testdata, "data/cifar10/test_subset.bin"), 3073
    data = open(path, "rb").read()
    planes = os.path.join(os.path.abspath(build), "tests/golden/data/cifar10.rgb")
    os.makedirs(os.path.dirname(planes), exist_ok=True)
    with open(planes, "wb") as f:
        for i in range(600):
            p = data[i * width + 1:(i + 1) * width]
            f.write(bytes(v for rgb in zip(p[:1024], p[1024:2048], p[2048:]) for v in rgb))
    return ["raw rgb 32 32 %d %s" % (3072 * i, planes) for i in range(600)], [data[i * width] for i in range(600)]


def imagenet(build, testdata):
    folder = unpack(build, testdata, "imagenet_samples/images.tar.gz")
    rows = rows_of(testdata, "imagenet_samples/labels.csv")
    return ["image %s/%s" % (folder, r["file"]) for r in rows], [int(r["index_0_999"]) for r in rows]


def imagenet_1001(build, testdata):
    """Class 0 is the background."""
    sources, want = imagenet(build, testdata)
    return sources, [w + 1 for w in want]


def hands(build, testdata):
    rows = list(csv.reader(gzip.open(testdata + "/data/keypoint/keypoint.csv.gz", "rt")))[::2]
    path = save(build, "hands.f32", array.array("f", [float(v) for r in rows for v in r[1:]]).tobytes())
    return ["f32 42 %d %s" % (168 * i, path) for i in range(len(rows))], [int(r[0]) for r in rows]


def sentences(build, testdata):
    lines = [line.rstrip("\n").split("\t") for line in gzip.open(testdata + "/data/sst2/dev.tsv.gz", "rt", encoding="utf-8")]
    lines = [line for line in lines if line[1] in "01"]
    return ["text " + save(build, "sst2/%d" % i, t.encode()) for i, (t, _) in enumerate(lines)], [int(c) for _, c in lines]


def person(build, testdata):
    folder = unpack(build, testdata, "coco_val/coco_val.tar.gz")
    rows = rows_of(testdata, "coco_val/vww_person.csv")
    return ["image %s/%s" % (folder, r["file"]) for r in rows], [int(r["person"]) for r in rows]


def keywords(build, testdata):
    rows = rows_of(testdata, "kws01/labels.csv")
    path = os.path.join(testdata, "data/kws01/features_i8.bin")
    return ["i8 490 %d %s" % (490 * i, path) for i in range(len(rows))], [int(r["class"]) for r in rows]


def texts(build, testdata):
    names = ("text_rec.jpg", "en_rec.jpg")
    want = ("韩国小馆", "To facilitate the shot type analysis in videos, we collect MovieShots, a large-scale")
    return ["image %s/data/ocr/%s" % (testdata, n) for n in names], list(want)


TABLE = [  # model, data, top, score listed, samples
    ("vision/mnist-8.onnx", mnist, 1, 0.984, 2000), ("vision/cnn_mnist_pytorch.onnx", mnist, 1, 0.985, 2000),
    ("mlperf_tiny/ic01_resnet8_float.onnx", cifar10, 1, 0.7517, 600),
    ("mlperf_tiny/ic01_resnet8_int8_qdq.onnx", cifar10, 1, 0.7533, 600),
    ("mlperf_tiny/kws_ref_model_int8_qdq.onnx", keywords, 1, 0.892, 500),
    ("mlperf_tiny/vww_mobilenet_v1_int8_qdq.onnx", person, 1, 0.8281, 64),
    ("vision/mobilenet_v2_w8a8_qdq/model.onnx", imagenet, 1, 0.8, 300),
    ("vision/mobilenet_v2_w8a8_qdq/model.onnx", imagenet, 5, 0.95, 300),
    ("ocr/ch_PP-OCRv4_rec_infer.onnx", texts, 0, 1.0, 2), ("detect/FastestDet.onnx", None, 0, 0.3746, 64),
    ("speech/oww_alexa_v0.1.onnx", None, 0, 1.0, 28),
    ("tflite/mlperf_tiny/kws_ref_model.tflite", keywords, 1, 0.906, 500),
    ("tflite/mlperf_tiny/kws_ref_model_float32.tflite", keywords, 1, 0.908, 500),
    ("tflite/mlperf_tiny/ic01_resnet8_float.tflite", cifar10, 1, 0.7517, 600),
    ("tflite/mlperf_tiny/ic01_resnet8_int8.tflite", cifar10, 1, 0.75, 600),
    ("tflite/mlperf_tiny/vww_96_float.tflite", person, 1, 0.8438, 64),
    ("tflite/mlperf_tiny/vww_96_int8.tflite", person, 1, 0.8438, 64),
    ("tflite/vision/mobilenet_v1_0.25_224_float.tflite", imagenet_1001, 1, 0.5733, 300),
    ("tflite/vision/mobilenet_v1_0.25_224_float.tflite", imagenet_1001, 5, 0.8167, 300),
    ("tflite/vision/mobilenet_v1_0.25_224_quant.tflite", imagenet_1001, 1, 0.5433, 300),
    ("tflite/vision/mobilenet_v1_0.25_224_quant.tflite", imagenet_1001, 5, 0.7933, 300),
    ("tflite/coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", imagenet_1001, 1, 0.8667, 300),
    ("tflite/coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", imagenet_1001, 5, 0.98, 300),
    ("tflite/tabular/keypoint_classifier.tflite", hands, 1, 0.9676, 2225),
    ("tflite/detect/coco_ssd_mobilenet_v1_quant.tflite", None, 0, 0.3637, 64),
    ("tflite/micro/mnist_lstm.tflite", mnist, 1, 0.9215, 2000), ("tflite/micro/mnist_lstm_int8.tflite", mnist, 1, 0.9195, 2000),
    ("tflite/text/text_classification.tflite", sentences, 1, 0.7557, 872),
]


def wakeword(build, testdata):
    """The clips with a second of silence on both sides; of the classes [other word, alexa]."""
    folder = unpack(build, testdata, "wakeword/alexa_vs_other.tar.gz")
    sources, want = [], []
    for word in sorted(os.listdir(folder)):
        for name in sorted(n for n in os.listdir(os.path.join(folder, word)) if n.endswith(".wav")):
            padded = os.path.join(folder, word, name + ".padded")
            if not os.path.exists(padded):
                with wave.open(os.path.join(folder, word, name)) as f, wave.open(padded, "wb") as g:
                    g.setparams(f.getparams())
                    g.writeframes(f.readframes(f.getnframes()) + bytes(2 * f.getframerate()))
            sources.append("wav " + padded)
            want.append(word == "alexa")
    return sources, want


def wakewords(build, testdata, model):
    """The share of clips that are heard as what they are, at a score of 0.5."""
    sources, want = wakeword(build, testdata)
    got = [max(a["answers"][0]["score"] for a in answers(build, testdata, model, [s])) >= 0.5 for s in sources]
    return sum(g == w for g, w in zip(got, want)) / len(want)


def overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both or 1)


def average_precision(found, truth):
    """Area under the precision-recall curve, precision made monotone (VOC 2010)."""
    used, right, wrong, curve = set(), 0, 0, []
    for score, image, box in sorted(found, key=lambda x: -x[0]):
        best = max(((overlap(box, b), k) for k, (i, b) in enumerate(truth) if i == image), default=(0, None))
        good = best[0] >= 0.5 and best[1] not in used
        used.add(best[1] if good else None)
        right, wrong = right + good, wrong + (not good)
        curve.append((right / len(truth), right / (right + wrong)))
    area, last, most = 0.0, 1.0, 0.0
    for k in range(len(curve) - 1, -1, -1):
        most = max(most, curve[k][1])
        before = curve[k - 1][0] if k else 0.0
        area += (curve[k][0] - before) * most
    return area


def detection(build, testdata, model):
    folder = unpack(build, testdata, "coco_val/coco_val.tar.gz")
    names = sorted(n for n in os.listdir(folder) if n.endswith(".jpg"))
    labels = testdata + "/data/labels" if model.endswith(".tflite") else None
    got = answers(build, testdata, model, ["image %s/%s" % (folder, n) for n in names], labels)
    truth, found = {}, {}
    for name, g in zip(names, got):
        w, h = jpeg_size(os.path.join(folder, name))
        for line in open(os.path.join(folder, name[:-4] + ".txt")):
            c, x, y, bw, bh = map(float, line.split()[:5])
            box = ((x - bw / 2) * w, (y - bh / 2) * h, (x + bw / 2) * w, (y + bh / 2) * h)
            truth.setdefault(int(c), []).append((name, box))
        for a in g["answers"]:
            found.setdefault(a["class"], []).append((a["score"], name, a["box"]))
    return sum(average_precision(found.get(c, []), t) for c, t in truth.items()) / len(truth)


def jpeg_size(path):
    data, at = open(path, "rb").read(), 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big")


def score(build, testdata, row):
    model, data, top, _, n = row
    if data is None:
        return (wakewords if model.startswith("speech") else detection)(build, testdata, model)
    sources, want = data(build, testdata)
    got = answers(build, testdata, model, sources[:n])
    if len(got) != len(want[:n]):
        raise RuntimeError("%d answers for %d samples" % (len(got), len(want[:n])))
    if top == 0:
        return sum(g["answers"][0]["text"] == w for g, w in zip(got, want)) / n
    return hits(got, want, top) / n


def voice(build, testdata):
    """The largest difference of a recurrent model's probabilities, window by window, from those of a reference runtime."""
    with open(os.path.join(testdata, "expected/silero_vad_on_test_30s.json")) as f:
        want = json.load(f)["speech_probability"]
    got = answers(build, testdata, "speech/silero_vad.onnx", ["wav %s/data/audio/silero_test_30s.wav" % testdata])
    if len(got) != len(want):
        raise RuntimeError("%d windows, expected %d" % (len(got), len(want)))
    return max(abs(g["answers"][0]["score"] - w) for g, w in zip(got, want))


def faces(build, testdata):
    """Two face detectors and a mask of a person agree about one portrait: the least overlap of their boxes, each found once."""
    source = ["image %s/data/images/grace_hopper.bmp" % testdata]
    a, b, mask = (answers(build, testdata, m, source)[0]["answers"] for m in (
        "detect/blazeface_front_128.onnx", "detect/ultraface-RFB-320.onnx", "segment/SINet_Softmax.onnx"))
    if [len(a), len(b), len(mask)] != [1, 1, 1]:
        raise RuntimeError("%d, %d faces and %d classes, expected one each" % (len(a), len(b), len(mask)))
    x0, y0, x1, y1 = mask[0]["box"]
    inside = all(x0 <= x <= x1 and y0 <= y <= y1 for x, y in zip(a[0]["points"][::3], a[0]["points"][1::3]))
    return overlap(a[0]["box"], b[0]["box"]) if inside else 0.0


def two_formats(build, testdata):
    """A face detector published as ONNX and as TensorFlow Lite: the overlap of what both find in one portrait."""
    source = ["image %s/data/images/grace_hopper.bmp" % testdata]
    a, b = (answers(build, testdata, m, source)[0]["answers"] for m in (
        "detect/blazeface_front_128.onnx", "tflite/detect/face_detection_short_range.tflite"))
    if [len(a), len(b)] != [1, 1]:
        raise RuntimeError("%d and %d faces, expected one each" % (len(a), len(b)))
    return overlap(a[0]["box"], b[0]["box"])


def png(path, n):
    """Rows of a PNG of n bytes a pixel, none of them interlaced."""
    with open(path, "rb") as f:
        data = f.read()
    at, packed, w = 8, b"", n * int.from_bytes(data[16:20], "big")
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        packed += data[at + 8:at + 8 + size] if data[at + 4:at + 8] == b"IDAT" else b""
        at += 12 + size
    rows, last, out = zlib.decompress(packed), [0] * w, []
    for y in range(len(rows) // (w + 1)):
        kind, line = rows[y * (w + 1)], list(rows[y * (w + 1) + 1:(y + 1) * (w + 1)])
        for x in range(w if kind else 0):
            a, b, c = line[x - n] if x >= n else 0, last[x], last[x - n] if x >= n else 0
            near = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = (line[x] + (0, a, b, (a + b) // 2, near)[kind]) & 255
        last = line
        out.append(line)
    return out


def pixels(answer):
    runs = answer["mask"]["runs"]
    return [v for value, n in zip(runs[::2], runs[1::2]) for v in [value] * n]


def golden_mask(build, testdata, model):
    """Of the pixels of a picture, the share whose class is that of the mask published with it (by the float model: another, half as wide,
    differs more)."""
    want = sum(png(testdata + "/data/images/segmentation_golden_rotation0.png", 1), [])
    got = pixels(answers(build, testdata, model, ["image %s/data/images/segmentation_input_rotation0.jpg" % testdata])[0])
    names = {}
    for g, v in zip(got, want):
        names.setdefault(v, {}).setdefault(g, 0)
        names[v][g] += 1
    found = [max(c, key=c.get) for c in names.values()]
    if len(names) < 2 or len(set(found)) != len(found):
        raise RuntimeError("classes %s stand for %s" % (found, sorted(names)))
    return sum(max(c.values()) for c in names.values()) / len(want)


def found_and_read(build, testdata):
    """Lines are found, turned upright where they stand on their heads, and read: the share of texts that are as they should be."""
    found = "ocr/ch_PP-OCRv3_det_infer.onnx", "ocr/ch_ppocr_mobile_v2.0_cls_infer.onnx", "ocr/ch_PP-OCRv4_rec_infer.onnx"
    line = texts(build, testdata)[1]
    some = ["正品促销", "大桶装更划算", "强力去污符合国标", "惊喜福利不容错过", "极速发货", "冰点标准", "假一赔十"]
    good = n = 0
    for name, want in (("text_rec.jpg", line[:1]), ("en_rec.jpg", line[1:]), ("text_cls.jpg", []), ("ch_en_num.jpg", some)):
        path = "%s/data/ocr/%s" % (testdata, name)
        boxes = [a["box"] for a in answers(build, testdata, found[0], ["image " + path])[0]["answers"]]
        cuts = [[math.floor(b[0]), math.floor(b[1]), math.ceil(b[2]), math.ceil(b[3])] for b in boxes]
        crops = ["crop %d %d %d %d %%d %s" % (c[0], c[1], c[2] - c[0], c[3] - c[1], path) for c in cuts]
        turned = [a["answers"][0]["class"] for a in answers(build, testdata, found[1], [c % 1 for c in crops])]
        if name == "text_cls.jpg":
            good, n = good + (turned == [1]), n + 1
            continue
        got = [a["answers"][0]["text"] for a in answers(build, testdata, found[2], [c % 1 for c in crops])]
        good, n = good + sum(w in got for w in want), n + len(want)
    return good / n


def npz(path):
    """Tables of little-endian floats and bytes."""
    out = {}
    with zipfile.ZipFile(path) as z:
        for name in z.namelist():
            data = z.read(name)
            at = 10 + int.from_bytes(data[8:10], "little")
            head = data[10:at].decode()
            kind = "f" if "<f4" in head else "q" if "<i8" in head else "B"
            out[name[:-4]] = array.array(kind, data[at:])
    return out


def save(build, name, data):
    path = os.path.join(os.path.abspath(build), "tests/golden/data", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def bytes_of_text(build, testdata):
    """The largest difference of a model of bytes from its published outputs."""
    case = npz(testdata + "/onnx/text/byte_bidi_lstm/io.npz")
    source = next(v for v in case.values() if v.typecode == "B")
    want = next(v for v in case.values() if v.typecode == "f")
    half = len(source) // 2 # two texts
    paths = [save(build, "bytes%d.txt" % i, bytes(source[half * i:half * (i + 1)])) for i in range(2)]
    got = answers(build, testdata, "text/byte_bidi_lstm/model.onnx", ["text " + p for p in paths])
    got = got[0]["answers"] + got[1]["answers"]
    if len(got) != len(want):
        raise RuntimeError("%d numbers, expected %d" % (len(got), len(want)))
    return max(abs(a["value"] - w) for a, w in zip(got, want))


def trees(build, testdata):
    """The largest difference of a classifier of trees from its published outputs."""
    case = npz(testdata + "/onnx/tabular/lgbm_classifier_tensor/io.npz")
    rows = next(v for k, v in case.items() if v.typecode == "f" and len(v) % 13 == 0)
    want = next(v for v in case.values() if v.typecode == "f" and v is not rows)
    path, n = save(build, "rows.f32", rows.tobytes()), len(rows) // 13
    got = answers(build, testdata, "tabular/lgbm_classifier_tensor/model.onnx", ["f32 13 %d %s" % (52 * i, path) for i in range(n)])
    return max(abs(a["score"] - want[3 * i + a["class"]]) for i, g in enumerate(got) for a in g["answers"])


def kinds_of_files(build, testdata):
    """The largest difference of scores of the kinds of files from the published ones, in units of what is allowed: 1e-4. Files of less than
    a kilobyte are mostly padding: there the model's first variance is a difference of two moments that agree to three digits, which in f32 is 4e-3
    off beside f64 for whoever computes it, so 4e-3 is allowed. A wrong kind is beyond all."""
    folder, sources, want = unpack(build, testdata, "magika/basic.tar.gz"), [], []
    with gzip.open(testdata + "/data/magika/standard_v3_3-inference_examples_by_path.json.gz") as f:
        for x in json.load(f):
            path = os.path.join(folder, *x["path"].split("/")[1:])
            if x["status"] == "ok" and x["prediction"]["dl"] != "undefined" and os.path.exists(path):
                sources.append("text " + path)
                want.append(x["prediction"])
    with gzip.open(testdata + "/data/magika/standard_v3_3-inference_examples_by_content.json.gz") as f:
        for i, x in enumerate(json.load(f)):
            if x["status"] == "ok" and x["prediction"]["dl"] != "undefined":
                sources.append("text " + save(build, "magika/%d" % i, base64.b64decode(x["content_base64"])))
                want.append(x["prediction"])
    got = [g["answers"][0] for g in answers(build, testdata, "text/magika_standard_v3_3.onnx", sources)]
    if len(got) < 300 or len(got) != len(want):
        raise RuntimeError("%d answers for %d files" % (len(got), len(want)))
    allowed = [4e-3 if os.path.getsize(s.split(" ", 1)[1]) < 1000 else 1e-4 for s in sources]
    return max(abs(a["score"] - w["score"]) / e if a["label"] == w["dl"] else 1e9 for a, w, e in zip(got, want, allowed))


def tokens(build, testdata):
    """Three inputs from one text; ONNX Runtime 1.23.2 gave the numbers."""
    path = save(build, "edge.txt", b"Edge models answer.")
    got = answers(build, testdata, "transformer/bert_toy_optimized.onnx", ["text " + path])[0]["answers"]
    want = {0: 0.4948328, 1: 0.5051672}
    return max(abs(a["score"] - want[a["class"]]) for a in got)


def other_words(build, testdata):
    """The highest score that the detector of another wake word gives."""
    sources = wakeword(build, testdata)[0]
    return max(a["answers"][0]["score"] for s in sources[::7] for a in answers(build, testdata, "speech/oww_hey_jarvis_v0.1.onnx", [s]))


def denoiser(build, testdata, kind):
    folder = os.path.join(os.path.abspath(build), "tests/golden/data/dtln")
    if not os.path.exists(folder + "/dtln_model_1.onnx"):
        os.makedirs(folder, exist_ok=True)
        graphs.write(folder)
        os.symlink(os.path.abspath(testdata + "/onnx/speech/dtln_model_1.onnx"), folder + "/dtln_model_1.onnx")
    return answers(build, testdata, "speech/dtln_model_2.onnx", ["%s %s/data/audio/jfk.wav" % (kind, testdata)], folder)


def clean_speech(build, testdata):
    """Lengths of every 50th block after two models with states; NumPy and ONNX Runtime 1.23.2 gave the numbers."""
    want = [0, 1.727451, 2.772984, 1.498026, 1.553515, 0.452301, 0.001498, 0.003187]
    got = denoiser(build, testdata, "wav")[:400:50]
    return max(abs(math.sqrt(sum(v * v for v in g["vector"])) - w) for g, w in zip(got, want))


def in_pieces(build, testdata):
    """Answers that differ between a stream at once and in pieces of 10 ms: keywords, voice, clean speech."""
    differ = 0
    here = os.path.join(HERE, "../../examples/keywords")
    for run in (lambda kind: denoiser(build, testdata, kind),
                lambda kind: answers(build, testdata, "speech/silero_vad.onnx", ["%s %s/data/audio/silero_test_30s.wav" % (kind, testdata)]),
                lambda kind: keyword_stream(build, here, kind, testdata + "/data/audio/jfk.wav")):
        whole, pieces = run("wav"), run("pieces")
        if len(whole) < 50:
            raise RuntimeError("only %d answers" % len(whole))
        for a in whole + pieces:
            del a["ms"]
        differ += abs(len(whole) - len(pieces)) + sum(a != b for a, b in zip(whole, pieces))
    return differ


def keyword_stream(build, here, kind, path):
    done = subprocess.run([build + "/tests/golden/answers", here + "/keywords.onnx", here + "/keywords.onnx.card.json", here],
                          input="%s %s\n" % (kind, path), capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def two_people(build, testdata):
    """Two models of one portrait: how much of what either takes for a person both do."""
    source = ["image %s/data/images/grace_hopper.bmp" % testdata]
    a, b = (pixels(answers(build, testdata, m, source)[0]) for m in (
        "segment/SINet_Softmax.onnx", "tflite/segment/selfie_segmentation.tflite"))
    return sum(x == y == 1 for x, y in zip(a, b)) / sum(x == 1 or y == 1 for x, y in zip(a, b))


def person_or_not(build, testdata):
    """Of two pictures published with the model, those that are what they are named after. The person's holds signed bytes."""
    sources = []
    for name, sign in (("tflm_person", 128), ("tflm_no_person", 0)):
        data = open("%s/data/images/%s.bmp" % (testdata, name), "rb").read()
        rows = [data[len(data) - 96 * (y + 1):][:96] for y in range(96)]
        sources.append("raw gray 96 96 0 " + save(build, name, bytes(v ^ sign for v in b"".join(rows))))
    got = answers(build, testdata, "tflite/micro/person_detect.tflite", sources)
    return sum(g["answers"][0]["label"] == w for g, w in zip(got, ("person", "no person")))


def body(build, testdata):
    """Points of a skier: the share that lies within the box that people drew, the head above the neck above hips above knees above feet."""
    folder = unpack(build, testdata, "coco_val/coco_val.tar.gz") + "/000000000785"
    c, x, y, w, h = map(float, open(folder + ".txt").readline().split())
    across, down = jpeg_size(folder + ".jpg")
    p = answers(build, testdata, "tflite/pose/pose_cpm.tflite", ["image " + folder + ".jpg"])[0]["answers"][0]["points"]
    xs, ys = p[::3], p[1::3]
    if c != 0 or len(xs) != 14 or not all(ys[a] < ys[b] for a, b in ((0, 1), (1, 8), (1, 11), (8, 9), (11, 12), (9, 10), (12, 13))):
        raise RuntimeError("points of no upright body: %s" % ys)
    return sum(abs(px / across - x) <= w / 2 and abs(py / down - y) <= h / 2 for px, py in zip(xs, ys)) / 14


def sines(build, testdata):
    """The largest error of two models that compute a sine; LiteRT's is 0.1068."""
    x = [k * 2 * math.pi / 100 for k in range(100)]
    path = save(build, "sines.f32", array.array("f", x).tobytes())
    rows = ["f32 1 %d %s" % (4 * k, path) for k in range(100)]
    return max(abs(g["answers"][0]["value"] - math.sin(v)) for model in ("float", "int8")
               for g, v in zip(answers(build, testdata, "tflite/micro/hello_world_%s.tflite" % model, rows), x))


def machine_sound(build, testdata, model, want):
    """How far a clip's mean residual is from that of LiteRT 2.3."""
    sources = ["series 128 %s/data/ad01/normal_id_01_00000000_hist_librosa.bin" % testdata]
    got = [g["answers"][0]["value"] for g in answers(build, testdata, model, sources)]
    if len(got) != 196:
        raise RuntimeError("%d windows, expected 196" % len(got))
    return abs(sum(got) / len(got) - want)


def filled(case):
    """What a recorded run of a model was fed."""
    gen, x, out = case["inputs"][0]["gen"], case["inputs"][0]["gen"]["lcg_seed"], []
    for _ in range(math.prod(case["inputs"][0]["shape"])):
        x = (x * 1664525 + 1013904223) & 0xffffffff
        out.append(gen["lo"] + (x >> 8) % (gen["hi"] - gen["lo"] + 1))
    return out


def recorded_frames(build, testdata):
    """Bytes in, bytes out: the largest difference of scores from a recorded run, in steps of the output."""
    folder = testdata + "/expected/tflite__micro__micro_speech_quantized.tflite/"
    with open(folder + "case.json") as f:
        source = save(build, "frames.f32", array.array("f", filled(json.load(f))).tobytes())
    want = list(array.array("b", open(folder + "out_0.npy", "rb").read()[-4:]))
    got = answers(build, testdata, "tflite/micro/micro_speech_quantized.tflite", ["series 40 " + source])[0]["answers"]
    return max(abs(a["score"] * 256 - 128 - want[a["class"]]) for a in got)


def same_vectors(build, testdata):
    """A network as ONNX and as TensorFlow Lite, from a sound to vectors: their largest difference, of numbers up to 70."""
    source, folder = ["wav %s/data/audio/jfk.wav" % testdata], testdata + "/onnx/speech"
    a, b = (answers(build, testdata, m, source, folder) for m in (
        "speech/oww_embedding_model.onnx", "tflite/speech/oww_embedding_model.tflite"))
    if len(a) != len(b) or len(a) < 100:
        raise RuntimeError("%d and %d vectors" % (len(a), len(b)))
    return max(abs(x - y) for g, w in zip(a, b) for x, y in zip(g["vector"], w["vector"]))


def same_words(build, testdata):
    """Another, to the scores of a wake word."""
    source, folder = ["wav %s/data/audio/jfk.wav" % testdata], testdata + "/onnx/speech"
    a, b = (answers(build, testdata, m, source, folder) for m in (
        "speech/oww_hey_jarvis_v0.1.onnx", "tflite/speech/oww_hey_jarvis_v0.1.tflite"))
    return max(abs(x["answers"][0]["score"] - y["answers"][0]["score"]) for x, y in zip(a, b))


def first_of(build, testdata, model, want, folder=None):
    """The largest difference of the first numbers of each of some vectors, as far as ONNX Runtime 1.23.2 gave them: {vector: numbers}."""
    got = answers(build, testdata, model, ["wav %s/data/audio/jfk.wav" % testdata], folder)
    return max(abs(g - w) for k, row in want.items() for g, w in zip(got[k]["vector"], row))


def sounds(build, testdata):
    """Clips whose best score among ten groups of labels is of their own group: LiteRT 2.3 with these groups is right about 82 of 90. (The list
    says 74 and does not say which groups.) Then a clip of speech."""
    groups = ("Dog|Bark|Bow-wow", "Rain|Raindrop|Rain on surface", "Ocean|Waves, surf", "Baby cry, infant cry|Crying, sobbing",
              "Clock|Tick|Tick-tock", "Sneeze", "Helicopter", "Chainsaw", "Chicken, rooster|Crowing, cock-a-doodle-doo", "Fire|Crackle")
    name, folder = "tflite/audio/yamnet.tflite", unpack(build, testdata, "esc10/clips.tar.gz")
    with open(os.path.join(HERE, "cards", card_name(name))) as f:
        card = json.load(f)
    card["answer"]["top"] = 521
    path, rows, right = save(build, "yamnet.card.json", json.dumps(card).encode()), rows_of(testdata, "esc10/labels.csv"), 0
    sources = ["wav %s/%s" % (folder, r["file"]) for r in rows] + ["wav %s/data/audio/speech_yamnet.wav" % testdata]
    got = answers(build, testdata, name, sources, testdata + "/tflite/audio", path)
    for r, g in zip(rows, got):
        scores = {a["label"]: a["score"] for a in g["answers"]}
        each = [max(scores[label] for label in group.split("|")) for group in groups]
        right += each.index(max(each)) == int(r["class_id"])
    if got[len(rows)]["answers"][0]["label"] != "Speech":
        raise RuntimeError("speech is heard as %s" % got[len(rows)]["answers"][0]["label"])
    return right


def three_times_as_large(build, testdata):
    """The largest difference of some pixels (x, y, red, green, blue) from those that Pillow 11.3 and ONNX Runtime 1.23.2 make of a portrait, tile
    by tile, with the colours resized."""
    want = [(1306, 1146, 19, 15, 29), (785, 485, 252, 182, 158), (472, 73, 17, 22, 59), (115, 29, 21, 22, 68), (269, 1463, 255, 255, 244),
            (997, 1642, 29, 29, 39), (773, 1091, 133, 63, 42), (1491, 1313, 16, 16, 17), (971, 978, 221, 148, 110), (860, 1683, 23, 24, 29),
            (426, 1468, 216, 203, 207), (1030, 4, 65, 103, 176)]
    model, out = "vision/super_resolution_opset_none.onnx", save(build, "large.png", b"")
    RUN.add(card_name(model))
    done = subprocess.run([build + "/sedge", "run", testdata + "/onnx/" + model, testdata + "/data/images/grace_hopper.bmp", "--card",
                           os.path.join(HERE, "cards", card_name(model)), "-o", out], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    rows = png(out, 3)
    return max(abs(rows[x[1]][3 * x[0] + k] - x[2 + k]) for x in want for k in range(3))


def uncovered(build, testdata):
    """Models without a card or a reason, cards without a model, cards that nothing above has run."""
    with open(os.path.join(HERE, "cards/without.tsv")) as f:
        without = {line.split("\t")[0] for line in f}
    models = {os.path.relpath(os.path.join(at, n), testdata) for part in ("onnx", "tflite") for at, _, names in os.walk(os.path.join(testdata, part))
              for n in names if n.endswith((".onnx", ".tflite")) and "/conformance" not in at and not at.endswith("/bad")}
    cards = {n for n in os.listdir(os.path.join(HERE, "cards")) if n.endswith(".card.json")}
    named = {card_name(m) for m in models - without}
    bad = sorted((without - models) | (named ^ cards) | (cards - RUN))
    if bad:
        raise RuntimeError(", ".join(bad))
    return len(bad)


DTLN = "tests/golden/data/dtln"
MEL = {0: [27.5796] * 8, 20: [68.0402, 77.7081, 81.8, 73.6754, 77.4091, 100.0637, 101.5843, 85.2799],
       60: [65.3906, 68.2086, 62.305, 63.8194, 61.7608, 61.1939, 57.7721, 55.0992]}
GAIN = {0: [0.79908, 0.75995, 0.69822, 0.67334, 0.49811, 0.47409, 0.4336, 0.41185],
        50: [0.98103, 0.93854, 0.8374, 0.40805, 0.33576, 0.38857, 0.43548, 0.51193],
        300: [0.95753, 0.81988, 0.12159, 0.16329, 0.08093, 0.14288, 0.08734, 0.08125]}
CHECKS = [  # what, how, the least and the most that is allowed
    ("speech/silero_vad.onnx: off by", voice, 0, 1e-4), ("faces: overlap", faces, 0.6, 1),
    ("faces of two formats: overlap", two_formats, 0.95, 1), ("tflite/segment/deeplabv3_257: share of pixels", lambda *a: golden_mask(*a, "tflite/segment/deeplabv3_257.tflite"), 0.98, 1),
    ("tflite/coral/deeplabv3_mnv2_dm05: share of pixels", lambda *a: golden_mask(*a, "tflite/coral/deeplabv3_mnv2_dm05_pascal_quant.tflite"), 0.9, 1),
    ("tflite/segment/selfie_segmentation: overlap of people", two_people, 0.9, 1),
    ("tflite/micro/person_detect: of 2", person_or_not, 2, 2), ("tflite/pose/pose_cpm: share of points", body, 1, 1),
    ("tflite/micro/hello_world: off by", sines, 0, 0.107),
    ("tflite/mlperf_tiny/ad01_fp32: off by", lambda *a: machine_sound(*a, "tflite/mlperf_tiny/ad01_fp32.tflite", 9.7071), 0, 1e-3),
    ("tflite/mlperf_tiny/ad01_int8: off by", lambda *a: machine_sound(*a, "tflite/mlperf_tiny/ad01_int8.tflite", 10.2799), 0, 0.02),
    ("tflite/micro/micro_speech: off by", recorded_frames, 0, 1), ("tflite/speech/oww_embedding_model: off by", same_vectors, 0, 1e-3),
    ("tflite/speech/oww_hey_jarvis: off by", same_words, 0, 1e-5), ("tflite/audio/yamnet: of 90", sounds, 81, 83),
    ("vision/super_resolution: levels", three_times_as_large, 0, 1),
    ("ocr, found and read: share of texts", found_and_read, 1, 1), ("text/byte_bidi_lstm: off by", bytes_of_text, 0, 1e-5),
    ("tabular/lgbm_classifier_tensor: off by", trees, 0, 1e-5), ("text/magika: off by, in units of what is allowed,", kinds_of_files, 0, 1),
    ("transformer/bert_toy: off by", tokens, 0, 1e-5), ("speech/oww_hey_jarvis: score of other words", other_words, 0, 0.01),
    ("speech/dtln: off by", clean_speech, 0, 1e-4), ("pieces of 10 ms: answers that differ", in_pieces, 0, 0),
    ("speech/oww_melspectrogram: off by", lambda *a: first_of(*a, "speech/oww_melspectrogram.onnx", MEL), 0, 1e-3),
    ("speech/dtln_model_1: off by", lambda *a: first_of(*a, "speech/dtln_model_1.onnx", GAIN, os.path.join(os.path.abspath(a[0]), DTLN)), 0, 1e-4),
    ("models or cards that are left over:", uncovered, 0, 0),
]


def main(build, testdata):
    if not os.path.isdir(os.path.join(testdata, "data")):
        print("SKIP no test material in %s\n0 passed, 0 failed, 1 skipped" % testdata)
        return 0
    failed = 0
    for row in TABLE:
        try:
            ours = score(build, testdata, row)
            bad = abs(ours - row[3]) > max(0.003, 2 / row[4]) + 1e-4
            print("%s %s top %d: %.4f, listed %.4f" % ("FAIL" if bad else "ok  ", row[0], row[2], ours, row[3]), flush=True)
        except RuntimeError as e:
            bad = True
            print("FAIL %s: %s" % (row[0], e), flush=True)
        failed += bad
    for what, check, least, most in CHECKS:
        try:
            ours = check(build, testdata)
            bad = not least <= ours <= most
            print("%s %s %.6g, allowed %g to %g" % ("FAIL" if bad else "ok  ", what, ours, least, most), flush=True)
        except RuntimeError as e:
            bad = True
            print("FAIL %s: %s" % (what, e), flush=True)
        failed += bad
    print("%d passed, %d failed, 0 skipped" % (len(TABLE) + len(CHECKS) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
