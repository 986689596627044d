"""Writes cases beyond ONNX's node tests as folders: model.onnx, test_data_set_0/{input,output}_0.pb and on.

They are the operators of com.microsoft and TensorRT, and control flow and sequences in forms that the node tests lack.
The answers are onnxruntime's; where it has none, NumPy's or those of an equal model.
"""
import os
import sys
import zlib
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, parser


class Random:
    """Arrays that follow from a word."""

    def __init__(self, word):
        self.source = np.random.default_rng(zlib.crc32(word.encode()))

    def floats(self, *shape):
        """Floats of the normal distribution."""
        return self.source.standard_normal(shape).astype(np.float32)

    def fractions(self, *shape):
        """Floats in [0, 1)."""
        return self.source.random(shape).astype(np.float32)

    def ints(self, low, high, *shape, kind=np.int32):
        """Integers in [low, high)."""
        return self.source.integers(low, high, shape).astype(kind)

    def octets(self, *shape):
        """Bytes over their range."""
        return self.ints(0, 256, *shape, kind=np.uint8)


@dataclass
class Case:
    """A graph and its inputs; the answer is None for onnxruntime's own, an equal Case, or the outputs."""

    name: str
    graph: onnx.GraphProto
    feeds: dict
    opset: int = 18
    answer: object = None


def value_info(name, array, symbolic):
    """The declaration of an input, with open dimensions where symbolic."""
    shape = [f"{name}{axis}" for axis in range(array.ndim)] if symbolic else array.shape
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), shape)


def constant(name, value):
    """A value as an initializer."""
    return value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)


def single(name, op, inputs, constants="", outputs="y", domain="com.microsoft", symbolic=False, opset=18, answer=None,
           types=None, **attributes):
    """A case of one operator: inputs of None are left out, those in constants are initializers, outputs not in types floats."""
    names = [key if value is not None else "" for key, value in inputs.items()]
    given = {key: value for key, value in inputs.items() if value is not None}
    fixed = {key: given.pop(key) for key in constants.split() if key in given}
    node = helper.make_node(op, names, outputs.split(","), domain=domain, **attributes)
    results = [helper.make_tensor_value_info(key, (types or {}).get(key, TensorProto.FLOAT), None)
               for key in outputs.split(",") if key]
    graph = helper.make_graph([node], name, [value_info(key, value, symbolic) for key, value in given.items()], results,
                              [constant(key, value) for key, value in fixed.items()])
    return Case(name, graph, given, opset, answer)


def written(name, text, opset=18, answer=None, **feeds):
    """A case of a graph in ONNX's text form."""
    return Case(name, parser.parse_graph(f"{name} {text}"), feeds, opset, answer)


def fused(r):
    """Convolutions and products with an activation, activations with a bias, and small operators."""
    image, kernel, bias = r.floats(1, 3, 8, 8), r.floats(4, 3, 3, 3), r.floats(4)
    conv = {"x": image, "w": kernel, "b": bias}
    x, channel = r.floats(2, 5, 32), r.floats(32)
    scores, addend = r.floats(2, 3, 4), r.floats(1, 3, 4)
    # Not as raw bytes: onnxruntime's shape inference of ExpandDims reads past their end.
    axis = helper.make_tensor("axis", TensorProto.INT32, [], [1])
    return [
        single("fused_conv_relu", "FusedConv", conv, "w b", activation="Relu", pads=[1] * 4),
        single("fused_conv_leaky_sum", "FusedConv", {**conv, "z": r.floats(1, 4, 8, 8)}, "w b",
               activation="LeakyRelu", activation_params=[0.3], pads=[1] * 4),
        single("fused_conv_clip", "FusedConv", conv, "w b", activation="Clip", activation_params=[-0.5, 0.7]),
        single("fused_gemm", "FusedGemm", {"a": r.floats(3, 4), "b": r.floats(5, 4), "c": r.floats(5)}, "b c",
               activation="LeakyRelu", activation_alpha=0.2, transB=1, alpha=0.5),
        single("fused_matmul", "FusedMatMul", {"a": r.floats(2, 4, 3), "b": r.floats(2, 5, 4)},
               transA=1, transB=1, alpha=0.25),
        single("gelu", "Gelu", {"x": x}),
        single("quick_gelu", "QuickGelu", {"x": x}),
        single("fast_gelu", "FastGelu", {"x": x}),
        single("fast_gelu_bias", "FastGelu", {"x": x, "b": channel}, "b"),
        single("bias_gelu", "BiasGelu", {"x": x, "b": channel}, "b"),
        single("bias_softmax", "BiasSoftmax", {"x": scores, "b": addend}, axis=2, is_inner_broadcast=0,
               answer=[softmax(scores + addend)]),
        single("nhwc_max_pool", "NhwcMaxPool", {"x": r.octets(1, 6, 6, 3)}, kernel_shape=[2, 2], strides=[2, 2],
               types={"y": TensorProto.UINT8}),
        single("expand_dims", "ExpandDims", {"x": r.floats(2, 3), "axis": axis}, "axis"),
    ]


