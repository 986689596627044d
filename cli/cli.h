/* What the verbs share: options, errors, tables, JSON, values from files, values to files. */
#ifndef SG_CLI_CLI_H
#define SG_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "import/data/data.h"
#include "sedge/media.h"
#include "sedge/sedge.h"
#include "sedge/task.h"
#include "sedge/fit.h"
#include "sedge/try.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_LIMIT = 3 };

/* One verb: its name, its line of help, its usage, its main. */
typedef struct verb {
    const char *name, *what, *usage;
    int (*main)(int argc, char **argv);
} verb;

extern const verb verb_run, verb_check, verb_bench, verb_card, verb_eval, verb_compare, verb_worker, verb_verify, verb_inspect,
    verb_compile, verb_convert, verb_quantize, verb_fit, verb_cpu;

/* main.c: a whole command line, "sedge" first: the exit status. */
int run_verb(int argc, char **argv);

/* ---- say.c: errors -------------------------------------------------------------------------- */

/* "sedge: ..." on stderr; return the exit status for `return fail(...)`. */
int fail(const char *fmt, ...) SG_PRINTF(1, 2);
int usage(const verb *v, const char *fmt, ...) SG_PRINTF(2, 3);
/* The library's error about a file: its path is put in front unless the message has it. */
int fail_error(const char *path, const sedge_error *err);

/* ---- args.c: options ------------------------------------------------------------------------ */

#define ARGS_MAX 64

/* The options that the verbs have in common. `rest` are the words that are no option. */
typedef struct args {
    char **rest; /* argv, compacted */
    int n_rest;
    const char **command; /* the whole command line, "sedge" first */
    int n_command;
    const char *in[ARGS_MAX];
    int n_in;
    sedge_bound dim[ARGS_MAX];
    int n_dim;
    const char *out, *graph, *functions, *target, *card, *raw, *data, *labels, *tensors, *report, *method, *weights, *reference,
        *slice;
    const char *beside, *against, *power_cmd, *dir, *key, *sign;
    const char *on[ARGS_MAX];
    int n_on;
    uint64_t digests;
    const char *split, *metric_cmd;
    const char *min[ARGS_MAX], *max[ARGS_MAX];
    int n_min, n_max;
    double snr, max_ms, max_bytes, max_drop;
    int tune; /* sedge_tune */
    uint32_t threads;
    uint64_t seed, limit;
    double seconds, margin, period_s, minutes;
    bool energy, commands, json, jsonl, write, ops, allow_fallback, no_optimize, anyway, stream, no_layers, help;
} args;

/* Parses argv[1..]; `allowed` holds the option letters of the verb (see args.c). EXIT_OK, or the exit status. */
int args_parse(args *a, const verb *v, const char *allowed, int argc, char **argv);
void args_free(args *a);

/* ---- limits.c: --max NAME=VALUE ------------------------------------------------------------- */

/* The limit of a figure in ms, bytes or mJ; NAN: none was stated. */
double limit_of(const args *a, const char *name, const char *unit);
/* Every limit is of one of these figures (NULL at the end), in a unit of its kind. EXIT_OK, or the exit status. */
int limits_check(const args *a, const verb *v, const char *const *name, const char *const *unit);

/* ---- open.c: from a path to a session --------------------------------------------------------- */

typedef struct opened {
    sedge_model *model;
    sedge_plan *plan;
    sedge_session *session;
} opened;

/* Opens model, plan and (when `session`) session as the options say. Close with opened_close in any case. */
sedge_status opened_open(opened *o, const char *path, const args *a, bool session, sedge_error *err);
void opened_close(opened *o);

/* ---- values.c: inputs ------------------------------------------------------------------------- */

/* Files and memory that bound inputs borrow. */
typedef struct values {
    sg_mem mem;
    sg_arena arena;
    sg_map map[ARGS_MAX];
    int n_map;
    uint64_t rng;
    const char *open_input,
        *open_dim; /* an input with sizes that nobody gave, so that they are 1, and the name of one; NULL: none */
} values;

void values_init(values *v, uint64_t seed);
void values_free(values *v);
/* Reads .npy, .npz, .pb or .raw as input `io` wants it. */
sedge_status values_read(values *v, const char *path, const sedge_io *io, const args *a, sedge_tensor *out, sedge_error *err);
/* A value for an input that was not given: from the seed, symbolic dimensions as --dim says or 1. */
sedge_status values_fill(values *v, const sedge_io *io, const args *a, sedge_tensor *out, sedge_error *err);
/* A shape that does not fit may come from a size that nobody gave: says so in the error. */
void values_blame(const values *v, sedge_error *err);
/* Binds every input: --in where given, else filled. filled[i] tells which. */
sedge_status values_bind(values *v, const opened *o, const args *a, bool *filled, sedge_error *err);
/* prepare.c: nanoseconds a step that a run spends before its first step when the input shapes are new: symbolic axes that
 * --dim does not fix are of size 1 and 2 by turns. -1: the shapes are fixed, or one of the two is refused. */
