"""`sedge eval` on labelled data against the scores listed in the test material, within 0.3 points or 2 samples, whichever is more.

Data sets are written in every form that the command reads. Recurrent models whose listed score was measured without forgetting the sample
before (mnist_lstm) are left out: here each sample begins anew. usage: evals.py BUILD TESTDATA [PATTERN]
"""
import json
import os
import shutil
import struct
import subprocess
import sys

import cards

HERE = os.path.dirname(os.path.abspath(__file__))


def place(build, name):
    path = os.path.join(os.path.abspath(build), "tests/golden/eval", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def npy(path, kind, shape, data):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % (kind, tuple(shape))
    head = head.ljust(117 + 64 * (len(head) > 117)) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)
    return path


def arrays(build, name, kind, shape, x, y):
    npy(place(build, name + ".y.npy"), "<i4", [len(y)], struct.pack("<%di" % len(y), *y))
    return ["--data", npy(place(build, name + ".npy"), kind, shape, x), "--labels", place(build, name + ".y.npy")]


def mnist(build, testdata):
    images = open(cards.gunzip(build, testdata, "mnist/t10k-0-5000-images.idx.gz"), "rb").read()[16:16 + 784 * 2000]
    return arrays(build, "mnist", "|u1", [2000, 28, 28], images, cards.mnist(build, testdata)[1])


def cifar10(build, testdata):
    sources, labels = cards.cifar10(build, testdata)
    return arrays(build, "cifar10", "|u1", [600, 32, 32, 3], open(sources[0].split()[-1], "rb").read()[:3072 * 600], labels)


def keywords(build, testdata):
    _, labels = cards.keywords(build, testdata)
    return arrays(build, "kws01", "|i1", [500, 490], open(testdata + "/data/kws01/features_i8.bin", "rb").read()[:490 * 500], labels[:500])


def hands(build, testdata):
    sources, labels = cards.hands(build, testdata)
    return arrays(build, "hands", "<f4", [len(labels), 42], open(sources[0].split()[-1], "rb").read(), labels)


def table(build, name, head, rows):
    with open(place(build, name), "w", encoding="utf-8") as f:
        f.write(head + "\n" + "".join('"%s","%s"\n' % (str(a).replace('"', '""'), b) for a, b in rows))
    return place(build, name)


def files(build, name, sources, labels):
    """A CSV of files that stand in one folder."""
    folder = os.path.dirname(sources[0].split(" ", 1)[1])
    return ["--data", folder, "--labels", table(build, name, "file,label", [(os.path.basename(s), w) for s, w in zip(sources, labels)])]


def imagenet(build, testdata):
    return files(build, "imagenet.csv", *cards.imagenet(build, testdata))


def imagenet_1001(build, testdata):
    return files(build, "imagenet1001.csv", *cards.imagenet_1001(build, testdata))


def person(build, testdata):
    return files(build, "person.csv", *cards.person(build, testdata))


def sentences(build, testdata):
    sources, labels = cards.sentences(build, testdata)
    return ["--data", table(build, "sst2.csv", "text,label", [(open(s[5:]).read(), w) for s, w in zip(sources, labels)])]


def texts(build, testdata):
    return files(build, "texts.csv", *cards.texts(build, testdata)) + ["--anyway"]


def boxes(build, testdata):
    """The boxes of COCO's pictures, which stand beside them as parts of width and height, as COCO's JSON."""
    folder = cards.unpack(build, testdata, "coco_val/coco_val.tar.gz")
    names = open(testdata + "/data/labels/coco80.txt").read().split("\n")[:80]
    doc = {"images": [], "annotations": [], "categories": [{"id": i + 1, "name": n} for i, n in enumerate(names)]}
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".jpg")):
        w, h = cards.jpeg_size(os.path.join(folder, name))
        doc["images"].append({"id": len(doc["images"]) + 10, "file_name": name})
        for line in open(os.path.join(folder, name[:-4] + ".txt")):
            c, x, y, bw, bh = map(float, line.split()[:5])
            doc["annotations"].append({"id": len(doc["annotations"]), "image_id": doc["images"][-1]["id"], "category_id": int(c) + 1,
                                       "bbox": [(x - bw / 2) * w, (y - bh / 2) * h, bw * w, bh * h], "area": bw * w * bh * h})
    with open(place(build, "coco.json"), "w") as f:
        json.dump(doc, f)
    return ["--data", folder, "--labels", place(build, "coco.json")]


def wakeword(build, testdata):
    sources, want = cards.wakeword(build, testdata)
    folder = os.path.dirname(os.path.dirname(sources[0][4:]))
    return ["--data", folder, "--labels", table(build, "wake.csv", "file,label", [(os.path.relpath(s[4:], folder), "alexa" if w else "other")
                                                                                for s, w in zip(sources, want)])]