def softmax(x):
    """Softmax along the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normalization(r):
    """Layer normalizations, with skip connections and embeddings."""
    x, skip, gamma, beta, bias = r.floats(2, 5, 32), r.floats(2, 5, 32), r.floats(32), r.floats(32), r.floats(32)
    pair = {"x": x, "skip": skip, "gamma": gamma}
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
    tables = {"words": r.floats(10, 16), "places": r.floats(12, 16), "segments": r.floats(2, 16)}
    embedding = {"ids": r.ints(0, 10, 2, 5), "segment_ids": r.ints(0, 2, 2, 5), **tables,
                 "gamma": r.floats(16), "beta": r.floats(16), "mask": mask}
    return [
        single("skip_norm_bias", "SkipLayerNormalization", {**pair, "beta": beta, "bias": bias}, "gamma beta bias",
               symbolic=True, epsilon=1e-5),
        single("skip_norm_sum", "SkipLayerNormalization", {**pair, "beta": beta}, outputs="y,,,sum", epsilon=1e-5),
        single("skip_simplified_norm", "SkipSimplifiedLayerNormalization", pair, outputs="y,,,sum", epsilon=1e-6),
        single("simplified_norm", "SimplifiedLayerNormalization", {"x": x, "gamma": gamma}, domain="",
               epsilon=1e-6, axis=-1, stash_type=1),
        single("embedding_norm", "EmbedLayerNormalization", embedding, "words places segments gamma beta",
               outputs="y,lengths", types={"lengths": TensorProto.INT32}, symbolic=True),
    ]


def attention(r):
    """Attention with its three projections inside: 2 sequences of 5, 4 heads of 8."""
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
    long_mask = np.concatenate([np.ones((2, 3), np.int32), mask], 1)
    base = {"x": r.floats(2, 5, 32), "w": r.floats(32, 96) * np.float32(0.2), "b": r.floats(96) * np.float32(0.2)}
    past = r.floats(2, 2, 4, 3, 8)

    def attend(name, mask=None, past=None, bias=None, symbolic=True, **attributes):
        inputs = {**base, "mask": mask, "past": past, "bias": bias}
        outputs = "y" if past is None else "y,present"
        return single(f"attention_{name}", "Attention", inputs, "w b", outputs, symbolic=symbolic, num_heads=4, **attributes)

    return [
        attend("plain"),
        attend("mask", mask),
        attend("lengths", np.array([5, 3], np.int32)),
        attend("causal", unidirectional=1),
        attend("causal_mask", mask, unidirectional=1),
        attend("mask_of_rank_3", np.repeat(mask[:, None], 5, 1)),
        attend("past", past=past, unidirectional=1),
        attend("past_mask", long_mask, past, symbolic=False, unidirectional=1),
        attend("bias", bias=r.floats(2, 4, 5, 5), symbolic=False),
        single("attention_wide_values", "Attention", {"x": base["x"], "w": r.floats(32, 56), "b": r.floats(56)}, "w b",
               num_heads=2, qkv_hidden_sizes=[16, 16, 24]),
    ]


def multi_head(r):
    """Attention of given queries, keys and values: 2 sequences of 5 over 7 or 5, 4 heads of 8."""
    q, own_k, own_v = r.floats(2, 5, 32), r.floats(2, 5, 32), r.floats(2, 5, 32)
    k, v = r.floats(2, 7, 32), r.floats(2, 7, 32)
    own, cross = {"q": q, "k": own_k, "v": own_v}, {"q": q, "k": k, "v": v}
    mask = np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]], np.int32)
    cache = {"bias": r.floats(1, 4, 5, 8), "past_k": r.floats(2, 4, 3, 8), "past_v": r.floats(2, 4, 3, 8)}
    heads_first = {"q": q, "k": r.floats(2, 4, 7, 8), "v": r.floats(2, 4, 7, 8)}
    packed_kv = {"q": q, "kv": packed(own_k, own_v)}

    def attend(name, inputs, constants="", outputs="y", **attributes):
        return single(f"multi_head_{name}", "MultiHeadAttention", inputs, constants, outputs, num_heads=4, **attributes)

    plain = attend("self", own)
    return [
        plain,
        attend("cross", cross),
        attend("symbolic", cross, symbolic=True),
        attend("bias_mask", {**cross, "b": r.floats(96), "mask": mask}, "b", scale=0.3),
        attend("lengths", {**cross, "b": None, "lengths": np.array([7, 4], np.int32)}),
        attend("past", {**own, "b": None, "mask": None, **cache}, outputs="y,present_k,present_v"),
        attend("causal", own, unidirectional=1),
        attend("heads_first", heads_first),
        attend("packed_kv", packed_kv, answer=plain),
        attend("packed_qkv", {"qkv": packed(q, own_k, own_v)}, answer=plain),
    ]


def packed(*parts):
    """Arrays of 4 heads of 8 side by side, as the packed inputs hold them."""
    return np.concatenate([part.reshape(2, 5, 4, 1, 8) for part in parts], 3)


def rotary(r):
    """Rotary embedding, in its layouts."""
    cos, sin = angles(r, 4)
    places = r.ints(0, 16, 2, 5, kind=np.int64)

    def rotate(name, x, places, cos=cos, sin=sin, **attributes):
        inputs = {"x": x, "places": places, "cos": cos, "sin": sin}
        return single(f"rotary_{name}", "RotaryEmbedding", inputs, "cos sin", **attributes)

    return [
        rotate("offset", r.floats(2, 5, 32), np.array([3], np.int64)),
        rotate("interleaved", r.floats(2, 5, 32), places, interleaved=1),
        rotate("of_rank_4", r.floats(2, 4, 5, 8), places),
        rotate("part", r.floats(2, 5, 32), places, cos[:, :2].copy(), sin[:, :2].copy(), num_heads=4, rotary_embedding_dim=4),
    ]


def angles(r, width):
    """The cosines and sines of 16 places."""
    x = r.floats(16, width)
    return np.cos(x), np.sin(x)


def grouped(r):
    """Grouped attention with a cache: 4 heads of 16 share 2 of keys and values."""
    cos, sin = angles(r, 8)

    def attend(name, past, length, batch=1, pack=False, **attributes):
        q, k, v = r.floats(batch, length, 64), r.floats(batch, length, 32), r.floats(batch, length, 32)
        rotates = attributes.get("do_rotary")
        inputs = {"q": np.concatenate([q, k, v], 2) if pack else q, "k": None if pack else k, "v": None if pack else v,
                  "past_k": r.floats(batch, 2, past, 16), "past_v": r.floats(batch, 2, past, 16),
                  "last": np.full(batch, past + length - 1, np.int32), "total": np.array(past + length, np.int32),
                  "cos": cos if rotates else None, "sin": sin if rotates else None}
        window = attributes.get("local_window_size")
        # onnxruntime took the window to be one longer up to 1.23, so its answer depends on the version.
        answer = windowed(q, k, v, inputs["past_k"], inputs["past_v"], window) if window else None
        return single(f"grouped_{name}", "GroupQueryAttention", inputs, "cos sin", "y,present_k,present_v", answer=answer,
                      num_heads=4, kv_num_heads=2, **attributes)

    return [
        attend("prompt", 0, 5),
        attend("past", 4, 1),
        attend("rotary", 4, 1, do_rotary=1),
        attend("rotary_prompt", 0, 5, do_rotary=1, rotary_interleaved=1),
        attend("packed", 3, 1, pack=True, do_rotary=1),
        attend("window", 0, 5, local_window_size=2),
        attend("window_past", 8, 1, local_window_size=3),
        attend("softcap", 4, 1, softcap=2.0),
        attend("batch", 4, 1, batch=2, do_rotary=1, scale=0.2),
    ]


def windowed(q, k, v, past_k, past_v, window):
    """Grouped attention of one sequence where each place sees the last ones, itself among them; and the caches."""
    length, past = q.shape[1], past_k.shape[2]
    keys, values = (np.concatenate([cache, x.reshape(1, length, 2, 16).swapaxes(1, 2)], 2)
                    for cache, x in ((past_k, k), (past_v, v)))
    queries = q.reshape(length, 4, 16).swapaxes(0, 1)
    distance = past + np.arange(length)[:, None] - np.arange(past + length)
    scores = queries @ keys[0].repeat(2, 0).swapaxes(1, 2) / np.float32(4)
    weights = softmax(np.where((distance >= 0) & (distance < window), scores, -np.inf))
    y = (weights @ values[0].repeat(2, 0)).swapaxes(0, 1).reshape(q.shape)
    return [y.astype(np.float32), keys, values]


def quantized(r):
    """Weights in blocks of 4 and 8 bits."""
    def matmul(name, k, n, block, zeros=None, bits=4, constants="b scales zeros"):
        blocks = (k + block - 1) // block
        inputs = {"a": r.floats(2, 3, k), "b": r.octets(n, blocks, block * bits // 8),
                  "scales": r.fractions(n, blocks) + np.float32(0.1), "zeros": zeros}
        return single(f"matmul_nbits_{name}", "MatMulNBits", inputs, constants, K=k, N=n, bits=bits, block_size=block)

    def bnb4(name, kind):
        inputs = {"a": r.floats(3, 32), "b": r.octets(32 * 8 // 2), "scales": r.fractions(32 * 8 // 16)}
        return single(f"matmul_bnb4_{name}", "MatMulBnb4", inputs, "b scales", K=32, N=8, block_size=16, quant_type=kind)

    def gather(name, zeros=None):
        inputs = {"data": int4("data", r, 10, 32), "ids": r.ints(0, 10, 2, 3, kind=np.int64),
                  "scales": r.fractions(10, 2), "zeros": zeros}
        return single(f"gather_blocks_{name}", "GatherBlockQuantized", inputs, "data scales zeros", opset=21,
                      block_size=16, gather_axis=0, quantize_axis=1)

    return [
        matmul("symmetric", 64, 8, 32),
        matmul("zeros", 96, 8, 32, r.octets(8, 2)),
        matmul("part_block", 80, 6, 32, r.octets(6, 2)),
        matmul("float_zeros", 64, 8, 16, r.fractions(8, 4) * np.float32(15)),
        matmul("8_bits", 64, 8, 32, r.octets(8, 2), bits=8),
        matmul("weights_of_input", 64, 8, 32, r.octets(8, 1), constants=""),
        bnb4("fp4", 0),
        bnb4("nf4", 1),
        gather("symmetric"),
        gather("zeros", int4("zeros", r, 10, 2)),
    ]


def int4(name, r, *shape):
    """An initializer of signed 4-bit integers."""
    return helper.make_tensor(name, TensorProto.INT4, shape, r.ints(-8, 8, *shape).ravel().tolist())


# A state that gets longer each time, and the sums of each.
GROW = """body = body (int64 i, bool c, float[] s) => (bool co, float[] so, float[] sum) {
    co = Identity(c)
    so = Concat<axis = 0>(s, x)
    sum = ReduceSum<keepdims = 0>(so)
}"""

# Adds one while the sum is below a limit.
COUNT = """body = body (int64 i, bool c, float s) => (bool co, float so, int64 turn) {
    one = Constant<value = float {1.0}>()
    limit = Constant<value = float {7.5}>()
    so = Add(s, one)
    co = Less(so, limit)
    turn = Identity(i)
}"""

# Two states change places, one by a loop of its own that reads a value of the outermost graph.
NESTED = """(float[3] a0, float[3] b0, float[3] x) => (float[] a, float[] b) <int64 n = {6}> {
    a, b = Loop<body = body (int64 i, bool c, float[] p, float[] q) => (bool co, float[] po, float[] qo) {
        co = Identity(c)
        po = Identity(q)
        qo = Loop<body = inner (int64 j, bool d, float[] s) => (bool do, float[] so) {
            do = Identity(d)
            so = Add(s, x)
        }>(i, , p)
    }>(n, , a0, b0)
}"""

# The state has another shape after each even turn.
IF_IN_LOOP = """(float[2] s0) => (float[] y) <int64 n = {5}> {
    y = Loop<body = body (int64 i, bool c, float[] s) => (bool co, float[] so) {
        co = Identity(c)
        two = Constant<value = int64 {2}>()
        zero = Constant<value = int64 {0}>()
        rest = Mod(i, two)
        even = Equal(rest, zero)
        so = If<then_branch = twice () => (float[] r) { r = Concat<axis = 0>(s, s) },
                else_branch = once () => (float[] r2) { r2 = Identity(s) }>(even)
    }>(n, , s0)
}"""

# The state is a sequence, taken apart afterwards.
SEQUENCE = """(float[3] x) => (float[] stacked, int64 length, float[] at, float[] rest) <int64 n = {4}, int64 p = {-2}> {
    s0 = SequenceEmpty<dtype = 1>()
    q = Loop<body = body (int64 i, bool c, seq(float[]) s) => (bool co, seq(float[]) so) {
        co = Identity(c)
        factor = Cast<to = 1>(i)
        xi = Mul(x, factor)
        so = SequenceInsert(s, xi)
    }>(n, , s0)
    stacked = ConcatFromSequence<axis = 0, new_axis = 1>(q)
    length = SequenceLength(q)
    at = SequenceAt(q, p)
    fewer = SequenceErase(q, p)
    rest = ConcatFromSequence<axis = -1>(fewer)
}"""


def loops(r):
    """Loops by count and by condition, nested, and with states that change shape."""
    x, pair, half = r.floats(3), r.floats(2), np.array(0.5, np.float32)

    def grow(turns):
        signature = f"(float[3] x, float[2] s0) => (float[] y, float[] sums) <int64 n = {{{turns}}}>"
        return written(f"loop_grow_{turns}", f"{signature} {{ y, sums = Loop<{GROW}>(n, , s0) }}", x=x, s0=pair)

    by_condition = f"(float s0, bool c0) => (float y, int64[] turns) {{ y, turns = Loop<{COUNT}>(, c0, s0) }}"
    by_count = f"(float s0, int64 n) => (float y, int64[] turns) {{ y, turns = Loop<{COUNT}>(n, , s0) }}"
    symbolic = f"(float[k] x, float[m] s0, int64 n) => (float[] y, float[] sums) {{ y, sums = Loop<{GROW}>(n, , s0) }}"
    return [
        grow(0),
        grow(1),
        grow(4),
        written("loop_grow_symbolic", symbolic, x=x, s0=pair, n=np.array(5)),
        written("loop_while", by_condition, s0=half, c0=np.array(True)),
        written("loop_never", by_condition, s0=half, c0=np.array(False)),
        written("loop_huge_count", by_count, s0=half, n=np.array(2**63 - 1)),
        written("loop_nested", NESTED, a0=r.floats(3), b0=r.floats(3), x=x),
        written("loop_if", IF_IN_LOOP, s0=pair),
        written("loop_sequence", SEQUENCE, x=x),
    ]


# Branches that read values of the graph around them; {type} is that of both inputs.
BRANCHES = """(bool which, {type} a, {type} b) => (float[] y) <float[3] k = {{1.5, -2, 3}}> {{
    y = If<then_branch = sum () => (float[] r) {{ r = Add(a, b) }},
           else_branch = difference () => (float[] r2) {{ r2 = Sub(b, k) }}>(which)
}}"""

# What exporters write for a squeeze that may not apply.
GUARDED_SQUEEZE = """({type} x) => (float[] y) <int64 one = {{1}}, int64[1] axes = {{1}}> {{
    shape = Shape(x)
    extent = Gather(shape, one)
    which = Equal(extent, one)
    y = If<then_branch = squeezed () => (float[] r) {{ r = Squeeze(x, axes) }},
           else_branch = same () => (float[] r2) {{ r2 = Identity(x) }}>(which)
}}"""


def branches(r):
    """If: either branch, and a branch that is wrong for the shapes but not taken."""
    a, b = r.floats(2, 3), r.floats(2, 3)
    thin, thick = r.floats(2, 1, 4), r.floats(2, 3, 4)
    either = BRANCHES.format(type="float[m, k]")
    symbolic = GUARDED_SQUEEZE.format(type="float[m, k, n]")
    return [
        written("if_then", either, which=np.array(True), a=a, b=b),
        written("if_else", either, which=np.array(False), a=a, b=b),
        written("if_squeeze_thin", GUARDED_SQUEEZE.format(type="float[2, 1, 4]"), x=thin),
        written("if_squeeze_thin_symbolic", symbolic, x=thin),
        written("if_squeeze_thick", GUARDED_SQUEEZE.format(type="float[2, 3, 4]"), x=thick, answer=[thick]),
        written("if_squeeze_thick_symbolic", symbolic, x=thick),
    ]


SCAN = """({x} x, {z} z, float[2] s0, float[2] w) => (float[] s, float[] y, float[] copy) {{
    s, y, copy = Scan<{how}, num_scan_inputs = 2, scan_input_axes = [1, -2],
                      body = body (float[2] st, float[2] xi, float[3] zi) => (float[2] so, float[2] yo, float[3] zo) {{
        so = Add(st, xi)
        yo = Mul(so, w)
        zo = Identity(zi)
    }}>(s0, x, z)
}}"""

# The form of operator set 8, with a batch.
SCAN_8 = """({inputs} float[2, 2] s0, float[2, 4, 2] x) => (float[] s, float[] y) {{
    s, y = Scan<{how} num_scan_inputs = 1, body = body (float[2] st, float[2] xi) => (float[2] so, float[2] yo) {{
        so = Add(st, xi)
        yo = Identity(so)
    }}>({first}, s0, x)
}}"""


def scans(r):
    """Scan along other axes, backwards, and in its first form."""
    feeds = {"x": r.floats(2, 5), "z": r.floats(5, 3), "s0": r.floats(2), "w": r.floats(2)}
    batch = {"s0": r.floats(2, 2), "x": r.floats(2, 4, 2)}
    directions = "scan_input_directions = [1, 0], scan_output_directions = [0, 1], scan_output_axes = [1, 0]"
    return [
        written("scan_directions", SCAN.format(x="float[2, 5]", z="float[5, 3]", how=directions), **feeds),
        written("scan_symbolic", SCAN.format(x="float[m, k]", z="float[k, n]", how="scan_output_axes = [-1, 0]"), **feeds),
        written("scan_8_lengths", SCAN_8.format(inputs="int64[2] lengths,", how="", first="lengths"), opset=8,
                lengths=np.array([3, 1]), **batch),
        written("scan_8_backwards", SCAN_8.format(inputs="", how="directions = [1],", first=""), opset=8, **batch),
    ]


SPLIT = """(float[3, 5] x) => (float[] y, int64 length) <int64 p = {{1}}{constants}> {{
    q = SplitToSequence<{how}>(x{parts})
    y = SequenceAt(q, p)
    length = SequenceLength(q)
}}"""


def splits(r):
    """SplitToSequence by lengths, by one size, and into single slices."""
    x = r.floats(3, 5)
    lengths, size = ", int64[3] parts = {1, 2, 2}", ", int64 parts = {2}"
    return [
        written("split_lengths", SPLIT.format(constants=lengths, how="axis = 1", parts=", parts"), x=x),
        written("split_size", SPLIT.format(constants=size, how="axis = -1", parts=", parts"), x=x),
        written("split_slices", SPLIT.format(constants="", how="axis = 0, keepdims = 0", parts=""), x=x),
    ]


def detection(r):
    """TensorRT's non-maximum suppressions: 3 images of 30 boxes, 4 classes."""
    places, sizes = r.fractions(3, 30, 2), r.fractions(3, 30, 2) * np.float32(0.5) + np.float32(0.05)
    corners = np.concatenate([places - sizes / 2, places + sizes / 2], 2)
    centers = np.concatenate([places, sizes], 2)
    scores, logits = r.fractions(3, 30, 4), r.floats(3, 30, 4)
    sigmoid = (1 / (1 + np.exp(-logits))).astype(np.float32)

    def efficient(name, most, threshold=0.3, boxes=corners, scores=scores, want=scores, **attributes):
        answer = suppressed(corners, want, most, threshold, attributes.get("class_agnostic"))
        return single(f"nms_efficient_{name}", "EfficientNMS_TRT", {"boxes": boxes, "scores": scores}, domain="TRT",
                      outputs="n,kept,values,classes", answer=answer,
                      types={"n": TensorProto.INT32, "classes": TensorProto.INT32}, max_output_boxes=most,
                      iou_threshold=0.5, score_threshold=threshold, background_class=-1, **attributes)

    def batched(name, most):
        n, kept, values, classes = suppressed(corners, scores, most, 0.3, False)
        return single(f"nms_batched_{name}", "BatchedNMS_TRT", {"boxes": corners[:, :, None], "scores": scores}, domain="",
                      outputs="n,kept,values,classes", answer=[n, kept, values, classes.astype(np.float32)],
                      types={"n": TensorProto.INT32}, keepTopK=most, iouThreshold=0.5, scoreThreshold=0.3, clipBoxes=0,
                      backgroundLabelId=-1, numClasses=4, topK=100, shareLocation=1)

    return [
        efficient("few", 5),
        efficient("many", 40, symbolic=True),
        efficient("none", 3, threshold=0.9999),
        efficient("centers", 6, boxes=centers, scores=logits, want=sigmoid, symbolic=True,
                  class_agnostic=1, box_coding=1, score_activation=1),
        batched("few", 5),
        batched("many", 40),
    ]


