"""Writes the numbers that tests/unit/media_spectra.c compares with, to tests/unit/spectra.def.
usage: python3 tests/media/spectra.py >tests/unit/spectra.def    needs librosa 0.11 and scipy; tf.signal and HTK are computed by
their published formulas, in numpy, with dense matrices.
"""
import librosa
import numpy as np
import scipy.fft
import scipy.signal

N, RATE, FFT, WINDOW, HOP, MELS, MFCC = 600, 16000, 256, 200, 150, 8, 5


def signal():
    x, seed = np.zeros(N, np.float32), 1
    for i in range(N):
        seed = (seed * 1664525 + 1013904223) % 2**32
        x[i] = np.ldexp((seed >> 8) / 2**23 - 1, -(i // 30))
    return x


def row(name, like, taper, mfcc, power, log, eps, low, high, y):
    y = np.asarray(y, np.float64).ravel()
    print(f'CASE({name}, {like}, {taper}, {mfcc}, {power}, {log}, {eps}, {low}, {high},\n     '
          + ', '.join(f'{v:.7g}' for v in y) + ')')


def mel(hz):
    return 1127 * np.log(1 + np.asarray(hz) / 700)


def htk_filters(low, high):
    e, w = np.linspace(mel(low), mel(high), MELS + 2), np.zeros((FFT // 2 + 1, MELS))
    f = mel(np.arange(FFT // 2 + 1) * RATE / FFT)
    for m in range(MELS):
        w[:, m] = np.maximum(0, np.minimum((f - e[m]) / (e[m + 1] - e[m]), (e[m + 2] - f) / (e[m + 2] - e[m + 1])))
    w[0] = 0
    return w


def frames(x, taper):
    n = 1 + (N - WINDOW) // HOP
    return np.stack([np.abs(np.fft.rfft(x[t * HOP:t * HOP + WINDOW] * taper, FFT)) for t in range(n)])


def main():
    x = signal()
    print('/* CASE(name, like, taper, mfcc, power, log, eps, low, high, numbers...): by tests/media/spectra.py. */')
    a = dict(y=x, sr=RATE, n_fft=FFT, hop_length=HOP, win_length=WINDOW, n_mels=MELS)
    s = librosa.feature.melspectrogram(**a)
    row('librosa_mel', 'LIBROSA', 'HANN', 0, 2, 0, 0, 0, 0, s.T)
    s = librosa.feature.melspectrogram(**a, fmin=100, fmax=7000, window='hamming', power=1)
    row('librosa_log', 'LIBROSA', 'HAMMING', 0, 1, 1, 1e-10, 100, 7000, librosa.power_to_db(s).T)
    row('librosa_mfcc', 'LIBROSA', 'HANN', MFCC, 2, 1, 1e-10, 0, 0, librosa.feature.mfcc(**a, n_mfcc=MFCC).T)
    s = frames(x, 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)) @ htk_filters(80, 7600)
    log = np.log(s + 1e-6)
    row('tf_log', 'TF', 'HANN', 0, 1, 1, 1e-6, 80, 7600, log)
    row('tf_mfcc', 'TF', 'HANN', MFCC, 1, 1, 1e-6, 80, 7600, scipy.fft.dct(log, 2)[:, :MFCC] / np.sqrt(2 * MELS))
    s = np.log(np.maximum(frames(x, np.hamming(WINDOW)) ** 2 @ htk_filters(0, 8000), 1e-3))
    j = np.arange(1, MELS + 1)
    c = np.stack([np.sqrt(2 / MELS) * np.sum(s * np.cos(np.pi * k / MELS * (j - 0.5)), 1) for k in range(MFCC)], 1)
    row('htk_mfcc', 'HTK', 'HAMMING', MFCC, 2, 1, 1e-3, 0, 0, c)
    for name, taper, log in (('psd', 'hann', 0), ('psd_log', 'blackman', 1)):
        _, y = scipy.signal.welch(x.astype(np.float64), RATE, taper, 40, 20)
        print(f'PSD({name}, {taper.upper()}, {log},\n    ' + ', '.join(f'{v:.7g}' for v in (np.log(y) if log else y)) + ')')


main()
