/* Pictures to tensors: the steps become geometry and one multiply-add per channel; the inverse is kept for the answers. */
#include <math.h>

#include "task/run.h"

#include "tensor/dtype.h"

typedef struct way {
    sg_geometry g[SG_STEPS_MAX + 1]; /* one more: sg_image_colors */
    int n;
    int32_t w, h;
    double mul[SEDGE_BANDS_MAX], add[SEDGE_BANDS_MAX];
    const sg_front *table; /* of a norm of each element; NULL: none */
    double mul2[SEDGE_BANDS_MAX], add2[SEDGE_BANDS_MAX]; /* behind it */
} way;

static int channels_of(sg_color c, const sedge_frame *f)
{
    return c == SG_COLOR_GRAY ? 1 : c == SG_COLOR_RGBA ? 4 : c == SG_COLOR_BANDS ? f->bands : 3;
}

/* What the picture's numbers go into: the model's input, or that of a graph before it. */
static void image_io(const sedge_task *t, sedge_io *io)
{
    const sg_graph *g = sg_graph_of_picture(t);
    sedge_model_input(g ? g->model : t->model, g ? g->in : t->in, io);
}

static sg_color color_of(const sedge_task *t)
{
    static const char *const names[] = {"rgb", "bgr", "gray", "rgba", "bands"};
    static const sg_color colors[] = {SG_COLOR_RGB, SG_COLOR_BGR, SG_COLOR_GRAY, SG_COLOR_RGBA, SG_COLOR_BANDS};
    for (int i = 0; i < 5; i++)
        if (sg_is(t->input, "color", names[i]))
            return colors[i];
    return SG_COLOR_RGB;
}

/* Whether channels stand last, and the axes of height and width; -1: there is none. */
static bool layout_of(const sedge_task *t, const sedge_io *io, int c, int *h, int *w)
{
    int r = io->rank;
    bool last = sg_is(t->input, "layout", "nhwc");
    if (sg_is(t->input, "layout", "auto"))
        last = r >= 3 && io->dim[r - 3] != c && io->dim[r - 1] == c;
    bool flat = r == 2 || (r == 3 && c == 1 && io->dim[0] == 1 && io->dim[2] != 1);
    *h = last && !flat ? r - 3 : r - 2;
    *w = last && !flat ? r - 2 : r - 1;
    return last;
}

sedge_status sg_image_open(sedge_task *t, sg_err *err)
{
    sedge_io io;
    size_t n = json_array_size(t->steps);
    bool table = false;
    for (size_t i = 0; i < n; i++) {
        const json_t *f;
        sg_step_id s = sg_step_at(t->steps, i, &f);
        bool arithmetic = s == SG_STEP_MUL || s == SG_STEP_NORM || s == SG_STEP_GRAPH;
        if ((s == SG_STEP_GRAPH && i + 1 < n) || (table && !arithmetic))
            return sg_fail(err, SEDGE_E_FORMAT, "card: steps.%zu: %s", i,
                           s == SG_STEP_GRAPH ? "a graph of pictures must be the last step"
                                              : "only mul, norm and graph may follow norm.file");
        table = table || (s == SG_STEP_NORM && sg_get(f, "file"));
        if (s == SG_STEP_NORM || s == SG_STEP_GRAPH)
            SG_TRY(sg_front_open(t, i, s, f, err));
    }
    SG_TRY(sg_tiles_open(t, err));
    image_io(t, &io);
    if (io.rank < 2 || io.rank > 4 || io.kind != SEDGE_TENSOR)
        return sg_fail(err, SEDGE_E_SHAPE, "card: inputs.%s: a picture needs an input of 2 to 4 axes", io.name);
    bool known = io.dtype == SEDGE_F32 || io.dtype == SEDGE_F16 || io.dtype == SEDGE_U8 || io.dtype == SEDGE_I8 ||
                 io.dtype == SEDGE_U16 || io.dtype == SEDGE_I16;
    if (!known)
        return sg_fail(err, SEDGE_E_TYPE, "card: inputs.%s: a picture cannot become %s", io.name, sedge_dtype_name(io.dtype));
    t->work = sg_image_work_new(&t->mem);
    return t->work ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "task: out of memory");
}

