"""Writes tests/fuzz/corpus/image: small pictures of every format behind 32 bytes that choose the pass (tests/fuzz/image.c), and raw
frames. tests/unit/media_image.c decodes them too. Needs Pillow. Usage: pictures.py FOLDER"""
import io
import pathlib
import sys

from PIL import Image

W, H = 15, 9
# A crop, a letterbox (bilinear of opencv) and a sink of i8 that is scaled.
HEAD = bytes([2, 0, 3, 3, 1, 1, 11, 6, 40, 30, 9, 2, 3, 48, 40, 114, 0, 0, 0, 0, 20, 20, 30, 20, 9, 255, 2, 40, 40, 0, 0, 0])


def rgb():
    return Image.frombytes("RGB", (W, H), bytes((x * 16 + y * 7 + c * 50) % 256 for y in range(H) for x in range(W) for c in range(3)))


def saved(picture, form, **how):
    to = io.BytesIO()
    picture.save(to, form, **how)
    return to.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x112] = 6
    return exif


def files():
    p = rgb()
    deep = Image.frombytes("I;16", (W, H), bytes(i * 37 % 256 for i in range(2 * W * H)))
    yield "gray.jpg", saved(p.convert("L"), "JPEG")
    yield "turned.jpg", saved(p, "JPEG", quality=60, exif=turned())
    yield "progressive.jpg", saved(p, "JPEG", quality=60, progressive=True)
    yield "rgb.png", saved(p, "PNG")
    yield "alpha.png", saved(p.convert("RGBA"), "PNG")
    yield "palette.png", saved(p.quantize(16), "PNG")
    yield "deep.png", saved(deep, "PNG")
    yield "lossy.webp", saved(p, "WEBP")
    yield "lossless.webp", saved(p, "WEBP", lossless=True)
    yield "rgb.bmp", saved(p, "BMP")
    yield "palette.bmp", saved(p.quantize(16), "BMP")
    yield "rgb.tif", saved(p, "TIFF")
    yield "lzw.tif", saved(p, "TIFF", compression="tiff_lzw")
    yield "rgb.jp2", saved(p, "JPEG2000")
    yield "rgb.ppm", saved(p, "PPM")
    yield "gray.pgm", b"P2 3 2 15\n0 1 2 13 14 15\n"


def frames():
    """The last bytes before the pixels: matrix, turn, height, width, pixel format."""
    for name, number, size in (("nv12", 7, 16 * 8 * 3 // 2), ("i420", 9, 16 * 8 * 3 // 2), ("yuyv", 10, 16 * 8 * 2), ("rggb", 12, 16 * 8)):
        yield name, bytes([1, 6, 8, 16, number]), bytes(i * 29 % 251 for i in range(size))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files():
        (folder / name).write_bytes(HEAD + data)
    for name, tail, data in frames():
        (folder / name).write_bytes(HEAD[:27] + tail + data)


if __name__ == "__main__":
    main()
