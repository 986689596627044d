/* Sound on standard input to words: arecord -t raw -f S16_LE -r 16000 | wake MODEL [RATE]
 * The card beside the model says window, hop and when a word counts. */
#include <stdio.h>
#include <stdlib.h>

#include "sedge/task.h"

static int heard(void *ctx, const sedge_answers *a)
{
    (void)ctx;
    if (a->n && a->decided != 0 && !a->abstained) {
        printf("%7.2f s  %-10s %3.0f %%\n", a->t1, a->answer[0].text ? a->answer[0].text : "?", 100 * (double)a->answer[0].score);
        fflush(stdout);
    }
    return ferror(stdout);
}

int main(int argc, char **argv)
{
    static short piece[320]; /* 20 ms */
    sedge_error e = {0};
    sedge_model *model = NULL;
    sedge_task *task = NULL;
    sedge_audio sound = {
        .sample = SEDGE_PCM_S16, .channels = 1, .rate = argc > 2 ? (uint32_t)atoi(argv[2]) : 16000, .data = piece};
    if (argc < 2) {
        fputs("usage: wake MODEL [RATE]\n", stderr);
        return 2;
    }
    sedge_status st = sedge_model_open(&model, argv[1], NULL, &e);
    if (st == SEDGE_OK)
        st = sedge_task_open(&task, model, argv[1], NULL, &e);
    while (st == SEDGE_OK && (sound.frames = fread(piece, sizeof *piece, sizeof piece / sizeof *piece, stdin)) > 0)
        st = sedge_task_push_audio(task, &sound, heard, NULL, &e);
    if (st == SEDGE_OK)
        st = sedge_task_push_audio(task, NULL, heard, NULL, &e);
    if (st != SEDGE_OK)
        fprintf(stderr, "wake: %s\n", e.msg);
    sedge_task_close(&task);
    sedge_model_close(&model);
    return st == SEDGE_OK ? 0 : 1;
}
