/* Making a report: its claims, evidence and pictures as a tree, and the two files that it becomes. */
#include "fit/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/map.h"
#include "base/sha256.h"
#include "fit/machine.h"
#include "fit/sign.h"
#include "sedge/sedge.h"

json_t *sg_json_number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

const json_t *sg_json_at(const json_t *root, const char *pointer)
{
    char key[256];
    while (root && *pointer == '/') {
        size_t n = 0;
        for (pointer++; *pointer && *pointer != '/' && n < sizeof key - 1; pointer++) {
            key[n++] = *pointer;
            if (*pointer == '~' && (pointer[1] == '0' || pointer[1] == '1'))
                key[n - 1] = *++pointer == '0' ? '~' : '/';
        }
        key[n] = 0;
        root = json_is_array(root) ? json_array_get(root, strtoul(key, NULL, 10)) : json_object_get(root, key);
    }
    return *pointer ? NULL : root;
}

double sg_json_number_at(const json_t *root, const char *pointer)
{
    const json_t *v = sg_json_at(root, pointer);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

/* ---- the tree ------------------------------------------------------------------------------- */

static void put(sg_report *r, json_t *o, const char *key, json_t *value)
{
    if (json_object_set_new(o, key, value) != 0)
        r->lost = true;
}

static void put_text(sg_report *r, json_t *o, const char *key, const char *text)
{
    json_t *s = json_string(text);
    if (!s) /* names of files may be no UTF-8 */
        s = json_string("?");
    put(r, o, key, s);
}

static void append(sg_report *r, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        r->lost = true;
}

static json_t *list_of(sg_report *r, json_t *o, const char *key)
{
    json_t *list = json_object_get(o, key);
    if (!list) {
        put(r, o, key, json_array());
        list = json_object_get(o, key);
    }
    return list;
}

static json_t *evidence(sg_report *r)
{
    return json_object_get(r->root, "evidence");
}

static json_t *words(const char *const *word, int n)
{
    json_t *list = json_array();
    for (int i = 0; n < 0 ? word[i] != NULL : i < n; i++)
        if (json_array_append_new(list, json_string(word[i])) != 0 && json_array_append_new(list, json_string("?")) != 0)
            break;
    return list;
}

sedge_status sg_report_open(sg_report *r, const char *subject, int argc, const char *const *argv, uint64_t seed, sg_err *err)
{
    char made[32] = "";
    time_t now = time(NULL);
    struct tm t;
    *r = (sg_report){.root = json_object()};
    if (!r->root)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for the report");
    if (gmtime_r(&now, &t))
        strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", &t);
    put_text(r, r->root, "schema", "sedge.report/1");
    put_text(r, r->root, "subject", subject);
    put_text(r, r->root, "made", made);
    put_text(r, r->root, "sedge", sedge_version());
    put(r, r->root, "command", words(argv, argc));
    put(r, r->root, "seed", json_integer((json_int_t)seed));
    put(r, r->root, "claims", json_array());
    put(r, r->root, "pictures", json_array());
    put(r, r->root, "not_tested", json_array());
    put(r, r->root, "evidence", json_object());
    if (r->lost)
        return sg_fail(err, SEDGE_E_NOMEM, "no memory for the report");
    return SEDGE_OK;
}

void sg_report_free(sg_report *r)
{
    json_decref(r->root);
    r->root = NULL;
}

/* ---- claims --------------------------------------------------------------------------------- */

sg_claim sg_claim_new(const char *id, const char *what, const char *unit)
{
    return (sg_claim){
        .id = id, .what = what, .unit = unit, .limit = NAN, .before = NAN, .after = NAN, .range = {NAN, NAN}, .margin = NAN};
}

const char *sg_claim_verdict(const sg_claim *c)
{
    static const char *const given[] = {"", "PASS", "FAIL", "NOT SHOWN"};
    if (c->verdict != SG_CLAIM_BY_RANGE)
        return given[c->verdict];
    if (!isfinite(c->limit))
        return "MEASURED";
    if (!isfinite(c->after))
        return "NOT SHOWN";
    double low = isfinite(c->range.low) ? c->range.low : c->after, high = isfinite(c->range.high) ? c->range.high : c->after;
    double worst = c->at_least ? low : high, best = c->at_least ? high : low;
    bool worst_in = c->at_least ? worst >= c->limit : worst <= c->limit,
         best_in = c->at_least ? best >= c->limit : best <= c->limit;
    return worst_in ? "PASS" : best_in ? "NOT SHOWN" : "FAIL";
}

/* Words with one space between them. */
static json_t *split(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t n = strcspn(text, " ");
        if (n)
            json_array_append_new(list, json_stringn(text, n));
        text += n + (text[n] == ' ');
    }
    return list;
}

