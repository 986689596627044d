"""The cases of operators.py: an operator, its options, operands, and what its results are like.

Scales are chosen so that halves are rare: LiteRT rounds them away from zero, Sedge to the even integer. share: how many elements of a quantized
result may be a step off, where LiteRT rounds more than once.
"""
import numpy as np

from operators import C, Q, Sparse, ints, q8, real

SAME, VALID = 0, 1


def case(op, ins, outs, options=None, tag="", **more):
    return dict(name=op.lower() + (("_" + tag) if tag else ""), op=op, options=options, **more, **{"in": ins, "out": outs})


def f(*shape):
    return np.zeros(shape, np.float32)


def i(*shape, dtype=np.int32):
    return np.zeros(shape, dtype)


def b(*shape):
    return np.zeros(shape, bool)


def o8(*shape, scale=0.05, zero=3, dtype=np.int8):
    return Q(np.zeros(shape, dtype), scale, zero)


def k(*v, dtype=np.int32):
    return C(np.array(v, dtype))


def one(v, dtype=np.int32):
    return C(np.array(v, dtype))


def unary():
    for op, lo, hi in [("ABS", -3, 3), ("CEIL", -3, 3), ("COS", -3, 3), ("ELU", -3, 3), ("EXP", -3, 3), ("FLOOR", -3, 3), ("HARD_SWISH", -5, 5),
                       ("LOG", .1, 5), ("LOGISTIC", -5, 5), ("NEG", -3, 3), ("RELU", -3, 3), ("RELU6", -3, 9), ("RELU_N1_TO_1", -3, 3),
                       ("RELU_0_TO_1", -3, 3), ("ROUND", -3, 3), ("RSQRT", .1, 5), ("SIN", -3, 3), ("SQRT", .1, 5), ("SQUARE", -3, 3),
                       ("TANH", -3, 3), ("SIGN", -3, 3), ("ZEROS_LIKE", -3, 3)]:
        yield case(op, [real(2, 3, 5, lo=lo, hi=hi)], [f(2, 3, 5)])
    for op in ("ABS", "RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "ELU", "HARD_SWISH", "EXP", "LOG", "RSQRT"):
        scale, zero = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0), "EXP": (0.1, -128)}.get(op, (0.05, 3))
        x = Q(np.arange(-128, 128, dtype=np.int8).reshape(2, 128), 0.05, -128 if op in ("LOG", "RSQRT") else 3)
        yield case(op, [x], [o8(2, 128, scale=scale, zero=zero)], tag="int8", share=.2 if op in ("LOG", "HARD_SWISH", "RSQRT") else .05)
    yield case("LEAKY_RELU", [real(2, 7)], [f(2, 7)], ("LeakyReluOptions", {"alpha": .2}))
    yield case("LEAKY_RELU", [q8(2, 70)], [o8(2, 70, scale=.043, zero=-3)], ("LeakyReluOptions", {"alpha": .2}), tag="int8", share=.1)
    yield case("GELU", [real(2, 7)], [f(2, 7)], ("GeluOptions", {"approximate": False}))
    yield case("GELU", [real(2, 7)], [f(2, 7)], ("GeluOptions", {"approximate": True}), tag="tanh")
    yield case("PRELU", [real(2, 4, 4, 3), C(real(1, 1, 3))], [f(2, 4, 4, 3)])
    yield case("LOGICAL_NOT", [ints(9, lo=0, hi=2, dtype=bool)], [b(9)])
    yield case("NEG", [ints(9)], [i(9)], tag="int32")
    yield case("CAST", [real(9, lo=-100, hi=100)], [i(9)], ("CastOptions", {"inDataType": 0, "outDataType": 2}))
    yield case("CAST", [ints(9)], [f(9)], ("CastOptions", {"inDataType": 2, "outDataType": 0}), tag="float")
    yield case("CAST", [ints(9)], [b(9)], ("CastOptions", {"inDataType": 2, "outDataType": 6}), tag="bool")
    yield case("FAKE_QUANT", [real(40)], [f(40)], ("FakeQuantOptions", {"min": -2., "max": 1.5, "numBits": 8}))
    yield case("QUANTIZE", [real(200)], [o8(200)], share=0)
    yield case("QUANTIZE", [q8(200, scale=.07, zero=-9)], [o8(200)], tag="again", share=.03)
    yield case("QUANTIZE", [q8(200, dtype=np.uint8, zero=128)], [o8(200, zero=0)], tag="uint8")
    yield case("DEQUANTIZE", [q8(200)], [f(200)])
    yield case("DEQUANTIZE", [C(real(20).astype(np.float16))], [f(20)], tag="float16")
    yield case("BITCAST", [real(9)], [i(9)])


