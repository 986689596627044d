"""The Python binding on a model that needs no other file: the keyword spotter. Prints SKIP without NumPy."""
import os
import sys
import wave

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(root, "bindings", "python"))
os.environ.setdefault("SEDGE_LIBRARY", os.path.join(root, "build", "libsedge.so"))
try:
    import numpy as np
except ImportError:
    print("SKIP python: NumPy is not installed")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)
import sedge

folder = os.path.join(root, "examples", "keywords")
labels = open(os.path.join(folder, "labels.txt")).read().split()
model = sedge.Model(os.path.join(folder, "keywords.onnx"))
assert model.inputs == ["audio"], model.inputs
clips = sorted(f for f in os.listdir(os.path.join(folder, "clips")) if f.endswith(".wav"))
assert clips
for clip in clips:
    with wave.open(os.path.join(folder, "clips", clip)) as w:
        audio = np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32)[None] / 32768
    out = model.run({"audio": audio})
    scores = out[model.outputs[0]][0]
    assert abs(scores.sum() - 1) < 1e-4
    assert labels[int(scores.argmax())] == clip.split("_")[0].split(".")[0], (clip, labels[int(scores.argmax())])
try:
    model.run({"audio": np.zeros((1, 16000), np.float64)})
    raise AssertionError("a wrong type was accepted")
except sedge.Error as e:
    assert "f64 given" in str(e), e
try:
    model.bind("sound", np.zeros(1))
    raise AssertionError("a wrong name was accepted")
except KeyError as e:
    assert "audio" in str(e)
model.close()
print("%d passed, 0 failed" % (len(clips) + 2))
