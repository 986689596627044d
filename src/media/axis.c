/* The taps of a resize along one axis, as each library places and weighs them.
 *   pillow  filters widened by the scale, from the centre of the output pixel; 22-bit weights for bytes
 *   opencv  pixel centres, not widened, borders repeated, 11-bit weights for bytes; area: overlap
 *   tf      tf.image.resize: half pixel centres; with antialias as scale_and_translate does
 *   torch   interpolate(align_corners=False): with antialias as Pillow, else not widened with borders repeated */
#include <math.h>
#include <string.h>

#include "media/rows.h"

#define PI 3.14159265358979323846

static const char *const kernel_name[] = {
#define KERNEL(id, name) name,
#include "media/resize.def"
#undef KERNEL
};
static const char *const like_name[] = {
#define LIKE(id, name) name,
#include "media/resize.def"
#undef LIKE
};

static int find(const char *const *list, size_t n, const char *name)
{
    for (size_t k = 0; name && k < n; k++)
        if (strcmp(list[k], name) == 0)
            return (int)k;
    return -1;
}

int sg_resize_kernel_find(const char *name)
{
    return find(kernel_name, sizeof kernel_name / sizeof *kernel_name, name);
}

int sg_resize_like_find(const char *name)
{
    return find(like_name, sizeof like_name / sizeof *like_name, name);
}

bool sg_axis_known(int kernel, int like)
{
    static const unsigned has[] = {
        [SG_PILLOW] = 1u << SG_NEAREST | 1u << SG_BOX | 1u << SG_BILINEAR | 1u << SG_HAMMING | 1u << SG_BICUBIC |
                      1u << SG_LANCZOS,
        [SG_OPENCV] = 1u << SG_NEAREST | 1u << SG_BILINEAR | 1u << SG_BICUBIC | 1u << SG_AREA,
        [SG_TF] = 1u << SG_NEAREST | 1u << SG_BILINEAR | 1u << SG_BICUBIC | 1u << SG_AREA | 1u << SG_LANCZOS,
        [SG_TORCH] = 1u << SG_NEAREST | 1u << SG_BILINEAR | 1u << SG_BICUBIC | 1u << SG_AREA,
    };
    return like >= 0 && like <= SG_TORCH && kernel >= 0 && kernel <= SG_AREA && (has[like] >> kernel & 1);
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(PI * x) / (PI * x);
}

/* Keys' cubic convolution (1981). */
static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double weigh(int kernel, double x)
{
    switch (kernel) {
    case SG_BOX: return x > -0.5 && x <= 0.5 ? 1 : 0;
    case SG_BILINEAR: return fabs(x) < 1 ? 1 - fabs(x) : 0;
    case SG_HAMMING: return fabs(x) < 1 ? sinc(x) * (0.54 + 0.46 * cos(PI * x)) : 0;
    case SG_BICUBIC: return cubic(x, -0.5);
    default: return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    }
}

static double support(int kernel)
{
    return kernel == SG_BOX ? 0.5 : kernel == SG_BICUBIC ? 2 : kernel == SG_LANCZOS ? 3 : 1;
}

/* One axis in the making: sizes, and the weights of one output in f64. */
typedef struct making {
    int32_t in, out, kernel, like;
    bool antialias;
    int32_t start, count, taps;
    double *w;
} making;

static void normalize(making *m)
{
    double sum = 0;
    for (int32_t k = 0; k < m->count; k++)
        sum += m->w[k];
    for (int32_t k = 0; k < m->count && fabs(sum) > 1e-30; k++)
        m->w[k] /= sum;
}

/* A filter widened by the scale: Pillow, torch and tf with antialias; tf's lanczos without. */
static void spread(making *m, int32_t i)
{
    bool tf = m->like == SG_TF;
    double scale = (double)m->in / m->out, wide = scale > 1 && (!tf || m->antialias) ? scale : 1;
    double reach = support(m->kernel) * wide, at = (i + 0.5) * scale;
    if (tf) /* in f32, as there */
        at = (double)(((float)i + 0.5f) * (1.0f / ((float)m->out / (float)m->in)));
    int32_t from, to;
    if (tf) {
        from = (int32_t)ceil(at - reach - 0.5);
        to = (int32_t)floor(at + reach - 0.5) + 1;
    } else {
        from = (int32_t)(at - reach + 0.5);
        to = (int32_t)(at + reach + 0.5);
    }
    from = from < 0 ? 0 : from < m->in ? from : m->in - 1;
    to = to > m->in ? m->in : to > from ? to : from + 1;
    m->start = from;
    m->count = to - from < m->taps ? to - from : m->taps;
    for (int32_t k = 0; k < m->count; k++)
        m->w[k] = weigh(m->kernel, (from + k - at + 0.5) / wide);
    normalize(m);
}

