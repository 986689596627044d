/* Answers of a model by its card, a line of JSON for each source named on standard input:
 * "image FILE", "crop X Y WIDTH HEIGHT TURN FILE", "raw FORMAT WIDTH HEIGHT OFFSET FILE", "i8 COLUMNS OFFSET FILE",
 * "f32 COLUMNS OFFSET FILE", "series COLUMNS FILE" (of f32: a line a window), "text FILE", "wav FILE" and "pieces FILE" (as a stream, at once or 10 ms at a time: a line a window).
 * usage: answers MODEL CARD FOLDER */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "sedge/task.h"

static int print(void *ctx, const char *text, size_t n)
{
    return fwrite(text, 1, n, ctx) != n;
}

static sedge_task *task;

static int line(void *ctx, const sedge_answers *a)
{
    (void)ctx;
    int bad = sedge_answers_json(task, a, print, stdout) != SEDGE_OK;
    putchar('\n');
    return bad;
}

static sedge_status run_row(const char *what, const char *args, const sg_map *m, size_t at, sedge_answers *out, sedge_error *err)
{
    static float row[4096];
    int columns;
    size_t size = strcmp(what, "i8") ? sizeof *row : 1, left = at < m->size ? m->size - at : 0;
    if (sscanf(args, "%d", &columns) != 1 || columns < 1 || columns > 4096 || left < (size_t)columns * size)
        return SEDGE_E_ARG;
    if (size > 1)
        memcpy(row, m->data + at, (size_t)columns * size);
    for (int i = 0; i < columns && size == 1; i++)
        row[i] = (float)(int8_t)m->data[at + (size_t)i];
    return sedge_task_run_rows(task, row, 1, columns, out, err);
}

static sedge_status run(sedge_image *image, const char *what, const char *args, const sg_map *m, size_t at, sedge_answers *out,
                        sedge_error *err)
{
    sedge_frame f;
    char format[16];
    int x, y, w, h;
    size_t left = at < m->size ? m->size - at : 0;
    if (strcmp(what, "i8") == 0 || strcmp(what, "f32") == 0)
        return run_row(what, args, m, at, out, err);
    if (strcmp(what, "text") == 0)
        return sedge_task_run_text(task, (const char *)m->data, m->size, out, err);
    if (strcmp(what, "raw") == 0) {
        if (sscanf(args, "%15s %d %d", format, &w, &h) != 3)
            return SEDGE_E_ARG;
        size_t size = (size_t)w * (size_t)h * (strcmp(format, "gray") ? 3 : 1);
        SG_TRY(sedge_frame_raw(&f, sedge_pixel_find(format), w, h, m->data + at, left < size ? left : size, err));
    } else {
        SG_TRY(sedge_image_decode(image, m->data, m->size, &f, err));
    }
    if (strcmp(what, "crop") == 0) {
        int turn;
        if (sscanf(args, "%d %d %d %d %d", &x, &y, &w, &h, &turn) != 5)
            return SEDGE_E_ARG;
        SG_TRY(sedge_frame_roi(&f, &f, x, y, w, h, err));
        f.turn = (uint8_t)turn;
    }
    return sedge_task_run_frame(task, &f, out, err);
}

static sedge_status stream(const sg_map *m, bool pieces, sedge_error *err)
{
    sedge_audio all;
    SG_TRY(sedge_task_reset(task, err));
    SG_TRY(sedge_audio_wav(&all, m->data, m->size, err));
    size_t step = pieces ? all.rate / 100 : all.frames, bytes = 2 * (size_t)all.channels;
    if (all.sample != SEDGE_PCM_S16)
        return sg_fail(err, SEDGE_E_ARG, "samples are not of 16 bits");
    for (size_t at = 0; at < all.frames; at += step) {
        sedge_audio part = all;
        part.data = (const uint8_t *)all.data + at * bytes;
        part.frames = all.frames - at < step ? all.frames - at : step;
        SG_TRY(sedge_task_push_audio(task, &part, line, NULL, err));
    }
    return sedge_task_push_audio(task, NULL, line, NULL, err);
}

static sedge_status series(const char *args, const sg_map *m, sedge_error *err)
{
    int columns;
    if (sscanf(args, "%d", &columns) != 1 || columns < 1)
        return SEDGE_E_ARG;
    size_t rows = m->size / sizeof(float) / (size_t)columns;
    float *v = malloc(m->size + 1);
    if (!v)
        return SEDGE_E_NOMEM;
    memcpy(v, m->data, m->size);
    sedge_status st = sedge_task_reset(task, err);
    if (st == SEDGE_OK)
        st = sedge_task_push_rows(task, v, rows, columns, line, NULL, err);
    if (st == SEDGE_OK)
        st = sedge_task_push_rows(task, NULL, 0, columns, line, NULL, err);
    free(v);
    return st;
}

static sedge_status one(sedge_image *image, char *text, sedge_error *err)
{
    text[strcspn(text, "\n")] = 0;
    char *file = strrchr(text, ' '), what[16];
    if (!file || sscanf(text, "%15s", what) != 1)
        return SEDGE_E_ARG;
    *file++ = 0;
    char *offset = strrchr(text, ' ');
    sg_map m;
    SG_TRY(sg_map_open(&m, file, err));
    sedge_answers out;
    bool pieces = strcmp(what, "pieces") == 0, sound = pieces || strcmp(what, "wav") == 0, rows = strcmp(what, "series") == 0;
    sedge_status st = sound  ? stream(&m, pieces, err)
                      : rows ? series(text + strlen(what), &m, err)
                             : run(image, what, text + strlen(what), &m, offset ? strtoul(offset + 1, NULL, 10) : 0, &out, err);
    if (st == SEDGE_OK && !sound && !rows)
        line(NULL, &out);
    sg_map_close(&m);
    return st;
}

int main(int argc, char **argv)
{
    sedge_error err = {.status = SEDGE_OK};
    sedge_model *model = NULL;
    sedge_image *image = NULL;
    sedge_task_opts opts;
    sedge_task_opts_init(&opts);
    if (argc != 4)
        return 2;
    opts.card = argv[2];
    opts.folder = argv[3];
    sedge_status st = sedge_model_open(&model, argv[1], NULL, &err);
    if (st == SEDGE_OK)
        st = sedge_task_open(&task, model, argv[1], &opts, &err);
    if (st == SEDGE_OK)
        st = sedge_image_new(&image, NULL, &err);
    char text[4096];
    while (st == SEDGE_OK && fgets(text, sizeof text, stdin))
        st = one(image, text, &err);
    if (st != SEDGE_OK)
        fprintf(stderr, "answers: %s\n", err.msg[0] ? err.msg : sedge_status_text(st));
    sedge_image_free(&image);
    sedge_task_close(&task);
    sedge_model_close(&model);
    return st == SEDGE_OK ? 0 : 1;
}
