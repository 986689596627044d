"""Runs every ONNX and TensorFlow Lite model of the test material and compares the outputs with a reference runtime's.

Floats within 2e-4 of the output's range, quantized ONNX models within 3e-2 of it, integers exactly; integers of TensorFlow Lite
within one step for 99 % of them, and the largest in the same place. The reference
computes some functions (sigmoid) by polynomials with an absolute error of about 1e-7: no less is asked for.
The inputs are generated as the material's README.txt defines. Only Python's own library is used.
"""
import array
import glob
import json
import math
import os
import re
import subprocess
import struct
import sys
import tempfile

CODES = {"float32": ("<f4", "f"), "float64": ("<f8", "d"), "int64": ("<i8", "q"), "int32": ("<i4", "i"),
         "int8": ("|i1", "b"), "uint8": ("|u1", "B"), "int16": ("<i2", "h"), "uint16": ("<u2", "H"), "bool": ("|b1", "B")}
THREADS = ("1", "2", "3", "7")
DESCR = {descr: code for descr, code in CODES.values()}


def generate(spec):
    n = math.prod(spec["shape"])
    code = CODES[spec["dtype"]][1]
    gen = spec["gen"]
    if "const" in gen:
        return array.array(code, [gen["const"]] * n)
    x, lo, hi = gen["lcg_seed"], gen["lo"], gen["hi"]
    is_float = code in "fd"
    out = array.array(code)
    for _ in range(n):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        v = x >> 8
        out.append(lo + (hi - lo) * (v / 16777216.0) if is_float else int(lo) + v % (int(hi) - int(lo) + 1))
    return out


def write_npy(path, spec, values):
    shape = "(%s)" % "".join("%d, " % d for d in spec["shape"])
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (CODES[spec["dtype"]][0], shape)
    head += " " * (-(len(head) + 11) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + values.tobytes())


def read_npy(path):
    with open(path, "rb") as f:
        data = f.read()
    start = 10 if data[6] == 1 else 12
    (size,) = struct.unpack_from("<H" if data[6] == 1 else "<I", data, 8)
    head = data[start:start + size].decode("latin1")
    descr = re.search(r"'descr': '([^']*)'", head).group(1)
    shape = [int(d) for d in re.findall(r"\d+", re.search(r"'shape': \(([^)]*)\)", head).group(1))]
    return descr, shape, array.array(DESCR[descr], data[start + size:])


def compare_steps(spec, got, want):
    """None, or why integers are not within a step."""
    off = sum(abs(g - w) > 1 for g, w in zip(got, want))
    if off > 0.01 * len(want):
        return "output %s: %d of %d elements are off by more than a step" % (spec["name"], off, len(want))
    best = max(want)
    if got[want.index(best)] < max(got) - (want.count(best) > 1):
        return "output %s: the largest element is number %d, expected %d" % (spec["name"], got.index(max(got)), want.index(best))
    return None


def compare(spec, folder, path, quantized, steps):
    """None, or why the written output is not the expected one."""
    want_descr, _, want = read_npy(os.path.join(folder, spec["file"]))
    if not os.path.exists(path):
        return "output %s was not written" % spec["name"]
    descr, shape, got = read_npy(path)
    if descr != CODES[spec["dtype"]][0] or shape != spec["shape"]:
        return "output %s is %s %s, expected %s %s" % (spec["name"], descr, shape, spec["dtype"], spec["shape"])
    if not len(want):  # the reference gave none
        return None
    got = got[::spec["stride"]]
    if len(got) != len(want):
        return "output %s: %d elements, expected %d" % (spec["name"], len(got), len(want))
    if steps and descr not in ("<f4", "<f8"):
        return compare_steps(spec, got, want)
    spread = spec["max"] - spec["min"] or abs(spec["max"]) or 1
    limit = max((3e-2 if quantized else 2e-4) * spread, 1.5e-7)
    if descr not in ("<f4", "<f8") and not quantized:
        limit = 0
    worst = max((float("inf") if g != g else abs(g - w) for g, w in zip(got, want) if not (g != g and w != w)), default=0.0)
    if not worst <= limit:
        return "output %s is off by %.3g (%.2g of its range), allowed %.3g" % (spec["name"], worst, worst / spread, limit)
    return None


def is_quantized(model):
    name = model.lower()
    return any(word in name for word in ("int8", "qdq", "quant", "w8a8", "edgetpu"))


def run_case(sedge, testdata, folder, case):
    model = os.path.join(testdata, case["model"])
    with tempfile.TemporaryDirectory() as tmp:
        command = [sedge, "run", model, "-o", tmp + "/out", "--json"]
        for i, spec in enumerate(case["inputs"]):
            path = "%s/in_%d.npy" % (tmp, i)
            write_npy(path, spec, generate(spec))
            command += ["--in", "%s=%s" % (spec["name"], path)]
        first = None
        for threads in THREADS:  # the answers may not depend on their number
            try:
                done = subprocess.run(command + ["--threads", threads], capture_output=True, text=True, errors="replace", timeout=300)
            except subprocess.TimeoutExpired:
                return "took longer than 300 s"
            if done.returncode != 0:
                return (done.stderr.strip().splitlines() or ["exit status %d" % done.returncode])[-1]
            bytes_now = {path: open(path, "rb").read() for path in sorted(glob.glob(tmp + "/out/*"))}
            first = first or bytes_now
            if bytes_now != first:
                return "answers at %s threads are not those at %s" % (threads, THREADS[0])
        why = saved(sedge, model, tmp, command, first)
        if why:
            return why
        for spec in case["outputs"]:
            name = re.sub(r"[^A-Za-z0-9._-]", "_", spec["name"])
            why = compare(spec, folder, "%s/out/%s.npy" % (tmp, name), is_quantized(case["model"]), model.endswith(".tflite"))
            if why:
                return why
    return arena_waste(sedge, model)


def saved(sedge, model, tmp, command, first):
    """The plan in a file gives the same bits, or why not."""
    done = subprocess.run([sedge, "compile", model, "-o", tmp + "/m.sedge"], capture_output=True, text=True, errors="replace", timeout=300)
    if done.returncode == 0:
        command = [tmp + "/m.sedge" if word == model else tmp + "/saved" if word == tmp + "/out" else word for word in command]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    if done.returncode != 0:
        return "saved: " + (done.stderr.strip().splitlines() or ["exit status %d" % done.returncode])[-1]
    for path, want in first.items():
        if open(path.replace("/out/", "/saved/"), "rb").read() != want:
            return "answers of the saved plan are not those of the model"
    return None


def arena_waste(sedge, model):
    """The arena is within 5 % of what any placement needs, or why not."""
    info = json.loads(subprocess.run([sedge, "inspect", model, "--json"], capture_output=True, text=True, timeout=300).stdout)
    arena, bound = info["arena_bytes"], info["arena_bound_bytes"]
    return None if arena <= 1.05 * bound else "arena of %d bytes, at least %d are needed" % (arena, bound)


def main(sedge, testdata, pattern):
    folders = sorted(folder for kind in ("onnx__", "tflite__") for folder in glob.glob(os.path.join(testdata, "expected", kind + "*"))
                     if pattern in folder)
    passed = failed = 0
    if not folders:
        print("SKIP no test material in %s" % testdata)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    for folder in folders:
        with open(os.path.join(folder, "case.json")) as f:
            case = json.load(f)
        why = run_case(sedge, testdata, folder, case)
        passed += not why
        failed += bool(why)
        print("%s %s%s" % ("FAIL" if why else "ok  ", case["model"], ": " + why if why else ""), flush=True)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:4]))
