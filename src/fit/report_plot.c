/* The pictures of a report, as SVG that takes its colors from the page: histograms, bars, curves. The plane is 360 wide, so that its text is
 * still read on a phone; a title and a description say the same in words. */
#include <math.h>
#include <string.h>

#include "fit/report.h"

static const double WIDE = 360, LEFT = 8, RIGHT = 8;

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static const char *value(char out[48], double v, const char *unit)
{
    json_t *n = sg_json_number(v);
    sg_report_value(out, n, unit);
    json_decref(n);
    return out;
}

static void begin(const json_t *p, const char *id, double high, FILE *f)
{
    fprintf(f, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"%s-t %s-d\"><title id=\"%s-t\">", WIDE, high, id,
            id, id);
    sg_report_escape(f, text(p, "title"));
    fprintf(f, "</title><desc id=\"%s-d\">", id);
    sg_report_escape(f, text(p, "text"));
    fputs("</desc>\n", f);
}

static void label(FILE *f, double x, double y, const char *kind, const char *anchor, const char *what)
{
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, kind, anchor);
    sg_report_escape(f, what);
    fputs("</text>\n", f);
}

/* The line of a limit, its words on the side that has room. */
static void mark(const json_t *p, double x, double top, double bottom, FILE *f)
{
    bool left = x > WIDE / 2;
    fprintf(f, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"mark\"/>\n", x, x, top, bottom);
    label(f, left ? x - 4 : x + 4, top + 9, "marktext", left ? "end" : "start", text(p, "mark_label"));
}

static void histogram(const json_t *p, const char *id, FILE *f)
{
    static const double TOP = 22, BASE = 150, HIGH = 184;
    const json_t *count = json_object_get(p, "counts");
    size_t n = json_array_size(count);
    double low = number(p, "low"), high = number(p, "high"), limit = number(p, "mark"), most = 1;
    char a[48], b[48];
    for (size_t i = 0; i < n; i++)
        most = fmax(most, json_number_value(json_array_get(count, i)));
    double end = isfinite(limit) && limit > high && limit < high + 2 * (high - low) ? limit + 0.05 * (high - low) : high;
    double scale = (WIDE - LEFT - RIGHT) / (end - low), step = (high - low) / (double)(n ? n : 1);
    begin(p, id, HIGH, f);
    for (size_t i = 0; i < n; i++) {
        double c = json_number_value(json_array_get(count, i)), h = c > 0 ? fmax(1.5, c / most * (BASE - TOP)) : 0;
        if (h > 0)
            fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"bar\"/>\n",
                    LEFT + (double)i * step * scale, BASE - h, fmax(1, step * scale - 1), h);
    }
    fprintf(f, "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.0f\" y2=\"%.0f\" class=\"axis\"/>\n", LEFT, WIDE - RIGHT, BASE, BASE);
    label(f, LEFT, BASE + 14, "tick", "start", value(a, low, text(p, "unit")));
    label(f, WIDE - RIGHT, BASE + 14, "tick", "end", value(a, end, text(p, "unit")));
    if (isfinite(limit) && limit >= low && limit <= end) {
        mark(p, LEFT + (limit - low) * scale, TOP - 14, BASE, f);
    } else if (isfinite(limit)) {
        char line[160];
        snprintf(line, sizeof line, "%s: %s, outside this picture", text(p, "mark_label"), value(a, limit, text(p, "unit")));
        label(f, WIDE - RIGHT, TOP - 8, "marktext", "end", line);
    }
    if (number(p, "beyond") > 0) {
        char line[160];
        snprintf(line, sizeof line, "%.0f beyond %s, the largest %s", number(p, "beyond"), value(a, high, text(p, "unit")),
                 value(b, number(p, "largest"), text(p, "unit")));
        label(f, LEFT, BASE + 29, "tick", "start", line);
    }
    fputs("</svg>\n", f);
}

/* A bar and its value, which stands inside where there is no room behind it. */
static void bar(FILE *f, double x0, double y, double w, double h, const char *kind, const char *what)
{
    bool inside = x0 + w > WIDE - 70;
    fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x0, y, fmax(1, w), h, kind);
    label(f, inside ? x0 + w - 4 : x0 + w + 4, y + h - 3, inside ? "on" : "tick", inside ? "end" : "start", what);
}

