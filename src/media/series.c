/* Series of numbers from CSV to rows at one rate. Between two neighbours of the source a row is interpolated; where they lie further
 * apart than one and a half of its steps, samples are missing and become what the caller chose, each counted. */
#include <math.h>
#include <string.h>

#include "media/csv.h"
#include "sedge/media.h"

#define LIMIT_DEFAULT ((size_t)1 << 30)
#define RATE_MAX      1e9

typedef struct source {
    sg_csv csv;
    sg_mem *mem;
    const sedge_series_opts *opts;
    size_t fields; /* of each record */
    int columns, time; /* time -1: none */
    size_t *at, at_size;
    double *when;
    float *value; /* [rows, columns], NaN: missing */
    size_t *line;
    size_t rows, when_cap, value_cap, line_cap;
    sg_err *err;
} source;

typedef struct owner {
    sg_mem mem;
    size_t bytes;
} owner;

void sedge_series_opts_init(sedge_series_opts *opts)
{
    *opts = (sedge_series_opts){.rate = 1};
}

/* ---- reading ---- */

static sedge_status find_column(source *s, const char *name, bool header, size_t *at)
{
    for (size_t i = 0; header && i < s->fields; i++)
        if (sg_csv_is(&s->csv.field[i], name)) {
            *at = i;
            return SEDGE_OK;
        }
    size_t v = 0, n = 0;
    for (; name[n] >= '0' && name[n] <= '9' && n < 6; n++)
        v = v * 10 + (size_t)(name[n] - '0');
    if (n == 0 || name[n])
        return sg_fail(s->err, SEDGE_E_NOT_FOUND, "csv: line %zu: no column \"%s\"%s", s->csv.line, name,
                       header ? "" : ", and no header");
    if (v >= s->fields)
        return sg_fail(s->err, SEDGE_E_NOT_FOUND, "csv: line %zu: no column %zu, there are %zu", s->csv.line, v, s->fields);
    *at = v;
    return SEDGE_OK;
}

/* A first record in which something is neither a number nor a time is a header. */
static bool is_header(const sg_csv *c)
{
    double v;
    for (size_t i = 0; i < c->n; i++)
        if (sg_csv_number(&c->field[i], &v) == SG_CSV_TEXT && !sg_csv_time(&c->field[i], &v))
            return true;
    return false;
}

static sedge_status choose_columns(source *s, bool header)
{
    size_t time = 0;
    s->fields = s->csv.n;
    s->time = -1;
    if (s->opts->time) {
        SG_TRY(find_column(s, s->opts->time, header, &time));
        s->time = (int)time;
    }
    bool all = !s->opts->column || s->opts->n_column == 0;
    s->columns = all ? (int)s->fields - (s->time >= 0) : s->opts->n_column;
    if (s->columns < 1)
        return sg_fail(s->err, SEDGE_E_ARG, "csv: no columns");
    if (s->opts->n_column && s->columns != s->opts->n_column)
        return sg_fail(s->err, SEDGE_E_SHAPE, "csv: %d columns%s, %d are wanted", s->columns,
                       s->time < 0 ? "" : " beside the time", s->opts->n_column);
    s->at_size = (size_t)s->columns * sizeof *s->at;
    s->at = sg_alloc(s->mem, s->at_size);
    if (!s->at)
        return sg_fail(s->err, SEDGE_E_NOMEM, "csv: no memory for %d columns", s->columns);
    for (size_t i = 0, k = 0; all && i < s->fields; i++)
        if ((int)i != s->time)
            s->at[k++] = i;
    for (int i = 0; !all && i < s->columns; i++)
        SG_TRY(find_column(s, s->opts->column[i], header, &s->at[i]));
    return SEDGE_OK;
}

static sedge_status read_time(source *s, double *when)
{
    const sg_csv *c = &s->csv;
    if (s->time < 0) {
        *when = (double)s->rows / (s->opts->source_rate > 0 ? s->opts->source_rate : s->opts->rate);
        return SEDGE_OK;
    }
    if (!sg_csv_time(&c->field[s->time], when))
        return sg_fail(s->err, SEDGE_E_FORMAT, "csv: line %zu, column %d: no time", c->line, s->time);
    if (s->rows && !(*when > s->when[s->rows - 1]))
        return sg_fail(s->err, SEDGE_E_VALUE, "csv: line %zu, column %d: not later than the row before", c->line, s->time);
    return SEDGE_OK;
}