static sg_geometry *geometry(way *v, int32_t out_w, int32_t out_h)
{
    sg_geometry *g = &v->g[v->n++];
    *g = (sg_geometry){
        .src = {0, 0, v->w, v->h}, .width = v->w, .height = v->h, .out_w = out_w, .out_h = out_h, .antialias = true};
    return g;
}

static void set_kernel(sg_geometry *g, const json_t *f)
{
    g->kernel = (uint8_t)sg_resize_kernel_find(sg_text(f, "kernel"));
    g->like = (uint8_t)sg_resize_like_find(sg_text(f, "like"));
    g->antialias = sg_flag(f, "antialias");
}

static int32_t to_multiple(double x, int32_t m, double most)
{
    x = x > most ? most : x;
    int32_t v = (int32_t)(floor(x / m + 0.5) * m);
    return v < m ? m : v;
}

static void resize(way *v, const json_t *f)
{
    double w = v->w, h = v->h, k = 1;
    const json_t *size = sg_get(f, "size");
    int least = v->w < v->h ? v->w : v->h, most = v->w < v->h ? v->h : v->w;
    if (size) {
        h = sg_num_at(size, 0);
        w = sg_num_at(size, 1);
    } else if (sg_get(f, "short")) {
        k = sg_num(f, "short") / least;
    } else if (sg_get(f, "long")) {
        k = sg_num(f, "long") / most;
    } else if (sg_get(f, "height")) {
        k = sg_num(f, "height") / v->h;
    } else if (sg_get(f, "width")) {
        k = sg_num(f, "width") / v->w;
    }
    k = !sg_flag(f, "scale_up") && k > 1 ? 1 : k;
    /* Libraries cut the longer side down to a whole number, pillow and torch among them. */
    w = size ? w : floor(w * k + 1e-9);
    h = size ? h : floor(h * k + 1e-9);
    int32_t m = sg_int(f, "multiple");
    double limit = sg_num(f, "max");
    sg_geometry *g = geometry(v, to_multiple(w, m, limit), to_multiple(h, m, limit));
    g->width = v->w = g->out_w;
    g->height = v->h = g->out_h;
    set_kernel(g, f);
}

static void set_fill(way *v, sg_geometry *g, const json_t *f)
{
    const json_t *fill = sg_get(f, "fill");
    /* After arithmetic, the fill is a number of the new scale. */
    for (size_t c = 0; c < SEDGE_BANDS_MAX; c++)
        g->fill[c] = (float)((sg_num_at(fill, c) - v->add[c]) / v->mul[c]);
}

static void letterbox(way *v, const json_t *f)
{
    int32_t h = (int32_t)sg_num_at(sg_get(f, "size"), 0), w = (int32_t)sg_num_at(sg_get(f, "size"), 1);
    double k = fmin((double)w / v->w, (double)h / v->h);
    k = !sg_flag(f, "scale_up") && k > 1 ? 1 : k;
    sg_geometry *g = geometry(v, w, h);
    g->width = (int32_t)fmax(1, nearbyint(v->w * k));
    g->height = (int32_t)fmax(1, nearbyint(v->h * k));
    set_kernel(g, f);
    if (sg_is(f, "at", "center")) {
        g->x = (w - g->width) / 2;
        g->y = (h - g->height) / 2;
    }
    set_fill(v, g, f);
    v->w = w;
    v->h = h;
}

/* Pixels before the middle part of n out of `from`. */
static int32_t before_center(int32_t from, int32_t n, bool down)
{
    return down ? (from - n) / 2 : (int32_t)nearbyint((from - n) / 2.0);
}

static void place_in(way *v, const json_t *f, int32_t w, int32_t h)
{
    sg_geometry *g = geometry(v, w, h);
    if (sg_is(f, "at", "center")) {
        bool down = sg_is(f, "round", "down");
        g->x = w >= v->w ? (w - v->w) / 2 : -before_center(v->w, w, down);
        g->y = h >= v->h ? (h - v->h) / 2 : -before_center(v->h, h, down);
    }
    if (sg_get(f, "fill"))
        set_fill(v, g, f);
    v->w = w;
    v->h = h;
}

