/* Steps of sound and series that have tables of their own: spectra, tapers, baselines. */
#include <math.h>

#include "import/data/data.h"
#include "task/run.h"

#include "tensor/dtype.h"

#define TABLE_MAX ((size_t)64 << 20)

static sedge_status open_mel(sedge_task *t, sg_front *o, bool mfcc, const json_t *f, sg_err *err)
{
    sg_mel_spec s = {.rate = (uint32_t)sg_num(t->input, "rate"),
                     .fft = sg_int(f, "fft"),
                     .window = sg_get(f, "window") ? sg_int(f, "window") : sg_int(f, "fft"),
                     .hop = sg_int(f, "hop"),
                     .mels = sg_int(f, "mels"),
                     .mfcc = mfcc ? sg_int(f, "mfcc") : 0,
                     .low = sg_num(f, "low"),
                     .high = sg_num(f, "high"),
                     .power = sg_num(f, "power"),
                     .log_eps = sg_num(f, "eps"),
                     .like = (uint8_t)sg_mel_like_find(sg_text(f, "like")),
                     .taper = (uint8_t)sg_taper_find(sg_text(f, "taper")),
                     .log = sg_flag(f, "log")};
    o->columns = (size_t)(mfcc ? s.mfcc : s.mels);
    return sg_mel_new(&o->mel, &s, &t->mem, err);
}

/* npy [2, n]: means, then deviations. */
static sedge_status open_norm(sedge_task *t, sg_front *o, const char *file, sg_err *err)
{
    sg_map map;
    sg_data d;
    SG_TRY(sg_card_map(&t->card, file, TABLE_MAX, &map, err));
    sedge_status st = sg_npy_read(&t->card.arena, map.data, map.size, &d, err);
    bool good = st == SEDGE_OK && d.t.kind == SEDGE_TENSOR && sg_is_float((sg_dtype)d.t.dtype) && d.t.rank == 2 &&
                d.t.dim[0] == 2 && d.t.dim[1] > 0;
    if (st == SEDGE_OK && !good)
        st = sg_fail(err, SEDGE_E_SHAPE, "card: norm.file: %s is no table [2, n] of real numbers", file);
    if (good) {
        o->n = (size_t)d.t.dim[1];
        o->table = sg_arena_array(&t->card.arena, o->n * 2, sizeof *o->table);
        st = o->table ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
        for (size_t i = 0; o->table && i < o->n * 2; i++) {
            o->table[i] = sg_load_f64((sg_dtype)d.t.dtype, d.t.data, i);
            if (!isfinite(o->table[i]) || (i >= o->n && o->table[i] == 0))
                st = sg_fail(err, SEDGE_E_VALUE, "card: norm.file: %s: element %zu is not finite, or a deviation of 0", file, i);
        }
    }
    sg_map_close(&map);
    return st;
}

sedge_status sg_front_open(sedge_task *t, size_t i, sg_step_id s, const json_t *f, sg_err *err)
{
    sg_front *o = &t->front[i];
    switch (s) {
    case SG_STEP_LOGMEL:
    case SG_STEP_MFCC: return open_mel(t, o, s == SG_STEP_MFCC, f, err);
    case SG_STEP_PSD:
        return sg_psd_new(&o->psd, sg_int(f, "fft"), sg_taper_find(sg_text(f, "window")), sg_num(f, "overlap"), sg_flag(f, "log"),
                          sg_num(t->input, "rate") > 0 ? sg_num(t->input, "rate") : 1, &t->mem, err);
    case SG_STEP_NORM: return sg_get(f, "file") ? open_norm(t, o, sg_text(f, "file"), err) : SEDGE_OK;
    case SG_STEP_GRAPH: return sg_graph_open(t, &o->graph, f, i, false, err);
    default: return SEDGE_OK;
    }
}

void sg_front_close(sedge_task *t)
{
    for (size_t i = 0; i < SG_STEPS_MAX; i++) {
        sg_mel_free(t->front[i].mel);
        sg_psd_free(t->front[i].psd);
        sg_graph_close(t, &t->front[i].graph);
        sg_free(&t->mem, t->front[i].ring.p, t->front[i].ring.cap);
    }
}