/* n taps from input `first` on; those outside repeat the border, or count nothing and the rest is normalized. */
static void at_border(making *m, int32_t first, const double *w, int n, bool repeat)
{
    int32_t last = first + n - 1;
    m->start = first < 0 ? 0 : first < m->in ? first : m->in - 1;
    last = last < 0 ? 0 : last < m->in ? last : m->in - 1;
    m->count = last - m->start + 1;
    for (int32_t k = 0; k < m->count; k++)
        m->w[k] = 0;
    for (int k = 0; k < n; k++) {
        int32_t x = first + k, in = x < m->start ? m->start : x > last ? last : x;
        if (repeat || x == in)
            m->w[in - m->start] += w[k];
    }
    if (!repeat)
        normalize(m);
}

static void between(making *m, int32_t i)
{
    double scale = (double)m->in / m->out;
    double x = (i + 0.5) * scale - 0.5;
    if (m->like == SG_OPENCV)
        x = (double)(float)x;
    if (m->like == SG_TF || m->like == SG_TORCH)
        x = (double)(((float)i + 0.5f) * ((float)m->in / (float)m->out) - 0.5f);
    double from = floor(x), t = x - from;
    if (m->kernel == SG_BILINEAR) {
        const double w[2] = {1 - t, t};
        at_border(m, (int32_t)from, w, 2, true);
        return;
    }
    double a = m->like == SG_TF ? -0.5 : -0.75;
    if (m->like == SG_TF) /* its table has 1024 entries */
        t = nearbyint(t * 1024) / 1024;
    double w[4] = {cubic(1 + t, a), cubic(t, a), cubic(1 - t, a), cubic(2 - t, a)};
    at_border(m, (int32_t)from - 1, w, 4, m->like != SG_TF);
}

/* OpenCV's area for enlarging: weights between two pixels that leave plateaus. */
static void plateau(making *m, int32_t i)
{
    double grow = (double)m->out / m->in; /* floor is not continuous: round as it does */
    int32_t from = (int32_t)floor(i * (1.0 / grow));
    float t = (float)((i + 1) - (from + 1) * grow);
    t = t <= 0 ? 0 : t - floorf(t);
    const double w[2] = {(double)(1 - t), (double)t};
    at_border(m, from, w, 2, true);
}

/* Every input pixel by the part that output i covers; torch: those touched count the same. */
static void overlap(making *m, int32_t i)
{
    if (m->like == SG_TORCH) {
        int64_t from = (int64_t)i * m->in / m->out, to = ((int64_t)(i + 1) * m->in + m->out - 1) / m->out;
        m->start = (int32_t)from;
        m->count = (int32_t)(to - from);
        for (int32_t k = 0; k < m->count; k++)
            m->w[k] = 1.0 / m->count;
        return;
    }
    double scale = (double)m->in / m->out, from = i * scale, to = from + scale;
    if (m->like == SG_TF) { /* in f32, as there; an output within one input counts the scale, not to - from */
        float f = (float)m->in / (float)m->out;
        from = (double)((float)i * f);
        to = (double)((float)(i + 1) * f);
        scale = (double)f;
    }
    double slack = m->like == SG_TF ? 0 : 1e-9;
    m->start = (int32_t)floor(from + slack);
    int32_t end = (int32_t)ceil(to - slack);
    end = end > m->in ? m->in : end;
    m->start = m->start < end ? m->start : end - 1;
    m->count = end - m->start;
    for (int32_t k = 0; k < m->count; k++) {
        double left = m->start + k, right = left + 1;
        m->w[k] = m->like == SG_TF && left < from && right > to
                      ? 1
                      : ((right < to ? right : to) - (left > from ? left : from)) / scale;
    }
    if (m->like != SG_TF)
        normalize(m);
}

static void nearest(making *m, int32_t i, double *walk)
{
    double x;
    if (m->like == SG_PILLOW) { /* it adds the scale up, and so do we */
        double scale = (double)m->in / m->out;
        *walk = i ? *walk + scale : scale * 0.5;
        x = *walk;
    } else if (m->like == SG_OPENCV) {
        x = floor(i * (1.0 / ((double)m->out / m->in)));
    } else {
        float scale = (float)m->in / (float)m->out;
        x = (double)floorf(m->like == SG_TF ? ((float)i + 0.5f) * scale : (float)i * scale);
    }
    m->start = x < m->in ? (int32_t)x : m->in - 1;
    m->count = 1;
    m->w[0] = 1;
}

