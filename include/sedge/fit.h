/* How right a model's answers are: data sets with labels, and measures by the card. Linked as libsedge-fit (pkg-config sedge-task). */
#ifndef SEDGE_FIT_H
#define SEDGE_FIT_H

#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- data sets --------------------------------------------------------------------------- */

/* One thing of a data set: by the card's source, one of frame, audio, row and text is set. */
typedef struct sedge_item {
    const char *name; /* its file, or "row 12 of x.npy"; NULL: none */
    const char *label, *group, *slice; /* NULL: none */
    sedge_frame frame;
    sedge_audio audio;
    const float *row; /* [rows, columns] */
    size_t rows;
    int columns;
    const char *text;
    size_t text_size;
} sedge_item;
/* Fills item i (zeros before) as the card takes it; what it points to is read before the next call. */
typedef sedge_status sedge_item_fn(void *ctx, const sedge_task_info *about, size_t i, sedge_item *out, sedge_error *err);

typedef struct sedge_data_opts {
    const char *labels; /* a CSV, COCO JSON, .npy, lines of text, or a folder of masks; NULL: what the data says itself */
    const char *slice; /* the CSV's column of slices; NULL: "slice" */
    size_t window, hop; /* rows of a table of series that are one sample, and between two; 0: each row is one */
    size_t limit; /* so many samples at most, evenly picked; 0: all */
    uint8_t reserved[32];
} sedge_data_opts;
void sedge_data_opts_init(sedge_data_opts *opts);

/* Window and hop as the card of a model says, if it takes series. */
void sedge_data_windows(sedge_data_opts *opts, const sedge_model *model, const char *path, const sedge_task_opts *task);

/* Opens `path`:
 *   a folder of folders (a class each); a folder of files, with labels.csv in it or labels: file,label[,group][,slice], or
 *   file,start,end[,label] (seconds: events), or COCO JSON, or masks; without labels all files are samples;
 *   the CSV or COCO JSON itself (files lie beside it); a table with a row a sample, or a window of rows;
 *   .npy or .npz (x and y); .txt, a text a line (labels: a label a line).
 * Only an index is kept: samples are read when they are asked for. */
typedef struct sedge_data sedge_data;
sedge_status sedge_data_open(sedge_data **out, const char *path, const sedge_data_opts *opts, sedge_error *err);
/* Files (a folder's, or one) that an .npz has tensors for, by name, with or without suffix; one file and one tensor need no names.
 * *want: a tensor for each, which live as long as the data. */
sedge_status sedge_data_tensors(sedge_data **out, const char *files, const char *npz, const sedge_tensor **want,
                                sedge_error *err);
void sedge_data_close(sedge_data **data);
size_t sedge_data_count(const sedge_data *data);
/* 1: labels, boxes, masks or events are known. */
int sedge_data_labelled(const sedge_data *data);
/* Label of each sample, for as long as the data lives; NULL where there is none. */
const char *const *sedge_data_labels(sedge_data *data);
/* A sedge_item_fn; ctx: the data. Decoded pictures are kept while there is room: for callers who look at each many times. */
sedge_status sedge_data_item(void *ctx, const sedge_task_info *about, size_t i, sedge_item *out, sedge_error *err);

/* ---- splits ---- */

/* Disjoint parts of the data: "calibrate" and "choose" a quarter each, "prove" a half. What is of one group, has the same bytes, or, of pictures, nearly
 * the same look is in one part, with alike shares of each label; windows that share rows are parted by time. The manifest at `path` (a digest
 * and part a sample) is written when it is not there, and used when it is, so that later runs have the same parts; NULL: it is kept nowhere.
 * *made: 1 when it was not there. */
typedef struct sedge_split sedge_split;
sedge_status sedge_split_open(sedge_split **out, const sedge_data *data, int picture, const char *path, uint64_t seed, int *made,
                              sedge_error *err);
/* The samples of a part, as sedge_eval_opts takes them; 0: none, or no such part. They live as long as the split. */
size_t sedge_split_part(const sedge_split *s, const char *part, const size_t **sample);
/* Samples that the manifest does not know: they are in no part. */
size_t sedge_split_unknown(const sedge_split *s);
void sedge_split_close(sedge_split **s);

/* ---- quantization ------------------------------------------------------------------------- */

