/* One axis of a resize: from an output position to source positions and weights. ONNX's definition of Resize;
 * cubic weights are those of Keys (1981). */
#include <math.h>

#include "op/resize.h"

/* Source coordinate of output o. */
static double source(const sg_axis_map *m, double o)
{
    double in = (double)m->in, width = m->scale * in; /* `width` may be fractional where scales were given */
    switch (m->coord) {
    case SG_COORD_ALIGN_CORNERS: return width == 1 ? 0 : o * (in - 1) / (width - 1);
    case SG_COORD_ASYMMETRIC: return o / m->scale;
    case SG_COORD_TF_CROP:
        if (width == 1)
            return (m->roi1 - m->roi0) * (in - 1) / 2 + m->roi0 * (in - 1);
        return o * (m->roi1 - m->roi0) * (in - 1) / (width - 1) + m->roi0 * (in - 1);
    case SG_COORD_TF_NEAREST: return (o + 0.5) / m->scale;
    case SG_COORD_PYTORCH_HALF_PIXEL: return width == 1 ? -0.5 : (o + 0.5) / m->scale - 0.5;
    case SG_COORD_HALF_PIXEL_SYMMETRIC: return in / 2 * (1 - (double)m->out / width) + (o + 0.5) / m->scale - 0.5;
    default: return (o + 0.5) / m->scale - 0.5;
    }
}

/* Antialiasing widens the filter when the axis shrinks. */
static double filter_scale(const sg_axis_map *m)
{
    return m->antialias && m->scale < 1 ? m->scale : 1;
}

int64_t sg_axis_taps(const sg_axis_map *m)
{
    if (m->mode == SG_RESIZE_NEAREST)
        return 1;
    double reach = (m->mode == SG_RESIZE_CUBIC ? 2 : 1) / filter_scale(m);
    if (!(reach < 1e8))
        return -1;
    return 2 - 2 * ((int64_t)floor(-reach) + 1); /* 2 or 4 without antialiasing */
}

static double cubic_weight(double x, double a)
{
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static int64_t clamp(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static int64_t nearest(double x, int round)
{
    double f = floor(x), r = x - f;
    if (round == SG_ROUND_CEIL)
        return (int64_t)ceil(x);
    bool up = round == SG_ROUND_PREFER_FLOOR ? r > 0.5 : round == SG_ROUND_PREFER_CEIL && r >= 0.5;
    return (int64_t)f + up;
}

bool sg_axis_sample(const sg_axis_map *m, int64_t o, int64_t taps, int64_t *at, double *weight)
{
    double x = source(m, (double)o), last = (double)(m->in - 1), sum = 0, fs = filter_scale(m);
    bool inside = m->coord != SG_COORD_TF_CROP || (x >= 0 && x <= last);
    if (!(x > -1e15))
        x = -1e15;
    if (x > 1e15)
        x = 1e15;
    if (m->mode == SG_RESIZE_NEAREST) {
        at[0] = clamp(nearest(x, m->round), m->in);
        weight[0] = 1;
        return inside;
    }
    int64_t first = (int64_t)floor(x) - (taps / 2 - 1);
    /* an exact position counts as the right end of its cell: its own weight is then the same, the window starts one earlier */
    if (floor(x) == x)
        first--;
    for (int64_t k = 0; k < taps; k++) {
        double d = ((double)(first + k) - x) * fs;
        double w = m->mode == SG_RESIZE_CUBIC ? cubic_weight(d, m->cubic_a) : fmax(0, 1 - fabs(d));
        if (m->exclude && (first + k < 0 || first + k >= m->in))
            w = 0;
        at[k] = clamp(first + k, m->in);
        weight[k] = w;
        sum += w;
    }
    bool norm = m->antialias || m->exclude;
    for (int64_t k = 0; norm && sum != 0 && k < taps; k++)
        weight[k] /= sum;
    return inside;
}
