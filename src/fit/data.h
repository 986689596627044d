/* Data sets: an index of samples, lanes that read them, and a stream that reads ahead on many threads. */
#ifndef SG_FIT_DATA_H
#define SG_FIT_DATA_H

#include "base/map.h"
#include "base/mem.h"
#include "import/data/data.h"
#include "media/csv.h"
#include "sedge/fit.h"

/* Words that are kept once; a number each. */
typedef struct sg_words {
    const char **word;
    size_t n, cap;
    uint32_t *slot; /* 1 + number; 0: free */
    size_t n_slot;
} sg_words;

/* A thing that is known to be in a sample: a box with points (source pixels), or an event (seconds). */
typedef struct sg_thing {
    int32_t label; /* number of the word; -1: none */
    bool crowd;
    float box[4]; /* x0 y0 x1 y1 */
    double t0, t1;
    size_t first_point; /* of sedge_data.point: x, y, seen */
    uint32_t n_point;
} sg_thing;

typedef struct sg_entry {
    size_t at; /* row of an array; byte of a table or text */
    size_t line;
    int32_t name, label, group, slice; /* numbers of words; -1: none. name: of files only */
    uint32_t n_thing;
    size_t first_thing;
} sg_entry;

typedef enum sg_form { SG_FORM_FILES, SG_FORM_ARRAY, SG_FORM_TABLE, SG_FORM_LINES } sg_form;
typedef enum sg_truth { SG_TRUTH_NONE, SG_TRUTH_LABEL, SG_TRUTH_BOXES, SG_TRUTH_EVENTS, SG_TRUTH_MASKS } sg_truth;

/* The memory of one sample: what an item points to lives until the lane reads the next. */
typedef struct sg_lane {
    sg_mem mem;
    sg_map file;
    sedge_image *image;
    sedge_series series;
    void *buf;
    size_t cap_buf;
    sg_csv csv;
    char name[64];
} sg_lane;

struct sedge_data {
    sg_mem mem;
    sg_arena arena;
    const char *path;
    sg_form form;
    sg_truth truth;
    sg_words words;
    sg_entry *entry;
    size_t n, cap;
    sg_thing *thing;
    size_t n_thing, cap_thing;
    float *point; /* x, y, seen */
    size_t n_point, cap_point;
    int32_t *category; /* words of COCO's categories, by id */
    size_t n_category;
    sg_map map[2]; /* the data and the labels */
    sedge_tensor x; /* array */
    const char **column; /* table */
    size_t n_column, label_column; /* label_column == n_column: none */
    char separator;
    size_t window;
    bool by_time; /* windows share rows and have no groups of their own */
    /* for sedge_data_item */
    sg_lane lane;
    struct sg_kept *kept;
    size_t kept_bytes;
    const char **label;
};

/* ---- data.c ---- */

sedge_status sg_data_no_memory(sg_err *err);
/* The number of a word, which is kept; -1: out of memory. */
int32_t sg_data_word(sedge_data *d, const char *s, size_t n);
static inline const char *sg_data_text(const sedge_data *d, int32_t word)
{
    return word >= 0 ? d->words.word[word] : NULL;
}
/* A new entry without anything; NULL: out of memory. */
sg_entry *sg_data_add(sedge_data *d);
sg_thing *sg_data_add_thing(sedge_data *d);
/* "name" of sample i, for messages; of rows it is made in `text`. */
const char *sg_data_name(const sedge_data *d, size_t i, char text[64]);

/* What a column of labels is called. */
enum { SG_LABEL_NAMES = 4 };
extern const char *const sg_label_names[SG_LABEL_NAMES];
/* The column of a head that one of n names names, the earlier names before the later; -1: none. */
int sg_data_column(const sg_csv *c, const char *const *name, int n);

/* ---- data_files.c, data_coco.c, data_rows.c: forms ---- */

bool sg_ends_with(const char *s, const char *end);
/* The regular files of a folder (folders: its folders), by name, without hidden ones; in the arena. */
sedge_status sg_data_list(sedge_data *d, const char *folder, bool folders, const char ***out, size_t *n, sg_err *err);
sedge_status sg_data_folder(sedge_data *d, const char *folder, const char *labels, const char *slice, sg_err *err);
/* CSV of files; *is false: its head names no file, and it is a table. of_files: it cannot be one. */
sedge_status sg_data_csv(sedge_data *d, const char *folder, const char *csv, const char *slice, bool of_files, bool *is,
                         sg_err *err);
sedge_status sg_data_coco(sedge_data *d, const char *folder, const char *json, sg_err *err);
sedge_status sg_data_array(sedge_data *d, const char *path, const char *labels, sg_err *err);
sedge_status sg_data_table(sedge_data *d, const char *path, const sedge_data_opts *opts, sg_err *err);
sedge_status sg_data_lines(sedge_data *d, const char *path, const char *labels, sg_err *err);
/* Labels of what is there already, a line each. */
sedge_status sg_data_label_lines(sedge_data *d, const char *csv, sg_err *err);

/* ---- data_read.c: one sample ---- */

/* Several lanes may read at once. */
sedge_status sg_data_read(const sedge_data *d, sg_lane *lane, const sedge_task_info *about, size_t i, sedge_item *out,
                          sg_err *err);
void sg_lane_free(sg_lane *lane);

/* ---- data_stream.c: all, in order ---- */

typedef struct sg_bad {
    size_t index;
    const char *why;
} sg_bad;

typedef struct sg_stream {
    const sedge_data *data;
    const sedge_task_info *about;
    const size_t *order; /* indices of the samples wanted; NULL: all */
    size_t n, at;
    int threads, n_lane, have, next; /* lanes filled, and the one to come */
    bool anyway; /* however many are bad */
    sg_lane *lane;
    struct sg_slot *slot;
    size_t index; /* of the sample given last */
    sg_bad *bad;
    size_t n_bad, cap_bad;
    sg_arena arena;
    sg_mem mem;
} sg_stream;

sedge_status sg_stream_open(sg_stream *s, const sedge_data *d, const sedge_task_info *about, const size_t *order, size_t n,
                            int threads, bool anyway, sg_err *err);
/* The next sample that can be read; it lives until the next call. Others are noted; more than one in a hundred is an error. */
sedge_status sg_stream_next(sg_stream *s, sedge_item *out, bool *more, sg_err *err);
/* The sample given last is bad too. */
sedge_status sg_stream_bad(sg_stream *s, const char *why, sg_err *err);
void sg_stream_close(sg_stream *s);

#endif