double prepare_ns(const opened *o, values *v, const args *a);
/* "1x3x224x224", or "scalar". */
void shape_text(char *text, size_t size, const sedge_tensor *t);
/* Index of an input by name; -1: none. */
int input_find(const sedge_model *m, const char *name, size_t n);

/* ---- same.c: two values ---------------------------------------------------------------------- */

typedef struct tolerance {
    double rtol, atol;
} tolerance;

/* True when got is want; else why (one line) says where they differ. */
bool compare(const sedge_tensor *got, const sedge_tensor *want, const tolerance *tol, char *why, size_t size);
/* "f32", "sequence of f32". */
const char *type_text(char text[48], int kind, int dtype);

/* ---- save.c: files that are whole or absent ---------------------------------------------------- */

typedef struct saver {
    FILE *f;
    char path[4096], temp[4096];
} saver;

/* Writes beside the path and renames at the end; a signal in between removes the temporary file. */
bool save_begin(saver *s, const char *path);
bool save_end(saver *s, bool good);
/* DIR/NAME.npy, characters of NAME outside A-Za-z0-9._- become _. */
int save_tensor(const char *dir, const char *name, const sedge_tensor *t);

/* ---- table.c: text that lines up ---------------------------------------------------------------- */

#define TABLE_COLUMNS 12

typedef struct table {
    const char *title[TABLE_COLUMNS];
    bool right[TABLE_COLUMNS];
    int n_column;
    char **cell;
    size_t n_cell, cap_cell;
} table;

/* A column title that starts with '>' is set flush right. */
void table_init(table *t, int n, const char *const *title);
void table_cell(table *t, const char *fmt, ...) SG_PRINTF(2, 3);
void table_print(table *t, FILE *f);

/* "1.2 MB", "340 B". */
const char *bytes_text(double bytes, char text[32]);

/* peak.c: the most bytes that stood in memory at once since the program began. */
double peak_memory(void);

/* ---- draw.c: graphs as pictures ----------------------------------------------------------------- */

/* The model as published and, when it could be planned, as planned, into PATH: .svg, or .dot for Graphviz. The exit status. */
int draw_graphs(const opened *o, const char *path);

/* ---- sources.c: what to work on --------------------------------------------------------------- */

typedef struct sources {
    char **path; /* "-": standard input */
    size_t n, cap;
} sources;

/* Adds a file, the files of a folder or what a pattern matches. The exit status. */
int sources_add(sources *s, const char *word);
void sources_free(sources *s);

/* ---- try.c: what is wrong with a card ------------------------------------------------------------ */

/* sedge card MODEL --try DATA [--tensors T.npz]: the exit status. */
int try_card(const args *a);
int trace_card(const args *a);
/* Writes a card to `path`; one that is there keeps its text as `path`.old when `replace`, else it is an error. The exit status. */
int write_card(const char *path, const char *text, bool replace);

/* ---- eval.c: data with labels -------------------------------------------------------------------- */

/* --data, --labels, --slice, --limit; windows as the model's card says. */
sedge_status open_data(sedge_data **data, const args *a, const sedge_model *model, sedge_error *err);
/* --split FILE:PART: the samples of that part; the split is the caller's. Without the option all count. */
sedge_status open_part(sedge_split **split, const args *a, const sedge_data *data, sedge_eval_opts *how, sedge_error *err);

/* ---- answer.c, paint.c: by the card ------------------------------------------------------------ */

/* sedge run MODEL SOURCE...: the exit status. */
int run_sources(const args *a);
/* Draws answers on the frame they are about and writes that as PNG. */
sedge_status paint_answers(const sedge_frame *f, const sedge_answers *s, const char *path, sedge_error *err);

/* fit_report.c: sedge fit --report. */
sedge_status fit_report(const args *a, const sedge_fit_result *r, sedge_error *err);

/* ---- progress.c ------------------------------------------------------------------------------- */

typedef struct progress {
    const char *what;
    double start, last;
    bool terminal, shown;
} progress;

void progress_start(progress *p, const char *what);
void progress_show(progress *p, double part); /* 0 to 1 */
void progress_tell(void *p, const char *what, double part); /* as the library calls it: what it does now */
void progress_clear(progress *p); /* before other output */

/* ---- json.c ------------------------------------------------------------------------------------- */

/* A writer of JSON; commas and escapes are its business. key NULL inside arrays. */
typedef struct json {
    FILE *f;
    int depth;
    bool comma[32];
    bool line; /* all in one line */
} json;

/* For a value that the caller writes itself, as JSON. */
FILE *json_raw(json *j, const char *key);

void json_open(json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(json *j, char bracket);
void json_str(json *j, const char *key, const char *s);
void json_strn(json *j, const char *key, const char *s, size_t n);
void json_int(json *j, const char *key, int64_t v);
void json_num(json *j, const char *key, double v); /* not finite: null */
void json_bool(json *j, const char *key, bool v);

void json_metric(json *j, const sedge_metric *m); /* eval.c */

#endif