static void crop(way *v, const json_t *f)
{
    const json_t *size = sg_get(f, "size");
    double k = sg_num(f, "fraction");
    k = k > 0 ? k : 1;
    int32_t h = size ? (int32_t)sg_num_at(size, 0) : (int32_t)fmax(1, floor(v->h * k));
    int32_t w = size ? (int32_t)sg_num_at(size, 1) : (int32_t)fmax(1, floor(v->w * k));
    place_in(v, f, w, h);
}

static void pad(way *v, const json_t *f)
{
    const json_t *size = sg_get(f, "size");
    int32_t m = sg_int(f, "multiple");
    int32_t h = size ? (int32_t)sg_num_at(size, 0) : v->h, w = size ? (int32_t)sg_num_at(size, 1) : v->w;
    h = h < v->h ? v->h : h;
    w = w < v->w ? v->w : w;
    place_in(v, f, (w + m - 1) / m * m, (h + m - 1) / m * m);
}

static void linear(double *mul, double *add, sg_step_id s, const json_t *f, const sg_front *o)
{
    for (size_t c = 0; c < SEDGE_BANDS_MAX; c++) {
        double by = 1, mean = 0, std = 1;
        if (s == SG_STEP_MUL) {
            by = sg_num_at(sg_get(f, "by"), c);
        } else if (o->table) {
            mean = o->table[c % o->n];
            std = o->table[o->n + c % o->n];
        } else {
            mean = sg_num_at(sg_get(f, "mean"), c);
            std = sg_num_at(sg_get(f, "std"), c);
        }
        mul[c] = mul[c] * by / std;
        add[c] = (add[c] * by - mean) / std;
    }
}

/* A norm by a file has a number for each channel or for each element; of the latter there is one. */
static sedge_status arithmetic(way *v, sg_step_id s, const json_t *f, const sg_front *o, int channels, sg_err *err)
{
    size_t n = (size_t)v->w * (size_t)v->h * (size_t)channels;
    if (s == SG_STEP_NORM && o->table && o->n != (size_t)channels) {
        if (v->table || o->n != n)
            return sg_fail(err, SEDGE_E_SHAPE, "card: norm.file: %zu means for %d channels of %d x %d pixels", o->n, channels,
                           (int)v->h, (int)v->w);
        v->table = o;
        return SEDGE_OK;
    }
    linear(v->table ? v->mul2 : v->mul, v->table ? v->add2 : v->add, s, f, o);
    return SEDGE_OK;
}

/* EXIF orientations mirrored after the turn. */
static int mirrored(int turn, bool vertical)
{
    static const uint8_t across[9] = {2, 2, 1, 4, 3, 6, 5, 8, 7}, down[9] = {4, 4, 3, 2, 1, 8, 7, 6, 5};
    return vertical ? down[turn] : across[turn];
}

static sedge_status find_way(sedge_task *t, way *v, int channels, sg_err *err)
{
    for (size_t i = 0; i < json_array_size(t->steps); i++) {
        const json_t *f;
        sg_step_id s = sg_step_at(t->steps, i, &f);
        switch (s) {
        case SG_STEP_RESIZE: resize(v, f); break;
        case SG_STEP_LETTERBOX: letterbox(v, f); break;
        case SG_STEP_CROP: crop(v, f); break;
        case SG_STEP_PAD: pad(v, f); break;
        case SG_STEP_MUL:
        case SG_STEP_NORM: SG_TRY(arithmetic(v, s, f, &t->front[i], channels, err)); break;
        default: break;
        }
        if (v->w < 1 || v->h < 1 || (int64_t)v->w * v->h > (int64_t)1 << 28)
            return sg_fail(err, SEDGE_E_LIMIT, "card: steps.%zu gives a picture of %d x %d", i, (int)v->w, (int)v->h);
        for (int c = 0; c < channels; c++)
            if (!isfinite(v->mul[c]) || !isfinite(v->add[c]) || v->mul[c] == 0 || !isfinite(v->mul2[c]) || !isfinite(v->add2[c]))
                return sg_fail(err, SEDGE_E_VALUE, "card: steps.%zu: channel %d is multiplied by nothing finite", i, c);
    }
    return SEDGE_OK;
}

