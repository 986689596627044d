#!/usr/bin/env python3
"""Compares statistics and measures with scipy, statsmodels, scikit-learn, pycocotools and jiwer on random cases, and the verdict on a drop
with what it promises: wrong in under 5 % of simulated pairs.   usage: measures.py DRIVER [SEED]"""
import contextlib, io, subprocess, sys, warnings
import numpy as np

warnings.filterwarnings("ignore")
driver, rng = sys.argv[1], np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
cases, checks = [], []


def case(what, text, want, tol=1e-9):
    cases.append(text)
    checks.append((what, np.atleast_1d(np.asarray(want, float)), tol))


def words(values):
    return " ".join(repr(float(v)) for v in np.ravel(values))


def proportions():
    from scipy import stats
    from statsmodels.stats.proportion import proportion_confint
    from statsmodels.stats.contingency_tables import mcnemar
    for p in np.concatenate([rng.uniform(0, 1, 40), 10.0 ** -rng.uniform(1, 14, 10)]):
        case("quantile", f"quantile {float(p)!r}", stats.norm.ppf(p), 1e-12)
    for _ in range(60):
        n = int(rng.integers(1, 5000))
        k, level = int(rng.integers(0, n + 1)), float(rng.choice([0.9, 0.95, 0.99]))
        case("wilson", f"wilson {k} {n} {level}", proportion_confint(k, n, 1 - level, "wilson"))
    for _ in range(60):
        b, c = rng.integers(0, 300, 2)
        case("mcnemar", f"mcnemar {b} {c}", mcnemar([[0, b], [c, 0]], exact=True).pvalue, 1e-8)


def pairs():
    """Tango's interval has the published values of his table (1998): 43 pairs of which 0 and 2 differ, and others by root finding."""
    from scipy import optimize, stats

    def bounds(b, c, n, level):
        z = stats.norm.ppf(0.5 + level / 2)

        def score(delta):
            a2, a1, a0 = 2 * n, -b - c + (2 * n - b + c) * delta, -c * delta * (1 - delta)
            q = (np.sqrt(a1 * a1 - 4 * a2 * a0) - a1) / (2 * a2)
            return (b - c - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))
        d = (b - c) / n
        return optimize.brentq(lambda x: score(x) - z, -1 + 1e-12, d - 1e-13, xtol=1e-14), optimize.brentq(lambda x: score(x) + z, d + 1e-13, 1 - 1e-12, xtol=1e-14)
    for _ in range(60):
        n = int(rng.integers(20, 3000))
        b, c = rng.integers(1, max(2, n // 6), 2)
        case("paired difference", f"paired {b} {c} {n} 0.95", bounds(b, c, n, 0.95), 1e-8)


def curves():
    from sklearn.metrics import roc_auc_score, average_precision_score, roc_curve
    for _ in range(40):
        n = int(rng.integers(10, 400))
        truth = rng.integers(0, 2, n)
        truth[:2] = 0, 1
        score = np.round(rng.normal(truth * rng.uniform(0, 2), 1), int(rng.integers(1, 4)))
        rate = float(rng.uniform(0.05, 0.9))
        fpr, tpr, threshold = roc_curve(truth, score, drop_intermediate=False)
        ok = fpr <= rate
        case("curve", f"curve {rate!r} {n} " + " ".join(f"{s!r} {t}" for s, t in zip(map(float, score), truth)),
             [roc_auc_score(truth, score), roc_auc_score(truth, score, max_fpr=rate), average_precision_score(truth, score), tpr[ok].max(), threshold[ok][np.argmax(tpr[ok])]])


def classes():
    from sklearn.metrics import f1_score, recall_score, jaccard_score, precision_score, log_loss
    from scipy import optimize
    for _ in range(20):
        k, n = int(rng.integers(2, 8)), int(rng.integers(20, 500))
        truth = np.concatenate([np.arange(k), rng.integers(0, k, n)])
        guess = np.concatenate([np.arange(k), np.where(rng.uniform(size=n) < 0.6, truth[k:], rng.integers(0, k, n))])
        count = np.zeros((k, k), int)
        np.add.at(count, (truth, guess), 1)
        case("confusion", f"confusion {k} {words(count)}", [recall_score(truth, guess, average="macro"), f1_score(truth, guess, average="macro"),
             jaccard_score(truth, guess, average="macro"), *precision_score(truth, guess, average=None)])
    for _ in range(10):
        n = int(rng.integers(20, 500))
        sure, right = rng.uniform(0.01, 1, n).astype(np.float32), rng.integers(0, 2, n)
        bins = np.clip(np.ceil(sure.astype(float) * 15) - 1, 0, 14).astype(int)
        error = sum(abs(right[bins == b].sum() - sure[bins == b].astype(float).sum()) for b in range(15)) / n
        case("calibration", f"calibration {n} " + " ".join(f"{float(s)!r} {r}" for s, r in zip(sure, right)), error, 1e-6)
    for _ in range(5):
        n, k = 200, int(rng.integers(2, 6))
        logit = rng.normal(0, 3, (n, k)).astype(np.float32)
        truth = np.array([rng.choice(k, p=p) for p in (lambda e: e / e.sum(1, keepdims=True))(np.exp(logit / 1.7))])

        def loss(t):
            e = np.exp(logit / t - (logit / t).max(1, keepdims=True))
            return log_loss(truth, e / e.sum(1, keepdims=True), labels=range(k))
        best = optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}).x
        case("temperature", f"temperature {n} {k} " + " ".join(f"{t} {words(row)}" for t, row in zip(truth, logit)), best, 1e-3)