/* What a step made becomes the signal: a copy, so that each memory keeps its own size from run to run. */
static sedge_status take_back(sedge_task *t, size_t n, sg_err *err)
{
    SG_TRY(sg_keep_room(t, &t->signal, n, sizeof(float), err));
    memcpy(t->signal.p, t->other.p, n * sizeof(float));
    return SEDGE_OK;
}

static sedge_status mel(sedge_task *t, const sg_front *o, size_t *rows, size_t *cols, sg_err *err)
{
    int64_t frames = sg_mel_frames(o->mel, (int64_t)*rows);
    if (*cols != 1 || frames < 1)
        return sg_fail(err, SEDGE_E_SHAPE, "card: logmel, mfcc: %zu rows of %zu values have no frame of one channel", *rows,
                       *cols);
    SG_TRY(sg_keep_room(t, &t->other, (size_t)frames * o->columns, sizeof(float), err));
    sg_mel_run(o->mel, t->signal.p, (int64_t)*rows, t->other.p);
    *rows = (size_t)frames;
    *cols = o->columns;
    return take_back(t, *rows * *cols, err);
}

/* [rows, cols] to [fft / 2 + 1, cols] */
static sedge_status psd(sedge_task *t, const sg_front *o, const json_t *f, size_t *rows, size_t cols, sg_err *err)
{
    size_t fft = (size_t)sg_int(f, "fft"), bins = fft / 2 + 1;
    if (*rows < fft)
        return sg_fail(err, SEDGE_E_SHAPE, "card: psd: %zu rows are shorter than a segment of %zu", *rows, fft);
    SG_TRY(sg_keep_room(t, &t->other, bins * (cols + 1), sizeof(float), err));
    float *out = t->other.p, *one = out + bins * cols;
    for (size_t c = 0; c < cols; c++) {
        sg_psd_run(o->psd, (const float *)t->signal.p + c, (int64_t)*rows, (int64_t)cols, one);
        for (size_t i = 0; i < bins; i++)
            out[i * cols + c] = one[i];
    }
    *rows = bins;
    return take_back(t, bins * cols, err);
}

/* Symmetric, as filters are designed. */
static void taper(float *v, size_t rows, size_t cols, const json_t *f)
{
    double a = sg_is(f, "kind", "hamming") ? 0.54 : sg_is(f, "kind", "blackman") ? 0.42 : 0.5, b = a == 0.54 ? 0.46 : 0.5;
    double c = a == 0.42 ? 0.08 : 0, step = rows > 1 ? 6.283185307179586 / ((double)rows - 1) : 0;
    for (size_t r = 0; rows > 1 && r < rows; r++) {
        double w = a - b * cos(step * (double)r) + c * cos(2 * step * (double)r);
        for (size_t k = 0; k < cols; k++)
            v[r * cols + k] = (float)((double)v[r * cols + k] * w);
    }
}

static sedge_status norm(float *v, const sg_front *o, size_t rows, size_t cols, sg_err *err)
{
    if (o->n != cols && o->n != rows * cols)
        return sg_fail(err, SEDGE_E_SHAPE, "card: norm.file: %zu means for %zu rows of %zu values", o->n, rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        v[i] = (float)(((double)v[i] - o->table[i % o->n]) / o->table[o->n + i % o->n]);
    return SEDGE_OK;
}

sedge_status sg_front_run(sedge_task *t, size_t i, sg_step_id s, const json_t *f, size_t *rows, size_t *cols, sg_err *err)
{
    const sg_front *o = &t->front[i];
    switch (s) {
    case SG_STEP_GRAPH: return sg_graph_signal(t, o->graph, rows, cols, err);
    case SG_STEP_LOGMEL:
    case SG_STEP_MFCC: return mel(t, o, rows, cols, err);
    case SG_STEP_PSD: return psd(t, o, f, rows, *cols, err);
    case SG_STEP_NORM: return norm(t->signal.p, o, *rows, *cols, err);
    default: taper(t->signal.p, *rows, *cols, f); return SEDGE_OK;
    }
}
