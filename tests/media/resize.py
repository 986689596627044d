"""Resizing and colors against Pillow (11: across, then down; 13 chooses), OpenCV, TensorFlow and PyTorch on random sizes: at most one grey level
apart, reals 1e-5 of the range.
Libraries that are not installed are named and skipped. Usage: resize.py DRIVER [SIZES]
resize.py --table > tests/unit/resize.inc writes what the unit test compares without them: the green of small pictures resized."""
import os
import subprocess
import sys

import numpy as np

DRIVER, SIZES = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
TABLE_SIZES = ((9, 7, 4, 3), (4, 3, 6, 5))


def ours(like, kernel, antialias, picture, ow, oh):
    h, w, _ = picture.shape
    pixel = "rgb" if picture.dtype == np.uint8 else "bands_f32"
    args = [DRIVER, "resize", like, kernel, str(int(antialias)), pixel, str(w), str(h), str(ow), str(oh)]
    out = subprocess.run(args, input=picture.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(out, np.float32).reshape(oh, ow, 3)


def pillow():
    from PIL import Image

    def run(kernel):
        return lambda p, ow, oh: np.asarray(Image.fromarray(p).resize((ow, oh), getattr(Image.Resampling, kernel.upper())))

    for k in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"):
        yield "pillow", k, False, run(k)


def opencv():
    import cv2

    flags = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}
    for k, flag in flags.items():
        yield "opencv", k, False, lambda p, ow, oh, flag=flag: cv2.resize(p, (ow, oh), interpolation=flag)


def tf():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as t

    names = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic", "area": "area", "lanczos": "lanczos3"}
    for k, name in names.items():
        for a in (False, True) if k in ("bilinear", "bicubic", "lanczos") else (False,):
            yield "tf", k, a, lambda p, ow, oh, name=name, a=a: t.image.resize(
                t.constant(p, t.float32), [oh, ow], method=name, antialias=a).numpy()


def torch():
    import torch as t
    from torch.nn.functional import interpolate

    for k in ("nearest", "bilinear", "bicubic", "area"):
        for a in (False, True) if k in ("bilinear", "bicubic") else (False,):
            def run(p, ow, oh, k=k, a=a):
                x = t.from_numpy(p.astype(np.float32)).permute(2, 0, 1)[None]
                more = {"align_corners": False, "antialias": a} if k in ("bilinear", "bicubic") else {}
                return interpolate(x, (oh, ow), mode=k, **more)[0].permute(1, 2, 0).numpy()
            yield "torch", k, a, run


def colors():
    """name, color, pixel, bytes a pixel, bytes of the pixels to the other library's answer"""
    import cv2
    from PIL import Image

    def planes(code):
        return lambda b, w, h: cv2.cvtColor(np.frombuffer(b, np.uint8).reshape(h * 3 // 2, w), code)

    def pairs(code):
        return lambda b, w, h: cv2.cvtColor(np.frombuffer(b, np.uint8).reshape(h, w, 2), code)

    def rgb(f):
        return lambda b, w, h: f(np.frombuffer(b, np.uint8).reshape(h, w, 3))

    for name, size, how in (("nv12", 1.5, planes(cv2.COLOR_YUV2RGB_NV12)), ("nv21", 1.5, planes(cv2.COLOR_YUV2RGB_NV21)),
                            ("i420", 1.5, planes(cv2.COLOR_YUV2RGB_I420)), ("yuyv", 2, pairs(cv2.COLOR_YUV2RGB_YUYV)),
                            ("uyvy", 2, pairs(cv2.COLOR_YUV2RGB_UYVY))):
        yield "opencv", "rgb", name, size, how
    yield "opencv", "gray", "rgb", 3, rgb(lambda p: cv2.cvtColor(p, cv2.COLOR_RGB2GRAY))
    yield "pillow", "gray", "rgb", 3, rgb(lambda p: np.asarray(Image.fromarray(p).convert("L")))


def compare_colors():
    failed = 0
    for library, color, pixel, size, how in colors():
        rng = np.random.default_rng(11)
        worst = 0
        for _ in range(SIZES):
            w, h = (2 * int(v) for v in rng.integers(1, 60, 2))
            data = rng.integers(0, 256, int(w * h * size)).astype(np.uint8).tobytes()
            out = subprocess.run([DRIVER, "color", color, pixel, str(w), str(h)], input=data, stdout=subprocess.PIPE, check=True).stdout
            d = np.frombuffer(out, np.uint8).astype(int).ravel() - how(data, w, h).astype(int).ravel()
            worst = max(worst, int(np.abs(d).max()))
        failed += worst > 1
        print(f"{library} {pixel} to {color}: {worst} of 1{'' if worst <= 1 else ' FAILS'}")
    return failed


def table():
    print("/* RESIZED(like, kernel, antialias, width, height, out_width, out_height, green of the result): written by tests/media/resize.py,")
    print(" * of pictures whose byte i is i * i * 31 + i * 57 + 100. */")
    for library in (pillow, opencv, tf, torch):
        for like, kernel, antialias, run in library():
            for w, h, ow, oh in TABLE_SIZES:
                p = np.array([i * i * 31 + i * 57 + 100 for i in range(w * h * 3)]).astype(np.uint8).reshape(h, w, 3)
                green = np.asarray(run(p, ow, oh))[:, :, 1].ravel()
                values = ", ".join(str(v) if green.dtype == np.uint8 else f"{v:.3f}f" for v in green)
                print(f"RESIZED({like.upper()}, {kernel.upper()}, {int(antialias)}, {w}, {h}, {ow}, {oh}, {values})")
    return 0


def main():
    if DRIVER == "--table":
        return table()
    try:
        failed = compare_colors()
    except ImportError as e:
        failed = 0
        print(f"colors: not compared ({e})")
    for library in (pillow, opencv, tf, torch):
        try:
            cases = list(library())
        except ImportError as e:
            print(f"{library.__name__}: not compared ({e})")
            continue
        for like, kernel, antialias, run in cases:
            rng = np.random.default_rng(7)
            worst, where = 0.0, None
            for _ in range(SIZES):
                w, h, ow, oh = (int(v) for v in rng.integers(1, 120, 4))
                if like == "torch" and antialias:  # its one-pixel outputs differ from those of its own other sizes
                    ow, oh = ow + 1, oh + 1
                p = rng.integers(0, 256, (h, w, 3)).astype(np.uint8)
                d = float(np.abs(ours(like, kernel, antialias, p, ow, oh) - run(p, ow, oh).astype(np.float32)).max())
                if d > worst:
                    worst, where = d, (w, h, ow, oh)
            allowed = 1 if like in ("pillow", "opencv") else 255e-5
            failed += worst > allowed
            print(f"{like} {kernel}{' antialias' if antialias else ''}: {worst:.6g} of {allowed:g}"
                  f"{'' if worst <= allowed else f' FAILS at {where}'}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
