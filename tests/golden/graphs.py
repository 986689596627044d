"""Writes the two small ONNX files that stand around the first model of DTLN: a window's spectrum and its magnitude; and the sound of a
masked spectrum. Only Python's own library is used: a message of protobuf is a list of fields. usage: graphs.py FOLDER"""
import math
import os
import struct
import sys

SIZE, BINS = 512, 257


def varint(v):
    out = b""
    while v > 127:
        out, v = out + bytes([v & 127 | 128]), v >> 7
    return out + bytes([v])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def value(name, shape):
    dims = b"".join(field(1, field(1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def tensor(name, rows):
    data = b"".join(struct.pack("<%df" % len(r), *r) for r in rows)
    return b"".join(field(1, d) for d in (len(rows), len(rows[0]))) + field(2, 1) + field(8, name) + field(9, data)


def model(path, nodes, tensors, inputs, outputs):
    graph = b"".join(field(1, b"".join(field(1, i) for i in ins) + field(2, out) + field(3, out) + field(4, op))
                     for op, ins, out in nodes)
    graph += field(2, "g") + b"".join(field(5, tensor(n, r)) for n, r in tensors)
    graph += b"".join(field(11, value(n, s)) for n, s in inputs) + b"".join(field(12, value(n, s)) for n, s in outputs)
    with open(path, "wb") as f:
        f.write(field(1, 8) + field(7, graph) + field(8, field(2, 17)))


def write(folder):
    def turn(k, n):
        return 2 * math.pi * (k * n % SIZE) / SIZE

    def weight(k):
        return (1 if k in (0, BINS - 1) else 2) / SIZE

    model(os.path.join(folder, "split.onnx"),
          [("MatMul", ("samples", "cos"), "re"), ("MatMul", ("samples", "sin"), "im"), ("Mul", ("re", "re"), "re2"),
           ("Mul", ("im", "im"), "im2"), ("Add", ("re2", "im2"), "power"), ("Sqrt", ("power",), "magnitude")],
          [("cos", [[math.cos(turn(k, n)) for k in range(BINS)] for n in range(SIZE)]),
           ("sin", [[-math.sin(turn(k, n)) for k in range(BINS)] for n in range(SIZE)])],
          [("samples", (1, 1, SIZE))], [(n, (1, 1, BINS)) for n in ("magnitude", "re", "im")])
    model(os.path.join(folder, "join.onnx"),
          [("Mul", ("mask", "re"), "a"), ("Mul", ("mask", "im"), "b"), ("MatMul", ("a", "cos"), "x"), ("MatMul", ("b", "sin"), "y"),
           ("Add", ("x", "y"), "sound")],
          [("cos", [[weight(k) * math.cos(turn(k, n)) for n in range(SIZE)] for k in range(BINS)]),
           ("sin", [[-weight(k) * math.sin(turn(k, n)) for n in range(SIZE)] for k in range(BINS)])],
          [(n, (1, 1, BINS)) for n in ("mask", "re", "im")], [("sound", (1, 1, SIZE))])


if __name__ == "__main__":
    write(sys.argv[1])