TABLE = [  # model, data, measure, score listed, samples
    ("vision/mnist-8.onnx", mnist, "top1", 0.984, 2000), ("vision/cnn_mnist_pytorch.onnx", mnist, "top1", 0.985, 2000),
    ("mlperf_tiny/ic01_resnet8_float.onnx", cifar10, "top1", 0.7517, 600),
    ("mlperf_tiny/ic01_resnet8_int8_qdq.onnx", cifar10, "top1", 0.7533, 600),
    ("mlperf_tiny/kws_ref_model_int8_qdq.onnx", keywords, "top1", 0.892, 500),
    ("mlperf_tiny/vww_mobilenet_v1_int8_qdq.onnx", person, "top1", 0.8281, 64),
    ("vision/mobilenet_v2_w8a8_qdq/model.onnx", imagenet, "top1", 0.8, 300),
    ("vision/mobilenet_v2_w8a8_qdq/model.onnx", imagenet, "top5", 0.95, 300),
    ("ocr/ch_PP-OCRv4_rec_infer.onnx", texts, "exact", 1.0, 2),
    ("detect/FastestDet.onnx", boxes, "map50", 0.3746, 64),
    ("speech/oww_alexa_v0.1.onnx", wakeword, "hit_rate", 1.0, 14), ("speech/oww_alexa_v0.1.onnx", wakeword, "false_alarms", 0.0, 14),
    ("tflite/mlperf_tiny/kws_ref_model.tflite", keywords, "top1", 0.906, 500),
    ("tflite/mlperf_tiny/ic01_resnet8_int8.tflite", cifar10, "top1", 0.75, 600),
    ("tflite/mlperf_tiny/vww_96_int8.tflite", person, "top1", 0.8438, 64),
    ("tflite/vision/mobilenet_v1_0.25_224_quant.tflite", imagenet_1001, "top1", 0.5433, 300),
    ("tflite/vision/mobilenet_v1_0.25_224_quant.tflite", imagenet_1001, "top5", 0.7933, 300),
    ("tflite/tabular/keypoint_classifier.tflite", hands, "top1", 0.9676, 2225),
    ("tflite/detect/coco_ssd_mobilenet_v1_quant.tflite", boxes, "map50", 0.3637, 64),
    ("tflite/text/text_classification.tflite", sentences, "top1", 0.7557, 872),
]


def card_of(build, testdata, model):
    """The card in a folder with the files that it may name: those of the model and the labels."""
    path = os.path.join(testdata, "" if model.endswith(".tflite") else "onnx", model)
    name = os.path.basename(path)
    if name.endswith(".onnx"):
        name = os.path.basename(os.path.dirname(path)) if name == "model.onnx" else name[:-5]
    out = place(build, "cards/" + name + "/card.json")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    for folder in (os.path.dirname(path), testdata + "/data/labels"):
        for f in os.listdir(folder):
            to = os.path.join(os.path.dirname(out), f)
            if os.path.isfile(os.path.join(folder, f)) and not os.path.exists(to):
                os.symlink(os.path.abspath(os.path.join(folder, f)), to)
    shutil.copyfile(os.path.join(HERE, "cards", name + ".card.json"), out)
    return path, out


def run(build, path, card, data):
    done = subprocess.run([build + "/sedge", "eval", path, "--card", card, "--json"] + data, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or "exit status %d" % done.returncode)
    return json.loads(done.stdout)


def main(build, testdata, pattern=""):
    passed = failed = skipped = 0
    known = {}
    for model, data, measure, listed, n in TABLE:
        if pattern not in model:
            continue
        path, card = os.path.join(testdata, "" if model.endswith(".tflite") else "onnx", model), None
        if not os.path.exists(path):
            skipped += 1
            print("SKIP eval %s: not there" % model)
            continue
        try:
            if (model, data) not in known:
                path, card = card_of(build, testdata, model)
                known[model, data] = run(build, path, card, data(build, testdata))
            got = {m["name"]: m for m in known[model, data]["metrics"]}[measure]
        except Exception as e:
            failed += 1
            print("FAIL eval %s: %s" % (model, e))
            continue
        good = abs(got["value"] - listed) <= max(0.003, 2.001 / n)
        passed, failed = passed + good, failed + (not good)
        print("%s eval %s %s: %.4f (%.4f - %.4f, %s), listed %.4f" % ("ok  " if good else "FAIL", model, measure, got["value"],
                                                                      got["low"], got["high"], got["method"], listed))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
