"""Models written as TensorFlow Lite, run by LiteRT beside what they were written from.

.tflite sources run in LiteRT too, by the same kernels: the answers are equal, where it does not quantize activations beside 8-bit weights by itself. Of .onnx
sources the written model runs in Sedge and in LiteRT; those with integers are cut off at their last integers, which are at most a step apart by LiteRT's
default kernels; its reference kernels round twice in every layer, which is printed.
usage: written.py SEDGE FOLDER SOURCE...; FOLDER takes the written models. Needs the Python packages ai-edge-litert and numpy.
"""
import os
import re
import subprocess
import sys
import tempfile

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as S
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


def lite(path, feed, kernels=OpResolverType.BUILTIN_REF):
    it = Interpreter(model_path=path, experimental_op_resolver_type=kernels)
    it.allocate_tensors()
    feed = feed or inputs(it, 1)
    for d, v in zip(it.get_input_details(), feed):
        it.set_tensor(d["index"], v)
    it.invoke()
    outs = it.get_output_details()
    return [it.get_tensor(d["index"]) for d in outs], feed, [d["name"] for d in it.get_input_details()], [d["name"] for d in outs]


def sedge(program, path, feed, names, outs):
    with tempfile.TemporaryDirectory() as tmp:
        command = [program, "run", path, "-o", tmp + "/out"]
        for i, v in enumerate(feed):
            np.save("%s/%d.npy" % (tmp, i), v)
            command += ["--in", "%s=%s/%d.npy" % (names[i], tmp, i)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return [np.load("%s/out/%s.npy" % (tmp, re.sub("[^A-Za-z0-9._-]", "_", o))) for o in outs]


def integers(path):
    """A model that gives the last integers: what is dequantized for the outputs, in place of them. None: there are none."""
    m = S.ModelT.InitFromPackedBuf(open(path, "rb").read(), 0)
    g, made = m.subgraphs[0], {}
    for op in g.operators:
        made.update({o: op for o in op.outputs})
    outs = []
    for o in g.outputs:
        while o in made and g.tensors[o].type == S.TensorType.FLOAT32:
            o = made[o].inputs[0]
        if g.tensors[o].type not in (S.TensorType.INT8, S.TensorType.UINT8, S.TensorType.INT16) or o in outs:
            return None
        outs.append(int(o))
    for i, o in enumerate(outs):
        g.tensors[o].name = b"integers%d" % i
    g.outputs, m.signatureDefs = np.array(outs, np.int32), []
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    path = path.replace(".tflite", "") + "-integers.tflite"
    with open(path, "wb") as f:
        f.write(bytes(b.Output()))
    return path


def hybrid(path):
    """It has products of numbers by 8-bit weights, for which LiteRT quantizes the numbers."""
    m = S.ModelT.InitFromPackedBuf(open(path, "rb").read(), 0)
    g = m.subgraphs[0]
    return any(len(op.inputs) > 1 and max(m.operatorCodes[op.opcodeIndex].builtinCode, m.operatorCodes[op.opcodeIndex].deprecatedBuiltinCode) in (3, 4, 9) and g.tensors[op.inputs[0]].type == 0
               and g.tensors[op.inputs[1]].type == S.TensorType.INT8 for op in g.operators)


def of_lite(source, written):
    out, feed, _, _ = lite(written, None)
    want = lite(source, feed)[0]
    same = len(want) == len(out) and all(a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(want, out))
    if not same and len(out) == 4 and np.array_equal(want[2], out[2]) and np.array_equal(want[3], out[3]):
        return True, "equal scores and numbers of boxes; boxes of one score come in another order"
    if not same and hybrid(source) and all(np.allclose(a, b, atol=0.01) for a, b in zip(want, out)):
        return True, "within 0.01: LiteRT quantizes activations of the source"
    return same, "equal" if same else "off by %s" % ["%.3g" % np.abs(a.astype(float) - b.astype(float)).max() for a, b in zip(want, out)]


def of_onnx(program, written):
    path = integers(written)
    said, ok = [], True
    for name, kernels in (("XNNPACK", OpResolverType.AUTO), ("reference", OpResolverType.BUILTIN_REF)):
        worst, share = 0, 1
        out, feed, names, outs = lite(path or written, None, kernels)
        want = sedge(program, path or written, feed, names, outs)
        for a, b in zip(want, out):
            d = np.abs(a.astype(np.float64) - b.astype(np.float64))
            worst = max(worst, d.max(initial=0) / (1 if path else max(1e-6, np.abs(b).max(initial=0))))
            share = min(share, (d == 0).mean())
        ok = ok and (worst <= (1 if path else 1e-5) or (path and name == "reference"))
        said.append("%s: " % name + ("integers equal in %.2f %%, off by %d at the most" % (100 * share, worst) if path else "off by %.2g of the range" % worst))
    return ok, "; ".join(said)


def main(program, folder, sources):
    os.makedirs(folder, exist_ok=True)
    count = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for source in sources:
        written = "%s/%s.tflite" % (folder, os.path.splitext(os.path.basename(source))[0])
        done = subprocess.run([program, "convert", source, "-o", written], capture_output=True, text=True, timeout=120)
        how, why = "SKIP", done.stderr.strip()
        if done.returncode == 0:
            try:
                ok, why = of_lite(source, written) if source.endswith(".tflite") else of_onnx(program, written)
                how = "PASS" if ok else "FAIL"
            except (ValueError, RuntimeError) as e:
                why = str(e).split("\n")[0][:150]
        count[how] += 1
        print("%s %s: %s" % (how, os.path.basename(source), why), flush=True)
    print("%d passed, %d failed, %d skipped" % (count["PASS"], count["FAIL"], count["SKIP"]))
    return count["FAIL"] > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
