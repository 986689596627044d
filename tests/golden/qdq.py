"""Recomputes tests/golden/qdq.tsv: what the plans of quantized models compute in floats and what in integers.

A convolution or product counts as float when the plan has it as conv, matmul or gemm. Usage:
qdq.py SEDGE TESTDATA [--write]. Only Python's own library is used.
"""
import glob
import json
import os
import subprocess
import sys

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "qdq.tsv")
PATTERNS = ("mlperf_tiny/*qdq*.onnx", "quant/*.onnx", "vision/mobilenet_v2_w8a8_qdq/*.onnx")
FLOAT = ("conv", "matmul", "gemm")
INTEGER = ("qlinear_conv", "qlinear_matmul")
HEAD = "model\tfloat\tinteger"


def count(sedge, path):
    done = subprocess.run([sedge, "bench", path, "--ops", "--json", "--seconds", "0.001"], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["exit status %d" % done.returncode])[-1])
    ops = {}
    for op in json.loads(done.stdout)["ops"]:
        ops[op["op"]] = ops.get(op["op"], 0) + op["steps"]
    return tuple(sum(ops.get(op, 0) for op in family) for family in (FLOAT, INTEGER))


def main(sedge, testdata, *options):
    root = os.path.join(testdata, "onnx")
    rows = {}
    for path in sorted(p for pattern in PATTERNS for p in glob.glob(os.path.join(root, pattern))):
        try:
            rows[os.path.relpath(path, root)] = "%d\t%d" % count(sedge, path)
        except (RuntimeError, OSError, ValueError, subprocess.TimeoutExpired) as e:
            rows[os.path.relpath(path, root)] = str(e)
    if "--write" in options:
        with open(TABLE, "w") as f:
            f.write(HEAD + "\n" + "".join("%s\t%s\n" % row for row in rows.items()))
    with open(TABLE) as f:
        want = dict(line.rstrip("\n").split("\t", 1) for line in f if not line.startswith("model\t"))
    passed = failed = skipped = 0
    for model, counts in want.items():
        if model not in rows:
            skipped += 1
            print("SKIP %s: not in %s" % (model, root))
        elif rows[model] == counts:
            passed += 1
            print("ok   %s" % model)
        else:
            failed += 1
            print("FAIL %s: float and integer products %s, expected %s" % (model, rows[model].replace("\t", " "), counts.replace("\t", " ")))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
