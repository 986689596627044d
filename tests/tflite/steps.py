"""How often quantized results of Sedge are those of LiteRT, operator by operator, on equal inputs: by its reference kernels and by its default ones.

Scales are drawn at random, so that halves are rare. Prints a table; --write FILE puts it between the marks of FILE.
usage: steps.py SEDGE FOLDER [--write FILE] [PATTERN]; needs the Python packages ai-edge-litert and numpy.
"""
import os
import re
import sys

import numpy as np
from ai_edge_litert.interpreter import OpResolverType

import operators
from operators import C, Q, answer, build, run

rng = np.random.default_rng(7)
INT8, UINT8, INT16 = np.int8, np.uint8, np.int16


def scale(lo=.02, hi=.06):
    return np.float32(rng.uniform(lo, hi))


def zero(t):
    return {INT8: lambda: int(rng.integers(-20, 21)), UINT8: lambda: int(rng.integers(108, 149)), INT16: lambda: 0}[t]()


def x(t, *shape, s=None, z=None):
    info = np.iinfo(t)
    s = s if s is not None else scale() if t != INT16 else scale(.0002, .0004)
    return Q(rng.integers(info.min + (t == INT16), info.max + 1, shape).astype(t), s, zero(t) if z is None else z)


def y(t, *shape, s=None, z=None):
    s = s if s is not None else scale(.04, .09) if t != INT16 else scale(.0004, .0008)
    return Q(np.zeros(shape or (1,), t), s, zero(t) if z is None else z)


def weights(t, *shape, axis=0, channels=None):
    n = channels if t != UINT8 else 1
    w = rng.integers(-127, 128, shape).astype(INT8) if t != UINT8 else rng.integers(0, 256, shape).astype(UINT8)
    return Q(w, [scale(.004, .02) for _ in range(n or 1)], 0 if t != UINT8 else zero(t), axis)


def product(t, op, xs, ws, axis, channels, table, options, gain, version):
    a, w = x(t, *xs), weights(t, *ws, axis=axis, channels=channels)
    b = Q(rng.integers(-300, 300, channels).astype(np.int64 if t == INT16 else np.int32), a.scale[0] * w.scale, 0)
    out = y(t, s=np.float32(a.scale[0] * w.scale.mean() * gain * (300 if t == INT16 else 1)))
    return dict(op=op, options=(table, options), version=version, **{"in": [a, C(w), C(b)], "out": [out]})


def one(op, ins, outs, options=None, version=2):
    return dict(op=op, options=options, version=version, **{"in": ins, "out": outs})


