/* The page of a report: one file of HTML without a script, that asks for nothing. The first page is for who decides: a sentence, the table of
 * limits, three pictures, what is open. What follows is for who checks: every piece of evidence, as it stands in the tree. */
#include <math.h>
#include <string.h>

#include "fit/report.h"

static const char *const style[] = {
#define STYLE(line) line,
#include "fit/report_style.def"
#undef STYLE
};

/* The evidence in its order, with a title; what has none here follows by its key. */
static const struct {
    const char *key, *title;
} sections[] = {
    {"files", "Files, by SHA-256"},
    {"machine", "The machine"},
    {"build", "This program"},
    {"splits", "Splits of the data"},
    {"exclusions", "Samples left out, and why"},
    {"metrics", "Measures: what they mean, and their 95 % intervals"},
    {"confusion", "Confusion: what was taken for what"},
    {"flips", "Samples whose answer changed"},
    {"latency", "Latency"},
    {"stages", "From bytes to answer"},
    {"ops", "Time of each operator"},
    {"memory", "Memory"},
    {"energy", "Energy"},
};

void sg_report_escape(FILE *f, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        default: fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
        }
}

static const char *string(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

const char *sg_report_value(char text[48], const json_t *v, const char *unit)
{
    static const char *const size[] = {"B", "kB", "MB", "GB", "TB"};
    double d = json_number_value(v), magnitude = fabs(d);
    int u = 0;
    if (!json_is_number(v)) {
        strcpy(text, "\u2013");
    } else if (strcmp(unit, "share") == 0) {
        snprintf(text, 48, "%.2f %%", 100 * d);
    } else if (strcmp(unit, "bytes") == 0) {
        for (; magnitude >= 1000 && u < 4; u++)
            magnitude /= 1000, d /= 1000;
        snprintf(text, 48, u && magnitude < 100 ? "%.1f %s" : "%.0f %s", d, size[u]);
    } else if (json_is_integer(v)) {
        snprintf(text, 48, "%lld%s%.20s", (long long)json_integer_value(v), *unit ? " " : "", unit);
    } else {
        snprintf(text, 48, magnitude >= 1000 && magnitude < 1e9 ? "%.0f%s%.20s" : "%.4g%s%.20s", d, *unit ? " " : "", unit);
    }
    return text;
}

/* ---- the first page ------------------------------------------------------------------------- */

static void tag(FILE *f, const char *verdict)
{
    static const char *const kind[][3] = {
        {"PASS", "pass", "\u2713 "}, {"FAIL", "fail", "\u2717 "}, {"NOT SHOWN", "open", "? "}, {"MEASURED", "plain", ""}};
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++)
        if (strcmp(kind[k][0], verdict) == 0)
            fprintf(f, "<span class=\"tag %s\"><span aria-hidden=\"true\">%s</span>%s</span>", kind[k][1], kind[k][2], verdict);
}

static void claim_cell(FILE *f, const char *name, const char *value, const char *small)
{
    fprintf(f, "<td role=\"cell\" class=\"n%s\" data-l=\"%s\">", strcmp(value, "\u2013") == 0 ? " none" : "", name);
    sg_report_escape(f, value);
    if (*small) {
        fputs("<small>", f);
        sg_report_escape(f, small);
        fputs("</small>", f);
    }
    fputs("</td>", f);
}

static void margin_text(char *text, size_t size, const json_t *limit, const json_t *margin)
{
    double share = json_number_value(margin) / fabs(json_number_value(limit));
    *text = 0;
    if (json_is_number(margin) && isfinite(share) && fabs(share) < 10)
        snprintf(text, size, "%.0f %% of the limit", 100 * share);
    else if (json_is_number(margin) && isfinite(share))
        snprintf(text, size, "%.3g times the limit", fabs(share));
}

