"""Spoils one field of a card that is right, and asks `sedge card --try` which one it was; a card that is right must not be blamed.
And compares a card with tensors that were made here in other ways, which `--tensors` has to name.

usage: detective.py BUILD TESTDATA [PATTERN]. Only Python's own library is used. The material: models with labelled data, and a
linear classifier of spoken digits that is trained here on spectra made by Sedge.
"""
import copy
import csv
import gzip
import json
import os
import random
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
CARDS = os.path.join(HERE, "..", "golden", "cards")


class Bench:
    def __init__(self, build, testdata):
        self.sedge = os.path.abspath(build) + "/sedge"
        self.testdata = os.path.abspath(testdata)
        self.out = os.path.abspath(build) + "/tests/task"
        os.makedirs(self.out, exist_ok=True)
        self.made, self.lock = {}, threading.Lock()

    def path(self, name):
        return os.path.join(self.out, name)

    def card(self, name):
        with open(os.path.join(CARDS, name + ".card.json")) as f:
            return json.load(f)

    def model(self, name):
        return os.path.join(self.testdata, "onnx", name)

    def run(self, *words):
        done = subprocess.run([self.sedge, *words], capture_output=True, text=True, timeout=3000)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or "exit status %d" % done.returncode)
        return done.stdout

    def data(self, make):
        with self.lock:
            if make not in self.made:
                self.made[make] = make(self)
            return self.made[make]


def npy(path, dtype, shape, raw):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (dtype, tuple(shape))
    with open(path, "wb") as f:
        head = head.ljust(117) + "\n"
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + raw)
    return path


def labelled(b, name, shape, raw, labels, dtype="|u1"):
    x = npy(b.path(name + ".npy"), dtype, (len(labels),) + shape, raw)
    return [x, "--labels", npy(b.path(name + "_y.npy"), "|u1", (len(labels),), bytes(labels))]


def mnist(b):
    read = lambda n: gzip.open(os.path.join(b.testdata, "data/mnist", n)).read()
    n = 400
    return labelled(b, "mnist", (28, 28), read("t10k-0-5000-images.idx.gz")[16:16 + 784 * n],
                    read("t10k-0-5000-labels.idx.gz")[8:8 + n])