typedef struct sedge_quantize_opts {
    const char *const
        *rows; /* arrays with a sample a row: "X.npy", "NAME=X.npy", "X.npz" with arrays named after the inputs; or: */
    int n_rows;
    const char *data; /* a data set, read as the card says */
    const char *card; /* NULL: found as for sedge_task_open */
    const char
        *method; /* "minmax", "percentile", "entropy", "mse"; NULL: each is tried, the one whose answers are nearest is kept */
    size_t limit; /* samples at most, evenly picked; 0: 512 */
    const char *weights; /* "f16", "int8", "int4": the weights alone, activations stay float; NULL: both are 8-bit integers */
    double snr_db; /* tensors stay float, those that cost most first, until the outputs are as near as this; 0: none does */
    int no_correction; /* biases stay as they are */
    void (*progress)(void *ctx, const char *what, double part); /* NULL: silence */
    void *progress_ctx;
    uint8_t reserved[64];
} sedge_quantize_opts;
void sedge_quantize_opts_init(sedge_quantize_opts *opts);

/* What came of it, on samples that calibration has not seen. */
typedef struct sedge_quantize_result {
    char method[16];
    size_t calibrated, compared; /* samples */
    int layers, kept; /* with weights: integers, left in float */
    double kept_weights; /* share of the weights that was left in float */
    char kept_name[128]; /* the tensor that cost most */
    double snr_db; /* of the outputs beside those of the float model; infinite: equal */
    double top1; /* share of samples whose greatest element of the first output is the same */
    double ms_before, ms_after; /* median of a run */
    int64_t bytes_before, bytes_after; /* of the files */
    int unstable; /* tensors whose range differs by half between thirds of the samples */
    char unstable_name[128]; /* the worst of them */
} sedge_quantize_result;

/* Weights and activations of the model at `path` as integers, into the ONNX file `out` (NULL: nothing is written). */
sedge_status sedge_quantize(const char *path, const char *out, const sedge_quantize_opts *opts, sedge_quantize_result *result,
                            sedge_error *err);

/* ---- evaluation --------------------------------------------------------------------------- */

typedef struct sedge_eval_opts {
    /* Fidelity: what this model answers stands for the truth (its card: as opts.card of the model, or as reference_card says). */
    const sedge_model *reference;
    const char *reference_path, *reference_card;
    uint32_t threads; /* that read samples; 0: as many as the process may use */
    int anyway; /* goes on with bad samples and a score that looks like a wrong card */
    int stream; /* sound and series are streams whose alarms count, whatever the card and the labels look like */
    const size_t *sample; /* those of the data that count, n of them; NULL: all */
    size_t n;
    uint64_t seed; /* of intervals by resampling */
    /* NULL, or called with every answer that counts (of streams: every window), for measures of the caller's own; non-zero stops. */
    int (*each)(void *ctx, const sedge_task *task, const sedge_item *item, const sedge_answers *answers);
    void *each_ctx;
    int (*progress)(void *ctx, double part); /* NULL, or called now and then; non-zero stops: SEDGE_E_CANCELLED */
    void *ctx;
    uint8_t reserved[32];
} sedge_eval_opts;
void sedge_eval_opts_init(sedge_eval_opts *opts);

/* One measure with its 95 % interval. */
typedef struct sedge_metric {
    const char *name, *about, *unit; /* "top1", what it is, "" or "per hour" ... */
    int less; /* 1: less is better */
    double value, low, high; /* NaN: cannot be said */
    size_t n; /* samples */
    const char *method; /* "wilson", "bootstrap", "bootstrap by group", "poisson" */
    const char *worst; /* the slice where it is worst; NULL: no slices */
    double worst_value;
    size_t worst_n;
} sedge_metric;

/* What came of one sample (of streams: of one window). */
typedef struct sedge_outcome {
    size_t sample;
    float right; /* 1, 0, or a share (F1 of boxes, IoU of masks) */
    float score; /* of the best answer */
    int truth, guess; /* classes; -1: none */
} sedge_outcome;

typedef struct sedge_class {
    const char *name; /* NULL: it has a number only */
    int number;
    uint64_t truth, guess, right;
    double precision, recall, f1;
    double ap50; /* boxes; else NaN */
} sedge_class;

/* Of the samples that are answered, surest first: their share, how many are right, and the score from which on they are answered. */
typedef struct sedge_risk {
    double coverage, right, score;
} sedge_risk;

typedef struct sedge_bad_sample {
    size_t sample;
    const char *why; /* names it */
} sedge_bad_sample;

