"""Builds a model for each operator of TensorFlow Lite and compares Sedge's answer with that of LiteRT's kernels.

Floats within 1e-5 of the result's range, integers exactly; quantized results equal in 99 of 100 elements and never more than a step apart.
usage: operators.py SEDGE FOLDER [PATTERN]; needs the Python packages ai-edge-litert and numpy. FOLDER keeps the models.
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

TYPES = {np.dtype(k): v for k, v in [("f4", 0), ("f2", 1), ("i4", 2), ("u1", 3), ("i8", 4), ("?", 6), ("i2", 7), ("i1", 9), ("f8", 10)]}
CODES = {v: k for k, v in vars(S.BuiltinOperator).items() if isinstance(v, int)}
BUILTINS = {k: v for v, k in CODES.items()}
rng = np.random.default_rng(1)


def real(*shape, lo=-3.0, hi=3.0):
    return rng.uniform(lo, hi, shape).astype(np.float32)


def ints(*shape, lo=-5, hi=6, dtype=np.int32):
    return rng.integers(lo, hi, shape).astype(dtype)


class Q:
    """A quantized tensor: integers, scale or scales along an axis, zero point."""

    def __init__(self, data, scale, zero=0, axis=0):
        self.data, self.scale, self.zero, self.axis = data, np.atleast_1d(np.float32(scale)), zero, axis


class C:
    """A constant of the file."""

    def __init__(self, value):
        self.value = value


class Sparse:
    """A constant that is kept sparse: rows dense, of each the places that are not zero; with `block`, whole blocks of both."""

    def __init__(self, data, block=None):
        self.data, self.block = data, block

    def parts(self):
        p = S.SparsityParametersT()
        rows, columns = self.data.shape
        b = self.block or (1, 1)
        grid = self.data.reshape(rows // b[0], b[0], columns // b[1], b[1]).transpose(0, 2, 1, 3)
        segments, indices, values = [0], [], []
        for row in grid:
            for k, cell in enumerate(row):
                if cell.any():
                    indices.append(k)
                    values.append(cell.ravel())
            segments.append(len(indices))
        dense, sparse = S.DimensionMetadataT(), S.DimensionMetadataT()
        dense.format, dense.denseSize, sparse.format = 0, rows // b[0], 1
        sparse.arraySegmentsType, sparse.arraySegments = 1, S.Int32VectorT()
        sparse.arrayIndicesType, sparse.arrayIndices = (3, S.Uint8VectorT()) if self.block else (1, S.Int32VectorT())
        sparse.arraySegments.values, sparse.arrayIndices.values = np.array(segments, np.int32), np.array(indices, np.uint8 if self.block else np.int32)
        p.traversalOrder, p.dimMetadata = np.array([0, 1], np.int32), [dense, sparse]
        if self.block:
            p.traversalOrder, p.blockMap = np.array([0, 1, 2, 3], np.int32), np.array([0, 1], np.int32)
            for n in b:
                inner = S.DimensionMetadataT()
                inner.format, inner.denseSize = 0, n
                p.dimMetadata.append(inner)
        return p, np.concatenate(values).astype(self.data.dtype)


def q8(*shape, scale=0.05, zero=3, dtype=np.int8):
    info = np.iinfo(dtype)
    return Q(rng.integers(info.min, info.max + 1, shape).astype(dtype), scale, zero)


def tensor(model, graph, name, value, const):
    t = S.TensorT()
    t.name = name
    quant = value if isinstance(value, Q) else None
    data = value.data if isinstance(value, (Q, Sparse)) else value
    t.type = TYPES[data.dtype]
    t.shape = np.array(data.shape, np.int32)
    t.buffer = 0
    if const:
        b = S.BufferT()
        b.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
        model.buffers.append(b)
        t.buffer = len(model.buffers) - 1
    if quant:
        t.quantization = S.QuantizationParametersT()
        t.quantization.scale = quant.scale
        t.quantization.zeroPoint = np.full(len(quant.scale), quant.zero, np.int64)
        t.quantization.quantizedDimension = quant.axis
    if isinstance(value, Sparse):
        t.sparsity, values = value.parts()
        model.buffers[t.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    graph.tensors.append(t)
    return len(graph.tensors) - 1


def build(case):
    """The bytes of a model with one operator, and its inputs by name."""
    model, graph, op, code = S.ModelT(), S.SubGraphT(), S.OperatorT(), S.OperatorCodeT()
    model.version, model.buffers, model.subgraphs, model.operatorCodes = 3, [S.BufferT()], [graph], [code]
    graph.tensors, graph.operators = [], [op]
    code.builtinCode = BUILTINS[case["op"]]
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = case.get("version", 1)
    ins, feed = [], {}
    for i, v in enumerate(case["in"]):
        if v is None:
            ins.append(-1)
            continue
        const = isinstance(v, C)
        v = v.value if const else v
        ins.append(tensor(model, graph, "in%d" % i, v, const))
        graph.tensors[-1].isVariable = i in case.get("kept", ())
        if not const and i not in case.get("kept", ()):
            feed["in%d" % i] = v.data if isinstance(v, Q) else v
    outs = [tensor(model, graph, "out%d" % i, v, False) for i, v in enumerate(case["out"])]
    op.opcodeIndex, op.inputs, op.outputs = 0, np.array(ins, np.int32), np.array(outs, np.int32)
    if case.get("options"):
        table, values = case["options"]
        of = getattr(S, table + "T")()
        for k, v in values.items():
            assert hasattr(of, k), k
            setattr(of, k, v)
        if hasattr(S.BuiltinOptions, table):
            op.builtinOptions, op.builtinOptionsType = of, getattr(S.BuiltinOptions, table)
        else:
            op.builtinOptions2, op.builtinOptions2Type = of, getattr(S.BuiltinOptions2, table)
    graph.inputs = np.array([i for i in ins if i >= 0 and graph.tensors[i].name in feed], np.int32)
    graph.outputs = np.array(outs, np.int32)
    b = flatbuffers.Builder(1024)
    b.Finish(model.Pack(b), b"TFL3")
    return bytes(b.Output()), feed


def run(data, feed, kernels):
    it = Interpreter(model_content=data, experimental_op_resolver_type=kernels)
    it.allocate_tensors()
    for d in it.get_input_details():
        it.set_tensor(d["index"], feed[d["name"]])
    it.invoke()
    return [it.get_tensor(d["index"]) for d in it.get_output_details()]


def references(data, feed):
    """The answers of LiteRT's kernels that run it: the ones it takes by default (XNNPACK's, which round once), the reference's."""
    answers, why = [], None
    for kernels in (OpResolverType.AUTO, OpResolverType.BUILTIN_REF):
        try:
            answers.append(run(data, feed, kernels))
        except (ValueError, RuntimeError) as e:
            why = e
    if not answers:
        raise why
    return answers


