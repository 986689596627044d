"""Writes small ONNX models without any library: one MatMul and Add."""
import struct


def varint(v):
    out = b""
    while True:
        out += bytes([v & 127 | (128 if v > 127 else 0)])
        v >>= 7
        if not v:
            return out


def number(field, v):
    return varint(field << 3) + varint(v)


def data(field, b):
    b = b.encode() if isinstance(b, str) else b
    return varint(field << 3 | 2) + varint(len(b)) + b


def tensor(name, shape, values):
    dims = b"".join(number(1, d) for d in shape)
    return dims + number(2, 1) + data(8, name) + data(9, struct.pack("<%df" % len(values), *values))


def value(name, shape):
    dims = b"".join(data(1, number(1, d)) for d in shape)
    return data(1, name) + data(2, data(1, number(1, 1) + data(2, dims)))


def node(op, inputs, output):
    return b"".join(data(1, i) for i in inputs) + data(2, output) + data(3, output) + data(4, op)


def write(path, nodes, constants, inputs, outputs):
    graph = b"".join(data(1, n) for n in nodes) + data(2, "g") + b"".join(data(5, c) for c in constants)
    graph += b"".join(data(11, i) for i in inputs) + b"".join(data(12, o) for o in outputs)
    with open(path, "wb") as f:
        f.write(number(1, 8) + data(7, graph) + data(8, data(1, "") + number(2, 17)))


def identity(path, n):
    write(path, [node("Identity", ["x"], "y")], [], [value("x", [1, n])], [value("y", [1, n])])


def linear(path, weights, bias):
    """weights [n, classes] as a list of rows."""
    n, k = len(weights), len(bias)
    write(path, [node("MatMul", ["x", "w"], "p"), node("Add", ["p", "b"], "y")],
          [tensor("w", [n, k], [v for row in weights for v in row]), tensor("b", [k], bias)],
          [value("x", [1, n])], [value("y", [1, k])])
