"""Holds the plans of transformers against transformers.tsv: how many steps of each fused kind, how many copies.

usage: transformers.py SEDGE TESTDATA [PATTERN] [--write]    --write: the table as it is now, to standard output
Attention and layer_norm are steps of the plan; gelu counts what the pass of that name has found, as SEDGE_TRACE tells.
"""
import json
import os
import re
import subprocess
import sys

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transformers.tsv")
KINDS = ("attention", "layer_norm", "gelu", "copy")


def ask(command):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300,
                          env=dict(os.environ, SEDGE_TRACE="pass"))
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["exit status %d" % done.returncode])[-1])
    return json.loads(done.stdout), done.stderr


def count(sedge, model, dims):
    args = [a for d in dims.split() for a in ("--dim", d)]
    bench, trace = ask([sedge, "bench", model, "--ops", "--json", "--seconds", "0.01"] + args)
    info, _ = ask([sedge, "inspect", model, "--json"] + args)
    steps = {}
    for row in bench["ops"]:
        steps[row["op"]] = steps.get(row["op"], 0) + row["steps"]
    gelu = sum(int(n) for n in re.findall(r"^pass gelu: (\d+)$", trace, re.M))
    return [steps.get("attention", 0), steps.get("layer_norm", 0), gelu, info["copies"]]


def main(sedge, testdata, pattern="", write=""):
    with open(TABLE) as f:
        lines = [line.rstrip("\n") for line in f]
    passed = failed = skipped = 0
    for line in lines:
        if line.startswith("#"):
            if write:
                print(line)
            continue
        name, dims, *want = line.split("\t")
        path = os.path.join(testdata, name)
        if pattern not in name:
            continue
        if not os.path.exists(path):
            print("SKIP %s: no test material in %s" % (name, testdata))
            skipped += 1
            continue
        try:
            got = [str(n) for n in count(sedge, path, dims)]
        except (RuntimeError, ValueError, KeyError, subprocess.TimeoutExpired) as e:
            got = ["%s: %s" % (type(e).__name__, e)]
        if write:
            print("\t".join([name, dims] + got))
            continue
        passed += got == want
        failed += got != want
        why = "" if got == want else ": %s are %s, the table says %s" % ("/".join(KINDS), "/".join(got), "/".join(want))
        print("%s plan of %s%s" % ("FAIL" if why else "ok  ", name, why))
    if not write:
        print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:5]))