/* From the input's pixels back to the source's: x * s + t. */
static void invert(sedge_task *t, const way *v, int x, int y)
{
    const sg_tiles *s = &t->tiles;
    sg_place p = {1, 1, 0, 0, v->w, v->h, s->src_w, s->src_h};
    for (int i = v->n - 1; i >= 0; i--) {
        const sg_geometry *g = &v->g[i];
        double kx = (double)g->src.w / g->width, ky = (double)g->src.h / g->height;
        p.sx *= kx;
        p.tx = (p.tx - g->x) * kx + g->src.x;
        p.sy *= ky;
        p.ty = (p.ty - g->y) * ky + g->src.y;
    }
    p.tx += x;
    p.ty += y;
    if (s->flip[0]) {
        p.sx = -p.sx;
        p.tx = s->src_w - p.tx;
    }
    if (s->flip[1]) {
        p.sy = -p.sy;
        p.ty = s->src_h - p.ty;
    }
    t->place = p;
}

static sedge_status bind(sedge_task *t, const way *v, int channels, bool *last, sg_err *err)
{
    sedge_io io;
    image_io(t, &io);
    int ah, aw;
    *last = layout_of(t, &io, channels, &ah, &aw);
    sedge_tensor *x = &t->bound;
    io.dtype = t->dry && !sg_graph_of_picture(t) ? (uint8_t)SEDGE_F32 : io.dtype;
    *x = (sedge_tensor){.kind = SEDGE_TENSOR, .dtype = io.dtype, .rank = io.rank};
    int64_t n = 1;
    for (int i = 0; i < io.rank; i++) {
        bool is_channel = i != ah && i != aw && ((*last && i == io.rank - 1) || (!*last && i == io.rank - 3 && io.rank > 2));
        int64_t want = i == ah ? v->h : i == aw ? v->w : is_channel ? channels : 1;
        if (io.dim[i] >= 0 && io.dim[i] != want)
            return sg_fail(err, SEDGE_E_SHAPE,
                           "card: inputs.%s: the steps give %d x %d pixels of %d channels; axis %d of the input is %lld", io.name,
                           (int)v->h, (int)v->w, channels, i, (long long)io.dim[i]);
        x->dim[i] = want;
        n *= want;
    }
    SG_TRY(sg_keep_room(t, &t->data, (size_t)n * (sedge_dtype_bits(io.dtype) / 8), 1, err));
    x->data = t->data.p;
    return SEDGE_OK;
}

/* Pixels by the step norm.file: means and deviations of each element. */
static sedge_status by_table(sedge_task *t, const way *v, const sg_sink *sink, int channels, sg_err *err)
{
    size_t n = v->table->n, area = n / (size_t)channels;
    float *x = sink->data;
    for (size_t i = 0; i < n; i++) {
        size_t c = sink->channels_last ? i % (size_t)channels : i / area;
        x[i] = (float)(((double)x[i] - v->table->table[i]) / v->table->table[n + i] * v->mul2[c] + v->add2[c]);
    }
    sedge_io io;
    image_io(t, &io);
    return sg_store_numbers(t, &io, &t->bound, &t->data, x, 1, n, err);
}

/* Through the graph, if there is one, into the model. A graph of pictures takes and gives the whole picture. */
static sedge_status hand_over(sedge_task *t, int channels, sg_err *err)
{
    size_t n = json_array_size(t->steps);
    sg_graph *g = n ? t->front[n - 1].graph : NULL;
    if (g) {
        sg_reals out;
        sedge_io io;
        int h, w;
        SG_TRY(sg_graph_run(g, &t->bound, &out, err));
        const sedge_tensor y = out.t;
        sedge_model_input(t->model, t->in, &io);
        layout_of(t, &io, channels, &h, &w);
        if (y.rank == io.rank && h >= 0 && y.dim[h] > 0 && y.dim[w] > 0 && y.dim[h] < 1 << 20 && y.dim[w] < 1 << 20) {
            t->place.sy *= (double)t->place.h / (double)y.dim[h];
            t->place.sx *= (double)t->place.w / (double)y.dim[w];
            t->place.h = (int)y.dim[h];
            t->place.w = (int)y.dim[w];
        }
        t->bound = y;
    }
    return t->dry ? SEDGE_OK : sedge_session_set_input(t->session, t->in, &t->bound, err);
}

