/* sedge run on pictures, sound, series and text: by the card, from bytes to answers. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sedge/task.h"

typedef struct job {
    const args *a;
    sedge_model *model;
    sedge_task *task;
    sedge_task_info info;
    sedge_image *image;
    const char *path;   /* of what is being answered */
    size_t n_source, n_answer, cap_ms;
    double *ms;         /* of each answer, from bytes to answer but for the decoding */
    bool many;          /* a line for each answer */
    int raw_pixel, raw_width, raw_height, raw_bands; /* --raw of pictures; raw_pixel -1: none */
    sedge_audio raw_audio;                /* --raw of sound; rate 0: none */
} job;

/* Bytes of one tightly packed frame; 0: no such format. */
static size_t raw_frame_bytes(int pixel, int width, int height, int bands)
{
    size_t n = width > 0 && height > 0 && width <= 1 << 20 && height <= 1 << 20 ? (size_t)width * (size_t)height : 0;
    switch (pixel) {
    case SEDGE_PIXEL_RGB8:
    case SEDGE_PIXEL_BGR8: return 3 * n;
    case SEDGE_PIXEL_RGBA8:
    case SEDGE_PIXEL_BGRA8: return 4 * n;
    case SEDGE_PIXEL_RGB16: return 6 * n;
    case SEDGE_PIXEL_GRAY16:
    case SEDGE_PIXEL_YUYV:
    case SEDGE_PIXEL_UYVY: return 2 * n;
    case SEDGE_PIXEL_NV12:
    case SEDGE_PIXEL_NV21:
    case SEDGE_PIXEL_I420: return n + n / 2;
    case SEDGE_PIXEL_GRAY8:
    case SEDGE_PIXEL_RGGB8:
    case SEDGE_PIXEL_BGGR8:
    case SEDGE_PIXEL_GRBG8:
    case SEDGE_PIXEL_GBRG8: return n;
    case SEDGE_PIXEL_BANDS_U8: return n * (size_t)bands;
    case SEDGE_PIXEL_BANDS_U16: return 2 * n * (size_t)bands;
    case SEDGE_PIXEL_BANDS_F32: return 4 * n * (size_t)bands;
    default: return 0;
    }
}

/* ---- --raw -------------------------------------------------------------------------------- */

static int read_raw(job *j)
{
    static const struct {
        const char *name;
        int sample;
    } samples[] = {{"s16le", SEDGE_PCM_S16},
                   {"f32le", SEDGE_PCM_F32},
                   {"u8", SEDGE_PCM_U8},
                   {"s24le", SEDGE_PCM_S24},
                   {"s32le", SEDGE_PCM_S32}};
    char name[16] = "", rest[48] = "";
    unsigned rate = 0, channels = 1;
    j->raw_pixel = -1;
    if (!j->a->raw)
        return EXIT_OK;
    if (sscanf(j->a->raw, "%15[^:]:%47s", name, rest) == 2) {
        j->raw_pixel = sedge_pixel_find(name);
        int n = sscanf(rest, "%dx%dx%d", &j->raw_width, &j->raw_height, &j->raw_bands);
        bool bands = j->raw_pixel >= SEDGE_PIXEL_BANDS_U8 && j->raw_bands >= 1 && j->raw_bands <= SEDGE_BANDS_MAX;
        if (j->raw_pixel >= 0 && n == (bands ? 3 : 2))
            return EXIT_OK;
        for (size_t k = 0; k < sizeof samples / sizeof *samples; k++)
            if (strcmp(samples[k].name, name) == 0 && sscanf(rest, "%u:%u", &rate, &channels) >= 1 && rate > 0 && channels >= 1 &&
                channels <= 8) {
                j->raw_audio = (sedge_audio){.sample = (uint8_t)samples[k].sample, .channels = (uint8_t)channels, .rate = rate};
                return EXIT_OK;
            }
    }
    return usage(&verb_run, "--raw %s: give a format and a size or rate, as nv12:1280x720, bands_u16:64x64x6 or s16le:16000",
                 j->a->raw);
}

/* ---- printing ------------------------------------------------------------------------------- */

static int put_piece(void *ctx, const char *text, size_t n)
{
    return fwrite(text, 1, n, ctx) != n;
}

/* Answers that are one thing as large as they are. */
static void print_whole(const sedge_answers *s)
{
    if (s->picture)
        printf("a picture of %dx%d", (int)s->picture->width, (int)s->picture->height);
    else if (s->mask)
        printf("a mask of %dx%d", s->mask_w, s->mask_h);
    else if (s->n_vector)
        printf("a vector of %d", s->n_vector);
    else
        printf("nothing");
}