def cifar_pictures(b):
    with open(os.path.join(b.testdata, "data/cifar10/test_subset.bin"), "rb") as f:
        raw = f.read()
    for i in range(len(raw) // 3073):
        p = raw[i * 3073 + 1:(i + 1) * 3073]
        yield raw[i * 3073], bytes(v for rgb in zip(p[:1024], p[1024:2048], p[2048:]) for v in rgb)


def cifar(b):
    all_of = list(cifar_pictures(b))[:400]
    return labelled(b, "cifar", (32, 32, 3), b"".join(p for _, p in all_of), [c for c, _ in all_of])


def cifar_wide(b):
    """Pictures in the middle of wider ones."""
    side, out, labels = bytes(16 * 3), [], []
    for c, p in list(cifar_pictures(b))[:300]:
        out += [side + p[y * 96:y * 96 + 96] + side for y in range(32)]
        labels.append(c)
    return labelled(b, "cifar_wide", (32, 64, 3), b"".join(out), labels)


def cifar_noisy(b):
    """Thrice as large, with the noise of a small sensor: what is averaged is good, what is picked is not."""
    rng, out, labels = random.Random(1), [], []
    noise = [int(rng.gauss(0, 40)) for _ in range(1 << 16)]
    for c, p in list(cifar_pictures(b))[:150]:
        q = bytearray(96 * 96 * 3)
        at = rng.randrange(1 << 16)
        for y in range(96):
            row = y // 3 * 96
            for x in range(96):
                for k in range(3):
                    at = (at + 1) & 0xffff
                    v = p[row + x // 3 * 3 + k] + noise[at]
                    q[(y * 96 + x) * 3 + k] = 0 if v < 0 else 255 if v > 255 else v
        out.append(bytes(q))
        labels.append(c)
    return labelled(b, "cifar_noisy", (96, 96, 3), b"".join(out), labels)


def keywords(b):
    with open(os.path.join(b.testdata, "data/kws01/labels.csv"), newline="", encoding="utf-8-sig") as f:
        labels = [int(r["class"]) for r in csv.DictReader(f)]
    with open(os.path.join(b.testdata, "data/kws01/features_i8.bin"), "rb") as f:
        return labelled(b, "kws", (49, 10), f.read()[:490 * len(labels)], labels, "|i1")


def unpack(b, archive):
    out = b.path(os.path.basename(archive).split(".")[0])
    if not os.path.isdir(out):
        with tarfile.open(os.path.join(b.testdata, "data", archive)) as t:
            t.extractall(out, filter="data") if hasattr(tarfile, "data_filter") else t.extractall(out)
    return out


def write_labels(b, name, rows):
    with open(b.path(name), "w") as f:
        f.write("file,label\n" + "".join("%s,%s\n" % r for r in rows))
    return b.path(name)


def imagenet(b):
    folder = unpack(b, "imagenet_samples/images.tar.gz")
    with open(os.path.join(b.testdata, "data/imagenet_samples/labels.csv"), newline="", encoding="utf-8-sig") as f:
        rows = [(r["file"], r["index_0_999"]) for r in csv.DictReader(f)][::6]
    return [folder, "--labels", write_labels(b, "imagenet.csv", rows)]


def persons(b):
    folder = unpack(b, "coco_val/coco_val.tar.gz")
    return [folder, "--labels", os.path.join(b.testdata, "data/coco_val/vww_person.csv")]


def speech(b):
    """Every second recording trains the classifier; of the others every second one is what is tried."""
    folder = unpack(b, "fsdd/recordings.tar.gz")
    names = sorted(os.listdir(folder))
    return [folder, "--labels", write_labels(b, "fsdd.csv", [(n, n[0]) for n in names[1::4]])]


DIGITS = {"sedge_card": 1, "task": "tag",
          "inputs": {"x": {"audio": {"rate": 8000, "window": 6400},
                           "steps": [{"logmel": {"fft": 256, "hop": 512, "mels": 16, "power": 1, "eps": 0.001, "like": "tf"}},
                                     {"norm": {"mean": -4, "std": 2}}]}},
          "answer": {"head": "classes", "scores": {"act": "softmax"}}, "labels": [str(d) for d in range(10)]}


def digits_model(b):
    """Regression by stochastic gradient descent on the spectra that the right card gives."""
    folder, n = unpack(b, "fsdd/recordings.tar.gz"), 13 * 16
    model, ident = b.path("digits.onnx"), b.path("identity.onnx")
    onnx.identity(ident, n)
    card = copy.deepcopy(DIGITS)
    card.update(task="embed", answer={"head": "embedding", "normalize": False}, labels=None)
    with open(b.path("identity.json"), "w") as f:
        json.dump(card, f)
    files = [os.path.join(folder, f) for f in sorted(os.listdir(folder))[::2]]
    lines = b.run("run", ident, *files, "--card", b.path("identity.json"), "--jsonl").splitlines()
    seen = {}
    for line in map(json.loads, lines):
        seen.setdefault(line["file"], line["answer"]["vector"])
    rows = [(int(os.path.basename(f)[0]), v) for f, v in seen.items()]
    rng, w, bias = random.Random(2), [[0.0] * 10 for _ in range(n)], [0.0] * 10
    for epoch in range(12):
        rng.shuffle(rows)
        for digit, x in rows:
            learn(w, bias, digit, x, 0.02 / (1 + epoch))
    onnx.linear(model, w, bias)
    return model


def learn(w, bias, digit, x, rate):
    z = list(bias)
    for xi, row in zip(x, w):
        for k in range(10):
            z[k] += xi * row[k]
    most = max(z)
    e = [2.718281828 ** (v - most) for v in z]
    total = sum(e)
    step = [rate * ((k == digit) - e[k] / total) for k in range(10)]
    for i, xi in enumerate(x):
        row = w[i]
        for k in range(10):
            row[k] += xi * step[k]
    for k in range(10):
        bias[k] += step[k]


# ---- beside tensors of other code ------------------------------------------------------------------------------------------

TRACED = {"image": {}, "steps": [{"resize": {"size": [32, 32], "kernel": "area", "like": "opencv"}}, {"mul": 1 / 255},
                                 {"norm": {"mean": 0.5, "std": 0.25}}]}


def large_pictures(b):
    """64 x 64 as files, and their bytes."""
    rng, out = random.Random(3), []
    for i, (_, p) in zip(range(3), cifar_pictures(b)):
        q = bytes(max(0, min(255, p[y // 2 * 96 + x // 2 * 3 + k] + rng.randrange(-40, 41)))
                  for y in range(64) for x in range(64) for k in range(3))
        os.makedirs(b.path("large"), exist_ok=True)
        with open(b.path("large/p%d.ppm" % i), "wb") as f:
            f.write(b"P6 64 64 255\n" + q)
        out.append(q)
    return out


def averaged(p, x, y, k):
    at = lambda dx, dy: p[((2 * y + dy) * 64 + 2 * x + dx) * 3 + k]
    return int((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4 + 0.5)


def picked(p, x, y, k):
    return p[(2 * y * 64 + 2 * x) * 3 + k]


def cut(p, x, y, k):
    return p[((y + 16) * 64 + x + 16) * 3 + k]


def usual(v):
    return (v / 255 - 0.5) / 0.25


TRACES = [  # what the training code did, field that must be named first, words of how
    ("the same", averaged, (0, 1, 2), usual, None, "no step differs"),
    ("channels swapped", averaged, (2, 1, 0), usual, "color", "channels swapped"),
    ("no division by 255", averaged, (0, 1, 2), lambda v: (v - 0.5) / 0.25, "mul", "factor 1/255"),
    ("no mean", averaged, (0, 1, 2), lambda v: v / 255 / 0.25, "norm.mean", "subtracts no mean"),
    ("no deviation", averaged, (0, 1, 2), lambda v: v / 255 - 0.5, "norm.std", "another deviation"),
    ("-1..1", averaged, (0, 1, 2), lambda v: v / 127.5 - 1, "norm.std", "-1..1"),
    ("picked", picked, (0, 1, 2), usual, "kernel", "nearest"),
    ("cut", cut, (0, 1, 2), usual, "geometry", "crop"),
    ("cut and swapped", cut, (2, 1, 0), usual, "color", "channels swapped"),
]


def trace(b, name, pixel, order, number, field, words):
    pictures = b.data(large_pictures)
    archive = b.path("t_%s.npz" % name.replace(" ", "_"))
    with zipfile.ZipFile(archive, "w") as z:
        for i, p in enumerate(pictures):
            v = [number(pixel(p, x, y, k)) for k in order for y in range(32) for x in range(32)]
            part = npy(b.path("part_%d.npy" % threading.get_ident()), "<f4", (3, 32, 32), struct.pack("<3072f", *v))
            z.write(part, "p%d.ppm.npy" % i)
    card = b.card("ic01_resnet8_float")
    card["inputs"] = {"input_1": TRACED}
    with open(b.path("traced.json"), "w") as f:
        json.dump(card, f)
    got = json.loads(b.run("card", b.model("mlperf_tiny/ic01_resnet8_float.onnx"), "--card", b.path("traced.json"), "--try",
                           b.path("large"), "--tensors", archive, "--threads", "1", "--json"))
    first = got["steps"][got["first"]]["step"] if got["first"] >= 0 else None
    return first == field and words in got["verdict"], got["verdict"]


# ---- cards that are right: name, model, data, card -------------------------------------------------------------------------

def kws_card(b):
    card = b.card("kws_ref_model_int8_qdq")
    card["inputs"]["input_1"]["series"] = {"columns": 10, "window": 49}
    return card


def with_steps(name, steps):
    def make(b):
        card = b.card(name)
        next(iter(card["inputs"].values()))["steps"] = steps
        return card
    return make


GOOD = {
    "mnist": ("vision/mnist-8.onnx", mnist, lambda b: b.card("mnist-8")),
    "cifar": ("mlperf_tiny/ic01_resnet8_float.onnx", cifar, lambda b: b.card("ic01_resnet8_float")),
    "cifar int8": ("mlperf_tiny/ic01_resnet8_int8_qdq.onnx", cifar, lambda b: b.card("ic01_resnet8_int8_qdq")),
    "cifar wide": ("mlperf_tiny/ic01_resnet8_float.onnx", cifar_wide,
                   with_steps("ic01_resnet8_float", [{"crop": [32, 32]}])),
    "cifar noisy": ("mlperf_tiny/ic01_resnet8_float.onnx", cifar_noisy,
                    with_steps("ic01_resnet8_float", [{"resize": {"size": [32, 32], "kernel": "bilinear", "like": "pillow"}}])),
    "keywords": ("mlperf_tiny/kws_ref_model_int8_qdq.onnx", keywords, kws_card),
    "persons": ("mlperf_tiny/vww_mobilenet_v1_int8_qdq.onnx", persons, lambda b: b.card("vww_mobilenet_v1_int8_qdq")),
    "imagenet": ("vision/mobilenet_v2_w8a8_qdq/model.onnx", imagenet, lambda b: b.card("mobilenet_v2_w8a8_qdq")),
    "digits": (digits_model, speech, lambda b: copy.deepcopy(DIGITS)),
}


def source(card):
    return next(v[k] for v in card["inputs"].values() for k in ("image", "audio", "series") if k in v)


def steps(card):
    return next(iter(card["inputs"].values()))["steps"]


def spoil_source(**fields):
    return lambda card: source(card).update(fields)


def spoil_steps(new):
    def change(card):
        steps(card)[:] = new
    return change


def spoil_step(name, **fields):
    def change(card):
        for s in steps(card):
            if name in s:
                s[name].update(fields)
    return change


def spoil_labels(labels):
    def change(card):
        card["labels"] = labels(card) if callable(labels) else labels
    return change


IMAGENET = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
SHORT = [{"resize": {"short": 256}}, {"crop": [244, 244]}]
SPOILED = [  # card, what is spoiled, field that must be named, words that its path must hold
    ("cifar", spoil_source(color="bgr"), "color", "image.color"),
    ("cifar", spoil_steps([{"mul": 1 / 255}]), "scale", "mul"),
    ("cifar", spoil_steps([{"norm": {"mean": 128}}]), "scale", "norm.mean"),
    ("cifar", spoil_steps([{"norm": {"std": 64}}]), "scale", "norm.std"),
    ("cifar", spoil_source(layout="nhwc"), "layout", "image.layout"),
    ("cifar", spoil_labels(lambda c: {"names": c["labels"], "first": 1}), "labels.first", "labels.first"),
    ("cifar int8", spoil_source(layout="nchw"), "layout", "image.layout"),
    ("cifar wide", spoil_steps([{"resize": [32, 32]}]), "geometry", "steps.0.resize"),
    ("cifar noisy", spoil_step("resize", kernel="nearest"), "kernel", "steps.0.resize.kernel"),
    ("mnist", spoil_steps([{"norm": {"mean": 255, "std": -255}}]), "scale", "norm"),
    ("mnist", spoil_labels({"first": 1}), "labels.first", "labels.first"),
    ("keywords", spoil_source(axes="ct"), "axes", "series.axes"),
    ("keywords", spoil_source(window=48), "window", "series.window"),
    ("imagenet", spoil_source(color="bgr"), "color", "image.color"),
    ("imagenet", spoil_steps(SHORT + [{"norm": {"mean": IMAGENET[0], "std": IMAGENET[1]}}]), "scale", "mul"),
    ("imagenet", spoil_step("norm", std=1), "scale", "norm.std"),
    ("imagenet", spoil_steps(SHORT + [{"mul": 1 / 255}]), "scale", "norm"),
    ("digits", spoil_source(rate=16000), "rate", "audio.rate"),
    ("digits", spoil_source(range="s16"), "range", "audio.range"),
    ("digits", spoil_step("logmel", like="librosa"), "like", "logmel.like"),
    ("digits", spoil_step("logmel", power=2), "power", "logmel.power"),
    ("digits", spoil_step("logmel", taper="rect"), "taper", "logmel.taper"),
    ("digits", spoil_step("logmel", log=False), "log", "logmel.log"),
]


# --seconds: more than it takes, since how many samples are looked at must not depend on the machine.
def ask(b, name, spoil):
    model, data, card = GOOD[name]
    path = b.data(model) if callable(model) else b.model(model)
    card = card(b)
    if spoil:
        spoil(card)
    at = b.path("card%d.json" % threading.get_ident())
    with open(at, "w") as f:
        json.dump(card, f)
    return json.loads(b.run("card", path, "--card", at, "--try", *b.data(data), "--json", "--threads", "1", "--seconds", "3000"))


def judge(b, case):
    """A line to print, and whether the detective was right."""
    name, spoil, field, words = case
    start = time.time()
    try:
        got = ask(b, name, spoil)
        blame = [x["field"] for x in got["blame"]]
        good = blame == ([field] if field else []) and all(words in x["path"] for x in got["blame"])
        why = got["verdict"]
    except RuntimeError as e:
        good, why = False, str(e)
    line = "%s %s (%.1f s)" % ("ok  " if good else "FAIL", title(case), time.time() - start)
    return line + ("" if good else ": " + why), good


def title(case):
    return "%s, %s" % (case[0], case[2] + " " + case[3] if case[1] else "as it is right")


def main(build, testdata, pattern):
    if not os.path.isdir(os.path.join(testdata, "data")):
        print("SKIP no test material in %s\n0 passed, 0 failed, 1 skipped" % testdata)
        return 0
    b, passed, failed = Bench(build, testdata), 0, 0
    cases = [c for c in [(n, None, None, "") for n in GOOD] + SPOILED if pattern in title(c)]
    for case in TRACES:
        if pattern not in "tensors, " + case[0]:
            continue
        try:
            good, why = trace(b, *case)
        except RuntimeError as e:
            good, why = False, str(e)
        passed, failed = passed + good, failed + (not good)
        print("%s tensors, %s%s" % ("ok  " if good else "FAIL", case[0], "" if good else ": " + why), flush=True)
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        named = {True: 0, False: 0}
        for case, (line, good) in zip(cases, pool.map(lambda c: judge(b, c), cases)):
            passed, failed = passed + good, failed + (not good)
            named[good] += case[1] is not None
            print(line, flush=True)
    print("%d of %d spoiled cards: the field was named" % (named[True], named[True] + named[False]))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3]))