static void make_one(making *m, int32_t i, bool enlarges, double *walk)
{
    bool wide = m->like == SG_PILLOW || ((m->like == SG_TORCH || m->like == SG_TF) && m->antialias);
    if (m->kernel == SG_NEAREST)
        nearest(m, i, walk);
    else if (m->kernel == SG_AREA && m->like == SG_OPENCV && enlarges)
        plateau(m, i);
    else if (m->kernel == SG_AREA)
        overlap(m, i);
    else if (wide || m->kernel == SG_LANCZOS)
        spread(m, i);
    else
        between(m, i);
}

static sg_sum sum_of(const sg_geometry *g, bool real, bool same, bool enlarges)
{
    if (g->kernel == SG_NEAREST || same)
        return SG_SUM_COPY;
    if (!real && g->like == SG_PILLOW)
        return SG_SUM_BYTES;
    if (!real && g->like == SG_OPENCV && (g->kernel != SG_AREA || enlarges))
        return SG_SUM_FIXED;
    return SG_SUM_REAL;
}

static void keep(sg_axis *a, int32_t i, const making *m)
{
    a->start[i] = m->start;
    a->count[i] = m->count;
    for (int32_t k = 0; k < m->count; k++) {
        size_t at = (size_t)i * (size_t)a->taps + (size_t)k;
        double w = m->w[k];
        if (a->sum == SG_SUM_BYTES)
            a->fixed[at] = (int32_t)(w < 0 ? w * (1 << 22) - 0.5 : w * (1 << 22) + 0.5);
        else if (a->sum == SG_SUM_FIXED)
            a->fixed[at] = (int32_t)nearbyint((double)((float)w * 2048.0f));
        else
            a->real[at] = (float)w;
    }
}

sedge_status sg_axis_make(sg_axis *a, sg_arena *arena, const sg_geometry *g, bool vertical, bool real, sg_err *err)
{
    making m = {
        .in = vertical ? g->src.h : g->src.w, .out = vertical ? g->height : g->width, .kernel = g->kernel, .like = g->like};
    /* What is placed outside the picture is not computed. */
    int32_t place = vertical ? g->y : g->x, room = vertical ? g->out_h : g->out_w, first = place < 0 ? -place : 0;
    int64_t end = (int64_t)room - place < m.out ? (int64_t)room - place : m.out;
    bool whole = g->src.w == g->width && g->src.h == g->height;
    bool enlarges = g->width > g->src.w || g->height > g->src.h;
    bool fixed = sum_of(g, real, whole, enlarges) == SG_SUM_FIXED; /* both axes or none */
    m.antialias = g->antialias;
    a->n = end > first ? (int32_t)(end - first) : 0;
    a->sum = (uint8_t)sum_of(g, real, whole || (m.in == m.out && !fixed), enlarges);
    double scale = m.in > m.out ? (double)m.in / m.out : 1;
    a->taps = a->sum == SG_SUM_COPY ? 1 : (int32_t)ceil(support(g->kernel) * scale) * 2 + 3;
    if (a->taps < 4 && a->sum != SG_SUM_COPY)
        a->taps = 4;
    m.taps = a->taps;
    size_t n = (size_t)a->n + 1, cells = n * (size_t)a->taps;
    a->start = sg_arena_array(arena, n, sizeof *a->start);
    a->count = sg_arena_array(arena, n, sizeof *a->count);
    a->real = sg_arena_array(arena, cells, sizeof *a->real);
    a->fixed = sg_arena_array(arena, cells, sizeof *a->fixed);
    m.w = sg_arena_array(arena, (size_t)a->taps + 4, sizeof *m.w);
    if (!a->start || !a->count || !a->real || !a->fixed || !m.w)
        return sg_fail(err, SEDGE_E_NOMEM, "resize: no memory for the weights of %d pixels", a->n);
    double walk = 0;
    for (int32_t i = 0; i < end; i++) {
        if (g->kernel != SG_NEAREST && a->sum == SG_SUM_COPY) {
            m.start = i;
            m.count = 1;
            m.w[0] = 1;
        } else {
            make_one(&m, i, enlarges, &walk);
        }
        if (i >= first)
            keep(a, i - first, &m);
    }
    return SEDGE_OK;
}