def binary():
    for op, table in [("ADD", "Add"), ("SUB", "Sub"), ("MUL", "Mul"), ("DIV", "Div")]:
        for act in range(4):
            yield case(op, [real(2, 3, 4), real(3, 4, lo=.5)], [f(2, 3, 4)], (table + "Options", {"fusedActivationFunction": act}), tag="act%d" % act)
        if op != "DIV":
            yield case(op, [q8(2, 3, 40), q8(2, 3, 40, scale=.03, zero=-7)], [o8(2, 3, 40, scale=.093, zero=5)], (table + "Options", {}), tag="int8", share=.05)
            yield case(op, [q8(2, 3, 40), q8(2, 3, 40)], [o8(2, 3, 40, scale=.093, zero=5)], (table + "Options", {"fusedActivationFunction": 1}),
                       tag="int8_relu", share=.05)
        yield case(op, [ints(2, 3, 4), ints(3, 4, lo=1)], [i(2, 3, 4)], (table + "Options", {}), tag="int32")
    for op in ("MAXIMUM", "MINIMUM", "POW", "SQUARED_DIFFERENCE"):
        yield case(op, [real(2, 3, 4, lo=.1), real(3, 4)], [f(2, 3, 4)])
    yield case("ATAN2", [real(3, 4), real(3, 4)], [f(3, 4)])
    yield case("MAXIMUM", [q8(2, 3, 4), q8(3, 4)], [o8(2, 3, 4)], tag="int8", share=0)
    yield case("SQUARED_DIFFERENCE", [q8(2, 3, 40), q8(2, 3, 40)], [o8(2, 3, 40, scale=.3, zero=-128)], tag="int8", share=.05)
    for op in ("FLOOR_DIV", "FLOOR_MOD"):
        yield case(op, [real(12), real(12, lo=.5)], [f(12)])
        yield case(op, [ints(40, lo=-20, hi=20), ints(40, lo=1)], [i(40)], tag="int32")
        yield case(op, [ints(40, lo=-20, hi=20), ints(40, lo=-5, hi=0)], [i(40)], tag="negative")
    for op in ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"):
        yield case(op, [ints(2, 9), ints(9)], [b(2, 9)])
        yield case(op, [real(2, 9), real(9)], [b(2, 9)], tag="float")
    for op in ("LOGICAL_AND", "LOGICAL_OR"):
        yield case(op, [ints(9, lo=0, hi=2, dtype=bool), ints(9, lo=0, hi=2, dtype=bool)], [b(9)])
    yield case("BITWISE_XOR", [ints(9), ints(9)], [i(9)])
    yield case("RIGHT_SHIFT", [ints(9, lo=-90, hi=90), ints(9, lo=0, hi=4)], [i(9)])
    yield case("ADD_N", [real(3, 4), real(3, 4), real(3, 4)], [f(3, 4)])
    yield case("SELECT", [ints(3, lo=0, hi=2, dtype=bool), real(3, 4), real(3, 4)], [f(3, 4)])
    yield case("SELECT_V2", [ints(3, 1, lo=0, hi=2, dtype=bool), real(3, 4), real(1, 4)], [f(3, 4)])


