# SPDX-License-Identifier: Apache-2.0
"""Accuracy of the keyword spotter: synthesised held-out clips, human digits.

    python eval.py [MODEL] [--fsdd DIR]

DIR holds recordings.tar.gz of the Free Spoken Digit Dataset (or its unpacked
wav files); where it is absent that part is skipped, and the command says so.
"""
import argparse
import io
import math
import tarfile
import wave
from pathlib import Path

import numpy as np
import onnxruntime
from scipy.signal import resample_poly

import synth

HERE = Path(__file__).resolve().parent
N = 16000


def wav(data):
    """16-bit mono WAV bytes as float32 at 16 kHz."""
    with wave.open(io.BytesIO(data)) as f:
        assert f.getsampwidth() == 2 and f.getnchannels() == 1
        x = np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float32) / 32768
        step = math.gcd(f.getframerate(), synth.RATE)
        return resample_poly(x, synth.RATE // step, f.getframerate() // step).astype(np.float32)


def second(x):
    """Exactly one second, the clip in its middle."""
    x = x[max(0, (len(x) - N) // 2):][:N]
    left = (N - len(x)) // 2
    return np.pad(x, (left, N - len(x) - left))


def held_out(per_word):
    """Held-out clips in a second of quiet noise, 10 to 30 dB below the voice;
    the same number of noise-only seconds as there are clips of a word."""
    waves, labels = synth.clips(held=True, per_word=per_word, seed=2)
    rng = np.random.default_rng(3)
    silence = synth.LABELS.index("silence")
    waves += [np.zeros(N, np.float32)] * per_word
    labels = np.append(labels, [silence] * per_word)
    out = []
    for x, label in zip(waves, labels):
        x = np.pad(x, (rng.integers(0, N - len(x) + 1), 0))
        x = np.pad(x, (0, N - len(x)))
        power = 1e-2 if label == silence else float((x * x).sum() / np.count_nonzero(x))
        noise = rng.standard_normal(N) * math.sqrt(power) * 10 ** -rng.uniform(0.5, 1.5)
        x = (x + noise) * rng.uniform(0.05, 0.7)
        out.append(np.clip(x, -1, 1).astype(np.float32))
    return out, labels


def fsdd(folder):
    """(clip, digit, speaker) of each recording, in order of name."""
    archive = folder / "recordings.tar.gz"
    if archive.exists():
        with tarfile.open(archive) as tar:
            files = {Path(m.name).name: tar.extractfile(m).read()
                     for m in tar if m.name.endswith(".wav")}
    else:
        files = {f.name: f.read_bytes() for f in folder.rglob("*.wav")}
    for name in sorted(files):
        digit, speaker, _ = name.split("_")
        yield second(wav(files[name])), int(digit), speaker


def scores_of(model, clips):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    return np.concatenate([session.run(["scores"], {"audio": x[None]})[0] for x in clips])


def line(what, right):
    """Accuracy with its 95 % Wilson interval."""
    n, p, z = len(right), float(np.mean(right)), 1.96
    mid = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    print(f"{what:44s} {100 * p:5.1f} %  [{100 * (mid - half):.1f}, {100 * (mid + half):.1f}]"
          f"  n={n}")


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("model", nargs="?", type=Path, default=HERE / "keywords.onnx")
    args.add_argument("--fsdd", type=Path,
                      default=HERE.parents[2] / "shared/testdata/data/fsdd")
    args.add_argument("--per-word", type=int, default=60)
    args = args.parse_args()

    committed = sorted((HERE / "clips").glob("*.wav"))
    if committed:
        best = scores_of(args.model, [wav(f.read_bytes()) for f in committed])
        line("committed clips", [synth.LABELS[s.argmax()] == f.stem
                                 for s, f in zip(best, committed)])
    clips, labels = held_out(args.per_word)
    best = scores_of(args.model, clips).argmax(1)
    line("held-out synthesised voices, 16 classes", best == labels)
    line("  the 14 keywords", (best == labels)[labels < 14])
    line("  unknown (words never trained on)", (best == labels)[labels == 14])
    line("  silence", (best == labels)[labels == 15])

    if not args.fsdd.is_dir():
        print(f"human digits: skipped, no folder {args.fsdd}")
        return
    clips, digits, speakers = zip(*fsdd(args.fsdd))
    digits, speakers = np.array(digits), np.array(speakers)
    scores = scores_of(args.model, clips)
    best = scores.argmax(1)
    line("human digits (FSDD), 16 classes", best == digits)
    line("  best of the ten digits only", scores[:, :10].argmax(1) == digits)
    for name in sorted(set(speakers)):
        line(f"  16 classes, speaker {name}", (best == digits)[speakers == name])
    for digit in range(10):
        line(f"  16 classes, '{synth.LABELS[digit]}'", (best == digits)[digits == digit])


if __name__ == "__main__":
    main()
