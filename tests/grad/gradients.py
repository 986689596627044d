#!/usr/bin/env python3
"""Gradients and training beside PyTorch: python gradients.py DRIVER, or --table for the numbers of tests/unit/grad_train.c

Each case is an ONNX graph and the same in PyTorch. The loss is the sum of the results, each element with a weight of its own, in f32; gradients may
differ by 1e-4 of the largest. Then small nets are trained by both, and the losses of all steps and the parameters at the end are compared."""
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

LIMIT = 1e-4
STEPS = 60
rng = np.random.default_rng(7)


def real(*shape, lo=-1.0, hi=1.0):
    return rng.uniform(lo, hi, shape).astype(np.float32)


def node(op, ins, out, **attrs):
    return helper.make_node(op, ins, [out] if isinstance(out, str) else out, **attrs)


def save(path, nodes, constants, loss):
    """A graph without inputs, whose output is the loss."""
    graph = helper.make_graph(nodes, "case", [], [helper.make_tensor_value_info(loss, TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(v, k) for k, v in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)


def run(args):
    done = subprocess.run(args, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return [np.array(line.split(), dtype=np.float64) for line in done.stdout.splitlines()]


# name, operands x0 x1 ..., other constants, nodes to "y", the same in PyTorch
cases = []


def case(name, xs, nodes, same, **others):
    cases.append((name, xs, others, nodes, same))


def one(op, count, name=None, **attrs):
    return [node(op, [f"x{i}" for i in range(count)], "y", **attrs)]


X = lambda: real(3, 4, 5)
for op, same, lo, hi in [
        ("Abs", torch.abs, -2, 2), ("Neg", torch.neg, -2, 2), ("Sqrt", torch.sqrt, 0.1, 3), ("Reciprocal", torch.reciprocal, 0.3, 3),
        ("Exp", torch.exp, -2, 2), ("Log", torch.log, 0.2, 3), ("Sin", torch.sin, -3, 3), ("Cos", torch.cos, -3, 3), ("Tan", torch.tan, -1, 1),
        ("Asin", torch.asin, -.9, .9), ("Acos", torch.acos, -.9, .9), ("Atan", torch.atan, -3, 3), ("Sinh", torch.sinh, -2, 2),
        ("Cosh", torch.cosh, -2, 2), ("Tanh", torch.tanh, -2, 2), ("Asinh", torch.asinh, -2, 2), ("Acosh", torch.acosh, 1.2, 3),
        ("Atanh", torch.atanh, -.9, .9), ("Erf", torch.erf, -2, 2), ("Sigmoid", torch.sigmoid, -4, 4), ("Softplus", F.softplus, -4, 4),
        ("Softsign", F.softsign, -4, 4), ("Relu", F.relu, -2, 2), ("HardSwish", F.hardswish, -5, 5), ("Mish", F.mish, -4, 4),
        ("Gelu", F.gelu, -4, 4), ("Selu", F.selu, -3, 3), ("Floor", torch.floor, -3, 3), ("Round", torch.round, -3, 3), ("Sign", torch.sign, -3, 3)]:
    # a part that does depend on x: the loss of a staircase does not
    case(op, [real(3, 4, 5, lo=lo, hi=hi)], [node(op, ["x0"], "f"), node("Mul", ["f", "x0"], "y")], lambda x, f=same: f(x) * x)
case("Gelu tanh", [X() * 3], one("Gelu", 1, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh"))
case("LeakyRelu", [X()], one("LeakyRelu", 1, alpha=0.2), lambda x: F.leaky_relu(x, 0.2))
case("Elu", [X() * 2], one("Elu", 1, alpha=1.5), lambda x: F.elu(x, 1.5))
case("Celu", [X() * 2], one("Celu", 1, alpha=1.5), lambda x: F.celu(x, 1.5))
case("HardSigmoid", [X() * 5], one("HardSigmoid", 1, alpha=1 / 6, beta=0.5), F.hardsigmoid)
case("PRelu", [X(), real(4, 1)], one("PRelu", 2), lambda x, a: torch.where(x < 0, a * x, x))
case("Swish", [X() * 3], [node("Sigmoid", ["x0"], "s"), node("Mul", ["x0", "s"], "y")], F.silu)
case("Clip", [X() * 2], [node("Clip", ["x0", "lo", "hi"], "y")], lambda x: x.clamp(-0.7, 1.1), lo=np.float32(-0.7), hi=np.float32(1.1))
for op, same in [("Add", torch.add), ("Sub", torch.sub), ("Mul", torch.mul), ("Div", torch.div), ("Pow", torch.pow), ("Max", torch.maximum),
                 ("Min", torch.minimum)]:
    case(op, [real(2, 3, 4, lo=.3, hi=2), real(3, 1, lo=.3, hi=2)], one(op, 2), same)
case("Where", [real(2, 3), real(1, 3)], [node("Where", ["c", "x0", "x1"], "y")],
     lambda a, b: torch.where(torch.tensor([[True], [False]]), a, b), c=np.array([[True], [False]]))
case("MatMul", [real(2, 3, 4), real(4, 5)], one("MatMul", 2), torch.matmul)
case("MatMul batched", [real(2, 1, 3, 4), real(5, 4, 2)], one("MatMul", 2), torch.matmul)
case("Gemm", [real(4, 3), real(5, 4), real(5)], one("Gemm", 3, alpha=.5, beta=2., transA=1, transB=1), lambda a, b, c: .5 * a.T @ b.T + 2 * c)
for op, same in [("ReduceSum", lambda x: x.sum((0, 2))), ("ReduceMean", lambda x: x.mean((0, 2))), ("ReduceMax", lambda x: x.amax((0, 2))),
                 ("ReduceMin", lambda x: x.amin((0, 2))), ("ReduceL1", lambda x: x.abs().sum((0, 2))), ("ReduceL2", lambda x: x.norm(dim=(0, 2))),
                 ("ReduceSumSquare", lambda x: (x * x).sum((0, 2))), ("ReduceLogSumExp", lambda x: x.logsumexp((0, 2)))]:
    case(op, [X()], [node(op, ["x0", "axes"], "y", keepdims=0)], same, axes=np.array([0, 2]))
case("CumSum", [X()], [node("CumSum", ["x0", "axis"], "y", exclusive=1)], lambda x: x.cumsum(1) - x, axis=np.array(1))
case("Softmax", [X() * 3], one("Softmax", 1, axis=1), lambda x: x.softmax(1))
case("LogSoftmax", [X() * 3], one("LogSoftmax", 1, axis=-1), lambda x: x.log_softmax(-1))

# convolutions: kernel, strides, pads (begin and end alike), dilations, groups
for spatial in (1, 2, 3):
    for k, s, p, d, g in [(1, 1, 0, 1, 1), (3, 1, 1, 1, 1), (3, 2, 1, 1, 1), (3, 1, 2, 2, 1), (3, 2, 1, 1, 2), (3, 2, 0, 2, 4), (2, 3, 1, 1, 4)]:
        attrs = dict(strides=[s] * spatial, pads=[p] * 2 * spatial, dilations=[d] * spatial, group=g)
        size = (9, 8, 7)[:spatial]
        conv, back = [(F.conv1d, F.conv_transpose1d), (F.conv2d, F.conv_transpose2d), (F.conv3d, F.conv_transpose3d)][spatial - 1]
        w = real(8, 4 // g, *[k] * spatial)
        case(f"Conv {spatial}d {k}/{s} p{p} d{d} g{g}", [real(2, 4, *size), w, real(8)], one("Conv", 3, **attrs),
             lambda x, w, b, f=conv, s=s, p=p, d=d, g=g: f(x, w, b, s, p, d, g))
        case(f"ConvTranspose {spatial}d {k}/{s} p{p} d{d} g{g}", [real(2, 8, *[n - 4 for n in size]), w, real(4)],
             one("ConvTranspose", 3, output_padding=[s - 1] * spatial, **attrs),
             lambda x, w, b, f=back, s=s, p=p, d=d, g=g: f(x, w, b, s, p, s - 1, g, d))
case("Conv uneven pads", [real(1, 2, 6, 7), real(3, 2, 3, 2)], one("Conv", 2, pads=[0, 1, 2, 0], strides=[2, 1]),
     lambda x, w: F.conv2d(F.pad(x, (1, 0, 0, 2)), w, stride=(2, 1)))
case("Conv depthwise", [real(2, 6, 9, 9), real(6, 1, 3, 3), real(6)], one("Conv", 3, pads=[1] * 4, group=6), lambda x, w, b: F.conv2d(x, w, b, 1, 1, 1, 6))
case("MaxPool", [real(2, 3, 8, 9)], one("MaxPool", 1, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 1, 1]), lambda x: F.max_pool2d(x, (3, 2), 2, 1))
case("MaxPool overlapping", [real(2, 3, 8, 9)], one("MaxPool", 1, kernel_shape=[3, 3]), lambda x: F.max_pool2d(x, 3, 1))
case("AveragePool", [real(2, 3, 8, 9)], one("AveragePool", 1, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
     lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
case("AveragePool with pads", [real(2, 3, 8, 9)], one("AveragePool", 1, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, count_include_pad=1),
     lambda x: F.avg_pool2d(x, 3, 2, 1))
case("GlobalAveragePool", [real(2, 3, 4, 5)], one("GlobalAveragePool", 1), lambda x: x.mean((2, 3), keepdim=True))
case("GlobalMaxPool", [real(2, 3, 4, 5)], one("GlobalMaxPool", 1), lambda x: x.amax((2, 3), keepdim=True))
M, V = real(4), real(4, lo=.5, hi=2)
case("BatchNormalization", [real(3, 4, 5), real(4), real(4)], [node("BatchNormalization", ["x0", "x1", "x2", "m", "v"], "y")],
     lambda x, s, b: F.batch_norm(x, torch.tensor(M), torch.tensor(V), s, b), m=M, v=V)
case("BatchNormalization training", [real(3, 4, 5), real(4), real(4)],
     [node("BatchNormalization", ["x0", "x1", "x2", "m", "v"], ["y", "m2", "v2"], training_mode=1)],
     lambda x, s, b: F.batch_norm(x, None, None, s, b, training=True), m=M, v=V)
case("LayerNormalization", [X(), real(5), real(5)], one("LayerNormalization", 3), lambda x, s, b: F.layer_norm(x, (5,), s, b))
case("GroupNormalization", [real(2, 4, 3, 3), real(4), real(4)], one("GroupNormalization", 3, num_groups=2), lambda x, s, b: F.group_norm(x, 2, s, b))
case("InstanceNormalization", [real(2, 4, 3, 3), real(4), real(4)], one("InstanceNormalization", 3), lambda x, s, b: F.instance_norm(x, weight=s, bias=b))
case("LpNormalization", [X()], one("LpNormalization", 1, axis=1), lambda x: F.normalize(x, dim=1))

i64 = lambda *v: np.array(v, dtype=np.int64)
case("Reshape", [X()], [node("Reshape", ["x0", "s"], "y")], lambda x: x.reshape(4, 15), s=i64(4, -1))
case("Flatten", [X()], one("Flatten", 1), lambda x: x.flatten(1))
case("Squeeze", [real(3, 1, 4)], [node("Squeeze", ["x0", "s"], "y")], lambda x: x.squeeze(1), s=i64(1))
case("Unsqueeze", [X()], [node("Unsqueeze", ["x0", "s"], "y")], lambda x: x.unsqueeze(1), s=i64(1))
case("Transpose", [X()], one("Transpose", 1, perm=[2, 0, 1]), lambda x: x.permute(2, 0, 1))
case("Slice", [X()], [node("Slice", ["x0", "a", "b", "c", "d"], "y")], lambda x: x[:, 1:4:2, 2:], a=i64(1, 2), b=i64(4, 9), c=i64(1, 2), d=i64(2, 1))
case("Concat", [real(2, 3), real(2, 2)], [node("Concat", ["x0", "x1", "x0"], "y", axis=1)], lambda a, b: torch.cat([a, b, a], 1))
case("Split", [real(2, 7)], [node("Split", ["x0", "s"], ["a", "b", "c"], axis=1), node("Mul", ["a", "c"], "y")],
     lambda x: x[:, :2] * x[:, 5:], s=i64(2, 3, 2))
for mode, name in [("constant", "constant"), ("reflect", "reflect"), ("edge", "replicate")]:
    case(f"Pad {mode}", [real(2, 3, 4)], [node("Pad", ["x0", "p"], "y", mode=mode)], lambda x, m=name: F.pad(x, (1, 2), m), p=i64(0, 0, 1, 0, 0, 2))
case("Expand", [real(3, 1)], [node("Expand", ["x0", "s"], "y")], lambda x: x.expand(2, 3, 4), s=i64(2, 3, 4))
case("Tile", [real(3, 2)], [node("Tile", ["x0", "s"], "y")], lambda x: x.tile(2, 3), s=i64(2, 3))
case("Trilu", [real(2, 4, 4)], [node("Trilu", ["x0"], "y", upper=0)], torch.tril)
case("Gather", [X()], [node("Gather", ["x0", "i"], "y", axis=1)], lambda x: x[:, [[1, 3], [1, 0]]], i=i64([1, 3], [1, 0]))
case("GatherElements", [real(2, 4)], [node("GatherElements", ["x0", "i"], "y", axis=1)],
     lambda x: x.gather(1, torch.tensor([[1, 1, 3], [0, 2, 2]])), i=i64([1, 1, 3], [0, 2, 2]))
case("GatherND", [X()], [node("GatherND", ["x0", "i"], "y")], lambda x: x[[0, 2, 0], [1, 3, 1]], i=i64([0, 1], [2, 3], [0, 1]))
case("ScatterElements", [real(2, 4), real(2, 2)], [node("ScatterElements", ["x0", "i", "x1"], "y", axis=1)],
     lambda x, u: x.scatter(1, torch.tensor([[1, 3], [0, 2]]), u), i=i64([1, 3], [0, 2]))
case("TopK", [X()], [node("TopK", ["x0", "k"], ["y", "i"], axis=1)], lambda x: x.topk(2, 1)[0], k=i64(2))
case("DepthToSpace", [real(1, 8, 2, 3)], one("DepthToSpace", 1, blocksize=2, mode="CRD"), lambda x: F.pixel_shuffle(x, 2))
case("SpaceToDepth", [real(1, 1, 4, 6)], one("SpaceToDepth", 1, blocksize=2), lambda x: F.pixel_unshuffle(x, 2))
for mode, attrs, same in [("nearest", dict(coordinate_transformation_mode="asymmetric", nearest_mode="floor"), dict(mode="nearest")),
                          ("linear", dict(coordinate_transformation_mode="half_pixel"), dict(mode="bilinear")),
                          ("linear", dict(coordinate_transformation_mode="align_corners"), dict(mode="bilinear", align_corners=True)),
                          ("cubic", dict(coordinate_transformation_mode="half_pixel"), dict(mode="bicubic"))]:
    for size in [(7, 9), (3, 2)]:
        case(f"Resize {mode} {size[0]}", [real(1, 2, 4, 5)], [node("Resize", ["x0", "", "", "s"], "y", mode=mode, **attrs)],
             lambda x, size=size, same=same: F.interpolate(x, size, **same), s=i64(1, 2, *size))
for reduction in ("mean", "sum", "none"):
    t = i64([0, 3], [1, 1], [2, 0])
    case(f"SoftmaxCrossEntropyLoss {reduction}", [real(3, 4, 2)],
         [node("SoftmaxCrossEntropyLoss", ["x0", "t", "w"], "y", reduction=reduction, ignore_index=3)],
         lambda x, r=reduction, t=t: F.cross_entropy(x, torch.tensor(t), torch.tensor(V), ignore_index=3, reduction=r), t=t, w=V)
case("NegativeLogLikelihoodLoss", [real(3, 4)], [node("NegativeLogLikelihoodLoss", ["x0", "t"], "y")],
     lambda x: F.nll_loss(x, torch.tensor([0, 3, 1])), t=i64(0, 3, 1))
case("mean squared error", [real(3, 4), real(3, 4)], [node("Sub", ["x0", "x1"], "d"), node("Mul", ["d", "d"], "q"), node("ReduceMean", ["q"], "y", keepdims=0)],
     F.mse_loss)
case("divergence at a temperature", [real(3, 6) * 4, real(3, 6) * 4],
     [node("Div", ["x0", "T"], "a"), node("Div", ["x1", "T"], "b"), node("LogSoftmax", ["a"], "p", axis=1), node("LogSoftmax", ["b"], "q", axis=1),
      node("Exp", ["q"], "e"), node("Sub", ["q", "p"], "d"), node("Mul", ["e", "d"], "y")],
     lambda a, b: F.kl_div((a / 4).log_softmax(1), (b / 4).log_softmax(1), reduction="none", log_target=True), T=np.float32(4))
case("Einsum", [real(2, 3, 4), real(2, 4, 5)], one("Einsum", 2, equation="bij,bjk->bki"), lambda a, b: torch.einsum("bij,bjk->bki", a, b))
case("LRN", [real(2, 5, 3, 3)], one("LRN", 1, size=3, alpha=.3, beta=.6, bias=1.2), lambda x: F.local_response_norm(x, 3, .3, .6, 1.2))
attn = [node("Transpose", ["x1"], "kt", perm=[0, 1, 3, 2]), node("MatMul", ["x0", "kt"], "s"), node("Mul", ["s", "r"], "n"), node("Softmax", ["n"], "p", axis=-1),
        node("MatMul", ["p", "x2"], "y")]
case("attention", [real(2, 2, 5, 4), real(2, 2, 6, 4), real(2, 2, 6, 3)], attn, F.scaled_dot_product_attention, r=np.float32(.5))
q = [node("QuantizeLinear", ["x0", "x1", "z"], "q", axis=1), node("DequantizeLinear", ["q", "x1", "z"], "y", axis=1)]
case("quantized per tensor", [real(3, 4) * 3, np.float32(0.0131)], q,
     lambda x, s: torch._fake_quantize_learnable_per_tensor_affine(x, s.reshape(1), torch.tensor([5.]), -128, 127, 1.), z=np.int8(5))
case("quantized per channel", [real(3, 4, 2) * 3, real(4, lo=.01, hi=.03)], q,
     lambda x, s: torch._fake_quantize_learnable_per_channel_affine(x, s, torch.zeros(4), 1, -128, 127, 1.), z=np.zeros(4, np.int8))


def try_case(driver, folder, name, xs, others, nodes, same):
    leaves = [torch.tensor(x, requires_grad=True) for x in xs]
    y = same(*leaves)
    weight = np.cos(np.arange(y.numel()) * 1.7).astype(np.float32).reshape(tuple(y.shape))
    loss = (y * torch.tensor(weight)).sum()
    loss.backward()
    path = f"{folder}/case.onnx"
    constants = {f"x{i}": np.asarray(x) for i, x in enumerate(xs)} | others | {"R": weight}
    save(path, nodes + [node("Mul", ["y", "R"], "weighed"), node("ReduceSum", ["weighed"], "loss", keepdims=0)], constants, "loss")
    got = run([driver, "gradients", path])
    want = [loss.detach().numpy()] + [v.grad.numpy() for v in leaves]
    if len(got) != len(want):
        return f"{len(got)} lines, {len(want)} expected"
    worst = 0.
    for g, w in zip(got, want):
        w = w.ravel().astype(np.float64)
        if g.shape != w.shape:
            return f"{g.size} numbers, {w.size} expected"
        worst = max(worst, float(np.abs(g - w).max() / max(1., np.abs(w).max())))
    return worst


# ---- training ----

def perceptron():
    x, t = real(64, 8), rng.integers(0, 3, 64)
    p = [real(16, 8) * .4, real(16) * .1, real(3, 16) * .3, real(3) * .1]
    nodes = [node("Gemm", ["X", "p0", "p1"], "a", transB=1), node("Relu", ["a"], "h"), node("Gemm", ["h", "p2", "p3"], "y", transB=1),
             node("SoftmaxCrossEntropyLoss", ["y", "T"], "loss")]
    return x, t, p, nodes, lambda x, p: F.linear(F.relu(F.linear(x, p[0], p[1])), p[2], p[3])


def convolutions():
    x, t = real(16, 1, 12, 12), rng.integers(0, 4, 16)
    p = [real(8, 1, 3, 3) * .5, real(8) * .1, real(8, 1, 3, 3) * .5, real(8) * .1, real(12, 8, 1, 1) * .4, real(12) * .1, real(4, 12) * .4, real(4) * .1]
    nodes = [node("Conv", ["X", "p0", "p1"], "a", pads=[1] * 4), node("Relu", ["a"], "b"), node("MaxPool", ["b"], "c", kernel_shape=[2, 2], strides=[2, 2]),
             node("Conv", ["c", "p2", "p3"], "d", pads=[1] * 4, group=8), node("Clip", ["d", "lo", "hi"], "e"), node("Conv", ["e", "p4", "p5"], "f"),
             node("Relu", ["f"], "g"), node("GlobalAveragePool", ["g"], "h"), node("Flatten", ["h"], "i"), node("Gemm", ["i", "p6", "p7"], "y", transB=1),
             node("SoftmaxCrossEntropyLoss", ["y", "T"], "loss")]

    def same(x, p):
        x = F.max_pool2d(F.relu(F.conv2d(x, p[0], p[1], padding=1)), 2)
        x = F.conv2d(x, p[2], p[3], padding=1, groups=8).clamp(0, 6)
        x = F.relu(F.conv2d(x, p[4], p[5])).mean((2, 3))
        return F.linear(x, p[6], p[7])
    return x, t, p, nodes, same


def table(how, rate):
    """The losses that tests/unit/grad_train.c states: batches of 16 of 32, by turns."""
    x = torch.tensor([[np.sin(1.3 * i + 0.7 * j * j) for j in range(4)] for i in range(32)], dtype=torch.float32)
    t = torch.arange(32) % 3
    p = [torch.tensor([0.5 * np.sin(k + 1.) for k in range(32)], dtype=torch.float32).reshape(8, 4), torch.zeros(8),
         torch.tensor([0.5 * np.cos(0.9 * k) for k in range(24)], dtype=torch.float32).reshape(3, 8), torch.zeros(3)]
    for v in p:
        v.requires_grad = True
    opt = torch.optim.Adam(p, rate) if how == "adam" else torch.optim.SGD(p, rate, momentum=0.9)
    losses = []
    for k in range(8):
        at = slice(16 * (k % 2), 16 * (k % 2) + 16)
        opt.zero_grad()
        loss = F.cross_entropy(F.linear(F.relu(F.linear(x[at], p[0], p[1])), p[2], p[3]), t[at])
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return ", ".join(f"{v:.7f}" for v in losses)


def try_training(driver, folder, net, how, rate, steps):
    global rng
    rng = np.random.default_rng(3)  # the same net whatever the cases are
    x, t, p, nodes, same = net()
    constants = {f"p{i}": v for i, v in enumerate(p)} | {"X": x, "T": t, "lo": np.float32(0), "hi": np.float32(6)}
    save(f"{folder}/net.onnx", nodes, constants, "loss")
    got = run([driver, "train", f"{folder}/net.onnx", how, str(rate), str(steps)])
    params = [torch.tensor(v, requires_grad=True) for v in p]
    opt = torch.optim.Adam(params, rate) if how == "adam" else torch.optim.SGD(params, rate, momentum=0.9)
    losses = []
    for _ in range(steps):
        opt.zero_grad()
        loss = F.cross_entropy(same(torch.tensor(x), params), torch.tensor(t))
        loss.backward()
        opt.step()
        losses.append(loss.item())
    ours = np.array([g[0] for g in got[:steps]])
    apart = max(float(np.abs(g - w.detach().numpy().ravel()).max()) for g, w in zip(got[steps:], params))
    return float(np.abs(ours - losses).max()), apart, losses[0], ours[-1]


def main():
    if sys.argv[1] == "--table":
        print("adam:", table("adam", 0.02), "\nsgd: ", table("sgd", 0.1))
        return 0
    driver = sys.argv[1]
    failed, worst, ops = 0, 0., set()
    with tempfile.TemporaryDirectory() as folder:
        for c in cases:
            try:
                d = try_case(driver, folder, *c)
            except Exception as e:
                d = str(e)
            if not isinstance(d, float) or not d <= LIMIT:
                print(f"FAIL {c[0]}: {d if isinstance(d, str) else f'{d:.2e} apart'}")
                failed += 1
            else:
                worst = max(worst, d)
            ops |= {n.op_type for n in c[3]}
        print(f"gradients: {len(cases) - failed} of {len(cases)} cases, {len(ops)} ONNX operators, at most {worst:.1e} from PyTorch {torch.__version__}")
        for net in (perceptron, convolutions):
            for how, rate in [("sgd", 0.2), ("adam", 0.02)]:
                d, apart, first, last = try_training(driver, folder, net, how, rate, STEPS)
                good = d <= LIMIT and apart <= LIMIT and last < 0.9 * first
                failed += not good
                print(f"{'ok  ' if good else 'FAIL'} {net.__name__} by {how}: loss {first:.4f} to {last:.4f} in {STEPS} steps, at most {d:.1e} apart; parameters {apart:.1e}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
