"""1080p NV12 to a 320 x 320 int8 tensor [3, h, w]: Sedge's one pass beside OpenCV's cvtColor, resize and blobFromImage with
quantization, in the same run, on one thread. Fails below twice as fast. Usage: bench.py DRIVER"""
import subprocess
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
frame = np.random.default_rng(1).integers(0, 256, (1080 * 3 // 2, 1920)).astype(np.uint8)


def opencv(convert):
    rgb = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_NV12) if convert else opencv.rgb
    small = cv2.resize(rgb, (320, 320), interpolation=cv2.INTER_LINEAR)
    blob = cv2.dnn.blobFromImage(small, 1.0, (320, 320), (128, 128, 128), ddepth=cv2.CV_32F)
    return blob.astype(np.int8)


opencv.rgb = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_NV12)


def least(f):
    times = []
    for _ in range(100):
        t = time.perf_counter()
        f()
        times.append(time.perf_counter() - t)
    return min(times) * 1e3


all_of_it, rest = least(lambda: opencv(True)), least(lambda: opencv(False))
ours = float(subprocess.run([sys.argv[1], "bench"], input=frame.tobytes(), stdout=subprocess.PIPE, check=True).stdout)
print(f"sedge {ours:.3f} ms, opencv {all_of_it:.3f} ms ({all_of_it / ours:.1f} times as long), "
      f"of which resize and blobFromImage {rest:.3f} ms ({rest / ours:.1f} times)")
sys.exit(all_of_it < 2 * ours)
