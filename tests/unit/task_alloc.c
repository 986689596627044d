/* No memory is asked for from the second run of a size on: neither from the program's allocator nor, by whatever library, from libc. */
#include "unit.h"

#include <math.h>

#include "task_rig.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTED 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#undef COUNTED
#endif
#endif

#ifdef COUNTED
/* The program's own come before libc's for every library in the process. */
static size_t asked;
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n)
{
    asked++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    asked++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    asked++;
    return __libc_realloc(p, n);
}
#else
static size_t asked;
#endif

#define CARD(source, steps)                                                                  \
    "{\"sedge_card\":1,\"task\":\"predict\",\"inputs\":{\"x\":{" source ",\"steps\":[" steps \
    "]}},\"answer\":{\"head\":\"value\"}}"

enum { PICTURE, SOUND, SERIES, TEXT };

static void once(rig *r, int kind, const sedge_frame *f, float *number)
{
    sedge_answers a;
    sedge_audio sound = {SEDGE_PCM_F32, 1, 44100, 4410, number};
    static const char text[] = "The river is unwanted, deep and RUNNING.";
    sedge_status st = kind == PICTURE  ? sedge_task_run_frame(r->task, f, &a, &r->err)
                      : kind == SOUND  ? sedge_task_run_audio(r->task, &sound, &a, &r->err)
                      : kind == SERIES ? sedge_task_run_rows(r->task, number, 64, 3, &a, &r->err)
                                       : sedge_task_run_text(r->task, text, sizeof text - 1, &a, &r->err);
    if (st != SEDGE_OK)
        fail_msg("%d: %s", kind, r->err.msg);
    assert_true(a.n > 0);
}

static void steady(const char *card, const int64_t *dim, int rank, int kind, const char *folder)
{
    static uint8_t p[64 * 48 * 3 / 2];
    float number[4410];
    rig r;
    sedge_frame f;
    for (int i = 0; i < 4410; i++)
        number[i] = sinf((float)i);
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (uint8_t)(i * 31);
    assert_int_equal(sedge_frame_raw(&f, sedge_pixel_find("nv12"), 64, 48, p, sizeof p, NULL), SEDGE_OK);
    rig_open(&r, dim, rank, card, folder);
    once(&r, kind, &f, number);
    size_t before = asked;
#ifdef COUNTED
    assert_true(before > 0);
#endif
    r.memory.left = 0;
    for (int i = 0; i < 3; i++)
        once(&r, kind, &f, number);
    assert_int_equal(asked, before);
    rig_close(&r);
}

static const char vocab[] =
#define VOCAB(text) text
#define TEXT(...)
#include "wordpiece.def"
#undef VOCAB
#undef TEXT
    ;

static void runs_of_equal_size(void **state)
{
    (void)state;
    rig_folder dir;
    rig_folder_make(&dir);
    rig_file(&dir, "vocab.txt", vocab, sizeof vocab - 1);
    steady(CARD("\"image\":{}", "{\"letterbox\":{\"size\":[32,32],\"fill\":114}},{\"mul\":0.1}"), (int64_t[]){1, 3, 32, 32}, 4,
           PICTURE, NULL);
    steady("{\"sedge_card\":1,\"task\":\"segment\",\"inputs\":{\"x\":{\"image\":{},\"steps\":[{\"tiles\":{\"size\":[32,32]}},"
           "{\"resize\":{\"size\":[8,8],\"kernel\":\"bicubic\"}}]}},\"answer\":{\"head\":\"mask\",\"regions\":{}}}",
           (int64_t[]){1, 3, 8, 8}, 4, PICTURE, NULL);
    steady(CARD("\"audio\":{\"rate\":16000}", "{\"logmel\":{\"fft\":256,\"hop\":160,\"mels\":20}}"), (int64_t[]){1, -1, 20}, 3,
           SOUND, NULL);
    steady(CARD("\"series\":{\"columns\":3,\"missing\":\"linear\"}", "{\"detrend\":\"linear\"},{\"psd\":{\"fft\":32}}"),
           (int64_t[]){1, 17, 3}, 3, SERIES, NULL);
    steady(CARD("\"text\":{\"tokens\":\"wordpiece\",\"vocab\":\"vocab.txt\",\"lower\":true}", ""), (int64_t[]){1, -1}, 2, TEXT,
           dir.path);
    steady(
        CARD("\"text\":{\"tokens\":\"words\",\"vocab\":\"vocab.txt\",\"lower\":true,\"split\":\"\\\\W+\",\"unknown\":\"[UNK]\"}",
             ""),
        (int64_t[]){1, -1}, 2, TEXT, dir.path);
    rig_folder_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(runs_of_equal_size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
