# SPDX-License-Identifier: Apache-2.0
"""Synthesises, trains and writes keywords.onnx. CPU only; seeds are fixed.

    python train.py [--per-word N] [--epochs N] [--out keywords.onnx]
"""
import argparse
import time

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

import synth

WINDOW, HOP, MELS, N = 512, 256, 40, 16000
FLOOR, QUIET = 1e-3, 1e-7


def mel_matrix(warp=1.0):
    """Triangular filters 60..7800 Hz on the mel scale, [257, 40]; `warp`, one
    factor per frequency, moves the formants and leaves the pitch alone."""
    mel = lambda f: 2595 * torch.log10(1 + f / 700)
    edges = torch.linspace(*mel(torch.tensor([60.0, 7800.0])).tolist(), MELS + 2)
    bins = mel(torch.arange(WINDOW // 2 + 1) * (synth.RATE / WINDOW) * warp)[..., None]
    up = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(up, down).clamp(min=0)


def warped_mels(n, g):
    """One matrix a clip: another length of throat, and another mouth."""
    throat = rand(n, -0.12, 0.12, g) + 0.03 * smooth(n, WINDOW // 2 + 1, 12, g)
    mel = mel_matrix(torch.exp(throat))
    # espeak's formants are too clean: leak some of each band into its neighbours
    blur = F.avg_pool1d(mel.transpose(1, 2), 41, 1, 20).transpose(1, 2)
    return mel + blur * (0.25 * rand(n, 0.0, 1.0, g) ** 3)[:, None]


# ---- augmentation: everything that happens between a mouth and a sample -----

def rand(n, low, high, g):
    return low + (high - low) * torch.rand(n, 1, generator=g)


def chance(n, p, g):
    return (torch.rand(n, 1, generator=g) < p).float()


def coloured(n, length, g):
    """Noise of unit power whose spectrum falls as f^-a, a in -0.3..2."""
    f = torch.fft.rfftfreq(length) * length
    slope = (f.clamp(min=4)[None] / 100) ** (-rand(n, -0.3, 2.0, g) / 2)
    bend = torch.exp(smooth(n, len(f), 10, g))
    x = torch.fft.irfft(torch.fft.rfft(torch.randn(n, length, generator=g)) * slope * bend)
    return x / (x.std(1, keepdim=True) + 1e-9)


def smooth(n, length, knots, g):
    """A random curve: `knots` normal values, interpolated."""
    k = torch.randn(n, 1, knots, generator=g)
    return F.interpolate(k, length, mode="linear", align_corners=True)[:, 0]


def place(bank, starts, lengths, g, stretch=0.15):
    """Clips at a random place of the second, at a random, gently wavering speed.
    Also returns where each one lies."""
    n = len(starts)
    speed = torch.exp(rand(n, -stretch, stretch, g))
    waver = 0.06 * smooth(n, N, 5, g)
    path = torch.cumsum(speed * (1 + waver), 1)
    room = (N - lengths[:, None] / speed)
    # mostly inside the second, now and then cut a little at its edge
    first = torch.rand(n, 1, generator=g) * room.clamp(min=0) + rand(n, -600, 600, g)
    centre = room / 2
    first = torch.where(torch.rand(n, 1, generator=g) < 0.3, centre, first)
    at = path - torch.gather(path, 1, first.clamp(0, N - 1).long())
    at = at - (first.clamp(max=0) * speed)
    inside = (at >= 0) & (at < lengths[:, None] - 1)
    at = at.clamp(min=0).minimum(lengths[:, None] - 2)
    part = at - at.floor()
    low = starts[:, None] + at.long()        # in integers: the bank outgrows float32
    return (bank[low] * (1 - part) + bank[low + 1] * part) * inside, inside.float()


def channel(x, g):
    """Room, microphone and telephone, as one filter in the frequency domain."""
    n, length = len(x), 24000
    t = torch.arange(8000) / synth.RATE
    tail = torch.randn(n, 8000, generator=g) * torch.exp(-6.9 * t / rand(n, 0.05, 0.5, g))
    tail = tail * rand(n, 0.0, 1.0, g) ** 2 / tail.pow(2).sum(1, keepdim=True).sqrt()
    room = tail * chance(n, 0.5, g)
    room[:, 0] += 1
    f = torch.arange(length // 2 + 1) * synth.RATE / length
    top = torch.where(chance(n, 0.45, g) > 0, rand(n, 3200, 4000, g), rand(n, 4000, 9000, g))
    bottom = torch.where(chance(n, 0.3, g) > 0, rand(n, 100, 350, g), rand(n, 5, 100, g))
    band = torch.sigmoid((top - f) / 60) * torch.sigmoid((f - bottom) / 25)
    tilt = rand(n, -6, 6, g) * torch.log2(f.clamp(min=60) / 1000)[None] / 3
    colour = 10 ** ((tilt + 3.5 * smooth(n, len(f), 14, g)) / 20)
    spectrum = torch.fft.rfft(x, length) * torch.fft.rfft(room, length) * band * colour
    return torch.fft.irfft(spectrum, length)[:, :N]


def augment(bank, starts, lengths, labels, g):
    n = len(labels)
    level = lambda low, high: 10 ** (-rand(n, low, high, g) / 20)
    x, inside = place(bank, starts, lengths, g)
    x = x * (labels != synth.LABELS.index("silence"))[:, None]
    # an envelope over time: stress and breath that the synthesiser lacks
    x = x * torch.exp(0.5 * smooth(n, N, 8, g))
    x = x / (x.pow(2).sum(1, keepdim=True) / inside.sum(1, keepdim=True).clamp(min=1) + 1e-9).sqrt()
    # breath: noise that follows the voice and fills the valleys of its spectrum
    breath = x.pow(2).reshape(n, 1, 100, 160).mean(3).sqrt()
    breath = F.interpolate(breath, N, mode="linear")[:, 0]
    x = x + coloured(n, N, g) * breath * level(12, 40) * chance(n, 0.7, g)
    # babble: three other clips of the batch; hum: mains and harmonics
    others = sum(torch.roll(x, k, 0) for k in (1, 2, 3))
    turn = 2 * np.pi * rand(n // 6, 48, 62, g) * torch.arange(N) / synth.RATE
    hum = torch.zeros_like(x)
    hum[:n // 6] = sum(torch.sin((k + 1) * turn) / (k + 1) for k in range(5))
    hum = hum[torch.randperm(n, generator=g)]
    noise = coloured(n, N, g) * level(6, 45) * chance(n, 0.85, g)
    noise = noise + others * level(12, 35) * chance(n, 0.25, g)
    noise = noise + hum * level(5, 30)
    swell = torch.exp(0.7 * smooth(n, N, 6, g) * chance(n, 0.3, g))
    x = torch.where(torch.rand(n, 1, generator=g) < 0.7,
                    channel(x, g) + noise * swell, channel(x + noise * swell, g))
    # recordings cut close around the word and padded with true zeros
    reach = torch.randint(4, 30, (1,), generator=g).item()
    gate = F.max_pool1d(inside[:, None, ::100], 2 * reach + 1, 1, reach)
    gate = F.interpolate(gate, N)[:, 0]
    x = torch.where(chance(n, 0.35, g) > 0, x * gate, x)
    x = x / x.abs().amax(1, keepdim=True).clamp(min=1e-6)
    x = x * level(-3, 36)                            # up to 3 dB of clipping
    return torch.round(x.clamp(-1, 1) * 32767) / 32767


# ---- the net ----------------------------------------------------------------

# (channels out, kernel, stride, padding) of each depthwise separable block;
# axes are [frame, mel]
BLOCKS = [(32, (3, 3), (1, 2), (1, 1)), (40, (3, 3), (2, 1), (1, 1)),
          (40, (3, 3), (1, 1), (1, 1)), (56, (3, 3), (1, 2), (1, 1)),
          (56, (3, 3), (1, 1), (1, 1)), (72, (3, 5), (2, 1), (1, 0)),
          (96, (9, 1), (1, 1), (4, 0))]
STEM = 24


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mel", mel_matrix().half().float())
        self.register_buffer("window", torch.hann_window(WINDOW))
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        self.add(1, STEM, (5, 5), (1, 2), (2, 2), 1)
        before = STEM
        for after, kernel, stride, pad in BLOCKS:
            self.add(before, before, kernel, stride, pad, before)
            self.add(before, after, (1, 1), (1, 1), (0, 0), 1)
            before = after
        self.drop, self.head = nn.Dropout(0.2), nn.Linear(before, len(synth.LABELS))

    def add(self, before, after, kernel, stride, pad, groups):
        self.convs.append(nn.Conv2d(before, after, kernel, stride, pad, 1, groups, bias=False))
        self.norms.append(nn.BatchNorm2d(after))

    def front(self, x, mel=None):
        power = torch.stft(x, WINDOW, HOP, WINDOW, self.window, False,
                           return_complex=True).transpose(1, 2)
        power = (power.real ** 2 + power.imag ** 2) @ (self.mel if mel is None else mel)
        loud = power / (power.mean((1, 2), keepdim=True) + QUIET)
        return torch.log(loud + FLOOR)

    def back(self, x):
        x = x[:, None]
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = norm(conv(x))
            if i % 2 == 0:                       # the stem and each pointwise
                x = F.relu(x)
        return self.head(self.drop(x.mean((2, 3))))

    def forward(self, x):
        return self.back(self.front(x))


def mask(x, g):
    """SpecAugment, lightly: one band and one stretch of frames at the mean."""
    n, frames, mels = x.shape
    for axis, size, widest in ((1, frames, 7), (2, mels, 7)):
        first = torch.randint(size, (n, 1), generator=g)
        width = torch.randint(widest, (n, 1), generator=g)
        at = torch.arange(size)[None]
        hit = (at >= first) & (at < first + width)
        hit = hit[:, :, None] if axis == 1 else hit[:, None, :]
        x = torch.where(hit, x.mean((1, 2), keepdim=True), x)
    return x


def bank_of(waves):
    lengths = torch.tensor([len(w) for w in waves])
    starts = torch.cumsum(lengths, 0) - lengths
    return torch.from_numpy(np.concatenate(waves)), starts, lengths


def train(waves, labels, epochs, batch=128):
    torch.manual_seed(7)
    g = torch.Generator().manual_seed(7)
    bank, starts, lengths = bank_of(waves)
    labels = torch.from_numpy(labels)
    net, mean = Net().to(memory_format=torch.channels_last), Net()
    mean.load_state_dict(net.state_dict())
    opt = torch.optim.AdamW(net.parameters(), 4e-3, weight_decay=0.02)
    steps = epochs * (len(labels) // batch)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 4e-3, steps, pct_start=0.15)
    begin = time.time()
    for step in range(steps):
        pick = torch.randint(len(labels), (batch,), generator=g)
        y = labels[pick].clone()
        y[torch.rand(batch, generator=g) < 1 / 18] = synth.LABELS.index("silence")
        with torch.no_grad():
            x = mask(net.front(augment(bank, starts[pick], lengths[pick], y, g),
                               warped_mels(batch, g)), g)
        loss = F.cross_entropy(net.back(x), y, label_smoothing=0.05)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        with torch.no_grad():                            # the average is what we keep
            keep = min(0.998, step / (step + 50))
            for a, b in zip(mean.state_dict().values(), net.state_dict().values()):
                a.copy_(a * keep + b * (1 - keep) if a.is_floating_point() else b)
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step}/{steps} loss {loss.item():.3f} {time.time() - begin:.0f} s",
                  flush=True)
    return mean.eval()


# ---- the file ---------------------------------------------------------------

class Graph:
    """Collects nodes and weights; each node is named after its output."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def weight(self, name, value):
        self.weights.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output


def front_end(g, net):
    """Audio to [1, 1, frame, mel]: the loudness of each band, gain removed."""
    window = g.weight("window", net.window.numpy())
    step = g.weight("hop", np.int64(HOP))
    size = g.weight("frame_length", np.int64(WINDOW))
    x = g.node("Reshape", ["audio", g.weight("signal_shape", np.array([1, N, 1]))], "signal")
    x = g.node("STFT", [x, step, window, size], "spectrum", onesided=1)
    x = g.node("ReduceSumSquare", [x, g.weight("complex_axis", np.array([3]))],
               "power", keepdims=0)
    mel = g.weight("mel_f16", net.mel.numpy().astype(np.float16))    # half the bytes
    mel = g.node("Cast", [mel], "mel", to=TensorProto.FLOAT)
    x = g.node("MatMul", [x, mel], "bands")
    mean = g.node("ReduceMean", [x, g.weight("frame_mel_axes", np.array([1, 2]))],
                  "bands_mean", keepdims=1)
    mean = g.node("Add", [mean, g.weight("quiet", np.float32(QUIET))], "level")
    x = g.node("Div", [x, mean], "relative")
    x = g.node("Add", [x, g.weight("floor", np.float32(FLOOR))], "floored")
    x = g.node("Log", [x], "logmel")
    shape = np.array([1, 1, (N - WINDOW) // HOP + 1, MELS])
    return g.node("Reshape", [x, g.weight("image_shape", shape)], "image")


def convolutions(g, net, x):
    """Batch norms are folded into the weights before them."""
    for i, (conv, norm) in enumerate(zip(net.convs, net.norms)):
        name = "stem" if i == 0 else f"block{(i + 1) // 2}_{'dw' if i % 2 else 'pw'}"
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        w = g.weight(name + "_w", (conv.weight * scale[:, None, None, None]).numpy())
        b = g.weight(name + "_b", (norm.bias - norm.running_mean * scale).numpy())
        x = g.node("Conv", [x, w, b], name, kernel_shape=conv.kernel_size,
                   strides=conv.stride, pads=conv.padding * 2, group=conv.groups)
        if i % 2 == 0:
            x = g.node("Relu", [x], name + "_relu")
    return x


@torch.no_grad()
def write(net, path):
    g = Graph()
    x = g.node("GlobalAveragePool", [convolutions(g, net, front_end(g, net))], "pooled")
    x = g.node("Flatten", [x], "features", axis=1)
    x = g.node("Gemm", [x, g.weight("head_w", net.head.weight.numpy()),
                        g.weight("head_b", net.head.bias.numpy())], "logits", transB=1)
    g.node("Softmax", [x], "scores", axis=1)
    value = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(g.nodes, "keywords", [value("audio", N)],
                              [value("scores", len(synth.LABELS))], g.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)],
                              ir_version=8, producer_name="sedge-keywords")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--per-word", type=int, default=700)
    args.add_argument("--epochs", type=int, default=28)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--out", default="keywords.onnx")
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    waves, labels = synth.clips(held=False, per_word=args.per_word, seed=1)
    print(f"{len(waves)} clips synthesised", flush=True)
    write(train(waves, labels, args.epochs), args.out)


if __name__ == "__main__":
    main()