void sg_report_claim(sg_report *r, const sg_claim *c)
{
    json_t *o = json_object();
    double margin = isfinite(c->margin) ? c->margin : c->at_least ? c->after - c->limit : c->limit - c->after;
    put_text(r, o, "id", c->id);
    put_text(r, o, "what", c->what);
    put_text(r, o, "unit", c->unit);
    put_text(r, o, "better", c->at_least ? "higher" : "lower");
    put(r, o, "limit", sg_json_number(c->limit));
    put(r, o, "before", sg_json_number(c->before));
    put(r, o, "after", sg_json_number(c->after));
    put(r, o, "low", sg_json_number(c->range.low));
    put(r, o, "high", sg_json_number(c->range.high));
    put(r, o, "margin", sg_json_number(margin));
    put_text(r, o, "verdict", sg_claim_verdict(c));
    if (c->why)
        put_text(r, o, "why", c->why);
    put(r, o, "needs", split(c->needs ? c->needs : "model"));
    if (c->path) {
        put_text(r, o, "path", c->path);
        put(r, o, "tolerance", sg_json_number(c->tolerance));
        if (c->command)
            put(r, o, "command", words(c->command, -1));
    }
    append(r, json_object_get(r->root, "claims"), o);
}

/* ---- the first page ------------------------------------------------------------------------- */

void sg_report_energy(sg_report *r, double per_wh, const char *why)
{
    json_t *o = json_object();
    put(r, o, "per_wh", sg_json_number(per_wh));
    put_text(r, o, "why", why ? why : "");
    put(r, r->root, "energy", o);
}

void sg_report_not_tested(sg_report *r, const char *what)
{
    append(r, json_object_get(r->root, "not_tested"), json_string(what));
}

void sg_report_next(sg_report *r, const char *what)
{
    put_text(r, r->root, "next_step", what);
}

/* The claim that decides: the first that fails, else the first not shown, else the one with the least margin. */
static const json_t *deciding(const json_t *claims, int *pass, int *n)
{
    static const char *const order[] = {"PASS", "NOT SHOWN", "FAIL"};
    const json_t *c, *worst = NULL;
    int worst_rank = -1;
    double least = HUGE_VAL;
    size_t i;
    json_array_foreach(claims, i, c)
    {
        const char *v = json_string_value(json_object_get(c, "verdict"));
        double share = json_number_value(json_object_get(c, "margin")) / fabs(json_number_value(json_object_get(c, "limit")));
        int rank = 2;
        while (rank >= 0 && strcmp(order[rank], v) != 0)
            rank--;
        *n += rank >= 0;
        *pass += rank == 0;
        if (rank > worst_rank || (rank == 0 && worst_rank == 0 && share < least)) {
            worst = c;
            worst_rank = rank;
            least = share;
        }
    }
    return worst;
}