static void print_line(const job *j, const sedge_answers *s)
{
    if (j->n_source > 1)
        printf("%s\t", j->path);
    if (s->t1 > s->t0)
        printf("%.2f-%.2f s\t", s->t0, s->t1);
    if (s->decided >= 0)
        printf("%s\t", s->decided ? "on" : "off");
    if (!s->n)
        print_whole(s);
    for (int k = 0; k < s->n && k < 5; k++) {
        const sedge_answer *w = &s->answer[k];
        printf("%s%s", k ? ", " : "", w->text ? w->text : "");
        if (!w->text && w->label >= 0)
            printf("%d", w->label);
        if (w->text || w->label >= 0)
            printf(" %.1f %%", 100 * (double)w->score);
        else
            printf("%.6g", w->value);
    }
    printf("%s%s\n", s->n > 5 ? ", ..." : "", s->abstained ? " (abstains)" : "");
    fflush(stdout);
}

/* A column stands where some answer fills it. */
static void answer_table(const sedge_answers *s)
{
    static const char *title[4];
    bool boxes = false, valued = false;
    table t;
    int n = 0;
    for (int k = 0; k < s->n; k++) {
        boxes = boxes || s->answer[k].box[2] > s->answer[k].box[0];
        valued = valued || (s->answer[k].label < 0 && !s->answer[k].text);
    }
    title[n++] = "answer";
    title[n++] = valued ? ">value" : ">score";
    if (boxes)
        title[n++] = "box";
    table_init(&t, n, title);
    for (int k = 0; k < s->n; k++) {
        const sedge_answer *w = &s->answer[k];
        if (w->text)
            table_cell(&t, "%s", w->text);
        else
            table_cell(&t, w->label >= 0 ? "%d" : "-", w->label);
        if (valued)
            table_cell(&t, "%.6g", w->value);
        else
            table_cell(&t, "%.1f %%", 100 * (double)w->score);
        if (boxes)
            table_cell(&t, "%.0f %.0f %.0f %.0f", (double)w->box[0], (double)w->box[1], (double)w->box[2], (double)w->box[3]);
    }
    table_print(&t, stdout);
}

static void print_answers(const job *j, const sedge_answers *s)
{
    if (s->n)
        answer_table(s);
    else
        print_line(j, s);
    if (s->decided >= 0)
        printf("decision: %s\n", s->decided ? "on" : "off");
    if (s->truncated)
        printf("the source was longer than what the model takes: it was cut\n");
    printf("%.2f ms: %.2f before the model, %.2f in it, %.2f after it\n", s->pre_ms + s->run_ms + s->post_ms, s->pre_ms,
           s->run_ms, s->post_ms);
}

static int take(void *ctx, const sedge_answers *s)
{
    job *j = ctx;
    if (j->n_answer == j->cap_ms) {
        size_t cap = j->cap_ms ? 2 * j->cap_ms : 256;
        double *grown = realloc(j->ms, cap * sizeof *grown);
        if (!grown)
            return 1;
        j->ms = grown;
        j->cap_ms = cap;
    }
    j->ms[j->n_answer++] = s->pre_ms + s->run_ms + s->post_ms;
    if (j->a->json || j->a->jsonl) {
        json w = {.f = stdout, .line = true};
        json_open(&w, NULL, '{');
        json_str(&w, "schema", "sedge.answer/1");
        json_str(&w, "file", j->path);
        sedge_answers_json(j->task, s, put_piece, json_raw(&w, "answer"));
        json_close(&w, '}');
        fflush(stdout);
    } else if (j->many) {
        print_line(j, s);
    } else {
        print_answers(j, s);
    }
    return ferror(stdout);
}

/* ---- sources -------------------------------------------------------------------------------- */

static sedge_status answer_frame(job *j, const sedge_frame *f, sedge_error *err)
{
    sedge_answers s;
    SG_TRY(sedge_task_run_frame(j->task, f, &s, err));
    take(j, &s);
    if (!j->a->out)
        return SEDGE_OK;
    return s.picture ? sedge_image_save_png(s.picture, j->a->out, err) : paint_answers(f, &s, j->a->out, err);
}

