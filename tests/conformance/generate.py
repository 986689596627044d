"""Writes ONNX's node tests as folders: model.onnx, tol.json, test_data_set_K/{input,output}_J.pb."""
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")

from onnx import TensorProto, numpy_helper  # noqa: E402
from onnx.backend.test.case.node import collect_testcases  # noqa: E402


def serialized(value, info):
    """A value as bytes of the message that its declared type asks for."""
    kind = info.type
    if isinstance(value, TensorProto):
        return value.SerializeToString()
    if kind.HasField("map_type"):
        return numpy_helper.from_dict(value, info.name).SerializeToString()
    if kind.HasField("sequence_type"):
        return numpy_helper.from_list(value, info.name).SerializeToString()
    if kind.HasField("optional_type"):
        return numpy_helper.from_optional(value, info.name).SerializeToString()
    return numpy_helper.from_array(value, info.name).SerializeToString()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def main(out):
    n = 0
    for case in collect_testcases(None):
        folder = os.path.join(out, case.name)
        os.makedirs(folder, exist_ok=True)
        write(folder + "/model.onnx", case.model.SerializeToString())
        write(folder + "/tol.json", json.dumps({"rtol": case.rtol, "atol": case.atol}).encode())
        for k, (inputs, outputs) in enumerate(case.data_sets):
            data_set = f"{folder}/test_data_set_{k}"
            os.makedirs(data_set, exist_ok=True)
            for word, values, infos in (("input", inputs, case.model.graph.input),
                                        ("output", outputs, case.model.graph.output)):
                for j, value in enumerate(values):
                    write(f"{data_set}/{word}_{j}.pb", serialized(value, infos[j]))
        n += 1
    write(out + "/.complete", f"{n}\n".encode())
    print(n, "cases in", out)


main(sys.argv[1])