sedge_status sg_image_begin(sedge_task *t, const sedge_frame *frame, int *n, sg_err *err)
{
    sg_tiles *s = &t->tiles;
    s->frame = *frame;
    s->flip[0] = s->flip[1] = false;
    s->frame.turn = sg_flag(t->input, "exif") && frame->turn >= 1 && frame->turn <= 8 ? frame->turn : 1;
    for (size_t i = 0; i < json_array_size(t->steps); i++) {
        const json_t *f;
        if (sg_step_at(t->steps, i, &f) == SG_STEP_FLIP) {
            bool down = sg_is(f, "how", "vertical");
            s->frame.turn = (uint8_t)mirrored(s->frame.turn, down);
            s->flip[down] = !s->flip[down];
        }
    }
    SG_TRY(sg_frame_check(&s->frame, err));
    if ((color_of(t) == SG_COLOR_BANDS) != (frame->pixel >= SEDGE_PIXEL_BANDS_U8))
        return sg_fail(err, SEDGE_E_TYPE, "task: color bands takes frames of bands, and no other color takes them");
    int32_t w, h;
    sg_frame_upright(&s->frame, &w, &h);
    s->src_w = w;
    s->src_h = h;
    t->n_found = t->n_point = 0;
    return sg_tiles_begin(t, n, err);
}

sedge_status sg_image_colors(sedge_task *t, int32_t w, int32_t h, uint8_t *rgb, sg_err *err)
{
    bool one = t->tiles.nx * t->tiles.ny == 1;
    way v = {.n = 0};
    for (int c = 0; c < SEDGE_BANDS_MAX; c++)
        v.mul[c] = v.mul2[c] = 1;
    sg_frame_upright(&t->tiles.frame, &v.w, &v.h);
    if (one)
        SG_TRY(find_way(t, &v, 1, err));
    sg_geometry *g = geometry(&v, w, h);
    *g = (sg_geometry){.src = g->src,
                       .width = w,
                       .height = h,
                       .out_w = w,
                       .out_h = h,
                       .kernel = SG_BICUBIC,
                       .like = SG_PILLOW,
                       .antialias = true};
    sg_sink sink = {.data = rgb, .dtype = SEDGE_U8, .channels_last = true, .channels = 3, .mul = {1, 1, 1}};
    return sg_image_run(t->tint, &t->tiles.frame, SG_COLOR_RGB, v.g, v.n, &sink, err);
}

sedge_status sg_image_input(sedge_task *t, int i, sg_err *err)
{
    sedge_frame f;
    sg_color color = color_of(t);
    int x, y, channels = channels_of(color, &t->tiles.frame);
    way v = {.n = 0};
    SG_TRY(sg_tiles_frame(t, i, &f, &x, &y, err));
    for (int c = 0; c < SEDGE_BANDS_MAX; c++)
        v.mul[c] = v.mul2[c] = 1;
    sg_frame_upright(&f, &v.w, &v.h);
    SG_TRY(find_way(t, &v, channels, err));
    invert(t, &v, x, y);
    bool last;
    SG_TRY(bind(t, &v, channels, &last, err));
    sg_sink sink = {.data = t->data.p, .dtype = t->bound.dtype, .channels_last = last, .channels = (uint8_t)channels};
    sedge_io io;
    image_io(t, &io);
    sink.scale = (double)io.scale;
    sink.zero = io.zero;
    for (int c = 0; c < channels; c++) {
        sink.mul[c] = (float)v.mul[c];
        sink.add[c] = (float)v.add[c];
    }
    if (v.table) {
        SG_TRY(sg_keep_room(t, &t->signal, v.table->n, sizeof(float), err));
        sink.data = t->signal.p;
        sink.dtype = SEDGE_F32;
    }
    SG_TRY(sg_image_run(t->work, &f, color, v.g, v.n, &sink, err));
    if (v.table)
        SG_TRY(by_table(t, &v, &sink, channels, err));
    SG_TRY(hand_over(t, channels, err));
    ((sg_place *)t->tiles.place.p)[i] = t->place;
    return SEDGE_OK;
}