/* Frames of one size, one behind the other. */
static sedge_status answer_raw_frames(job *j, const uint8_t *bytes, size_t n, sedge_error *err)
{
    sedge_frame f;
    size_t each = raw_frame_bytes(j->raw_pixel, j->raw_width, j->raw_height, j->raw_bands);
    if (!each || n % each || !n)
        return sg_fail(err, SEDGE_E_FORMAT, "%zu bytes are no whole number of frames of %zu bytes", n, each);
    j->many = j->many || n > each;
    for (size_t at = 0; at < n; at += each) {
        SG_TRY(sedge_frame_raw(&f, j->raw_pixel, j->raw_width, j->raw_height, bytes + at, each, err));
        SG_TRY(answer_frame(j, &f, err));
    }
    return SEDGE_OK;
}

static sedge_status answer_audio(job *j, const sedge_audio *in, sedge_error *err)
{
    sedge_answers s;
    bool one = !j->info.window || (uint64_t)in->frames * j->info.rate <= (uint64_t)j->info.window * in->rate;
    if (one) {
        SG_TRY(sedge_task_reset(j->task, err));
        SG_TRY(sedge_task_run_audio(j->task, in, &s, err));
        take(j, &s);
        return SEDGE_OK;
    }
    j->many = true;
    SG_TRY(sedge_task_reset(j->task, err));
    SG_TRY(sedge_task_push_audio(j->task, in, take, j, err));
    return sedge_task_push_audio(j->task, NULL, take, j, err);
}

static sedge_status read_series(const job *j, const char *text, size_t n, sedge_series *s, sedge_error *err)
{
    sedge_series_opts o;
    sedge_series_opts_init(&o);
    o.column = j->info.column;
    o.n_column = j->info.columns;
    o.time = j->info.time;
    o.rate = j->info.row_rate > 0 ? j->info.row_rate : 1;
    o.missing = SEDGE_MISSING_KEEP; /* the card says what fills them */
    return sedge_series_csv(s, text, n, &o, NULL, err);
}

static sedge_status answer_series(job *j, const char *text, size_t n, sedge_error *err)
{
    sedge_series s;
    SG_TRY(read_series(j, text, n, &s, err));
    j->many = true;
    sedge_status st = sedge_task_reset(j->task, err);
    if (st == SEDGE_OK)
        st = sedge_task_push_rows(j->task, s.data, s.rows, s.columns, take, j, err);
    if (st == SEDGE_OK)
        st = sedge_task_push_rows(j->task, NULL, 0, s.columns, take, j, err);
    sedge_series_free(&s);
    return st;
}

static sedge_status answer_bytes(job *j, const uint8_t *bytes, size_t n, sedge_error *err)
{
    sedge_frame f;
    sedge_audio sound;
    sedge_answers s;
    switch (j->info.source) {
    case SEDGE_SOURCE_IMAGE:
        if (j->raw_pixel >= 0)
            return answer_raw_frames(j, bytes, n, err);
        SG_TRY(sedge_image_decode(j->image, bytes, n, &f, err));
        return answer_frame(j, &f, err);
    case SEDGE_SOURCE_AUDIO:
        sound = j->raw_audio;
        if (sound.rate) {
            static const size_t width[] = {2, 4, 1, 3, 4};
            sound.data = bytes;
            sound.frames = n / (width[sound.sample] * sound.channels);
        } else {
            SG_TRY(sedge_audio_wav(&sound, bytes, n, err));
        }
        return answer_audio(j, &sound, err);
    case SEDGE_SOURCE_SERIES: return answer_series(j, (const char *)bytes, n, err);
    case SEDGE_SOURCE_TEXT:
        SG_TRY(sedge_task_run_text(j->task, (const char *)bytes, n, &s, err));
        take(j, &s);
        return SEDGE_OK;
    default: return sg_fail(err, SEDGE_E_UNSUPPORTED, "the card takes tensors: give them by --in NAME=FILE");
    }
}

/* CSV that comes bit by bit: its first record, which may name the columns, stands before what has not been answered. */
typedef struct csv_stream {
    char *text;
    size_t cap, head, n; /* head: length of the first record, once it is there */
    size_t lines;        /* answered */
    size_t head_rows;    /* rows that the first record is: 0 where it names columns */
} csv_stream;

/* The end of the last whole record, or of the first one; 0: there is none. */
static size_t record_end(const csv_stream *c, bool first)
{
    size_t end = 0;
    bool quoted = false;
    for (size_t i = c->head; i < c->n && !(first && end); i++) {
        quoted = quoted != (c->text[i] == '"');
        end = c->text[i] == '\n' && !quoted ? i + 1 : end;
    }
    return end;
}