static void bars(const json_t *p, const char *id, FILE *f)
{
    const json_t *rows = json_object_get(p, "rows"), *row;
    double most = fmax(number(p, "mark"), 1e-300), limit = number(p, "mark");
    bool pairs = false;
    size_t i;
    char v[48];
    json_array_foreach(rows, i, row)
    {
        most = fmax(fmax(most, number(row, "after")), fmax(number(row, "before"), number(row, "high")));
        pairs = pairs || isfinite(number(row, "before"));
    }
    int each = pairs ? 50 : 34, top = isfinite(limit) ? 16 : 2, high = top + each * (int)json_array_size(rows) + 4;
    double scale = (WIDE - LEFT - RIGHT) / most;
    begin(p, id, high, f);
    json_array_foreach(rows, i, row)
    {
        double y = top + (double)(each * (int)i), before = number(row, "before"), after = number(row, "after");
        double low = number(row, "low"), to = number(row, "high");
        label(f, LEFT, y + 11, "name", "start", text(row, "label"));
        y += 15;
        if (isfinite(before)) {
            bar(f, LEFT, y, before * scale, 14, "past", value(v, before, text(p, "unit")));
            y += 16;
        }
        if (!isfinite(after))
            continue;
        bar(f, LEFT, y, after * scale, 14, "bar", value(v, after, text(p, "unit")));
        if (isfinite(low) && isfinite(to))
            fprintf(f, "<path d=\"M%.1f %.1fv4m0 -2H%.1fm0 -2v4\" class=\"range\"/>\n", LEFT + low * scale, y + 15,
                    LEFT + to * scale);
    }
    if (isfinite(limit))
        mark(p, LEFT + limit * scale, 2, high - 4, f);
    fputs("</svg>\n", f);
}

static void ends(const json_t *list, double *low, double *high)
{
    const json_t *v;
    size_t i;
    *low = HUGE_VAL, *high = -HUGE_VAL;
    json_array_foreach(list, i, v) if (json_is_number(v))
    {
        *low = fmin(*low, json_number_value(v));
        *high = fmax(*high, json_number_value(v));
    }
    if (!(*high > *low)) {
        *low = isfinite(*low) ? *low - 0.5 : 0;
        *high = *low + 1;
    }
}

static void curve(const json_t *p, const char *id, FILE *f)
{
    static const double TOP = 22, BASE = 160, HIGH = 192;
    const json_t *px = json_object_get(p, "x"), *py = json_object_get(p, "y");
    double x0, x1, y0, y1;
    char line[160];
    bool pen = false;
    ends(px, &x0, &x1);
    ends(py, &y0, &y1);
    begin(p, id, HIGH, f);
    fprintf(f, "<path class=\"axis\" d=\"M%.0f %.0fV%.0fH%.0f\"/>\n<path class=\"line\" d=\"", LEFT, TOP, BASE, WIDE - RIGHT);
    for (size_t i = 0; i < json_array_size(px) && i < json_array_size(py); i++) {
        const json_t *x = json_array_get(px, i), *y = json_array_get(py, i);
        bool have = json_is_number(x) && json_is_number(y);
        if (have)
            fprintf(f, "%s%.1f %.1f", pen ? "L" : "M", LEFT + (json_number_value(x) - x0) / (x1 - x0) * (WIDE - LEFT - RIGHT),
                    BASE - (json_number_value(y) - y0) / (y1 - y0) * (BASE - TOP));
        pen = have;
    }
    fputs("\"/>\n", f);
    snprintf(line, sizeof line, "%.3g to %.3g: %s", y0, y1, text(p, "y_label"));
    label(f, LEFT, TOP - 8, "tick", "start", line);
    snprintf(line, sizeof line, "%.4g", x0);
    label(f, LEFT, BASE + 14, "tick", "start", line);
    snprintf(line, sizeof line, "%.4g", x1);
    label(f, WIDE - RIGHT, BASE + 14, "tick", "end", line);
    label(f, WIDE / 2, BASE + 14, "tick", "middle", text(p, "x_label"));
    fputs("</svg>\n", f);
}

void sg_report_plot(const json_t *picture, const char *id, FILE *f)
{
    static const struct {
        const char *kind;
        void (*draw)(const json_t *p, const char *id, FILE *f);
    } kinds[] = {{"histogram", histogram}, {"bars", bars}, {"curve", curve}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strcmp(kinds[k].kind, text(picture, "kind")) == 0)
            kinds[k].draw(picture, id, f);
}
