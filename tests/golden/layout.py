"""Holds what the layout pass does with every model against layout.tsv: nodes that work channels last, moves between layouts,
on processors that have more than the portable kernels.

usage: layout.py SEDGE TESTDATA [--write]    --write: models that load, as they are now. Only Python's own library is used.
"""
import glob
import os
import re
import subprocess
import sys

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layout.tsv")
HEAD = "model\tnodes\tmoves"


def count(sedge, path):
    done = subprocess.run([sedge, "inspect", path, "--json"], capture_output=True, text=True, errors="replace", timeout=300,
                          env=dict(os.environ, SEDGE_TRACE="pass"))
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or ["exit status %d" % done.returncode])[-1]
    found = re.search(r"^pass layout: (\d+) nodes, (\d+) moves$", done.stderr, re.M)
    return "%s\t%s" % (found.groups() if found else ("0", "0"))


def main(sedge, testdata, *options):
    root = os.path.join(testdata, "onnx")
    paths = sorted(glob.glob(os.path.join(root, "**", "*.onnx"), recursive=True))
    models = [p for p in (os.path.relpath(p, root) for p in paths) if not p.startswith(("bad/", "conformance/"))]
    rows = {m: count(sedge, os.path.join(root, m)) for m in models}
    if "--write" in options:
        with open(TABLE, "w") as f:
            f.write(HEAD + "\n" + "".join("%s\t%s\n" % row for row in rows.items() if re.fullmatch(r"\d+\t\d+", row[1])))
    passed = failed = skipped = 0
    with open(TABLE) as f:
        want = dict(line.rstrip("\n").split("\t", 1) for line in f if line.rstrip("\n") != HEAD)
    for model, due in want.items():
        got = rows.get(model)
        if got is None:
            skipped += 1
            print("SKIP layout of %s: not in %s" % (model, root))
        elif got == due:
            passed += 1
            print("ok   layout of %s" % model)
        else:
            failed += 1
            print("FAIL layout of %s: nodes and moves %s, expected %s" % (model, got.replace("\t", " "), due.replace("\t", " ")))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