/* Rows up to `end` are answered and forgotten. */
static sedge_status answer_records(job *j, csv_stream *c, size_t end, sedge_error *err)
{
    sedge_series s;
    size_t line;
    int at = 0;
    sedge_status st = read_series(j, c->text, end, &s, err);
    if (st != SEDGE_OK && sscanf(err->msg, "csv: line %zu%n", &line, &at) == 1 && c->lines) {
        char rest[sizeof err->msg];
        snprintf(rest, sizeof rest, "%s", err->msg + at);
        snprintf(err->msg, sizeof err->msg, "csv: line %zu%.400s", line + c->lines - 1, rest);
    }
    SG_TRY(st);
    size_t skip = c->lines ? c->head_rows : 0;
    if (s.rows > skip)
        st = sedge_task_push_rows(j->task, s.data + skip * (size_t)s.columns, s.rows - skip, s.columns, take, j, err);
    sedge_series_free(&s);
    for (size_t i = c->lines ? c->head : 0; i < end; i++)
        c->lines += c->text[i] == '\n';
    memmove(c->text + c->head, c->text + end, c->n - end);
    c->n -= end - c->head;
    return st;
}

static sedge_status more_text(job *j, csv_stream *c, sedge_error *err)
{
    size_t end;
    if (!c->head && (end = record_end(c, true)) > 0) {
        sedge_series s;
        c->head_rows = 0;
        if (read_series(j, c->text, end, &s, NULL) == SEDGE_OK) {
            c->head_rows = s.rows;
            sedge_series_free(&s);
        }
        c->head = end;
    }
    end = c->head ? record_end(c, false) : 0;
    return end > 0 ? answer_records(j, c, end, err) : SEDGE_OK;
}

/* Rows without times are answered as they come. */
static sedge_status answer_rows_as_they_come(job *j, sedge_error *err)
{
    csv_stream c = {.text = NULL};
    ssize_t got = 1;
    j->many = true;
    sedge_status st = sedge_task_reset(j->task, err);
    while (st == SEDGE_OK && got > 0) {
        if (c.cap - c.n < 4096) {
            char *grown = realloc(c.text, 2 * c.cap + 65536);
            if (!grown) {
                st = sg_fail(err, SEDGE_E_NOMEM, "out of memory");
                break;
            }
            c.text = grown;
            c.cap = 2 * c.cap + 65536;
        }
        got = read(STDIN_FILENO, c.text + c.n, c.cap - c.n);
        c.n += got > 0 ? (size_t)got : 0;
        st = got > 0 ? more_text(j, &c, err) : SEDGE_OK;
    }
    if (st == SEDGE_OK && (c.n > c.head || !c.lines))
        st = answer_records(j, &c, c.n, err);
    if (st == SEDGE_OK)
        st = sedge_task_push_rows(j->task, NULL, 0, j->info.columns, take, j, err);
    free(c.text);
    return st;
}

/* Standard input: lines of text, rows, raw samples or frames as they come; everything else is read to its end. */
static sedge_status answer_stream(job *j, sedge_error *err)
{
    if (j->info.source == SEDGE_SOURCE_SERIES && !j->info.time)
        return answer_rows_as_they_come(j, err);
    size_t piece = 4096, have = 0, got;
    bool sound = j->info.source == SEDGE_SOURCE_AUDIO && j->raw_audio.rate;
    bool frames = j->info.source == SEDGE_SOURCE_IMAGE && j->raw_pixel >= 0, text = j->info.source == SEDGE_SOURCE_TEXT;
    static const size_t width[] = {2, 4, 1, 3, 4};
    if (frames)
        piece = raw_frame_bytes(j->raw_pixel, j->raw_width, j->raw_height, j->raw_bands);
    else if (sound)
        piece = (j->raw_audio.rate / 50 + 1) * width[j->raw_audio.sample] * j->raw_audio.channels;
    uint8_t *buf = piece ? malloc(piece) : NULL;
    size_t cap = piece;
    sedge_status st = buf ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
    j->many = j->many || sound || frames || text;
    while (st == SEDGE_OK && (got = fread(buf + have, 1, text ? 1 : cap - have, stdin)) > 0) {
        have += got;
        if (sound && have == cap) {
            sedge_audio a = j->raw_audio;
            a.data = buf;
            a.frames = have / (width[a.sample] * a.channels);
            st = sedge_task_push_audio(j->task, &a, take, j, err);
            have = 0;
        } else if (frames && have == cap) {
            st = answer_raw_frames(j, buf, have, err);
            have = 0;
        } else if (text && buf[have - 1] == '\n') {
            st = have > 1 ? answer_bytes(j, buf, have - 1, err) : SEDGE_OK;
            have = 0;
        } else if (have == cap) {
            uint8_t *grown = realloc(buf, 2 * cap);
            st = grown ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
            buf = grown ? grown : buf;
            cap = grown ? 2 * cap : cap;
        }
    }
    if (st == SEDGE_OK && sound) {
        sedge_audio a = j->raw_audio;
        a.data = buf;
        a.frames = have / (width[a.sample] * a.channels);
        if (a.frames)
            st = sedge_task_push_audio(j->task, &a, take, j, err);
        if (st == SEDGE_OK)
            st = sedge_task_push_audio(j->task, NULL, take, j, err);
    } else if (st == SEDGE_OK && have) {
        st = answer_bytes(j, buf, have, err);
    }
    free(buf);
    return st;
}