def suppressed(boxes, scores, most, threshold, agnostic):
    """The count, boxes, scores and classes that stay, of each image, filled up with zeros."""
    images = len(boxes)
    count, kept = np.zeros((images, 1), np.int32), np.zeros((images, most, 4), np.float32)
    values, classes = np.zeros((images, most), np.float32), np.zeros((images, most), np.int32)
    for image in range(images):
        found = []
        if agnostic:
            best, label = scores[image].max(1), scores[image].argmax(1)
            found = [(best[box], box, label[box]) for box in survivors(boxes[image], best, threshold)]
        else:
            for label, column in enumerate(scores[image].T):
                found += [(column[box], box, label) for box in survivors(boxes[image], column, threshold)]
        found = sorted(found, key=lambda entry: -entry[0])[:most]
        count[image] = len(found)
        for place, (value, box, label) in enumerate(found):
            kept[image, place], values[image, place], classes[image, place] = boxes[image, box], value, label
    return [count, kept, values, classes]


def survivors(boxes, scores, threshold):
    """The boxes above the threshold that overlap no better one by more than half."""
    kept = []
    for box in np.argsort(-scores, kind="stable"):
        if scores[box] > threshold and all(overlap(boxes[box], boxes[better]) <= 0.5 for better in kept):
            kept.append(box)
    return kept