/* `before`: some claim of the report has such a value. */
static void claim_row(FILE *f, const json_t *c, bool before)
{
    char a[48], b[48], line[160];
    const char *unit = string(c, "unit"), *why = string(c, "why");
    const json_t *limit = json_object_get(c, "limit"), *low = json_object_get(c, "low"), *margin = json_object_get(c, "margin");
    bool more = strcmp(string(c, "better"), "higher") == 0, limited = json_is_number(limit);
    fputs("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">", f);
    sg_report_escape(f, string(c, "what"));
    if (*why) {
        fputs("<small>", f);
        sg_report_escape(f, why);
        fputs("</small>", f);
    }
    fputs("</th>", f);
    snprintf(line, sizeof line, "%s%s", limited ? more ? "at least " : "at most " : "", sg_report_value(a, limit, unit));
    claim_cell(f, "Limit", line, "");
    if (before)
        claim_cell(f, "Before", sg_report_value(a, json_object_get(c, "before"), unit), "");
    *line = 0;
    if (json_is_number(low)) {
        bool plain = strcmp(unit, "bytes") != 0 && strcmp(unit, "share") != 0; /* their unit is said once */
        snprintf(line, sizeof line, "%s to %s", sg_report_value(a, low, plain ? "" : unit),
                 sg_report_value(b, json_object_get(c, "high"), unit));
    }
    claim_cell(f, before ? "After" : "Measured", sg_report_value(a, json_object_get(c, "after"), unit), line);
    margin_text(line, sizeof line, limit, limited ? margin : NULL);
    claim_cell(f, "Margin", sg_report_value(a, limited ? margin : NULL, unit), line);
    fputs("<td role=\"cell\" class=\"verdict\">", f);
    tag(f, string(c, "verdict"));
    fputs("</td></tr>\n", f);
}

static void claims(FILE *f, const json_t *root)
{
    const char *const head[] = {"Claim", "Limit", "Before", "After", "Margin", "Verdict"};
    const json_t *c, *list = json_object_get(root, "claims");
    bool before = false;
    size_t i;
    json_array_foreach(list, i, c) before = before || json_is_number(json_object_get(c, "before"));
    fputs(
        "<div class=\"claims\"><table role=\"table\"><caption>What was asked for and what was measured; ranges are 95 % intervals"
        "</caption><thead role=\"rowgroup\"><tr role=\"row\">",
        f);
    for (size_t k = 0; k < sizeof head / sizeof *head; k++)
        if (k != 2 || before)
            fprintf(f, "<th role=\"columnheader\" scope=\"col\"%s>%s</th>", k > 0 && k < 5 ? " class=\"n\"" : "",
                    k == 3 && !before ? "Measured" : head[k]);
    fputs("</tr></thead><tbody role=\"rowgroup\">\n", f);
    for (int limited = 1; limited >= 0; limited--) /* those that decide stand first */
        json_array_foreach(list, i, c) if (json_is_number(json_object_get(c, "limit")) == limited) claim_row(f, c, before);
    fputs("</tbody></table></div>\n", f);
}

static void pictures(FILE *f, const json_t *root, size_t first, size_t end)
{
    const json_t *list = json_object_get(root, "pictures");
    char id[32];
    if (json_array_size(list) <= first)
        return;
    fputs("<div class=\"pictures\">\n", f);
    for (size_t i = first; i < json_array_size(list) && i < end; i++) {
        const json_t *p = json_array_get(list, i);
        fputs("<figure><figcaption>", f);
        sg_report_escape(f, string(p, "title"));
        fputs("<small>", f);
        sg_report_escape(f, string(p, "text"));
        fputs("</small></figcaption>\n", f);
        snprintf(id, sizeof id, "p%zu", i);
        sg_report_plot(p, id, f);
        fputs("</figure>\n", f);
    }
    fputs("</div>\n", f);
}

static void open_points(FILE *f, const json_t *root)
{
    const json_t *energy = json_object_get(root, "energy"), *per_wh = json_object_get(energy, "per_wh"), *s;
    char text[48];
    size_t i;
    fputs("<h2>Energy</h2><p>", f);
    if (json_is_number(per_wh))
        fprintf(f, "<strong>%s inferences from a watt-hour.</strong> ", sg_report_value(text, per_wh, ""));
    else
        fputs("Inferences from a watt-hour: ", f);
    sg_report_escape(f, string(energy, "why"));
    fputs("</p>\n", f);
    if (json_array_size(json_object_get(root, "not_tested")))
        fputs("<h2>What was not tested</h2><ul>\n", f);
    json_array_foreach(json_object_get(root, "not_tested"), i, s)
    {
        fputs("<li>", f);
        sg_report_escape(f, json_string_value(s));
        fputs("</li>\n", f);
    }
    if (json_array_size(json_object_get(root, "not_tested")))
        fputs("</ul>\n", f);
    if (*string(root, "next_step")) {
        fputs("<h2>The cheapest next step</h2><p>", f);
        sg_report_escape(f, string(root, "next_step"));
        fputs("</p>\n", f);
    }
}

/* ---- evidence ------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Keys say their unit: "p99_ms". What they are called without it. */
static const char *unit_of(const char *key, size_t *name)
{
    static const char *const unit[][2] = {{"_ms", "ms"},     {"_us", "us"},   {"_ns", "ns"}, {"_s", "s"}, {"_bytes", "bytes"},
                                          {"_c", "\u00b0C"}, {"_mhz", "MHz"}, {"_mj", "mJ"}, {"_w", "W"}, {"_share", "share"}};
    *name = strlen(key);
    for (size_t k = 0; k < sizeof unit / sizeof *unit; k++)
        if (ends_with(key, unit[k][0])) {
            *name -= strlen(unit[k][0]);
            return unit[k][1];
        }
    *name = strcmp(key, "bytes") == 0 ? 4 : *name;
    return strcmp(key, "bytes") == 0 ? "bytes" : "";
}

static void key_name(FILE *f, const char *key)
{
    char text[64];
    size_t n;
    if (strcmp(key, "bytes") == 0) {
        fputs("size", f);
        return;
    }
    unit_of(key, &n);
    snprintf(text, sizeof text, "%.*s", (int)(n < 60 ? n : 60), key);
    for (char *p = text; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    sg_report_escape(f, text);
}

static void scalar(FILE *f, const char *key, const json_t *v)
{
    char text[48];
    size_t n;
    const char *s = json_string_value(v);
    if (s && strcmp(key, "thumbnail") == 0 && strncmp(s, "data:image/", 11) == 0) {
        fputs("<img alt=\"the sample\" width=\"64\" src=\"", f);
        sg_report_escape(f, s);
        fputs("\">", f);
    } else if (s) {
        bool digits = strstr(key, "sha256") != NULL;
        fputs(digits ? "<code>" : "", f);
        sg_report_escape(f, s);
        fputs(digits ? "</code>" : "", f);
    } else if (json_is_boolean(v)) {
        fputs(json_is_true(v) ? "yes" : "no", f);
    } else if (json_is_number(v)) {
        fputs(sg_report_value(text, v, unit_of(key, &n)), f);
    } else {
        fputs("not told", f);
    }
}

/* A list of things, one behind the other; nesting ends here. */
static void inlined(FILE *f, const char *key, const json_t *v)
{
    const json_t *item;
    const char *name;
    size_t i;
    if (json_is_array(v)) {
        json_array_foreach(v, i, item)
        {
            fputs(i ? ", " : "", f);
            inlined(f, key, item);
        }
    } else if (json_is_object(v)) {
        i = 0;
        json_object_foreach((json_t *)(uintptr_t)v, name, item)
        {
            fputs(i++ ? ", " : "", f);
            key_name(f, name);
            fputs(" ", f);
            inlined(f, name, item);
        }
    } else {
        scalar(f, key, v);
    }
}

static void pairs(FILE *f, const json_t *o)
{
    const char *key;
    json_t *v;
    fputs("<table class=\"pairs\"><tbody>\n", f);
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        fputs("<tr><th scope=\"row\">", f);
        key_name(f, key);
        fputs("</th><td>", f);
        inlined(f, key, v);
        fputs("</td></tr>\n", f);
    }
    fputs("</tbody></table>\n", f);
}

/* Rows of objects; the columns are the keys of all, in the order of their coming. */
static void rows(FILE *f, const json_t *list, const char *title)
{
    const json_t *row;
    json_t *columns = json_object(), *v;
    const char *key;
    size_t i;
    json_array_foreach(list, i, row)
        json_object_foreach((json_t *)(uintptr_t)row, key, v) if (!json_object_get(columns, key) || json_is_number(v))
            json_object_set(columns, key, v);
    fputs("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"", f);
    sg_report_escape(f, title);
    fputs("\"><table><thead><tr>", f);
    json_object_foreach(columns, key, v)
    {
        fprintf(f, "<th scope=\"col\"%s>", json_is_number(v) ? " class=\"n\"" : "");
        key_name(f, key);
        fputs("</th>", f);
    }
    fputs("</tr></thead><tbody>\n", f);
    json_array_foreach(list, i, row)
    {
        fputs("<tr>", f);
        json_object_foreach(columns, key, v)
        {
            const json_t *cell = json_object_get(row, key);
            fprintf(f, "<td%s>", json_is_number(v) ? " class=\"n\"" : "");
            if (cell)
                inlined(f, key, cell);
            fputs("</td>", f);
        }
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table></div>\n", f);
    json_decref(columns);
}

#define MATRIX_MAX 24

/* A matrix of counts: rows are what is true. Many labels: the pairs that were confused, most frequent first, are a list of the owner. */
static void confusion(FILE *f, const json_t *o)
{
    const json_t *labels = json_object_get(o, "labels"), *row;
    size_t n = json_array_size(labels), i;
    for (int k = 0; k < 2; k++) {
        const json_t *m = json_object_get(o, k ? "after" : "before");
        if (!json_is_array(m) || n > MATRIX_MAX)
            continue;
        fprintf(
            f,
            "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"confusion %s\"><table><caption>%s: rows are what is "
            "true, columns what was answered</caption><thead><tr><td></td>",
            k ? "after" : "before", k ? "After" : "Before");
        for (i = 0; i < n; i++) {
            fputs("<th scope=\"col\" class=\"n\">", f);
            inlined(f, "", json_array_get(labels, i));
            fputs("</th>", f);
        }
        fputs("</tr></thead><tbody>\n", f);
        json_array_foreach(m, i, row)
        {
            fputs("<tr><th scope=\"row\">", f);
            inlined(f, "", json_array_get(labels, i));
            fputs("</th>", f);
            for (size_t c = 0; c < json_array_size(row); c++) {
                fputs(c == i ? "<td class=\"n\"><strong>" : "<td class=\"n\">", f);
                inlined(f, "", json_array_get(row, c));
                fputs(c == i ? "</strong></td>" : "</td>", f);
            }
            fputs("</tr>\n", f);
        }
        fputs("</tbody></table></div>\n", f);
    }
    if (json_array_size(json_object_get(o, "pairs")))
        rows(f, json_object_get(o, "pairs"), "what was taken for what");
}

static void section(FILE *f, const char *key, const char *title, const json_t *v)
{
    size_t n = json_array_size(v);
    bool folded = n > 15, table = n && json_is_object(json_array_get(v, 0));
    fputs("<section><h3>", f);
    if (title)
        sg_report_escape(f, title);
    else
        key_name(f, key);
    fputs("</h3>\n", f);
    if (folded)
        fprintf(f, "<details><summary>%zu rows</summary>\n", n);
    if (strcmp(key, "confusion") == 0) {
        confusion(f, v);
    } else if (table) {
        rows(f, v, title ? title : key);
    } else if (json_is_object(v)) {
        pairs(f, v);
    } else {
        fputs("<p>", f);
        if (json_is_array(v) && !n)
            fputs("none", f);
        else
            inlined(f, key, v);
        fputs("</p>\n", f);
    }
    fputs(folded ? "</details></section>\n" : "</section>\n", f);
}

static void evidence(FILE *f, const json_t *root)
{
    const json_t *all = json_object_get(root, "evidence"), *word;
    const char *key;
    json_t *v;
    size_t i, n = sizeof sections / sizeof *sections;
    fputs("<h2>Evidence</h2>\n<section><h3>Command line</h3><p><code>", f);
    json_array_foreach(json_object_get(root, "command"), i, word)
    {
        fputs(i ? " " : "", f);
        sg_report_escape(f, json_string_value(word));
    }
    fputs("</code></p><p>Seed ", f);
    inlined(f, "", json_object_get(root, "seed"));
    fputs(
        ". The same numbers for programs are in the JSON file beside this page; <code>sedge verify</code> measures its claims again.</p>"
        "</section>\n",
        f);
    if (*string(json_object_get(root, "signature"), "public_key")) {
        fputs("<section><h3>Signature</h3><p>Ed25519, by the public key <code>", f);
        sg_report_escape(f, string(json_object_get(root, "signature"), "public_key"));
        fputs("</code>, over the JSON file.</p></section>\n", f);
    }
    pictures(f, root, 3, 64);
    for (size_t k = 0; k < n; k++)
        if ((v = json_object_get(all, sections[k].key)))
            section(f, sections[k].key, sections[k].title, v);
    json_object_foreach((json_t *)(uintptr_t)all, key, v)
    {
        size_t k = 0;
        while (k < n && strcmp(sections[k].key, key) != 0)
            k++;
        if (k == n)
            section(f, key, NULL, v);
    }
}

void sg_report_page(const json_t *root, FILE *f)
{
    const json_t *verdict = json_object_get(root, "verdict");
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
          "content=\"width=device-width,initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          f);
    sg_report_escape(f, string(root, "subject"));
    fputs("</title>\n<style>\n", f);
    for (size_t k = 0; k < sizeof style / sizeof *style; k++)
        fprintf(f, "%s\n", style[k]);
    fputs("</style>\n</head>\n<body>\n<header><p>Sedge report, ", f);
    sg_report_escape(f, string(root, "made"));
    fputs("</p><h1>", f);
    tag(f, string(verdict, "result"));
    fputs(" ", f);
    sg_report_escape(f, string(verdict, "text"));
    fputs("</h1></header>\n<main>\n", f);
    claims(f, root);
    pictures(f, root, 0, 3);
    open_points(f, root);
    evidence(f, root);
    fputs("</main>\n</body>\n</html>\n", f);
}
