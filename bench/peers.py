#!/usr/bin/env python3
"""Times Sedge beside ONNX Runtime, OpenVINO, LiteRT, ncnn and MNN on the same models, interleaved in one run.

    peers.py --sedge build/sedge [-t THREADS] [-r ROUNDS] [-s SECONDS] [--write docs/benchmarks.md] MODEL...

A figure is the median over rounds of the median of a round, in milliseconds an inference. The cost of an empty call from
Python is taken off ONNX Runtime's and OpenVINO's. ncnn's and MNN's files are made from the ONNX file by their own tools
(pnnx, mnnconvert) beside it, once. A peer that does not take a model is left out of its row, and the reason is printed.
"""
import argparse, json, math, os, statistics, subprocess, sys, tempfile, time, warnings
import numpy as np

warnings.filterwarnings("ignore")


def sample(shape, dtype):
    shape = [int(d) if isinstance(d, (int, np.integer)) and d > 0 else 1 for d in shape]
    rng, dtype = np.random.default_rng(7), np.dtype(dtype)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return np.ones(shape, bool) if dtype.kind == "b" else rng.integers(0, 100, shape).astype(dtype)


ORT_TYPES = {"float": "f4", "float16": "f2", "double": "f8", "int64": "i8", "int32": "i4", "int8": "i1", "uint8": "u1", "bool": "?"}


def onnxruntime(path, threads):
    import onnxruntime as ort
    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {i.name: sample(i.shape, ORT_TYPES[i.type[7:-1]]) for i in session.get_inputs()}
    return lambda: session.run(None, feed)


def openvino(path, threads):
    import openvino as ov
    core = ov.Core()
    model = core.read_model(path)
    for i in model.inputs:
        if i.partial_shape.is_dynamic:
            model.reshape({i.any_name: [d.get_length() if d.is_static else 1 for d in i.partial_shape]})
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                 "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False})
    request = compiled.create_infer_request()
    feed = [sample(list(i.shape), i.element_type.to_dtype()) for i in compiled.inputs]
    return lambda: request.infer(feed, share_inputs=True, share_outputs=True)


def litert(path, threads):
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    for d in interpreter.get_input_details():
        interpreter.set_tensor(d["index"], sample(list(d["shape"]), d["dtype"]))
    return interpreter.invoke


def onnx_input(path):
    """The one float input that ncnn and MNN get."""
    import onnx
    graph = onnx.load(path, load_external_data=False).graph
    if any(n.op_type in ("QuantizeLinear", "DequantizeLinear") for n in graph.node):
        raise ValueError("a QDQ model: its tools would compute it in float")
    given = {t.name for t in graph.initializer}
    inputs = [i for i in graph.input if i.name not in given]
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise ValueError("not one float input")
    return inputs[0].name, [d.dim_value or 1 for d in inputs[0].type.tensor_type.shape.dim]


def tool(name):
    return os.path.join(os.path.dirname(sys.executable), name)


def ncnn(path, threads):
    import ncnn as nn
    _, shape = onnx_input(path)
    base = path[: -len(".onnx")] + ".ncnn"
    if not os.path.exists(base + ".param"):
        with tempfile.TemporaryDirectory() as tmp:
            link = os.path.join(tmp, "m.onnx")
            os.symlink(os.path.abspath(path), link)
            subprocess.run([tool("pnnx"), link, "inputshape=[%s]" % ",".join(map(str, shape)), "fp16=0"], cwd=tmp,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            for end in (".param", ".bin"):
                os.replace(os.path.join(tmp, "m.ncnn" + end), base + end)
    net = nn.Net()
    net.opt.num_threads = threads
    for half in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, "use_" + half, False)
    if net.load_param(base + ".param") or net.load_model(base + ".bin"):
        raise ValueError("its file does not load")
    x = nn.Mat(np.ascontiguousarray(sample(shape, "f4")[0]))
    name, result = net.input_names()[0], net.output_names()[0]

    def run():
        extractor = net.create_extractor()
        extractor.input(name, x)
        status, out = extractor.extract(result)
        if status:
            raise ValueError("it does not run")
        return out
    return run


def mnn(path, threads):
    import MNN
    _, shape = onnx_input(path)
    made = path[: -len(".onnx")] + ".mnn"
    if not os.path.exists(made):
        subprocess.run([tool("mnnconvert"), "-f", "ONNX", "--modelFile", path, "--MNNModel", made, "--bizCode", "x"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    net = MNN.Interpreter(made)
    session = net.createSession({"numThread": threads, "backend": "CPU", "precision": "high"})
    x = MNN.Tensor(tuple(shape), MNN.Halide_Type_Float, sample(shape, "f4"), MNN.Tensor_DimensionType_Caffe)
    net.getSessionInput(session).copyFrom(x)
    return lambda: (net, net.runSession(session))


PEERS = {".onnx": {"ONNX Runtime": onnxruntime, "OpenVINO": openvino, "ncnn": ncnn, "MNN": mnn},
         ".tflite": {"LiteRT": litert, "OpenVINO": openvino}}
PACKAGES = {"ONNX Runtime": "onnxruntime", "OpenVINO": "openvino", "LiteRT": "ai-edge-litert", "ncnn": "ncnn", "MNN": "mnn"}
PYTHON_CALL = (onnxruntime, openvino)


def timed(run, seconds):
    times, end = [], time.perf_counter() + seconds
    run()
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def empty_call(make, threads, cache={}):
    """Milliseconds of a call that computes nothing."""
    if make not in PYTHON_CALL:
        return 0.0
    if (make, threads) not in cache:
        import onnx
        from onnx import helper as h
        one = lambda name: h.make_tensor_value_info(name, 1, [1])
        graph = h.make_graph([h.make_node("Identity", ["a"], ["b"])], "g", [one("a")], [one("b")])
        with tempfile.NamedTemporaryFile(suffix=".onnx") as f:
            onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8), f.name)
            cache[make, threads] = timed(make(f.name, threads), 0.2)
    return cache[make, threads]


