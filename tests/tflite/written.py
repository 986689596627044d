"""Models written as TensorFlow Lite, run by LiteRT beside what they were written from.

For .tflite sources both run in LiteRT: the answers must be equal; for .onnx sources the source runs in Sedge: integers may be a step apart.
usage: written.py SEDGE FOLDER SOURCE WRITTEN [SOURCE WRITTEN]...
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def inputs(it, seed):
    r = np.random.default_rng(seed)
    feed = []
    for d in it.get_input_details():
        shape, t = [max(1, n) for n in d["shape"]], d["dtype"]
        if np.issubdtype(t, np.integer):
            i = np.iinfo(t)
            v = r.integers(max(i.min, -128), min(i.max, 127 if i.max < 255 or t != np.uint8 else 255) + 1, shape).astype(t)
            v = v if np.iinfo(t).bits <= 8 else np.abs(v) % 4
        else:
            v = r.uniform(-1, 1, shape).astype(t)
        feed.append(v)
    return feed


def lite(path, feed, names=None):
    it = Interpreter(model_path=path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    details = it.get_input_details()
    it.allocate_tensors()
    feed = feed or inputs(it, 1)
    order = {d["name"]: d["index"] for d in details}
    for i, v in enumerate(feed):
        index = order.get(names[i], details[i]["index"]) if names else details[i]["index"]
        it.set_tensor(index, v)
    it.invoke()
    return [it.get_tensor(d["index"]) for d in it.get_output_details()], feed, [d["name"] for d in details], it.get_output_details()


def sedge(program, path, feed, names, n):
    with tempfile.TemporaryDirectory() as tmp:
        command = [program, "run", path, "-o", tmp + "/out"]
        for i, v in enumerate(feed):
            np.save("%s/%d.npy" % (tmp, i), v)
            command += ["--in", "%s=%s/%d.npy" % (names[i], tmp, i)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        files = [line.split()[-1] for line in done.stdout.splitlines() if line.strip().endswith(".npy")]
        files = files or [tmp + "/out/" + f for f in sorted(os.listdir(tmp + "/out"))]
        return [np.load(f) for f in files][:n]


def gap(a, b, scale):
    """In steps of the scale for integers and for reals that came from them, else of the range."""
    d = np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0)
    return d if np.issubdtype(a.dtype, np.integer) else d / (scale or max(1e-6, np.abs(a).max(initial=0)))


def one(program, source, written):
    out, feed, names, details = lite(written, None)
    if source.endswith(".tflite"):
        want = lite(source, feed)[0]
        ok = len(want) == len(out) and all(a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(want, out))
        return ok, "equal in LiteRT" if ok else "off by %s" % [float("%.3g" % gap(a, b, 0)) for a, b in zip(want, out)]
    want = sedge(program, source, feed, names, len(out))
    steps = [gap(a, b, 0) for a, b in zip(want, out)]
    same = [float((a == b).mean()) for a, b in zip(want, out)]
    return True, "beside Sedge: off by %s, equal %s" % (["%.3g" % s for s in steps], ["%.4f" % s for s in same])


def main(program, pairs):
    bad = 0
    for source, written in zip(pairs[::2], pairs[1::2]):
        try:
            ok, why = one(program, source, written)
        except (ValueError, RuntimeError) as e:
            ok, why = False, str(e).split("\n")[0][:150]
        bad += not ok
        print("%s %s: %s" % ("ok" if ok else "FAIL", os.path.basename(source), why), flush=True)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