def answer(sedge, path, feed, n):
    with tempfile.TemporaryDirectory() as tmp:
        command = [sedge, "run", path, "-o", tmp + "/out"]
        for name, v in feed.items():
            np.save("%s/%s.npy" % (tmp, name), v)
            command += ["--in", "%s=%s/%s.npy" % (name, tmp, name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().split(": ", 2)[-1])
        return [np.load("%s/out/out%d.npy" % (tmp, i)) for i in range(n)]


def differ(case, want, got):
    for k, (w, g) in enumerate(zip(want, got)):
        if w.shape != g.shape or w.dtype != g.dtype:
            return "result %d is %s %s, expected %s %s" % (k, g.dtype, g.shape, w.dtype, w.shape)
        if not w.size:
            continue
        d = np.abs(w.astype(np.float64) - g.astype(np.float64))
        if w.dtype.kind == "f":
            same = (w == g) | (np.isnan(w) & np.isnan(g))
            spread = max(1e-6, np.abs(w[np.isfinite(w)]).max(initial=0))
            if np.any(~same & ~(d <= 1e-5 * spread)):
                return "result %d is off by %.3g of its range" % (k, np.nanmax(np.where(same, 0, d)) / spread)
        elif isinstance(case["out"][k], Q):
            steps = case.get("steps", 1)
            if d.max() > steps or (d > 0).mean() > case.get("share", 0.01 if w.size > 50 else 0.1):
                return "result %d: %.1f %% differ, by %d at the most" % (k, 100 * (d > 0).mean(), d.max())
        elif d.max() > 0:
            return "result %d: %d of %d differ" % (k, (d > 0).sum(), d.size)
    return None


def main(sedge, folder, pattern=""):
    sys.modules["operators"] = sys.modules["__main__"]
    from cases import cases
    os.makedirs(folder, exist_ok=True)
    count = {"ok": 0, "FAIL": 0, "SKIP": 0}
    for case in cases():
        name = case["name"]
        if not re.search(pattern, name):
            continue
        data, feed = build(case)
        path = "%s/%s.tflite" % (folder, name)
        with open(path, "wb") as f:
            f.write(data)
        how, why = "ok", None
        try:
            want = references(data, feed)
        except Exception as e:  # what LiteRT itself does not run
            how, why = "SKIP", "the reference refuses it: " + str(e).split("\n")[0][:90]
        if how == "ok":
            try:
                got = answer(sedge, path, feed, len(case["out"]))
                why = min((differ(case, w, got) or "" for w in want), key=len)
            except (RuntimeError, OSError) as e:
                why = str(e)
            how = "FAIL" if why else "ok"
        count[how] += 1
        if how != "ok":
            print("%s %s: %s" % (how, name, why), flush=True)
    print("%d passed, %d failed, %d skipped" % (count["ok"], count["FAIL"], count["SKIP"]))
    return 1 if count["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
