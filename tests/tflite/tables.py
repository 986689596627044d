"""Hash tables: a model whose tables are filled by CALL_ONCE, beside LiteRT. usage: tables.py SEDGE FOLDER"""
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as S
from ai_edge_litert.interpreter import Interpreter

from operators import BUILTINS, answer

INT64, STRING, RESOURCE = 4, 5, 13


def strings(*words):
    ends, data = [], b"".join(words)
    at = 4 * (len(words) + 2)
    for w in words:
        ends.append(at)
        at += len(w)
    return np.array([len(words)] + ends + [at], np.int32).tobytes() + data


class Graph:
    def __init__(self, model):
        self.model, self.g = model, S.SubGraphT()
        self.g.tensors, self.g.operators, self.g.inputs, self.g.outputs = [], [], np.array([], np.int32), np.array([], np.int32)
        model.subgraphs.append(self.g)

    def tensor(self, kind, shape, name, data=None):
        t = S.TensorT()
        t.type, t.shape, t.name, t.buffer = kind, np.array(shape, np.int32), name, 0
        if data is not None:
            b = S.BufferT()
            b.data = np.frombuffer(data, np.uint8)
            self.model.buffers.append(b)
            t.buffer = len(self.model.buffers) - 1
        self.g.tensors.append(t)
        return len(self.g.tensors) - 1

    def op(self, name, ins, outs, table=None, **options):
        code, op = S.OperatorCodeT(), S.OperatorT()
        code.builtinCode = BUILTINS[name]
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        op.opcodeIndex, op.inputs, op.outputs = len(self.model.operatorCodes), np.array(ins, np.int32), np.array(outs, np.int32)
        self.model.operatorCodes.append(code)
        if table:
            op.builtinOptions, op.builtinOptionsType = getattr(S, table + "T")(), getattr(S.BuiltinOptions, table)
            for k, v in options.items():
                setattr(op.builtinOptions, k, v)
        self.g.operators.append(op)


def model():
    m = S.ModelT()
    m.version, m.buffers, m.subgraphs, m.operatorCodes = 3, [S.BufferT()], [], []
    kinds = dict(tableId=7, keyDtype=STRING, valueDtype=INT64)
    main, once = Graph(m), Graph(m)
    main.op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    handle, size, found = main.tensor(RESOURCE, [], "handle"), main.tensor(INT64, [1], "out0"), main.tensor(INT64, [4], "out1")
    query = main.tensor(STRING, [4], "query", strings(b"two", b"none", b"one", b""))
    other = main.tensor(INT64, [1], "other", np.array([-1], np.int64).tobytes())
    main.op("HASHTABLE", [], [handle], "HashtableOptions", **kinds)
    main.op("HASHTABLE_SIZE", [handle], [size])
    main.op("HASHTABLE_FIND", [handle, query, other], [found])
    main.g.outputs = np.array([size, found], np.int32)
    table = once.tensor(RESOURCE, [], "table")
    keys, values = once.tensor(STRING, [3], "keys", strings(b"one", b"two", b"three")), once.tensor(INT64, [3], "values", np.array([1, 2, 3], np.int64).tobytes())
    once.op("HASHTABLE", [], [table], "HashtableOptions", **kinds)
    once.op("HASHTABLE_IMPORT", [table, keys, values], [])
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    return bytes(b.Output())


def main(sedge, folder):
    data, path = model(), folder + "/hashtable.tflite"
    with open(path, "wb") as f:
        f.write(data)
    it = Interpreter(model_content=data)
    it.allocate_tensors()
    it.invoke()
    want = [it.get_tensor(d["index"]) for d in it.get_output_details()]
    got = answer(sedge, path, {}, 2)
    same = all(a.shape == b.shape and (a == b).all() for a, b in zip(want, got))
    print("%d passed, %d failed, 0 skipped" % (same, not same))
    return 0 if same else print("FAIL hash tables: %s, expected %s" % (got, want)) or 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