static sedge_status read_row(source *s)
{
    const sg_csv *c = &s->csv;
    size_t columns = (size_t)s->columns, base = s->rows * columns;
    if (c->n != s->fields)
        return sg_fail(s->err, SEDGE_E_FORMAT, "csv: line %zu: %zu columns, the first line has %zu", c->line, c->n, s->fields);
    if (sg_grow(s->mem, &s->when, &s->when_cap, s->rows + 1, sizeof *s->when) != SEDGE_OK ||
        sg_grow(s->mem, &s->line, &s->line_cap, s->rows + 1, sizeof *s->line) != SEDGE_OK ||
        sg_grow(s->mem, &s->value, &s->value_cap, base + columns, sizeof *s->value) != SEDGE_OK)
        return sg_fail(s->err, SEDGE_E_NOMEM, "csv: line %zu: no memory for more rows", c->line);
    SG_TRY(read_time(s, &s->when[s->rows]));
    s->line[s->rows] = c->line;
    for (size_t i = 0; i < columns; i++) {
        double v;
        if (sg_csv_number(&c->field[s->at[i]], &v) == SG_CSV_TEXT)
            return sg_fail(s->err, SEDGE_E_FORMAT, "csv: line %zu, column %zu: no number", c->line, s->at[i]);
        s->value[base + i] = (float)v;
        if (isinf(s->value[base + i]))
            return sg_fail(s->err, SEDGE_E_VALUE, "csv: line %zu, column %zu: too great a number", c->line, s->at[i]);
    }
    s->rows++;
    return SEDGE_OK;
}

static sedge_status read_all(source *s, const char *text, size_t size)
{
    bool more;
    sg_csv_start(&s->csv, text, size, s->mem, s->err);
    SG_TRY(sg_csv_next(&s->csv, &more));
    if (!more)
        return sg_fail(s->err, SEDGE_E_FORMAT, "csv: no rows");
    bool header = is_header(&s->csv);
    SG_TRY(choose_columns(s, header));
    if (header)
        SG_TRY(sg_csv_next(&s->csv, &more));
    while (more) {
        SG_TRY(read_row(s));
        SG_TRY(sg_csv_next(&s->csv, &more));
    }
    return s->rows ? SEDGE_OK : sg_fail(s->err, SEDGE_E_FORMAT, "csv: no rows behind the header");
}

/* ---- the rows of the result ---- */

static size_t next_known(const source *s, size_t row, size_t column)
{
    while (row < s->rows && isnan(s->value[row * (size_t)s->columns + column]))
        row++;
    return row;
}

static float between(double t, double t0, double t1, float a, float b)
{
    return (float)((double)a + ((double)b - (double)a) * (t - t0) / (t1 - t0));
}

/* What a missing sample becomes; before the first value and behind the last the nearest is held. */
static float fill(int missing, bool has_a, bool has_b, float a, float b, float line)
{
    if (missing == SEDGE_MISSING_ZERO)
        return 0;
    if (missing == SEDGE_MISSING_KEEP)
        return NAN;
    if (missing == SEDGE_MISSING_LINEAR && has_a && has_b)
        return line;
    return has_a ? a : b;
}

static sedge_status fill_column(source *s, sedge_series *o, size_t c)
{
    size_t columns = (size_t)s->columns, a = s->rows, b = next_known(s, 0, c); /* the known rows around; s->rows: none */
    double near = 1e-3 / o->rate, step = 1.5 / (s->opts->source_rate > 0 ? s->opts->source_rate : o->rate);
    int run = 0;
    if (b == s->rows && s->opts->missing != SEDGE_MISSING_ZERO && s->opts->missing != SEDGE_MISSING_KEEP)
        return sg_fail(s->err, SEDGE_E_VALUE, "csv: column %zu has no value", s->at[c]);
    for (size_t k = 0; k < o->rows; k++) {
        double t = o->t0 + (double)k / o->rate;
        while (b < s->rows && s->when[b] <= t + near) {
            a = b;
            b = next_known(s, b + 1, c);
        }
        bool has_a = a < s->rows, has_b = b < s->rows;
        float va = has_a ? s->value[a * columns + c] : 0, vb = has_b ? s->value[b * columns + c] : 0;
        float line = has_a && has_b ? between(t, s->when[a], s->when[b], va, vb) : 0;
        float *to = &o->data[k * columns + c];
        bool exact = has_a && t - s->when[a] <= near;
        if (exact || (has_a && has_b && s->when[b] - s->when[a] <= step)) {
            *to = exact ? va : line;
            run = 0;
            continue;
        }
        size_t at = s->line[has_a && a + 1 < s->rows ? a + 1 : has_a ? a : 0];
        if (s->opts->missing == SEDGE_MISSING_FAIL)
            return sg_fail(s->err, SEDGE_E_VALUE, "csv: line %zu, column %zu: a sample is missing", at, s->at[c]);
        if (s->opts->max_gap && ++run > s->opts->max_gap)
            return sg_fail(s->err, SEDGE_E_VALUE, "csv: line %zu, column %zu: more than %d samples in a row are missing", at,
                           s->at[c], s->opts->max_gap);
        *to = fill(s->opts->missing, has_a, has_b, va, vb, line);
        o->filled++;
    }
    return SEDGE_OK;
}