typedef struct sedge_eval_result {
    const char *kind; /* "accuracy", or "fidelity" to the reference */
    const char *head; /* "classes", "boxes", ... */
    int n_metric;
    const sedge_metric *metric; /* the one that matters most first */
    size_t n_outcome;
    const sedge_outcome *outcome;
    int n_class; /* 0: the head has none */
    const sedge_class *cls; /* those that samples or answers have */
    const uint64_t *confusion; /* [n_class, n_class] truth by guess; NULL: none */
    int n_risk;
    const sedge_risk *risk;
    /* Fitted on the even samples, judged on the odd ones: calibration error before and after. NaN: cannot be said. */
    double temperature, ece_before, ece_after;
    size_t n_bad;
    const sedge_bad_sample *bad;
    size_t samples; /* that were asked for */
    size_t cut; /* of them longer than what the model takes: it saw their beginning */
    double seconds, pre_ms, run_ms, post_ms; /* the whole, and sums over the samples */
} sedge_eval_result;

/* Runs the data through the model as the card says and measures by its head. path and opts as in sedge_task_open; a model without a card
 * takes rows of arrays as they are, and its first output is scores of classes. First a few samples are looked at: where they look like a
 * wrong card, that is the error. The data must outlive the evaluation. */
typedef struct sedge_eval sedge_eval;
sedge_status sedge_eval_open(sedge_eval **out, const sedge_model *model, const char *path, const sedge_task_opts *opts,
                             sedge_data *data, const sedge_eval_opts *how, sedge_error *err);
void sedge_eval_get(const sedge_eval *e, sedge_eval_result *out);
/* Name of sample i of the data, for messages; in `text` where it has no file. */
const char *sedge_data_name(const sedge_data *data, size_t i, char text[64]);
void sedge_eval_close(sedge_eval **e);

/* ---- other formats ------------------------------------------------------------------------ */

/* The model at `path` as the file `out`: ONNX or TensorFlow Lite, by what its name ends with (.onnx, .tflite). What the format cannot say
 * is an error that names the node. */
typedef struct sedge_convert_opts {
    const char *functions; /* an ONNX file with bodies for operators that Sedge lacks; NULL: none */
    const char *card; /* a file, which becomes the metadata sedge.card; NULL: the model's own metadata stays */
    uint8_t reserved[64];
} sedge_convert_opts;
void sedge_convert_opts_init(sedge_convert_opts *opts);
/* opts: NULL for none. */
sedge_status sedge_convert(const char *path, const char *out, const sedge_convert_opts *opts, sedge_error *err);

/* ---- two models ------------------------------------------------------------------------------ */

typedef enum sedge_verdict { SEDGE_PASS, SEDGE_FAIL, SEDGE_NOT_SHOWN } sedge_verdict;

/* One measure before and after, on the same samples. */
typedef struct sedge_pair {
    const char *name, *about;
    int less; /* 1: less is better */
    double before, after;
    double drop, low, high; /* how much worse; one-sided 95 % bounds of it */
    double margin;
    int verdict; /* sedge_verdict: the upper bound is within the margin, the lower one beyond it, neither */
    double needed; /* not shown: about so many samples would decide; infinite: none would */
    const char *method; /* "tango", "bootstrap", "bootstrap by group" */
} sedge_pair;

/* A sample that was right and is wrong (lost), or the other way round. */
typedef struct sedge_flip {
    size_t sample;
    int lost;
    int truth, before, after; /* classes */
} sedge_flip;

typedef struct sedge_pairs {
    const char *kind; /* "accuracy"; "fidelity": after as true to before, which has no drop to judge */
    int n_pair;
    const sedge_pair *pair; /* the one that matters most first */
    size_t n_flip, lost, gained;
    const sedge_flip *flip; /* the lost ones first */
    size_t n; /* samples that both judged */
} sedge_pairs;

/* Holds evaluation `after` to `before`, both of the same data, which live as long as this; before NULL: `after` is one of fidelity, and what
 * differs from its reference is listed. margin: a share (0.01: one point) of measures that are shares, of others
 * that part of the value before. */
typedef struct sedge_compare sedge_compare;
sedge_status sedge_compare_open(sedge_compare **out, const sedge_eval *before, const sedge_eval *after, double margin,
                                sedge_error *err);