/* One sentence from the verdicts of all claims. */
static void judge(sg_report *r)
{
    int pass = 0, n = 0;
    char text[1024], got[48], limit[48];
    const char *subject = json_string_value(json_object_get(r->root, "subject"));
    const json_t *c = deciding(json_object_get(r->root, "claims"), &pass, &n);
    const char *unit = json_string_value(json_object_get(c, "unit")), *what = json_string_value(json_object_get(c, "what"));
    const char *result = c ? json_string_value(json_object_get(c, "verdict")) : "MEASURED";
    sg_report_value(got, json_object_get(c, "after"), unit ? unit : "");
    sg_report_value(limit, json_object_get(c, "limit"), unit ? unit : "");
    if (!c)
        snprintf(text, sizeof text, "%s was measured; no limit was stated.", subject);
    else if (pass == n)
        snprintf(text, sizeof text, "%s keeps %s: %s %s, where the limit is %s.", subject,
                 n > 1 ? "all its limits. The tightest" : "its limit", what, got, limit);
    else
        snprintf(text, sizeof text, "%s %s, where the limit is %s%s: %s keeps %d of %d limits.", what, got, limit,
                 strcmp(result, "FAIL") == 0 ? "" : "; that is not shown beyond doubt", subject, pass, n);
    json_t *o = json_object();
    put_text(r, o, "result", result);
    put_text(r, o, "text", text);
    put(r, r->root, "verdict", o);
}

/* ---- evidence ------------------------------------------------------------------------------- */

void sg_report_set(sg_report *r, const char *key, json_t *value)
{
    put(r, evidence(r), key, value);
}

static void add_file(sg_report *r, const char *role, const char *path, double bytes, const char *sha256)
{
    json_t *o = json_object();
    put_text(r, o, "role", role);
    put_text(r, o, "path", path);
    if (bytes >= 0)
        put(r, o, "bytes", json_integer((json_int_t)bytes));
    put_text(r, o, "sha256", sha256);
    append(r, list_of(r, evidence(r), "files"), o);
}

sedge_status sg_report_file(sg_report *r, const char *role, const char *path, sg_err *err)
{
    char text[2 * SG_SHA256_BYTES + 1];
    size_t bytes;
    SG_TRY(sg_file_digest(path, text, &bytes, err));
    add_file(r, role, path, (double)bytes, text);
    return SEDGE_OK;
}

void sg_report_digest(sg_report *r, const char *role, const char *path, const char *sha256)
{
    add_file(r, role, path, -1, sha256);
}

sedge_status sg_report_here(sg_report *r, sg_err *err)
{
    put(r, evidence(r), "machine", sg_machine_json(""));
    put(r, evidence(r), "build", sg_build_json());
    return sg_report_file(r, "binary", "/proc/self/exe", err);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static json_t *picture(sg_report *r, const char *kind, const char *title, const char *text)
{
    json_t *o = json_object();
    put_text(r, o, "kind", kind);
    put_text(r, o, "title", title);
    put_text(r, o, "text", text);
    append(r, json_object_get(r->root, "pictures"), o);
    return o;
}

static void mark_at(sg_report *r, json_t *o, double mark, const char *label)
{
    if (!isfinite(mark))
        return;
    put(r, o, "mark", json_real(mark));
    put_text(r, o, "mark_label", label);
}

#define BINS 40

/* The end is not the greatest value, so that one straggler does not flatten the rest. */
json_t *sg_histogram(const double *v, size_t n)
{
    double *s = n ? malloc(n * sizeof *s) : NULL;
    if (!s)
        return NULL;
    memcpy(s, v, n * sizeof *s);
    qsort(s, n, sizeof *s, sg_by_double);
    double low = s[0], high = s[(size_t)(0.995 * (double)(n - 1))];
    if (!(high > low))
        high = low + (low != 0 ? 0.01 * fabs(low) : 1);
    size_t count[BINS] = {0}, beyond = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)((s[i] - low) / (high - low) * BINS);
        if (s[i] > high)
            beyond++;
        else
            count[k < BINS ? k : BINS - 1]++;
    }
    json_t *c = json_array();
    for (int k = 0; k < BINS; k++)
        json_array_append_new(c, json_integer((json_int_t)count[k]));
    json_t *o = json_pack("{s:f, s:f, s:f, s:I, s:o}", "low", low, "high", high, "largest", s[n - 1], "beyond",
                          (json_int_t)beyond, "counts", c);
    free(s);
    return o;
}

