/* Two models layer by layer. Each tensor that both make is looked at three times: with all the noise that came before; alone, the second
 * model's layer on the first one's values; and the other way round, the first one's layer in the second model, which tells what restoring it would gain. */
#include "fit/layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/stat.h"
#include "op/op.h"
#include "run/api.h"

#define SAMPLES  8
#define SUSPECTS 12
#define FAR_DB   10.0 /* below the middle layer's own noise: it diverges */
#define FINE_DB  60.0 /* differences so small are rounding of floats */

/* Sums over all samples and elements of a site. */
typedef struct sums {
    double signal, noise, own_noise, product, power, clipped, n;
    double low, high; /* what the second model can say; low > high: anything */
} sums;

struct sedge_layers {
    sg_mem mem;
    sg_arena arena;
    sg_sites sites;
    sedge_model *a, *b;
    sums *sum;
    sedge_layer *layer;
    sedge_tensor *fed, *other; /* by site */
    void **bytes; /* copies of what was made for them */
    size_t *cap;
    double *restored; /* noise of the outputs, by suspect */
    int suspect[SUSPECTS], n_suspect;
    double out_signal, out_noise;
    int first, costly;
    bool strange;
    size_t samples;
};

/* Where samples come from, for one side. */
typedef struct source {
    sg_rows rows;
    sg_carded *carded;
    const sg_samples *samples;
} source;

static sedge_status no_memory(sg_err *err)
{
    return sg_fail(err, SEDGE_E_NOMEM, "compare: out of memory");
}

/* ---- samples ---- */

static sedge_status open_source(source *s, sg_mem *mem, const sedge_side *side, const sedge_data *data, const char *data_path,
                                sg_err *err)
{
    sg_err why = {.status = SEDGE_OK};
    s->rows.mem = s->rows.arena.mem = mem;
    sedge_status st = sg_carded_open(&s->carded, side->model, side->path, side->card, data, &why);
    if (st == SEDGE_OK) {
        s->samples = sg_carded_samples(s->carded);
        return SEDGE_OK;
    }
    size_t n = data_path ? strlen(data_path) : 0;
    bool rows = n > 4 && (strcmp(data_path + n - 4, ".npy") == 0 || strcmp(data_path + n - 4, ".npz") == 0);
    if (st != SEDGE_E_NOT_FOUND || !rows)
        return sg_fail(err, st, "%s", why.msg);
    SG_TRY(sg_rows_open(&s->rows, mem, side->model, &data_path, 1, err));
    s->samples = &s->rows.samples;
    return SEDGE_OK;
}

static void close_source(source *s)
{
    sg_carded_close(&s->carded);
    sg_rows_close(&s->rows);
}

/* ---- values ---- */

static size_t count_of(const sedge_tensor *t)
{
    size_t n = 1;
    for (int k = 0; k < t->rank; k++)
        n *= (size_t)t->dim[k];
    return n;
}

/* The range of a site's quantizer in the second model, one for all elements. */
static void range_of(const sg_graph *g, const sg_site *s, sums *out)
{
    out->low = 1;
    out->high = 0;
    if (!s->quantize)
        return;
    const sg_value *scale = &g->value[sg_node_in(g, s->quantize, 1)], *zero = &g->value[sg_node_in(g, s->quantize, 2)];
    int dtype = g->value[sg_node_out(g, s->quantize, 0)].type.dtype;
    bool has_zero = sg_node_in(g, s->quantize, 2) != 0;
    if (scale->role != SG_CONST || scale->type.rank > 1 || (has_zero && zero->role != SG_CONST) ||
        (scale->type.rank == 1 && scale->type.dim[0] != 1))
        return;
    double low = dtype == SG_U8 ? 0 : dtype == SG_I8 ? -128 : dtype == SG_U16 ? 0 : dtype == SG_I16 ? -32768 : 1;
    double high = dtype == SG_U8 ? 255 : dtype == SG_I8 ? 127 : dtype == SG_U16 ? 65535 : dtype == SG_I16 ? 32767 : 0;
    double step = sg_load_f64((sg_dtype)scale->type.dtype, scale->data, 0);
    double z = has_zero ? sg_load_f64((sg_dtype)zero->type.dtype, zero->data, 0) : 0;
    if (low < high) {
        out->low = (low - z - 0.5) * step;
        out->high = (high - z + 0.5) * step;
    }
}

static sedge_status same_size(const sedge_layers *l, size_t k, const sedge_tensor *x, const sedge_tensor *y, sg_err *err)
{
    if (count_of(x) == count_of(y))
        return SEDGE_OK;
    return sg_fail(err, SEDGE_E_SHAPE, "compare: %s has %zu elements before and %zu after", l->sites.name[k], count_of(x),
                   count_of(y));
}