def products(t):
    conv = {"padding": 0, "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    yield "CONV_2D", lambda: product(t, "CONV_2D", (1, 12, 12, 8), (16, 3, 3, 8), 0, 16, "Conv2DOptions", conv, 900, 4 if t == INT16 else 3)
    yield "DEPTHWISE_CONV_2D", lambda: product(t, "DEPTHWISE_CONV_2D", (1, 14, 14, 12), (1, 3, 3, 12), 3, 12, "DepthwiseConv2DOptions",
                                               dict(conv, depthMultiplier=1), 350, 5 if t == INT16 else 3)
    yield "FULLY_CONNECTED", lambda: product(t, "FULLY_CONNECTED", (40, 64), (50, 64), 0, 50 if t == UINT8 else 50, "FullyConnectedOptions", {}, 900,
                                             7 if t == INT16 else 5)
    if t == INT8:
        yield "TRANSPOSE_CONV", transpose_conv
        yield "BATCH_MATMUL", lambda: one("BATCH_MATMUL", [x(t, 2, 30, 20, z=0), x(t, 2, 20, 30, z=0)], [y(t, s=scale(.2, .5))], ("BatchMatMulOptions", {}))


def transpose_conv():
    a, w = x(INT8, 1, 7, 9, 6), weights(INT8, 10, 3, 3, 6, channels=10)
    b = Q(rng.integers(-300, 300, 10).astype(np.int32), a.scale[0] * w.scale, 0)
    shape = C(np.array([1, 14, 18, 10], np.int32))
    return one("TRANSPOSE_CONV", [shape, C(w), a, C(b)], [y(INT8, s=np.float32(a.scale[0] * w.scale.mean() * 500))],
               ("TransposeConvOptions", {"padding": 0, "strideW": 2, "strideH": 2}), 3)


def two(op, t, table, hi=None):
    out = {"ADD": (.09, .13), "SUB": (.09, .13), "MUL": (.05, .12), "SQUARED_DIFFERENCE": (.2, .5)}[op]
    s = scale(*out) if t != INT16 else scale(out[0] / 100, out[1] / 100)
    return one(op, [x(t, 40, 50), x(t, 40, 50)], [y(t, s=s)], (table, {"potScaleInt16": False} if op in ("ADD", "SUB") else {}), 3 if t == INT16 else 2)


def elementwise(t):
    for op, table in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")):
        yield op, lambda op=op, table=table: two(op, t, table)
    if t == INT8:
        yield "SQUARED_DIFFERENCE", lambda: two("SQUARED_DIFFERENCE", t, "SquaredDifferenceOptions")
        yield "PRELU", lambda: one("PRELU", [x(t, 4, 10, 10, 5), C(x(t, 1, 1, 5))], [y(t)], None, 1)
    fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
    for op in ("LOGISTIC", "TANH", "RELU", "RELU6", "HARD_SWISH", "LEAKY_RELU", "EXP", "LOG", "RSQRT", "ABS", "GELU"):
        if t != INT8 and op not in ("LOGISTIC", "TANH", "RELU", "LEAKY_RELU", "HARD_SWISH", "ABS") or t == INT16 and op in ("HARD_SWISH",) or t == UINT8 and op == "ABS":
            continue
        yield op, lambda op=op: curve(op, t, fixed.get(op))
    yield "QUANTIZE (again)", lambda: one("QUANTIZE", [x(t, 2000)], [y(t)], None, 2)
    yield "QUANTIZE", lambda: one("QUANTIZE", [rng.uniform(-6, 6, 2000).astype(np.float32)], [y(t)], None, 2)


def curve(op, t, fixed):
    options = {"LEAKY_RELU": ("LeakyReluOptions", {"alpha": .2}), "GELU": ("GeluOptions", {"approximate": False})}.get(op)
    a = x(t, 2000)
    if op in ("LOG", "RSQRT"):
        a = x(t, 2000, z=-128)
        a.data[a.data == -128] = -127
    s, z = fixed or (None, None)
    if fixed and t == UINT8:
        z += 128
    if fixed and t == INT16:
        s, z = 1 / 32768, 0
    if op == "EXP":
        s, z = scale(.1, .3), -128
    if op == "RSQRT":
        s = scale(.02, .04)
    if op == "ABS":
        return one(op, [a], [y(t, s=a.scale[0] * rng.uniform(.7, 1.3))], options, 2)
    return one(op, [a], [y(t, s=s, z=z)], options, 1 if op == "HARD_SWISH" else 2)


def others(t):
    if t != INT16:
        for odd, (w, h) in (("3 x 3", (3, 3)), ("2 x 2", (2, 2))):
            def pool(w=w, h=h):
                a = x(t, 2, 17, 17, 6)
                return one("AVERAGE_POOL_2D", [a], [y(t, s=a.scale[0], z=a.zero)], ("Pool2DOptions", {"padding": 1, "strideW": 1, "strideH": 1, "filterWidth": w, "filterHeight": h}))
            yield "AVERAGE_POOL_2D, windows of " + odd, pool
    def same(op, table, options, shape, extra=()):
        a = x(t, *shape)
        return one(op, [a, *extra], [y(t, s=a.scale[0], z=a.zero)], (table, options) if table else None)
    yield "MAX_POOL_2D", lambda: same("MAX_POOL_2D", "Pool2DOptions", {"padding": 0, "strideW": 2, "strideH": 2, "filterWidth": 3, "filterHeight": 3}, (2, 17, 17, 6))
    axes = C(np.array([1, 2], np.int32))
    yield "MEAN", lambda: one("MEAN", [x(t, 4, 6, 7, 80), axes], [y(t, s=scale(.01, .03) if t != INT16 else scale(.0001, .0003))], ("ReducerOptions", {"keepDims": False}))
    if t != INT16:
        yield "SUM", lambda: one("SUM", [x(t, 4, 6, 7, 80), axes], [y(t, s=scale(.3, .5))], ("ReducerOptions", {"keepDims": False}))
        yield "RESIZE_BILINEAR", lambda: same("RESIZE_BILINEAR", "ResizeBilinearOptions", {"halfPixelCenters": True, "alignCorners": False}, (1, 9, 11, 6), (C(np.array([20, 17], np.int32)),))
        yield "L2_NORMALIZATION", lambda: one("L2_NORMALIZATION", [x(t, 100, 16, z=0 if t == INT8 else 128)], [y(t, s=1 / 128, z=0 if t == INT8 else 128)], ("L2NormOptions", {}))
        yield "LOG_SOFTMAX", lambda: one("LOG_SOFTMAX", [x(t, 100, 10)], [y(t, s=16 / 256, z=127 if t == INT8 else 255)], ("LogSoftmaxOptions", {}))
    s, z = {INT8: (1 / 256, -128), UINT8: (1 / 256, 0), INT16: (1 / 32768, 0)}[t]
    yield "SOFTMAX", lambda: one("SOFTMAX", [x(t, 100, 10)], [y(t, s=s, z=z)], ("SoftmaxOptions", {"beta": 1.}), 3 if t == INT16 else 2)
    if t == UINT8:
        yield "CONCATENATION, several scales", lambda: one("CONCATENATION", [x(t, 20, 30), x(t, 20, 50)], [y(t)], ("ConcatenationOptions", {"axis": 1}))


def softmax(v):
    e = np.exp(v - v.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def resized(a, size):
    """Bilinear by the centers of pixels."""
    for axis, n in zip((1, 2), size.astype(int)):
        m = a.shape[axis]
        at = np.clip((np.arange(n) + .5) * m / n - .5, 0, m - 1)
        lo = np.floor(at).astype(int)
        part = (at - lo).reshape([-1 if k == axis else 1 for k in range(4)])
        a = a.take(lo, axis) * (1 - part) + a.take(np.minimum(lo + 1, m - 1), axis) * part
    return a


# The functions themselves, for those that are easily computed in double.
EXACT = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "SQUARED_DIFFERENCE": lambda a, b: (a - b) ** 2, "PRELU": lambda a, b: np.where(a < 0, a * b, a),
         "LOGISTIC": lambda a: 1 / (1 + np.exp(-a)), "TANH": np.tanh, "RELU": lambda a: np.maximum(a, 0), "RELU6": lambda a: np.clip(a, 0, 6),
         "LEAKY_RELU": lambda a: np.where(a < 0, np.float64(np.float32(.2)) * a, a), "QUANTIZE": lambda a: a, "ABS": np.abs,
         "MEAN": lambda a, b: a.mean((1, 2)), "SUM": lambda a, b: a.sum((1, 2)), "SOFTMAX": softmax,
         "L2_NORMALIZATION": lambda a: a / np.sqrt(np.maximum((a * a).sum(-1, keepdims=True), 1e-6)),
         "RESIZE_BILINEAR": resized, "BATCH_MATMUL": np.matmul, "CONCATENATION": lambda a, b: np.concatenate([a, b], 1)}


def exact(case):
    """The integer nearest to the real result, or None."""
    fn, out = EXACT.get(case["op"]), case["out"][0]
    if not fn:
        return None
    ins = [v.value if isinstance(v, C) else v for v in case["in"]]
    ins = [(v.data.astype(np.float64) - v.zero) * np.float64(v.scale[0]) if isinstance(v, Q) else v.astype(np.float64) for v in ins]
    info = np.iinfo(out.data.dtype)
    return np.clip(np.rint(fn(*ins) / np.float64(out.scale[0])) + out.zero, info.min, info.max).astype(np.int64)


def measure(sedge, folder, name, make):
    """Counts of results, of those equal and of those a step apart or less, for the kernels of LiteRT that run it."""
    sums, total, near = {"reference": [0, 0, 0], "default": [0, 0, 0]}, 0, [0, 0]
    for _ in range(6):
        case = make()
        data, feed = build(case)
        path = os.path.join(folder, "steps.tflite")
        with open(path, "wb") as f:
            f.write(data)
        got = answer(sedge, path, feed, len(case["out"]))[0].astype(np.int64)
        total += got.size
        true = exact(case)
        near = None if true is None else near
        if near:
            near[0] += int((got == true).sum())
        for kernels, resolver in (("reference", OpResolverType.BUILTIN_REF), ("default", OpResolverType.AUTO)):
            want = run(data, feed, resolver)[0].astype(np.int64)
            d = np.abs(want - got)
            if near and kernels == "reference":
                near[1] += int((want == true).sum())
            n = sums[kernels]
            n[0] += int((d == 0).sum())
            n[1] += int((d == 1).sum())
            n[2] = max(n[2], int(d.max(initial=0)))
    return total, sums, near


def percent(part, total):
    return "100 %" if part == total else "%.2f %%" % (np.floor(1e4 * part / total) / 100)


def main(sedge, folder, *rest):
    rest = list(rest)
    target = rest.pop(rest.index("--write") + 1) if "--write" in rest else None
    pattern = rest[-1] if rest and rest[-1] != "--write" else ""
    os.makedirs(folder, exist_ok=True)
    lines = ["|Operator|type|results|equal to LiteRT's reference kernels|largest difference|equal to its default kernels|nearest to the exact result: Sedge, LiteRT's reference|", "|-|-|-|-|-|-|-|"]
    for t in (INT8, UINT8, INT16):
        for family in (products, elementwise, others):
            for name, make in family(t):
                if not re.search(pattern, name):
                    continue
                try:
                    total, n, near = measure(sedge, folder, name, make)
                except (ValueError, RuntimeError) as e:
                    print("SKIP %s %s: %s" % (name, t.__name__, str(e).split("\n")[0][:120]), file=sys.stderr, flush=True)
                    continue
                lines.append("|%s|%s|%d|%s|%d|%s|%s|" % (name, t.__name__, total, percent(n["reference"][0], total), n["reference"][2], percent(n["default"][0], total),
                                                             "%s, %s" % (percent(near[0], total), percent(near[1], total)) if near else ""))
                print(lines[-1], flush=True)
    if target:
        with open(target) as f:
            text = f.read()
        start, end = "<!-- steps -->\n", "<!-- /steps -->"
        a, b = text.index(start) + len(start), text.index(end)
        with open(target, "w") as f:
            f.write(text[:a] + "\n".join(lines) + "\n" + text[b:])


if __name__ == "__main__":
    sys.modules["operators"] = operators
    main(*sys.argv[1:])