static int answer_source(job *j)
{
    sedge_error err = {0};
    sedge_status st;
    if (strcmp(j->path, "-") == 0) {
        st = answer_stream(j, &err);
    } else {
        sg_map map;
        st = sg_map_open(&map, j->path, &err);
        if (st == SEDGE_OK) {
            st = answer_bytes(j, map.data, map.size, &err);
            sg_map_close(&map);
        }
    }
    return st == SEDGE_OK ? EXIT_OK : fail_error(j->path, &err);
}

static sedge_status open_task(job *j, sedge_error *err)
{
    sedge_task_opts o;
    sedge_model_opts mo;
    sedge_model_opts_init(&mo);
    mo.functions = j->a->functions;
    mo.op = sedge_media_ops(&mo.n_op);
    SG_TRY(sedge_model_open(&j->model, j->a->rest[0], &mo, err));
    sedge_task_opts_init(&o);
    o.card = j->a->card;
    o.session.threads = j->a->threads;
    o.session.seed = j->a->seed;
    SG_TRY(sedge_task_open(&j->task, j->model, j->a->rest[0], &o, err));
    sedge_task_get_info(j->task, &j->info);
    return j->info.source == SEDGE_SOURCE_IMAGE ? sedge_image_new(&j->image, NULL, err) : SEDGE_OK;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sum_up(const job *j)
{
    char peak[32];
    if (!j->many || j->n_answer < 2 || j->a->json || j->a->jsonl)
        return;
    qsort(j->ms, j->n_answer, sizeof *j->ms, by_size);
    printf("%zu answers, p50 %.2f ms, peak memory %s\n", j->n_answer, j->ms[j->n_answer / 2], bytes_text(peak_memory(), peak));
}

static int answer_all(job *j, const sources *s)
{
    progress p;
    int status = EXIT_OK;
    size_t failed = 0;
    for (int k = 0; k < j->info.n_assumed; k++)
        fprintf(stderr, "sedge: %s: assumed %s (`sedge card` shows the card)\n", j->info.from, j->info.assumed[k]);
    progress_start(&p, "answering");
    for (size_t k = 0; k < s->n; k++) {
        progress_clear(&p);
        j->path = s->path[k];
        if (answer_source(j) != EXIT_OK)
            failed++;
        progress_show(&p, (double)(k + 1) / (double)s->n);
    }
    progress_clear(&p);
    sum_up(j);
    if (failed && s->n > 1)
        status = fail("%zu of %zu sources gave no answer", failed, s->n);
    return failed ? EXIT_FAILED : status;
}

int run_sources(const args *a)
{
    job j = {.a = a};
    sources s = {0};
    sedge_error err = {0};
    int status = read_raw(&j);
    for (int k = 1; status == EXIT_OK && k < a->n_rest; k++)
        status = sources_add(&s, a->rest[k]);
    if (status == EXIT_OK && a->out && s.n > 1)
        status = usage(&verb_run, "-o draws one picture: give one file");
    if (status == EXIT_OK && open_task(&j, &err) != SEDGE_OK)
        status = fail_error(a->rest[0], &err);
    j.n_source = s.n;
    j.many = s.n > 1;
    if (status == EXIT_OK)
        status = answer_all(&j, &s);
    free(j.ms);
    sedge_image_free(&j.image);
    sedge_task_close(&j.task);
    sedge_model_close(&j.model);
    sources_free(&s);
    return status;
}
