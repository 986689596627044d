/* The report: claims with their limits and verdicts, and the evidence for them. It is one tree of JSON (schema "sedge.report/1",
 * docs/report.md); the page is drawn from that tree alone, so that it can say nothing else.
 *
 * Who makes one: open, claims and evidence in any order, write, free. Memory that ended on the way is told by sg_report_write. */
#ifndef SG_FIT_REPORT_H
#define SG_FIT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "fit/stat.h"

typedef struct sg_report {
    json_t *root;
    bool lost; /* memory has ended once */
    const char *sign; /* a private key in a PEM file; NULL: it is not signed */
} sg_report;

/* A claim: one number that was measured, with the limit that it must keep, or without one. */
typedef struct sg_claim {
    const char *id;   /* "latency.p99": what `sedge verify` calls it; once in a report */
    const char *what; /* for people: "99 of 100 answers come within" */
    const char *unit; /* "ms", "mJ", "bytes", "share" (0 to 1, shown in percent) ...; "": a number */
    bool at_least;    /* the limit is the least that is allowed; else the most */
    double limit, before, after; /* NAN: none. After is what ships; before is what it is compared with */
    sg_interval range;           /* 95 % of `after`; NAN: not known */
    double margin;               /* NAN: the room that `after` leaves to the limit */
    enum { SG_CLAIM_BY_RANGE, SG_CLAIM_PASS, SG_CLAIM_FAIL, SG_CLAIM_NOT_SHOWN } verdict; /* BY_RANGE: see sg_claim_verdict */
    const char *why;    /* of the verdict, or how it was measured; NULL: nothing to say */
    const char *
        needs; /* what it stands on, words of "model card data labels split machine binary": where one of them has changed, the claim no
                         * longer holds. NULL: "model" */
    const char *path; /* JSON pointer to the value in what `command --json` prints ("/p99_ms"); NULL: it is not measured again */
    const char *const *command; /* words of a sedge command, NULL at the end; NULL: the report's own */
    double tolerance; /* without a limit: the share of the value that another measurement may be off by */
} sg_claim;

/* A claim of which all numbers are "none": fill in the rest. */
sg_claim sg_claim_new(const char *id, const char *what, const char *unit);
/* "PASS" when the whole range is within the limit, "FAIL" when none of it is, else "NOT SHOWN"; "MEASURED" without a limit. */
const char *sg_claim_verdict(const sg_claim *c);

/* `subject`: "keywords.onnx on Intel Xeon". argv: the whole command line, "sedge" first. */
sedge_status sg_report_open(sg_report *r, const char *subject, int argc, const char *const *argv, uint64_t seed, sg_err *err);
void sg_report_free(sg_report *r);

void sg_report_claim(sg_report *r, const sg_claim *c);
/* Inferences from a watt-hour; NAN and why it was not measurable here. */
void sg_report_energy(sg_report *r, double per_wh, const char *why);
void sg_report_not_tested(sg_report *r, const char *what);
/* The cheapest next step, a sentence. */
void sg_report_next(sg_report *r, const char *what);

/* Evidence. `value` is taken over; keys that the page draws as more than a list are said in docs/report.md: "confusion", "metrics",
 * "exclusions", "splits", "flips", "ops", "latency", "memory". */
void sg_report_set(sg_report *r, const char *key, json_t *value);
/* SHA-256 of a file. `role`: "model", "card", "plan", "data", "labels", "binary". */
sedge_status sg_report_file(sg_report *r, const char *role, const char *path, sg_err *err);
/* A digest that is known already, of something that is no file (path "") or a file. */
void sg_report_digest(sg_report *r, const char *role, const char *path, const char *sha256);
/* What this machine and this program are (fit/machine.h), and the program's own digest. */
sedge_status sg_report_here(sg_report *r, sg_err *err);

/* Pictures: the first three stand on the first page. */
typedef struct sg_bar {
    const char *label;
    double before, after; /* before NAN: none */
    double low, high; /* 95 % of after; NAN: not known */
} sg_bar;
/* How n values are spread: 40 bins from the least to the 99.5th of 100, what is beyond counted apart. NULL: no values, or no memory. */
json_t *sg_histogram(const double *v, size_t n);
/* A picture of it (borrowed; NULL: none); `mark` a value worth a line (the limit), NAN: none. */
void sg_report_histogram(sg_report *r, const char *title, const char *text, const char *unit, const json_t *histogram,
                         double mark, const char *mark_label);
void sg_report_bars(sg_report *r, const char *title, const char *text, const char *unit, const sg_bar *bar, size_t n, double mark,
                    const char *mark_label);
/* One line through n points. */
void sg_report_curve(sg_report *r, const char *title, const char *text, const char *x_label, const char *y_label, const double *x,
                     const double *y, size_t n);

/* Writes `path` (a name that ends in .html) and the same name with .json, each whole or not at all. */
sedge_status sg_report_write(sg_report *r, const char *path, sg_err *err);
/* "R.html" and "R.json" give "R.json". False: the name ends in neither, or is too long. */
bool sg_report_json_path(const char *path, char *out, size_t size);
/* The page of any report, by its tree. */
void sg_report_page(const json_t *root, FILE *f);
/* The picture as SVG; `id` a word that is once in the page (report_plot.c). */
void sg_report_plot(const json_t *picture, const char *id, FILE *f);

/* Text of a number with its unit, for people: "1.2 MB", "91.3 %", "3.42 ms"; "–" when there is none. */
const char *sg_report_value(char text[48], const json_t *v, const char *unit);
/* Text with what HTML takes for markup replaced. */
void sg_report_escape(FILE *f, const char *text);

/* What stands at a JSON pointer ("/period/p99_ms"; ~0 and ~1 as in RFC 6901); NULL: nothing. */
const json_t *sg_json_at(const json_t *root, const char *pointer);
/* A number there; NAN: none. */
double sg_json_number_at(const json_t *root, const char *pointer);
/* A number, or null where it is none; 12 digits are what a report keeps. */
json_t *sg_json_number(double v);
#define SG_REPORT_DUMP (JSON_INDENT(2) | JSON_REAL_PRECISION(12))

#endif
