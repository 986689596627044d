# SPDX-License-Identifier: Apache-2.0
"""Speech for the keyword spotter, synthesised with espeak-ng.

Every clip is a pure function of (word, voice, variant, rate, pitch), drawn
from a seeded generator, so the same espeak-ng release gives the same set.
Held-out clips use voice variants, one accent and "unknown" words that no
training clip uses.

    python synth.py DIR     writes the six committed test clips
"""
import io
import random
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

RATE = 16000
KEYWORDS = "zero one two three four five six seven eight nine yes no stop go".split()
LABELS = KEYWORDS + ["unknown", "silence"]

ACCENTS = ["en-us", "en-gb", "en-us", "en-gb-scotland", "en-gb-x-gbclan",
           "en-gb-x-rp", "en-029", "en-us-nyc"]
HELD_ACCENTS = ["en-us", "en-gb", "en-gb-x-gbcwmd"]
VARIANTS = """m1 m2 m3 m4 m6 m7 f1 f2 f4 Alex Alicia Andrea Andy Denis Diogo Gene
    Henrique Jacky Lee Marco Mario Michael Nguyen RicishayMax Storm Tweaky adam anika
    antonio aunty belinda boris caleb croak david ed edward grandma iven iven2
    john kaukovalta klatt klatt2 klatt4 klatt5 linda marcelo michel miguel
    norbert pablo pedro quincy rob sandro shelby steph steph2 victor whisper
    zac gustave max travis""".split()
HELD_VARIANTS = """m5 m8 f3 f5 Annie Hugo Mike benjamin grandpa klatt3 klatt6 paul
    robert steph3 whisperf""".split()

# The keywords as a speaker of another language says them, in espeak's own
# phoneme notation: coarse, but it moves the vowels further than any accent.
FOREIGN_VOICES = "es it fr-fr de pl pt-br nl sv tr ru el hu id hi cs fi".split()
FOREIGN = {
    "zero": ["z'iro", "z'ero"], "one": ["w'an", "w'on"], "two": ["t'u"],
    "three": ["tr'i", "sr'i"], "four": ["f'or"], "five": ["f'ajv", "f'ajf"],
    "six": ["s'iks"], "seven": ["s'even", "s'evn"], "eight": ["'ejt", "'et"],
    "nine": ["n'ajn"], "yes": ["j'es"], "no": ["n'o", "n'ow"],
    "stop": ["st'op"], "go": ["g'o", "g'ow"]}

# Near neighbours of the keywords first, then everyday words.
UNKNOWN = """hero zebra row arrow nearly wander want run fun gun wonder
    tool shoe do chew free thread reef fleet forward form core
    more door fire fight find hive sixty fix mix sit sits stick
    level leaven never ape age late gate hate wait aid nice night
    mind yesterday less guess chess mess nose note low show slow
    snow gnome so stock shop top step stump sob drop goat gold got ghost gum
    grow toe blow up down left right on off bed bird cat dog happy house marvin
    sheila tree wow backward follow learn visual hello computer music play
    pause volume light lamp open close door window kitchen garden water coffee
    morning evening weather today tomorrow monday friday january please thanks
    sorry maybe always again because people world school money paper
    river mountain apple orange banana yellow green purple black white brother
    sister mother father doctor number second minute hour winter summer""".split()
HELD_UNKNOWN = """zeal once true thief fall fine silk sever eat nightly yell nor stoop
    gong begin table picture stone finger little robot signal question market""".split()

# Words of no language, in phonemes: without them "unknown" is a list to learn.
ONSETS = "p b t d k g f v s z S m n l r w j h tS dZ pr br tr dr kr gr fl pl bl sl sp sk sm".split()
VOWELS = "a E I 0 V U i: u: A: O: 3: aI eI oU aU OI".split()
CODAS = [""] + "p t k b d g m n N l s z S f v tS nt nd st sk mp lt ks".split()


def nonsense(rng):
    while True:
        word = "".join(rng.choice(ONSETS) + ("'" if i == 0 else "") + rng.choice(VOWELS)
                       + rng.choice(CODAS) for i in range(rng.choice([1, 2, 2, 3])))
        if word not in ("n'oU", "g'oU", "t'u:", "n'aIn", "f'aIv", "f'O:", "w'Vn"):
            return word


def speak(text, voice, rate, pitch):
    """One utterance at 16 kHz, silence trimmed, peak 1; None if unusable."""
    wav = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(rate), "-p", str(pitch), "--stdout", text],
        capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(wav)) as f:
        source = f.getframerate()
        x = np.frombuffer(f.readframes(f.getnframes()), "<i2").astype(np.float32)
    if len(x) < 1000 or not x.any():
        return None
    x = resample_poly(x, 320 * source // 22050, 441).astype(np.float32)
    x /= np.abs(x).max()
    loud = np.flatnonzero(np.abs(x) > 0.01)
    x = x[loud[0]:loud[-1] + 1]
    return x if 1500 < len(x) < 15500 else None


def orders(held, per_word, rng):
    """(label, text, voice, rate, pitch) for every clip of one set."""
    accents, variants = (HELD_ACCENTS, HELD_VARIANTS) if held else (ACCENTS, VARIANTS)
    for label, word in enumerate(LABELS[:15]):
        for i in range(per_word * 3 if word == "unknown" and not held else per_word):
            rate, pitch = rng.randint(110, 220), rng.randint(15, 85)
            text = word if word != "unknown" else rng.choice(HELD_UNKNOWN if held else UNKNOWN)
            if word == "unknown" and not held and i % 2:
                text = "[[" + nonsense(rng) + "]]"
            text += rng.choice(["", "", ".", "!", "?", ","])
            voice = rng.choice(accents)
            if not held and i % 10 > 7:
                voice = rng.choice(FOREIGN_VOICES)
                if word != "unknown":
                    text = "[[" + rng.choice(FOREIGN[word]) + "]]"
            yield label, text, voice + "+" + rng.choice(variants), rate, pitch


def clips(held, per_word, seed):
    """Lists of waveforms and labels (silence has none: it is noise alone)."""
    todo = list(orders(held, per_word, random.Random(seed)))
    with ThreadPoolExecutor(2) as pool:
        spoken = list(pool.map(lambda o: speak(*o[1:]), todo))
    kept = [(x, o[0]) for x, o in zip(spoken, todo) if x is not None]
    return [x for x, _ in kept], np.array([y for _, y in kept])


# Six words by held-out voices: (word, voice, rate, pitch).
SHOWN = [("yes", "en-us+f3", 150, 50), ("stop", "en-gb+m5", 140, 40),
         ("go", "en-us+Annie", 130, 55), ("three", "en-gb+Mike", 150, 45),
         ("seven", "en-us+paul", 160, 50), ("nine", "en-gb-x-gbcwmd+m8", 140, 35)]


def write_shown(folder):
    """Each word in the middle of one second, over noise 40 dB below it."""
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    for word, voice, rate, pitch in SHOWN:
        x = speak(word, voice, rate, pitch) * 0.5
        left = (RATE - len(x)) // 2
        x = np.pad(x, (left, RATE - len(x) - left)) + rng.normal(0, 1e-3, RATE)
        with wave.open(str(folder / (word + ".wav")), "wb") as f:
            f.setnchannels(1)
            f.setsampwidth(2)
            f.setframerate(RATE)
            f.writeframes(np.round(x * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    write_shown(Path(sys.argv[1]))
