/* Damages model files on purpose and opens, plans and runs them: nothing may crash, hang, leak or stay silent.
 * usage: hostile ROUNDS FILE...   Each file is damaged ROUNDS ways, mostly where protobuf keeps its tags and lengths, where FlatBuffers
 * may keep offsets and small numbers, or in the head of a saved plan, which is signed again. */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"
#include "resign.h"

enum { SPOTS_MAX = 1 << 16, HANG_SECONDS = 10 };

static const model_limits limits = {.model = 512 << 20, .run = 512 << 20, .input = 64e6, .symbolic = 1, .seconds = 0.2};

typedef struct spots {
    size_t at[SPOTS_MAX];
    size_t n;
} spots;

static uint64_t seed;
static uint32_t rnd(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return n ? (uint32_t)(seed >> 33) % n : 0;
}

static size_t varint(const unsigned char *b, size_t at, size_t end, uint64_t *v)
{
    *v = 0;
    for (unsigned s = 0; at < end && s < 64; s += 7) {
        *v |= (uint64_t)(b[at] & 127) << s;
        if (!(b[at++] & 128))
            return at;
    }
    return end + 1;
}

/* Positions of tags, lengths and small values of a message; false: it is none. */
static int walk(const unsigned char *b, size_t at, size_t end, spots *s, int depth)
{
    while (at < end) {
        uint64_t tag, v;
        size_t next = varint(b, at, end, &tag), body;
        if (next > end || !(tag >> 3) || tag >> 3 > 1000)
            return 0;
        if (s->n < SPOTS_MAX)
            s->at[s->n++] = at;
        switch (tag & 7) {
        case 0:
            body = next;
            next = varint(b, next, end, &v);
            break;
        case 1:
            body = next;
            next += 8;
            break;
        case 5:
            body = next;
            next += 4;
            break;
        case 2:
            body = varint(b, next, end, &v);
            if (body > end || v > end - body)
                return 0;
            if (s->n < SPOTS_MAX)
                s->at[s->n++] = next;
            if (depth < 12 && v < 4096) {
                size_t keep = s->n;
                if (!walk(b, body, body + (size_t)v, s, depth + 1))
                    s->n = keep;
            } else if (depth < 2) {
                walk(b, body, body + (size_t)v, s, depth + 1);
            }
            next = body + (size_t)v;
            break;
        default: return 0;
        }
        if (next > end)
            return 0;
        if (s->n < SPOTS_MAX)
            s->at[s->n++] = body < end ? body : at;
        at = next;
    }
    return 1;
}

/* Words that may be an offset, a length or a number of a FlatBuffers file, as many as there is room for, spread over it. */
static void walk_words(const unsigned char *b, size_t size, spots *s)
{
    size_t seen = 0;
    for (size_t at = 0; at + 4 <= size; at += 4) {
        size_t v = b[at] | (size_t)b[at + 1] << 8 | (size_t)b[at + 2] << 16 | (size_t)b[at + 3] << 24;
        if (v >= size && v < (size_t)-4096)
            continue;
        if (s->n < SPOTS_MAX)
            s->at[s->n++] = at;
        else if (rnd((uint32_t)++seen + SPOTS_MAX) < SPOTS_MAX)
            s->at[rnd(SPOTS_MAX)] = at;
    }
}

static size_t damage(unsigned char *b, size_t size, const spots *s)
{
    static const unsigned char nasty[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0xfe, 8, 0x12, 0x3a};
    uint32_t count = 1 + rnd(4), way = rnd(10);
    if (way == 0)
        return rnd((uint32_t)size); /* cut */
    for (uint32_t i = 0; i < count; i++) {
        size_t at = way < 8 && s->n ? s->at[rnd((uint32_t)s->n)] : rnd((uint32_t)size);
        if (rnd(2))
            b[at] = nasty[rnd(sizeof nasty)];
        else
            b[at] ^= (unsigned char)(1u << rnd(8));
        if (way == 7) /* a huge number: nine continuation bytes */
            for (size_t k = at; k < at + 9 && k < size; k++)
                b[k] = 0xff;
    }
    return size;
}

static unsigned char *slurp(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        return NULL;
    *size = (size_t)ftell(f);
    rewind(f);
    unsigned char *b = malloc(*size + 1);
    if (b && fread(b, 1, *size, f) != *size) {
        free(b);
        b = NULL;
    }
    fclose(f);
    return b;
}

/* In a child, so that a crash is counted and the rest goes on. Exit 0: fine, 3: `from` of the next round in a pipe. */
static int child(const unsigned char *orig, size_t size, const spots *s, uint32_t from, uint32_t rounds, int report)
{
    unsigned char *b = malloc(size + 1);
    int bad = 0;
    for (uint32_t r = from; b && r < rounds; r++) {
        if (write(report, &r, sizeof r) != sizeof r)
            break;
        memcpy(b, orig, size);
        seed = (uint64_t)r * 1000003u + size;
        unsigned char *exact = NULL;
        size_t n = resign(b, damage(b, size, s));
        exact = malloc(n ? n : 1); /* of the very size: reading past it is seen */
        memcpy(exact, b, n);
        alarm(HANG_SECONDS);
        if (try_model(exact, n, &limits)) {
            printf("round %u: no good explanation\n", r);
            bad++;
        }
        free(exact);
    }
    free(b);
    fflush(stdout);
    return bad ? 4 : 0;
}

static int hostile_file(const char *path, uint32_t rounds)
{
    static spots s;
    size_t size;
    unsigned char *orig = slurp(path, &size);
    if (!orig) {
        printf("FAIL %s: cannot be read\n", path);
        return 1;
    }
    s.n = 0;
    if (sg_saved_is(orig, size)) /* its head, but for what is signed anew */
        for (size_t at = 80;
             at < size && s.n < SPOTS_MAX && at < SG_SAVED_HEAD + (orig[48] | (size_t)orig[49] << 8 | (size_t)orig[50] << 16);
             at++)
            s.at[s.n++] = at;
    else if (size >= 8 && memcmp(orig + 4, "TFL3", 4) == 0)
        walk_words(orig, size, &s);
    else
        walk(orig, 0, size, &s, 0);
    int failures = 0;
    for (uint32_t from = 0; from < rounds;) {
        int pipefd[2], status = 0;
        uint32_t last = from, r;
        if (pipe(pipefd) != 0)
            return 1;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            close(pipefd[0]);
            int code = child(orig, size, &s, from, rounds, pipefd[1]);
            free(orig);
            exit(code);
        }
        close(pipefd[1]);
        while (read(pipefd[0], &r, sizeof r) == sizeof r)
            last = r;
        close(pipefd[0]);
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            break;
        failures++;
        if (WIFSIGNALED(status))
            printf("FAIL %s: round %u: %s\n", path, last, WTERMSIG(status) == SIGALRM ? "hangs" : "killed by a signal");
        else
            printf("FAIL %s: round %u: exit status %d\n", path, last, WEXITSTATUS(status));
        from = last + 1;
    }
    free(orig);
    return failures;
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    int passed = 0, failed = 0;
    for (int i = 2; i < argc; i++) {
        int f = hostile_file(argv[i], rounds);
        failed += f > 0;
        passed += f == 0;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