static void add_whole(sums *s, const float *x, const float *y, size_t n)
{
    bool bounded = s->low < s->high;
    for (size_t i = 0; i < n; i++) {
        double a = (double)x[i], b = (double)y[i], d = a - b;
        if (!isfinite(a))
            continue;
        s->signal += a * a;
        s->noise += isfinite(d) ? d * d : a * a + 1;
        s->product += isfinite(b) ? a * b : 0;
        s->power += isfinite(b) ? b * b : 0;
        s->clipped += bounded && (a < s->low || a > s->high);
        s->n++;
    }
}

static double noise_of(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double a = (double)x[i], d = a - (double)y[i];
        if (isfinite(a))
            sum += isfinite(d) ? d * d : a * a + 1;
    }
    return sum;
}

static double decibel(double signal, double noise)
{
    return noise > 0 ? 10 * log10((signal > 0 ? signal : 1e-300) / noise) : HUGE_VAL;
}

/* Copies of what a run made, so that another may use the memory. */
static sedge_status take_sites(sedge_layers *l, sg_patch *c, sedge_tensor *out, size_t half, sg_err *err)
{
    for (size_t k = 0; k < l->sites.n; k++) {
        size_t at = half * l->sites.n + k;
        SG_TRY(sg_patch_site(c, k, &out[k], err));
        size_t bytes = sedge_tensor_bytes(&out[k]);
        if (sg_grow(&l->mem, &l->bytes[at], &l->cap[at], bytes + 1, 1) != SEDGE_OK)
            return no_memory(err);
        if (bytes)
            memcpy(l->bytes[at], out[k].data, bytes);
        out[k].data = l->bytes[at];
    }
    return SEDGE_OK;
}

/* ---- the first pass: noise with all before, and alone ---- */

typedef struct pass {
    sedge_layers *l;
    source *sa, *sb;
    sg_patch a, b, cut;
    size_t n; /* samples, of `all` evenly picked */
} pass;

static sedge_status inputs(pass *p, size_t i, const source *s, sedge_tensor *in, sg_err *err)
{
    size_t all = p->sa->samples->n;
    return s->samples->get(s->samples->ctx, (size_t)(((double)i + 0.5) * (double)all / (double)p->n), in, err);
}

static sedge_status add_outputs(pass *p, const sg_patch *a, const sg_patch *b, double *signal, double *noise, sg_err *err)
{
    for (int k = 0; k < a->n_out; k++) {
        sedge_tensor x, y;
        SG_TRY(sedge_session_get_output(a->session, k, &x, err));
        SG_TRY(sedge_session_get_output(b->session, k, &y, err));
        if (x.kind != SEDGE_TENSOR || x.dtype != SEDGE_F32 || y.dtype != SEDGE_F32 || count_of(&x) != count_of(&y))
            continue;
        *noise += noise_of(x.data, y.data, count_of(&x));
        if (signal)
            for (size_t i = 0; i < count_of(&x); i++)
                *signal += (double)((const float *)x.data)[i] * (double)((const float *)x.data)[i];
    }
    (void)p;
    return SEDGE_OK;
}

static sedge_status look_once(pass *p, size_t i, sg_err *err)
{
    sedge_layers *l = p->l;
    sedge_tensor ina[SG_INPUTS_MAX], inb[SG_INPUTS_MAX];
    SG_TRY(inputs(p, i, p->sa, ina, err));
    SG_TRY(inputs(p, i, p->sb, inb, err));
    SG_TRY(sg_patch_run(&p->a, ina, NULL, err));
    SG_TRY(sg_patch_run(&p->b, inb, NULL, err));
    SG_TRY(add_outputs(p, &p->a, &p->b, &l->out_signal, &l->out_noise, err));
    SG_TRY(take_sites(l, &p->a, l->fed, 0, err));
    SG_TRY(take_sites(l, &p->b, l->other, 1, err));
    for (size_t k = 0; k < l->sites.n; k++) {
        SG_TRY(same_size(l, k, &l->fed[k], &l->other[k], err));
        add_whole(&l->sum[k], l->fed[k].data, l->other[k].data, count_of(&l->fed[k]));
    }
    SG_TRY(sg_patch_run(&p->cut, inb, l->fed, err));
    for (size_t k = 0; k < l->sites.n; k++) {
        sedge_tensor own;
        SG_TRY(sg_patch_site(&p->cut, k, &own, err));
        SG_TRY(same_size(l, k, &l->fed[k], &own, err));
        l->sum[k].own_noise += noise_of(l->fed[k].data, own.data, count_of(&own));
    }
    return SEDGE_OK;
}