def conv():
    for pad in (SAME, VALID):
        for stride, dilation in ((1, 1), (2, 1), (1, 2)):
            o = {"padding": pad, "strideW": stride, "strideH": stride, "dilationWFactor": dilation, "dilationHFactor": dilation,
                 "fusedActivationFunction": 1}
            tag = "p%ds%dd%d" % (pad, stride, dilation)
            yield case("CONV_2D", [real(2, 9, 8, 3), C(real(4, 3, 3, 3)), C(real(4))], [f(1)], ("Conv2DOptions", o), tag=tag)
            yield case("CONV_2D", [q8(1, 9, 8, 3), C(Q(ints(4, 3, 3, 3, lo=-127, hi=128, dtype=np.int8), [.02, .01, .03, .02])),
                                   C(Q(ints(4, lo=-99, hi=99), [.001, .0005, .0015, .001]))], [o8(1, scale=.2, zero=-9)], ("Conv2DOptions", o),
                       tag=tag + "_int8", version=3, share=.05)
            d = dict(o, depthMultiplier=2)
            yield case("DEPTHWISE_CONV_2D", [real(2, 9, 8, 3), C(real(1, 3, 3, 6)), C(real(6))], [f(1)], ("DepthwiseConv2DOptions", d), tag=tag)
            yield case("DEPTHWISE_CONV_2D", [q8(1, 9, 8, 3), C(Q(ints(1, 3, 3, 6, lo=-127, hi=128, dtype=np.int8), [.02] * 6, axis=3)),
                                             C(Q(ints(6, lo=-99, hi=99), [.001] * 6))], [o8(1, scale=.2, zero=-9)],
                       ("DepthwiseConv2DOptions", d), tag=tag + "_int8", version=3, share=.05)
    t = {"padding": SAME, "strideW": 2, "strideH": 2}
    yield case("TRANSPOSE_CONV", [k(1, 8, 10, 3), C(real(3, 3, 3, 2)), real(1, 4, 5, 2)], [f(1)], ("TransposeConvOptions", t))
    yield case("TRANSPOSE_CONV", [k(1, 9, 11, 3), C(real(3, 3, 3, 2)), real(1, 4, 5, 2), C(real(3))], [f(1)],
               ("TransposeConvOptions", dict(t, padding=VALID)), tag="valid", version=3)
    yield case("CONV_3D", [real(1, 5, 6, 7, 2), C(real(2, 3, 2, 2, 4)), C(real(4))], [f(1)],
               ("Conv3DOptions", {"padding": SAME, "strideD": 1, "strideH": 2, "strideW": 1}))
    for pad, stride, sides in ((SAME, 2, (8, 10, 6)), (VALID, 2, (9, 11, 8)), (SAME, 1, (4, 5, 3))):
        yield case("CONV_3D_TRANSPOSE", [k(1, *sides, 3), C(real(3, 3, 4, 3, 2)), real(1, 4, 5, 3, 2)], [f(1)],
                   ("Conv3DOptions", {"padding": pad, "strideD": stride, "strideH": stride, "strideW": stride}), tag="p%ds%d" % (pad, stride))
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
        for pad in (SAME, VALID):
            o = {"padding": pad, "strideW": 2, "strideH": 1, "filterWidth": 3, "filterHeight": 2}
            yield case(op, [real(2, 7, 8, 3)], [f(1)], ("Pool2DOptions", o), tag="p%d" % pad)
            if op[0] != "L":
                yield case(op, [q8(2, 7, 8, 3)], [o8(1)], ("Pool2DOptions", o), tag="p%d_int8" % pad, share=0)
    w = Q(ints(6, 20, lo=-127, hi=128, dtype=np.int8), .02)
    yield case("FULLY_CONNECTED", [real(3, 20), C(real(6, 20)), C(real(6))], [f(3, 6)], ("FullyConnectedOptions", {"fusedActivationFunction": 1}))
    yield case("FULLY_CONNECTED", [real(2, 3, 20), C(real(6, 20)), None], [f(2, 3, 6)], ("FullyConnectedOptions", {"keepNumDims": True}), tag="keep")
    yield case("FULLY_CONNECTED", [q8(3, 20), C(w), C(Q(ints(6, lo=-99, hi=99), .001))], [o8(3, 6, scale=.3)], ("FullyConnectedOptions", {}),
               tag="int8", version=4)
    yield case("BATCH_MATMUL", [real(2, 3, 4), real(2, 4, 5)], [f(2, 3, 5)], ("BatchMatMulOptions", {}))
    yield case("BATCH_MATMUL", [real(2, 4, 3), real(2, 5, 4)], [f(2, 3, 5)], ("BatchMatMulOptions", {"adjX": True, "adjY": True}), tag="adjoint")
    for op, table in (("SOFTMAX", ("SoftmaxOptions", {"beta": 1.})), ("LOG_SOFTMAX", ("LogSoftmaxOptions", {}))):
        yield case(op, [real(3, 7)], [f(3, 7)], table)
    yield case("SOFTMAX", [q8(3, 70)], [o8(3, 70, scale=1 / 256, zero=-128)], ("SoftmaxOptions", {"beta": 1.}), tag="int8", share=.2)
    yield case("L2_NORMALIZATION", [real(3, 7)], [f(3, 7)], ("L2NormOptions", {}))
    yield case("LOCAL_RESPONSE_NORMALIZATION", [real(1, 3, 3, 9)], [f(1, 3, 3, 9)],
               ("LocalResponseNormalizationOptions", {"radius": 2, "bias": 1., "alpha": .1, "beta": .5}))
    for corners, half in ((0, 0), (1, 0), (0, 1)):
        o = {"alignCorners": bool(corners), "halfPixelCenters": bool(half)}
        for op, table in (("RESIZE_BILINEAR", "ResizeBilinearOptions"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")):
            for size in ((7, 9), (3, 2)):
                yield case(op, [real(1, 4, 5, 2), k(*size)], [f(1)], (table, o), tag="c%dh%d_%d" % (corners, half, size[0]), version=3)


def moves():
    x = real(2, 3, 4)
    yield case("RESHAPE", [x, k(6, 4)], [f(6, 4)], ("ReshapeOptions", {"newShape": np.array([6, 4], np.int32)}))
    yield case("RESHAPE", [x, k(-1, 2)], [f(12, 2)], tag="rest")
    yield case("SQUEEZE", [real(1, 3, 1)], [f(3)], ("SqueezeOptions", {"squeezeDims": np.array([0, 2], np.int32)}))
    yield case("EXPAND_DIMS", [x, one(1)], [f(2, 1, 3, 4)])
    yield case("TRANSPOSE", [x, k(2, 0, 1)], [f(4, 2, 3)])
    yield case("CONCATENATION", [x, real(2, 1, 4)], [f(2, 4, 4)], ("ConcatenationOptions", {"axis": 1}))
    yield case("CONCATENATION", [q8(2, 30), q8(2, 50, scale=.07, zero=-5)], [o8(2, 80, scale=.1, zero=1)], ("ConcatenationOptions", {"axis": 1}),
               tag="uneven", share=.1)
    yield case("PACK", [real(2, 3), real(2, 3)], [f(2, 2, 3)], ("PackOptions", {"axis": 1, "valuesCount": 2}))
    yield case("UNPACK", [x], [f(2, 4)] * 3, ("UnpackOptions", {"axis": 1, "num": 3}))
    yield case("SPLIT", [one(2), x], [f(2, 3, 2)] * 2, ("SplitOptions", {"numSplits": 2}))
    yield case("SPLIT_V", [x, k(1, -1), one(1)], [f(2, 1, 4), f(2, 2, 4)], ("SplitVOptions", {"numSplits": 2}))
    yield case("PAD", [x, C(np.array([[0, 1], [2, 0], [1, 1]], np.int32))], [f(3, 5, 6)])
    yield case("PAD", [q8(2, 3), C(np.array([[0, 1], [2, 0]], np.int32))], [o8(3, 5)], tag="int8", share=0)
    yield case("PADV2", [x, C(np.array([[0, 1], [2, 0], [1, 1]], np.int32)), one(7, np.float32)], [f(3, 5, 6)])
    for mode in (0, 1):
        yield case("MIRROR_PAD", [x, C(np.array([[1, 1], [2, 0], [1, 2]], np.int32))], [f(4, 5, 7)], ("MirrorPadOptions", {"mode": mode}),
                   tag=("reflect", "symmetric")[mode])
    yield case("TILE", [x, k(1, 2, 1)], [f(2, 6, 4)])
    yield case("BROADCAST_TO", [real(3, 1), k(2, 3, 4)], [f(2, 3, 4)], version=2)
    yield case("BROADCAST_ARGS", [k(3, 1), k(2, 1, 4)], [i(3)])
    yield case("FILL", [k(2, 3), one(4, np.float32)], [f(2, 3)])
    yield case("SHAPE", [x], [i(3)], ("ShapeOptions", {"outType": 2}))
    yield case("RANK", [x], [i()])
    yield case("RANGE", [one(1), one(9), one(3)], [i(3)])
    yield case("SLICE", [x, k(0, 1, 0), k(2, -1, 3)], [f(2, 2, 3)])
    yield case("REVERSE_V2", [x, k(1)], [f(2, 3, 4)])
    yield case("REVERSE_SEQUENCE", [real(3, 5, 2), k(2, 5, 1)], [f(3, 5, 2)], ("ReverseSequenceOptions", {"seqDim": 1, "batchDim": 0}))
    yield case("DEPTH_TO_SPACE", [real(1, 2, 3, 8)], [f(1, 4, 6, 2)], ("DepthToSpaceOptions", {"blockSize": 2}))
    yield case("SPACE_TO_DEPTH", [real(1, 4, 6, 2)], [f(1, 2, 3, 8)], ("SpaceToDepthOptions", {"blockSize": 2}))
    yield case("SPACE_TO_BATCH_ND", [real(2, 4, 5, 3), k(2, 3), C(np.array([[0, 0], [1, 0]], np.int32))], [f(12, 2, 2, 3)])
    yield case("BATCH_TO_SPACE_ND", [real(12, 2, 2, 3), k(2, 3), C(np.array([[0, 1], [1, 0]], np.int32))], [f(2, 3, 5, 3)])
    for tag, masks, begin, end, step in [("plain", {}, (0, 1, 1), (2, 3, 4), (1, 1, 2)), ("masks", {"beginMask": 5, "endMask": 2}, (1, 1, 3), (2, 2, 4), (1, 1, 1)),
                                         ("back", {"endMask": 4}, (1, 2, 3), (0, 0, 0), (-1, -1, -2)), ("shrink", {"shrinkAxisMask": 2}, (0, -1, 0), (2, 0, 4), (1, 1, 1)),
                                         ("new", {"newAxisMask": 1}, (0, 0, 1), (0, 2, 3), (1, 1, 1)), ("dots", {"ellipsisMask": 1}, (0, 1), (0, 3), (1, 1))]:
        yield case("STRIDED_SLICE", [x, k(*begin), k(*end), k(*step)], [f(1)], ("StridedSliceOptions", masks), tag=tag, version=4)


def sparse():
    w = real(6, 8) * ints(6, 8, lo=0, hi=2).astype(np.float32)
    w[2] = 0
    yield case("DENSIFY", [C(Sparse(w))], [f(6, 8)])
    yield case("DENSIFY", [C(Sparse(np.kron(ints(3, 2, lo=0, hi=2), np.ones((2, 4))).astype(np.float32) * real(6, 8), (2, 4)))], [f(6, 8)], tag="blocks")
    yield case("FULLY_CONNECTED", [real(3, 8), C(Sparse(w)), C(real(6))], [f(3, 6)], ("FullyConnectedOptions", {}), tag="sparse")


def boxes():
    corner = real(40, 2, lo=0, hi=1)
    box = np.concatenate([corner, corner + real(40, 2, lo=.1, hi=.5)], 1)
    scores = real(40, lo=0, hi=1)
    limits = [one(12), one(.4, np.float32), one(.2, np.float32)]
    yield case("NON_MAX_SUPPRESSION_V4", [box, scores, *limits], [i(12), i()])
    yield case("NON_MAX_SUPPRESSION_V4", [box, scores, one(30), one(.1, np.float32), one(.6, np.float32)], [i(30), i()], tag="few")
    yield case("NON_MAX_SUPPRESSION_V5", [box, scores, *limits, one(0, np.float32)], [i(12), f(12), i()])


def tables():
    yield case("HASHTABLE_LOOKUP", [k(5, 2, 9), k(1, 2, 5, 7), C(real(4, 3))], [f(3, 3), i(3, dtype=np.uint8)])
    place = C(np.array([[0, 0], [0, 1], [2, 0]], np.int32))
    for how in (0, 1, 2):
        yield case("EMBEDDING_LOOKUP_SPARSE", [k(1, 3, 0), place, k(3, 2), C(real(3, lo=.5)), C(real(4, 5))], [f(3, 5)],
                   ("EmbeddingLookupSparseOptions", {"combiner": how}), tag=("sum", "mean", "root")[how])


def hlo():
    x = real(3, 4)
    yield case("DILATE", [x, k(2, 3), one(7, np.float32)], [f(5, 10)])
    yield case("DILATE", [ints(3, 4), k(1, 2), one(7)], [i(3, 7)], tag="int32")
    for tag, low, high, inner in (("plain", (1, 0), (0, 2), (0, 0)), ("inner", (1, 0), (0, 2), (1, 2)), ("cut", (-1, 0), (0, -1), (0, 1))):
        size = [n + (n - 1) * g + a + c for n, a, c, g in zip((3, 4), low, high, inner)]
        yield case("STABLEHLO_PAD", [x, one(7, np.float32)], [f(*size)],
                   ("StablehloPadOptions", {"edgePaddingLow": np.array(low), "edgePaddingHigh": np.array(high), "interiorPadding": np.array(inner)}), tag=tag)
    yield case("STABLEHLO_DYNAMIC_SLICE", [x, ints(lo=1, hi=2), ints(lo=3, hi=4)], [f(2, 2)], ("StablehloDynamicSliceOptions", {"sliceSizes": np.array([2, 2])}))
    yield case("STABLEHLO_DYNAMIC_UPDATE_SLICE", [x, real(2, 2), ints(lo=1, hi=2), ints(lo=3, hi=4)], [f(3, 4)])
    yield case("STABLEHLO_CBRT", [x], [f(3, 4)])
    for op in ("ABS", "COSINE", "EXPONENTIAL", "FLOOR", "LOGISTIC", "NEGATE", "TANH"):
        yield case("STABLEHLO_" + op, [x], [f(3, 4)])
    for op in ("ADD", "SUBTRACT", "MULTIPLY", "DIVIDE", "MAXIMUM", "MINIMUM", "POWER"):
        yield case("STABLEHLO_" + op, [real(3, 4, lo=.1), real(3, 4, lo=.1)], [f(3, 4)])


def index():
    x = real(3, 4, 5)
    yield case("GATHER", [x, ints(2, 2, lo=0, hi=4)], [f(1)], ("GatherOptions", {"axis": 1}))
    yield case("GATHER", [x, ints(3, 2, lo=0, hi=4)], [f(1)], ("GatherOptions", {"axis": 1, "batchDims": 1}), tag="batch")
    yield case("GATHER", [x, ints(3, 2, lo=0, hi=5)], [f(1)], ("GatherOptions", {"axis": 2, "batchDims": 1}), tag="batch2", version=5)
    yield case("GATHER_ND", [x, ints(2, 2, lo=0, hi=3)], [f(2, 5)])
    yield case("EMBEDDING_LOOKUP", [ints(3, lo=0, hi=4), C(real(4, 5))], [f(3, 5)])
    yield case("SCATTER_ND", [C(np.array([[1], [3], [1]], np.int32)), real(3, 2), k(5, 2)], [f(5, 2)])
    yield case("SPARSE_TO_DENSE", [k(1, 3), k(5), C(real(2)), one(.5, np.float32)], [f(5)])
    for op in ("ARG_MAX", "ARG_MIN"):
        yield case(op, [x, one(1)], [i(3, 5)], ("ArgMaxOptions" if op[-1] == "X" else "ArgMinOptions", {"outputType": 2}))
    yield case("TOPK_V2", [real(3, 9), one(4)], [f(3, 4), i(3, 4)])
    yield case("ONE_HOT", [ints(3, lo=-1, hi=5), one(4), one(2, np.float32), one(-1, np.float32)], [f(3, 4)], ("OneHotOptions", {"axis": -1}))
    yield case("WHERE", [ints(3, 4, lo=0, hi=2, dtype=bool)], [i(1, 2, dtype=np.int64)])
    yield case("UNIQUE", [ints(12, lo=0, hi=4)], [i(1), i(12)], ("UniqueOptions", {"idxOutType": 2}))
    for ex, rev in ((0, 0), (1, 0), (0, 1), (1, 1)):
        yield case("CUMSUM", [x, one(1)], [f(3, 4, 5)], ("CumsumOptions", {"exclusive": bool(ex), "reverse": bool(rev)}), tag="%d%d" % (ex, rev))
    yield case("SEGMENT_SUM", [real(5, 3), k(0, 0, 1, 3, 3)], [f(4, 3)])
    for op in ("PROD", "MAX", "SUM", "MIN"):
        yield case("UNSORTED_SEGMENT_" + op, [real(5, 3), k(2, 0, -1, 2, 0), one(4)], [f(4, 3)])
    yield case("DYNAMIC_UPDATE_SLICE", [x, real(2, 2, 5), k(2, 1, 0)], [f(3, 4, 5)])
    yield case("MATRIX_DIAG", [real(2, 3)], [f(2, 3, 3)])
    yield case("MATRIX_SET_DIAG", [real(2, 3, 4), real(2, 3)], [f(2, 3, 4)])
    yield case("BUCKETIZE", [real(3, 4)], [i(3, 4)], ("BucketizeOptions", {"boundaries": np.array([-2, 0, 1.5], np.float32)}))
    for op in ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):
        for keep in (False, True):
            yield case(op, [x, k(0, -1)], [f(1)], ("ReducerOptions", {"keepDims": keep}), tag="keep%d" % keep)
    yield case("MEAN", [q8(2, 5, 6, 30), k(1, 2)], [o8(2, 30, scale=.02, zero=-7)], ("ReducerOptions", {}), tag="int8", share=.1)
    yield case("SUM", [q8(2, 5, 6, 30), k(1, 2)], [o8(2, 30, scale=.3, zero=-7)], ("ReducerOptions", {}), tag="int8", share=.1)
    yield case("REDUCE_MAX", [q8(2, 5), k(1)], [o8(2)], ("ReducerOptions", {}), tag="int8", share=0)
    for op in ("REDUCE_ANY", "REDUCE_ALL"):
        yield case(op, [ints(3, 4, lo=0, hi=2, dtype=bool), k(1)], [b(3)], ("ReducerOptions", {}))


def recurrent():
    def w(*shape):
        return C(real(*shape, lo=-.5, hi=.5))

    x, h = 5, 4
    plain = [real(2, 7, x)] + [w(h, x) for _ in range(4)] + [w(h, h) for _ in range(4)] + [None] * 3 + [w(h) for _ in range(4)] + [None] * 2
    lstm = plain + [f(2, h), f(2, h)] + [None] * 4
    peep = lstm[:9] + [w(h) for _ in range(3)] + lstm[12:]
    coupled = [None if k in (1, 5, 12) else v for k, v in enumerate(lstm)]
    o = {"fusedActivationFunction": 4}
    for tag, ins, clip in (("plain", lstm, 0.), ("peepholes", peep, 0.), ("coupled", coupled, .3)):
        yield case("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, [f(2, 7, h)], ("UnidirectionalSequenceLSTMOptions", dict(o, cellClip=clip)), tag=tag, kept=(18, 19))
    yield case("LSTM", [real(2, x)] + lstm[1:], [f(2, h)], ("LSTMOptions", o), kept=(18, 19))
    both = plain + [v for v in plain[1:]] + [f(2, h)] * 4 + [None] * 9
    yield case("BIDIRECTIONAL_SEQUENCE_LSTM", both, [f(2, 7, h)] * 2, ("BidirectionalSequenceLSTMOptions", dict(o, timeMajor=False)), kept=(35, 36, 37, 38))
    rnn = [w(h, x), w(h, h), w(h), f(2, h)]
    yield case("UNIDIRECTIONAL_SEQUENCE_RNN", [real(2, 7, x)] + rnn, [f(2, 7, h)], ("SequenceRNNOptions", o), kept=(4,))
    yield case("BIDIRECTIONAL_SEQUENCE_RNN", [real(2, 7, x)] + rnn + rnn + [None] * 3, [f(2, 7, 2 * h)],
               ("BidirectionalSequenceRNNOptions", dict(o, mergeOutputs=True)), kept=(4, 8))
    yield case("RNN", [real(2, x)] + rnn, [f(2, h)], ("RNNOptions", o), kept=(4,))
    yield case("SVDF", [real(2, x), w(6, x), w(6, 10), w(3), f(2, 60)], [f(2, 3)], ("SVDFOptions", {"rank": 2, "fusedActivationFunction": 1}), kept=(4,))


def cases():
    for family in (unary, binary, conv, moves, sparse, boxes, tables, hlo, index, recurrent):
        yield from family()