void sg_report_histogram(sg_report *r, const char *title, const char *text, const char *unit, const json_t *histogram,
                         double mark, const char *mark_label)
{
    if (!histogram)
        return;
    json_t *o = picture(r, "histogram", title, text);
    put_text(r, o, "unit", unit);
    if (json_object_update(o, (json_t *)(uintptr_t)histogram) != 0)
        r->lost = true;
    mark_at(r, o, mark, mark_label);
}

void sg_report_bars(sg_report *r, const char *title, const char *text, const char *unit, const sg_bar *bar, size_t n, double mark,
                    const char *mark_label)
{
    json_t *o = picture(r, "bars", title, text), *rows = json_array();
    put_text(r, o, "unit", unit);
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_object();
        put_text(r, row, "label", bar[i].label);
        put(r, row, "before", sg_json_number(bar[i].before));
        put(r, row, "after", sg_json_number(bar[i].after));
        put(r, row, "low", sg_json_number(bar[i].low));
        put(r, row, "high", sg_json_number(bar[i].high));
        append(r, rows, row);
    }
    put(r, o, "rows", rows);
    mark_at(r, o, mark, mark_label);
}

void sg_report_curve(sg_report *r, const char *title, const char *text, const char *x_label, const char *y_label, const double *x,
                     const double *y, size_t n)
{
    json_t *o = picture(r, "curve", title, text), *px = json_array(), *py = json_array();
    put_text(r, o, "x_label", x_label);
    put_text(r, o, "y_label", y_label);
    for (size_t i = 0; i < n; i++) {
        append(r, px, sg_json_number(x[i]));
        append(r, py, sg_json_number(y[i]));
    }
    put(r, o, "x", px);
    put(r, o, "y", py);
}

/* ---- files ---------------------------------------------------------------------------------- */

bool sg_report_json_path(const char *path, char *out, size_t size)
{
    size_t n = strlen(path);
    if (n + 1 > size)
        return false;
    memcpy(out, path, n + 1);
    if (n > 5 && strcmp(path + n - 5, ".json") == 0)
        return true;
    if (n <= 5 || strcmp(path + n - 5, ".html") != 0)
        return false;
    memcpy(out + n - 4, "json", 5);
    return true;
}

static sedge_status write_whole(const char *path, const char *data, size_t n, sg_err *err)
{
    sg_file f;
    sg_file_part part = {data, n};
    SG_TRY(sg_file_begin(&f, path, &part, 1, err));
    return sg_file_end(&f, true, err);
}

static sedge_status write_page(const json_t *root, const char *path, sg_err *err)
{
    char *page = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&page, &n);
    if (!f)
        return sg_fail(err, SEDGE_E_NOMEM, "%s: no memory for the page", path);
    sg_report_page(root, f);
    bool bad = ferror(f) != 0;
    sedge_status st = fclose(f) != 0 || bad ? sg_fail(err, SEDGE_E_NOMEM, "%s: no memory for the page", path)
                                            : write_whole(path, page, n, err);
    free(page);
    return st;
}

sedge_status sg_report_write(sg_report *r, const char *path, sg_err *err)
{
    char beside[4096];
    size_t n = strlen(path);
    if (n <= 5 || strcmp(path + n - 5, ".html") != 0 || !sg_report_json_path(path, beside, sizeof beside))
        return sg_fail(err, SEDGE_E_ARG, "%s: the name of a report ends in .html", path);
    judge(r);
    if (r->sign && !r->lost)
        SG_TRY(sg_sign(r->root, r->sign, err));
    char *text = r->lost ? NULL : json_dumps(r->root, SG_REPORT_DUMP);
    if (!text)
        return sg_fail(err, SEDGE_E_NOMEM, "%s: no memory for the report", path);
    sedge_status st = write_whole(beside, text, strlen(text), err);
    free(text);
    return st == SEDGE_OK ? write_page(r->root, path, err) : st;
}