static sedge_status look(pass *p, sg_err *err)
{
    sedge_layers *l = p->l;
    size_t n = l->sites.n;
    bool *all = sg_arena_array(&l->arena, n + 1, sizeof *all);
    if (!all)
        return no_memory(err);
    for (size_t k = 0; k < n; k++) {
        all[k] = true;
        range_of(l->b->graph, &l->sites.b[k], &l->sum[k]);
    }
    SG_TRY(sg_patch_open(&p->a, &l->mem, l->a, l->sites.a, n, NULL, true, err));
    SG_TRY(sg_patch_open(&p->b, &l->mem, l->b, l->sites.b, n, NULL, true, err));
    SG_TRY(sg_patch_open(&p->cut, &l->mem, l->b, l->sites.b, n, all, true, err));
    for (size_t i = 0; i < p->n; i++)
        SG_TRY(look_once(p, i, err));
    sg_patch_close(&p->cut);
    l->samples = p->n;
    for (size_t k = 0; k < n; k++) {
        const sums *s = &l->sum[k];
        l->layer[k] = (sedge_layer){.name = l->sites.name[k],
                                    .op = l->sites.op[k],
                                    .db = decibel(s->signal, s->noise),
                                    .own_db = decibel(s->signal, s->own_noise),
                                    .cosine = s->signal > 0 && s->power > 0 ? s->product / sqrt(s->signal * s->power) : NAN,
                                    .clipped = s->low < s->high && s->n > 0 ? s->clipped / s->n : NAN,
                                    .restored_db = NAN};
    }
    /* The first model in parts, fed by the second. */
    return sg_patch_open(&p->cut, &l->mem, l->a, l->sites.a, n, all, true, err);
}

/* ---- the second pass: what restoring one alone would gain ---- */

/* Those whose own noise is most beside their signal. */
static void find_suspects(sedge_layers *l)
{
    for (int s = 0; s < SUSPECTS; s++) {
        int worst = -1;
        for (size_t k = 0; k < l->sites.n; k++) {
            bool had = false;
            for (int i = 0; i < s; i++)
                had = had || l->suspect[i] == (int)k;
            if (!had && isfinite(l->layer[k].own_db) && (worst < 0 || l->layer[k].own_db < l->layer[worst].own_db))
                worst = (int)k;
        }
        if (worst < 0)
            return;
        l->suspect[l->n_suspect++] = worst;
    }
}

static sedge_status restore_once(pass *p, size_t i, sg_patch *one, sg_err *err)
{
    sedge_layers *l = p->l;
    sedge_tensor ina[SG_INPUTS_MAX], inb[SG_INPUTS_MAX];
    SG_TRY(inputs(p, i, p->sa, ina, err));
    SG_TRY(inputs(p, i, p->sb, inb, err));
    SG_TRY(sg_patch_run(&p->b, inb, NULL, err));
    SG_TRY(take_sites(l, &p->b, l->other, 1, err));
    SG_TRY(sg_patch_run(&p->cut, ina, l->other, err)); /* the first model's layers on the second one's values */
    SG_TRY(take_sites(l, &p->cut, l->fed, 0, err));
    SG_TRY(sg_patch_run(&p->a, ina, NULL, err));
    for (int s = 0; s < l->n_suspect; s++) {
        SG_TRY(sg_patch_run(&one[s], inb, l->fed, err));
        SG_TRY(add_outputs(p, &p->a, &one[s], NULL, &l->restored[s], err));
    }
    return SEDGE_OK;
}

static sedge_status restore(pass *p, sg_err *err)
{
    sedge_layers *l = p->l;
    sg_patch one[SUSPECTS] = {{.mem = NULL}};
    bool *which = sg_arena_array(&l->arena, l->sites.n + 1, sizeof *which);
    sedge_status st = which && (l->restored = sg_arena_array(&l->arena, SUSPECTS, sizeof *l->restored)) ? SEDGE_OK
                                                                                                        : no_memory(err);
    find_suspects(l);
    for (int s = 0; st == SEDGE_OK && s < l->n_suspect; s++) {
        which[l->suspect[s]] = true;
        st = sg_patch_open(&one[s], &l->mem, l->b, l->sites.b, l->sites.n, which, false, err);
        which[l->suspect[s]] = false;
    }
    for (size_t i = 0; st == SEDGE_OK && i < p->n; i++)
        st = restore_once(p, i, one, err);
    for (int s = 0; s < l->n_suspect; s++) {
        if (st == SEDGE_OK)
            l->layer[l->suspect[s]].restored_db = decibel(l->out_signal, l->restored[s]);
        sg_patch_close(&one[s]);
    }
    return st;
}

/* ---- what it comes to ---- */