def overlap(a, b):
    """The intersection of two boxes over their union."""
    width, height = np.maximum(0, np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]))
    common = width * height
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


FAMILIES = [fused, normalization, attention, multi_head, rotary, grouped, quantized, loops, branches, scans, splits, detection]


def model_of(case):
    """The case's graph as a model."""
    opsets = [helper.make_opsetid("", case.opset), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("TRT", 1)]
    return helper.make_model(case.graph, opset_imports=opsets, ir_version=10)


def outputs_of(case):
    """The outputs that the case is to have."""
    if isinstance(case.answer, Case):
        return outputs_of(case.answer)
    if case.answer is not None:
        return case.answer
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    data = model_of(case).SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return [np.asarray(value) for value in session.run(None, case.feeds)]


def write(path, data):
    """Writes a file."""
    with open(path, "wb") as f:
        f.write(data)


def write_case(case, out):
    """Writes the model, the inputs and the outputs."""
    outputs = outputs_of(case)
    folder = os.path.join(out, case.name)
    os.makedirs(folder + "/test_data_set_0", exist_ok=True)
    write(folder + "/model.onnx", model_of(case).SerializeToString())
    for word, infos, values in (("input", case.graph.input, [case.feeds[info.name] for info in case.graph.input]),
                                ("output", case.graph.output, outputs)):
        for j, (info, value) in enumerate(zip(infos, values, strict=True)):
            write(f"{folder}/test_data_set_0/{word}_{j}.pb", numpy_helper.from_array(value, info.name).SerializeToString())


def main(out):
    """Writes every case of every family."""
    names = set()
    for family in FAMILIES:
        for case in family(Random(family.__name__)):
            assert case.name not in names, case.name
            names.add(case.name)
            write_case(case, out)
    write(out + "/.complete", f"{len(names)}\n".encode())
    print(len(names), "cases in", out)


if __name__ == "__main__":
    main(sys.argv[1])