static sedge_status make_rows(source *s, sedge_series *o)
{
    double span = s->when[s->rows - 1] - s->when[0], rows = floor(span * s->opts->rate + 1e-3) + 1;
    if (!(rows * s->columns < (double)(SIZE_MAX / 8)))
        return sg_fail(s->err, SEDGE_E_LIMIT, "csv: %g seconds are too many rows at %g per second", span, s->opts->rate);
    size_t bytes = (size_t)rows * (size_t)s->columns * sizeof(float);
    owner *own = sg_alloc(s->mem, sizeof *own);
    o->data = own ? sg_alloc(s->mem, bytes) : NULL;
    if (!o->data) {
        sg_free(s->mem, own, sizeof *own);
        return sg_fail(s->err, SEDGE_E_NOMEM, "csv: no memory for %.0f rows", rows);
    }
    own->bytes = bytes;
    o->owner = own;
    o->rows = (size_t)rows;
    o->columns = s->columns;
    o->t0 = s->when[0];
    o->rate = s->opts->rate;
    for (size_t c = 0; c < (size_t)s->columns; c++)
        SG_TRY(fill_column(s, o, c));
    return SEDGE_OK;
}

static sedge_status check(const sedge_series_opts *o, sg_err *err)
{
    if (!(o->rate > 0 && o->rate <= RATE_MAX) || !(o->source_rate >= 0 && o->source_rate <= RATE_MAX))
        return sg_fail(err, SEDGE_E_ARG, "csv: rates of %g and %g per second", o->rate, o->source_rate);
    if (o->missing < 0 || o->missing > SEDGE_MISSING_KEEP || o->max_gap < 0 || o->n_column < 0)
        return sg_fail(err, SEDGE_E_ARG, "csv: missing %d, max_gap %d, %d columns", o->missing, o->max_gap, o->n_column);
    return SEDGE_OK;
}

static void close_source(source *s)
{
    sg_free(s->mem, s->at, s->at_size);
    sg_free(s->mem, s->when, s->when_cap * sizeof *s->when);
    sg_free(s->mem, s->line, s->line_cap * sizeof *s->line);
    sg_free(s->mem, s->value, s->value_cap * sizeof *s->value);
    sg_free(s->mem, s->csv.field, s->csv.cap * sizeof *s->csv.field);
}

sedge_status sedge_series_csv(sedge_series *out, const char *text, size_t size, const sedge_series_opts *opts,
                              const sedge_media_opts *mem, sedge_error *err)
{
    memset(out, 0, sizeof *out);
    SG_TRY(check(opts, err));
    sg_mem m = {.limit = LIMIT_DEFAULT};
    if (mem)
        m = (sg_mem){.fn = mem->alloc, .ctx = mem->alloc_ctx, .limit = mem->memory_limit ? mem->memory_limit : LIMIT_DEFAULT};
    source s = {.mem = &m, .opts = opts, .err = err};
    sedge_status st = read_all(&s, text, size);
    if (st == SEDGE_OK)
        st = make_rows(&s, out);
    close_source(&s);
    if (out->owner)
        ((owner *)out->owner)->mem = m;
    if (st != SEDGE_OK)
        sedge_series_free(out);
    return st;
}

void sedge_series_free(sedge_series *s)
{
    owner *own = s->owner;
    if (own) {
        sg_mem mem = own->mem;
        sg_free(&mem, s->data, own->bytes);
        sg_free(&mem, own, sizeof *own);
    }
    memset(s, 0, sizeof *s);
}