/* Own noise of the layer in the middle. */
static double middle_db(sedge_layers *l)
{
    size_t n = l->sites.n;
    double *sorted = sg_arena_array(&l->arena, n + 1, sizeof *sorted);
    for (size_t k = 0; sorted && k < n; k++)
        sorted[k] = l->layer[k].own_db;
    if (sorted)
        qsort(sorted, n, sizeof *sorted, sg_by_double);
    return sorted ? sorted[n / 2] : HUGE_VAL;
}

/* The first whose own noise is far above that. */
static int first_of(const sedge_layers *l, double middle)
{
    double least = fmin(middle - FAR_DB, FINE_DB);
    for (size_t k = 0; k < l->sites.n; k++)
        if (l->layer[k].own_db < least)
            return (int)k;
    return -1;
}

static void conclude(sedge_layers *l)
{
    double best = l->out_noise > 0 ? decibel(l->out_signal, l->out_noise) : HUGE_VAL;
    double middle = middle_db(l);
    l->first = l->costly = -1;
    /* Outputs cannot agree better than half of what makes them, unless layers were rescaled against each other, or names lie. */
    l->strange = middle < best - FAR_DB;
    if (l->strange)
        return;
    l->first = first_of(l, middle);
    for (int s = 0; s < l->n_suspect; s++)
        if (l->layer[l->suspect[s]].restored_db > best) {
            best = l->layer[l->suspect[s]].restored_db;
            l->costly = l->suspect[s];
        }
}

static sedge_status compare(sedge_layers *l, const sedge_side *before, const sedge_side *after, const sedge_data *data,
                            const char *data_path, size_t want, sg_err *err)
{
    source sa = {.carded = NULL}, sb = {.carded = NULL};
    pass p = {.l = l, .sa = &sa, .sb = &sb};
    SG_TRY(sg_layers_model(&l->a, before->model, err));
    SG_TRY(sg_layers_model(&l->b, after->model, err));
    SG_TRY(sg_sites_find(&l->sites, &l->mem, l->a->graph, l->b->graph, err));
    size_t n = l->sites.n;
    l->sum = sg_arena_array(&l->arena, n + 1, sizeof *l->sum);
    l->layer = sg_arena_array(&l->arena, n + 1, sizeof *l->layer);
    l->fed = sg_arena_array(&l->arena, n + 1, sizeof *l->fed);
    l->other = sg_arena_array(&l->arena, n + 1, sizeof *l->other);
    l->bytes = sg_arena_array(&l->arena, 2 * n + 1, sizeof *l->bytes);
    l->cap = sg_arena_array(&l->arena, 2 * n + 1, sizeof *l->cap);
    sedge_status st = l->arena.lost ? no_memory(err) : open_source(&sa, &l->mem, before, data, data_path, err);
    if (st == SEDGE_OK)
        st = open_source(&sb, &l->mem, after, data, data_path, err);
    if (st == SEDGE_OK) {
        p.n = want ? want : SAMPLES;
        p.n = p.n < sa.samples->n ? p.n : sa.samples->n;
        st = look(&p, err);
    }
    if (st == SEDGE_OK)
        st = restore(&p, err);
    if (st == SEDGE_OK)
        conclude(l);
    sg_patch_close(&p.a);
    sg_patch_close(&p.b);
    sg_patch_close(&p.cut);
    close_source(&sa);
    close_source(&sb);
    return st;
}

sedge_status sedge_layers_open(sedge_layers **out, const sedge_side *before, const sedge_side *after, const sedge_data *data,
                               const char *data_path, size_t n, sedge_error *err)
{
    *out = NULL;
    sedge_layers *l = calloc(1, sizeof *l);
    if (!l)
        return no_memory(err);
    l->arena.mem = &l->mem;
    sedge_status st = compare(l, before, after, data, data_path, n, err);
    if (st == SEDGE_OK)
        *out = l;
    else
        sedge_layers_close(&l);
    return st;
}

void sedge_layers_get(const sedge_layers *l, sedge_layers_result *out)
{
    *out = (sedge_layers_result){.n_layer = (int)l->sites.n,
                                 .layer = l->layer,
                                 .first = l->first,
                                 .costly = l->costly,
                                 .strange = l->strange,
                                 .output_db = decibel(l->out_signal, l->out_noise),
                                 .samples = l->samples};
}

void sedge_layers_close(sedge_layers **layers)
{
    sedge_layers *l = *layers;
    if (!l)
        return;
    for (size_t k = 0; l->bytes && k < 2 * l->sites.n; k++)
        sg_free(&l->mem, l->bytes[k], l->cap[k]);
    sg_sites_free(&l->sites, &l->mem);
    sedge_model_close(&l->a);
    sedge_model_close(&l->b);
    sg_arena_free(&l->arena);
    free(l);
    *layers = NULL;
}