def sedge_json(exe, *words):
    done = subprocess.run([exe, *words, "--json"], capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return json.loads(done.stdout)


def time_model(path, a):
    """name -> ms of everybody who takes the model, and what Sedge's bench said last."""
    runs, times = {}, {}
    for name, make in PEERS[os.path.splitext(path)[1]].items():
        try:
            runs[name] = (make, make(path, a.threads))
            runs[name][1]()
        except Exception as e:
            runs.pop(name, None)
            print(f"  {os.path.basename(path)}: without {name}: {str(e).splitlines()[0][:100] if str(e) else repr(e)}", file=sys.stderr)
    bench = None
    for _ in range(a.rounds):
        for name, (make, run) in runs.items():
            times.setdefault(name, []).append(timed(run, a.seconds) - empty_call(make, a.threads))
        bench = sedge_json(a.sedge, "bench", path, "--threads", str(a.threads), "--seconds", str(a.seconds))
        times.setdefault("Sedge", []).append(bench["p50_ms"])
    return {k: statistics.median(v) for k, v in times.items()}, bench


def is_integer(path):
    return "int8" in path or "qdq" in path or "quant" in path


def row_of(path, a, limits):
    ms, bench = time_model(path, a)
    peers = {k: v for k, v in ms.items() if k != "Sedge"}
    macs = sedge_json(a.sedge, "inspect", path)["macs"]
    peak = limits["i8_gops" if is_integer(path) else "f32_gops"] * a.threads
    best = min(peers, key=peers.get) if peers else None
    return {"model": os.path.splitext(os.path.basename(path))[0], "ms": ms, "best": best, "integer": is_integer(path),
            "ratio": ms["Sedge"] / peers[best] if best else math.nan, "limit": 2e-6 * macs / peak,
            "first": bench["first_ms"], "load": bench["load_ms"], "peak": bench["peak_rss_bytes"] / 1e6}


def table(rows):
    names = [n for n in ["Sedge", *PACKAGES] if any(n in r["ms"] for r in rows)]
    head = ["model", "limit", *names, "Sedge / best", "of limit", "load + first", "peak MB"]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    digits = lambda v: f"{v:.4f}" if v < 0.1 else f"{v:.3f}" if v < 1 else f"{v:.2f}"
    for r in rows:
        cells = [f"**{digits(r['ms'][n])}**" if n == r["best"] else digits(r["ms"][n]) if n in r["ms"] else "" for n in names]
        lines.append([r["model"], digits(r["limit"]), *cells, f"{r['ratio']:.2f}", f"{100 * r['limit'] / r['ms']['Sedge']:.0f} %",
                      digits(r["load"] + r["first"]), f"{r['peak']:.1f}"])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) + " |"
                     for line in lines)


def summary(rows):
    lines = []
    for what, some in (("f32", [r for r in rows if not r["integer"]]), ("8 bits", [r for r in rows if r["integer"]])):
        some = [r for r in some if r["best"]]
        if some:
            mean = math.exp(sum(math.log(r["ratio"]) for r in some) / len(some))
            worst = max(some, key=lambda r: r["ratio"])
            lines.append(f"{what}: geometric mean of Sedge / best peer {mean:.3f}, worst {worst['ratio']:.2f} ({worst['model']}), "
                         f"{sum(r['ratio'] <= 1 for r in some)} of {len(some)} ahead.")
    return "\n".join(lines)


def versions():
    from importlib.metadata import version, PackageNotFoundError
    found = []
    for name, package in PACKAGES.items():
        try:
            found.append(f"{name} {version(package)}")
        except PackageNotFoundError:
            pass
    return ", ".join(found)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sedge", default="build/sedge")
    p.add_argument("-t", "--threads", type=int, action="append", help="may be given twice: a table for each")
    p.add_argument("-r", "--rounds", type=int, default=5)
    p.add_argument("-s", "--seconds", type=float, default=0.5)
    p.add_argument("--write", help="a page with the tables")
    p.add_argument("models", nargs="+")
    a = p.parse_args()
    limits = sedge_json(a.sedge, "cpu")
    page = [f"# Sedge beside its peers\n\nWritten by `make peers` on {limits['name']}, instructions up to {limits['level']}; one core does "
            f"{limits['f32_gops']:.0f} GFLOP/s in f32 and {limits['i8_gops']:.0f} GOP/s on bytes (`sedge cpu`). {versions()}.\n\n"
            f"Milliseconds an inference: the median of {a.rounds} interleaved rounds of {a.seconds} s; the best peer in bold. limit: multiply-adds "
            "at the measured peak (Winograd's algorithm can pass it). load + first: from the file to the first answer.\n"]
    for threads in a.threads or [1]:
        a.threads, rows = threads, []
        for path in a.models:
            rows.append(row_of(path, a, limits))
            r = rows[-1]
            print(f"{r['model']:32s} {threads} thread{'s' * (threads > 1)}  " + "  ".join(f"{k} {v:.4f}" for k, v in r["ms"].items()) + f"  ratio {r['ratio']:.2f}", flush=True)
        text = f"## {threads} thread{'s' * (threads > 1)}\n\n{table(rows)}\n\n{summary(rows)}\n"
        print(text)
        page.append(text)
    if a.write:
        with open(a.write + ".new", "w") as f:
            f.write("\n".join(page))
        os.replace(a.write + ".new", a.write)


main()