def boxes():
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    for _ in range(25):
        images, labels, truths, found = int(rng.integers(1, 12)), int(rng.integers(1, 5)), [], []
        for image in range(images):
            for _ in range(int(rng.integers(0, 9))):
                x, y, w, h = rng.integers(0, 200, 2).tolist() + rng.integers(8, 90, 2).tolist()
                truths.append((image, int(rng.integers(labels)), int(rng.uniform() < 0.1), x, y, w, h))
            for _ in range(int(rng.choice([4, 12, 130]))):
                if truths and rng.uniform() < 0.7:
                    t = truths[int(rng.integers(len(truths)))]
                    x, y, w, h = (np.array(t[3:]) + rng.integers(-9, 10, 4)).tolist()
                    image_, label = t[0], t[1] if rng.uniform() < 0.9 else int(rng.integers(labels))
                else:
                    x, y, w, h = rng.integers(0, 200, 2).tolist() + rng.integers(8, 90, 2).tolist()
                    image_, label = image, int(rng.integers(labels))
                found.append((image_, label, float(np.round(rng.uniform(), 2)), x, y, max(w, 1), max(h, 1)))
        found.sort(key=lambda f: f[0])
        if not any(not t[2] for t in truths):
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO()
            coco.dataset = {"images": [{"id": i} for i in range(images)], "categories": [{"id": i} for i in range(labels)],
                            "annotations": [{"id": i + 1, "image_id": t[0], "category_id": t[1], "iscrowd": t[2], "bbox": list(t[3:]), "area": t[5] * t[6]} for i, t in enumerate(truths)]}
            coco.createIndex()
            e = COCOeval(coco, coco.loadRes([{"image_id": f[0], "category_id": f[1], "score": f[2], "bbox": list(f[3:])} for f in found]), "bbox")
            e.evaluate(), e.accumulate(), e.summarize()
        corners = lambda b: f"{b[0]} {b[1]} {b[0] + b[2]} {b[1] + b[3]}"
        case("boxes", f"boxes {len(found)} {len(truths)} " + " ".join(f"{f[0]} {f[1]} {float(f[2])!r} {corners(f[3:])}" for f in found) + " " +
             " ".join(f"{t[0]} {t[1]} {t[2]} {corners(t[3:])}" for t in truths), [e.stats[0], e.stats[1], e.stats[2], e.stats[8]], 1e-9)


def text():
    import jiwer
    for _ in range(40):
        vocabulary = ["the", "cat", "sat", "on", "a", "mat", "été", "東京"]
        truth, said = (" ".join(rng.choice(vocabulary, int(rng.integers(1, 20)))) for _ in range(2))
        for by_word, measure in ((1, jiwer.process_words), (0, jiwer.process_characters)):
            o = measure(truth, said)
            n = len(truth.split()) if by_word else len(truth)
            case("edits", f"edits {by_word} [{truth}] [{said}]", [o.substitutions + o.insertions + o.deletions, n])


def verdicts():
    """drop 0, 0.5, 1, 3 points; 64 to 10,000 samples; margin 1 point: PASS where the drop is beyond it, or FAIL where it is within, is wrong."""
    wrong = []
    for drop in (0, 0.005, 0.01, 0.03):
        for n in (64, 300, 1000, 10000):
            gained = 0.02
            draws = rng.multinomial(n, [gained + drop, gained, 1 - 2 * gained - drop], 2000)
            wrong.append((drop, n, draws))
            for lost, won, _ in draws:
                cases.append(f"verdict {lost} {won} {n} 0.01")
                checks.append(None)
    return wrong


for part in (proportions, pairs, curves, classes, boxes, text):
    part()
simulated = verdicts()
lines = subprocess.run([driver], input="\n".join(cases) + "\n", capture_output=True, text=True, check=True).stdout.splitlines()
failed, passed, at = 0, {}, 0
for line, check in zip(lines, checks):
    if check is None:
        continue
    what, want, tol = check
    got = np.array([float(v) for v in line.split()])
    if got.shape == want.shape and np.allclose(got, want, rtol=tol, atol=tol):
        passed[what] = passed.get(what, 0) + 1
    else:
        failed += 1
        print(f"FAIL {what}: {got} is not {want}")
for what, n in passed.items():
    print(f"ok   {what}: {n} cases")
at = checks.index(None)
for drop, n, draws in simulated:
    verdict = [int(line.split()[0]) for line in lines[at:at + len(draws)]]
    at += len(draws)
    rate = np.mean([v == (0 if drop > 0.01 else 1) for v in verdict])
    bound = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / len(draws))  # 99.5 % of simulations stay below
    if drop == 0.01:  # at the margin itself PASS is right, FAIL is the error
        rate = np.mean([v == 1 for v in verdict])
    ok = rate <= bound
    failed += not ok
    passed["verdict"] = passed.get("verdict", 0) + ok
    print(f"{'ok  ' if ok else 'FAIL'} verdict: a drop of {100 * drop:.1f} points, {n} samples: wrong in {100 * rate:.1f} %")
print(f"{sum(passed.values())} passed, {failed} failed, 0 skipped")
sys.exit(failed != 0 or len(lines) != len(cases))