void sedge_compare_get(const sedge_compare *c, sedge_pairs *out);
void sedge_compare_close(sedge_compare **c);

/* A tensor that both models make, in the order of the first. dB are of signal to noise: before against after. */
typedef struct sedge_layer {
    const char *name, *op;
    double db; /* with all that came before it */
    double own_db; /* of the layer alone: the second model's, on what the first one gives it */
    double cosine;
    double clipped; /* share of the first model's values beyond what the second can say; NaN: it says all */
    double restored_db; /* of the outputs, when this layer alone is as in the first model; NaN: not tried */
} sedge_layer;

typedef struct sedge_layers_result {
    int n_layer;
    const sedge_layer *layer;
    int first; /* that diverges: noise of its own far above that of the others; -1: none */
    int costly; /* that costs most: restoring it alone helps the outputs most; -1: none does */
    int strange; /* 1: the outputs agree far better than the layers: these were rescaled against each other, or their names lie; nobody is blamed */
    double output_db; /* of the outputs as they are */
    size_t samples;
} sedge_layers_result;

/* Compares two models layer by layer on n samples of the data, evenly picked (0: 8). Each is fed by its own card (path, card; NULL card:
 * found as for sedge_task_open); a model without one takes rows of arrays. */
typedef struct sedge_layers sedge_layers;
typedef struct sedge_side {
    const sedge_model *model;
    const char *path, *card;
} sedge_side;
sedge_status sedge_layers_open(sedge_layers **out, const sedge_side *before, const sedge_side *after, const sedge_data *data,
                               const char *data_path, size_t n, sedge_error *err);
void sedge_layers_get(const sedge_layers *l, sedge_layers_result *out);
void sedge_layers_close(sedge_layers **l);

/* ---- the ladder ----------------------------------------------------------------------------- */

typedef struct sedge_fit_opts {
    const char *data, *labels, *card; /* as for sedge_eval_open; without labels the model itself is the truth */
    double max_ms; /* of an answer end to end: the upper bound of the 99th percentile; 0: no limit */
    int64_t max_bytes; /* of the file; 0: no limit */
    double max_drop; /* of the first measure, in its unit (0.005: half a point), or two samples where that is more; 0: 0.005 */
    const char *split; /* the manifest of sedge_split_open; NULL: it is kept nowhere */
    uint64_t seed; /* of the parts */
    void (*progress)(void *ctx, const char *what, double part); /* NULL: silence */
    void *ctx;
    uint8_t reserved[64];
} sedge_fit_opts;
void sedge_fit_opts_init(sedge_fit_opts *opts);

#define SEDGE_FIT_RUNGS 24

/* One rung: what was tried, or why it was not. */
typedef struct sedge_fit_rung {
    char name[48];
    char note[160]; /* why it was skipped, or what it is */
    int tried, fits; /* fits: every limit was met on the samples that choose */
    double ms, ms_low, ms_high, ms_mean; /* 99th percentile of an answer, with its interval; mean */
    int64_t bytes;
    double score, drop; /* of the first measure */
} sedge_fit_rung;

typedef struct sedge_fit_result {
    sedge_fit_rung rung[SEDGE_FIT_RUNGS];
    int n_rung, chosen; /* chosen: the rung that `out` holds; -1: none, nothing is written */
    int met; /* 1: every limit, on samples that nothing was chosen by */
    char missed[256]; /* the limit that was not met, by how much, and what would help */
    char measure[48]; /* name of the first measure */
    size_t calibrated, chose, proved; /* samples */
    size_t left_out; /* samples that the manifest does not know */
    /* On the samples that prove: before and after, how many were right for one of the two alone, and the 95 % interval of the drop. */
    double score_before, score_after, drop, drop_low, drop_high;
    uint64_t lost, gained;
    double ms_before, ms_after;
    int64_t bytes_before, bytes_after;
} sedge_fit_result;

/* Walks the ladder from the cheapest step up and stops at the first that meets every limit: as it is; half-precision weights; 8-bit
 * integers; the same with tensors left float; weights alone of 8 and 4 bits. Three disjoint parts of the data calibrate, choose and prove. What
 * is judged is the file as it was written. SEDGE_OK also when limits were missed: then `out` holds the best that was found. */
sedge_status sedge_fit(const char *path, const char *out, const sedge_fit_opts *opts, sedge_fit_result *result, sedge_error *err);

#ifdef __cplusplus
}
#endif

#endif
