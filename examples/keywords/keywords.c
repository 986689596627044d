/* Says which word each WAV file holds: keywords MODEL LABELS FILE.wav... (one second, 16 kHz, 16 bit). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "sedge/sedge.h"

#define RATE   16000
#define RUNS   50
#define LABELS 32

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static uint32_t le(const unsigned char *p, int n)
{
    uint32_t v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

/* The first second of a mono PCM16 file at 16 kHz, in [-1, 1); shorter ones end in silence. NULL: good, else why not. */
static const char *read_wav(const char *path, float out[RATE])
{
    static unsigned char buf[44 + 2 * RATE + 4096];
    FILE *f = fopen(path, "rb");
    if (!f)
        return "cannot be opened";
    size_t n = fread(buf, 1, sizeof buf, f), at = 12;
    fclose(f);
    if (n < 12 || memcmp(buf, "RIFF", 4) != 0 || memcmp(buf + 8, "WAVE", 4) != 0)
        return "is not a WAV file";
    int format_seen = 0;
    while (n - at >= 8) {
        const unsigned char *chunk = buf + at;
        size_t size = le(chunk + 4, 4), left = n - at - 8;
        if (memcmp(chunk, "fmt ", 4) == 0) {
            if (size < 16 || left < 16 || le(chunk + 8, 2) != 1 || le(chunk + 10, 2) != 1 || le(chunk + 12, 4) != RATE ||
                le(chunk + 22, 2) != 16)
                return "is not 16 kHz mono PCM of 16 bits";
            format_seen = 1;
        } else if (memcmp(chunk, "data", 4) == 0 && format_seen) {
            size_t samples = (size < left ? size : left) / 2;
            for (size_t i = 0; i < RATE; i++)
                out[i] = i < samples ? (float)(int16_t)le(chunk + 8 + 2 * i, 2) / 32768.0f : 0.0f;
            return NULL;
        }
        size += size & 1;
        if (size > left)
            break;
        at += 8 + size;
    }
    return "has no samples";
}

static int read_labels(const char *path, char label[LABELS][32])
{
    FILE *f = fopen(path, "r");
    int n = 0;
    while (f && n < LABELS && fgets(label[n], sizeof label[n], f)) {
        label[n][strcspn(label[n], "\r\n")] = 0;
        n += label[n][0] != 0;
    }
    if (f)
        fclose(f);
    return n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs the clip RUNS times; the winner and its score. */
static sedge_status spot(sedge_session *s, float *clip, int *best, double *score, double *p50_ms, sedge_error *err)
{
    sedge_tensor in = {.data = clip, .dtype = SEDGE_F32, .rank = 2, .dim = {1, RATE}}, out;
    double ms[RUNS];
    sedge_status st = sedge_session_set_input(s, 0, &in, err);
    for (int i = 0; i < RUNS && st == SEDGE_OK; i++) {
        double start = now_ms();
        st = sedge_session_run(s, NULL, err);
        ms[i] = now_ms() - start;
    }
    if (st == SEDGE_OK)
        st = sedge_session_get_output(s, 0, &out, err);
    if (st != SEDGE_OK)
        return st;
    size_t n = sedge_tensor_bytes(&out) / sizeof(float);
    *best = 0;
    for (size_t i = 1; i < n; i++)
        if (sedge_tensor_f64(&out, i) > sedge_tensor_f64(&out, (size_t)*best))
            *best = (int)i;
    *score = n ? sedge_tensor_f64(&out, (size_t)*best) : 0;
    qsort(ms, RUNS, sizeof *ms, by_value);
    *p50_ms = ms[RUNS / 2];
    return SEDGE_OK;
}

static int spot_all(sedge_session *s, char label[LABELS][32], int n_label, char **path, int n)
{
    static float clip[RATE];
    printf("%-12s  %-8s  %10s  %10s\n", "clip", "word", "confidence", "p50");
    for (int i = 0; i < n; i++) {
        sedge_error err = {0};
        int best;
        double score, ms;
        const char *why = read_wav(path[i], clip);
        if (!why && spot(s, clip, &best, &score, &ms, &err) != SEDGE_OK)
            why = err.msg;
        if (why) {
            fprintf(stderr, "keywords: %s: %s\n", path[i], why);
            return 1;
        }
        const char *name = strrchr(path[i], '/') ? strrchr(path[i], '/') + 1 : path[i];
        printf("%-12s  %-8s  %9.1f%%  %7.3f ms\n", name, best < n_label ? label[best] : "?", 100 * score, ms);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory %.1f MB\n", (double)usage.ru_maxrss * 1024 / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    char label[LABELS][32];
    sedge_model *model = NULL;
    sedge_plan *plan = NULL;
    sedge_session *session = NULL;
    sedge_error err = {0};
    int status = 1;
    if (argc < 4) {
        fprintf(stderr, "usage: keywords MODEL LABELS FILE.wav...\n");
        return 2;
    }
    int n_label = read_labels(argv[2], label);
    if (n_label == 0)
        fprintf(stderr, "keywords: %s: no labels\n", argv[2]);
    else if (sedge_model_open(&model, argv[1], NULL, &err) != SEDGE_OK || sedge_plan_make(&plan, model, NULL, &err) != SEDGE_OK ||
             sedge_session_open(&session, plan, NULL, &err) != SEDGE_OK)
        fprintf(stderr, "keywords: %s\n", err.msg);
    else
        status = spot_all(session, label, n_label, argv + 3, argc - 3);
    sedge_session_close(&session);
    sedge_plan_close(&plan);
    sedge_model_close(&model);
    return status;
}
