/* Options. One table says each option's letter, names and how its value is read. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct option {
    char letter; /* what a verb's `allowed` names it by */
    const char *name, *other;
    bool has_value;
} option;

static const option options[] = {
    {'i', "--in", NULL, true},         {'o', "-o", "--out", true},          {'d', "--dim", NULL, true},
    {'t', "--threads", NULL, true},    {'s', "--seed", NULL, true},         {'S', "--seconds", NULL, true},
    {'j', "--json", NULL, false},      {'p', "--ops", NULL, false},         {'g', "--graph", NULL, true},
    {'f', "--functions", NULL, true},  {'T', "--target", NULL, true},       {'F', "--allow-fallback", NULL, false},
    {'c', "--card", NULL, true},       {'r', "--raw", NULL, true},          {'l', "--jsonl", NULL, false},
    {'y', "--try", NULL, true},        {'L', "--labels", NULL, true},       {'x', "--tensors", NULL, true},
    {'w', "--write", NULL, false},     {'O', "--no-optimize", NULL, false}, {'h', "--help", "-h", false},
    {'u', "--tune", NULL, true},       {'R', "--report", NULL, true},       {'M', "--max", NULL, true},
    {'D', "--data", NULL, true},       {'Y', "--data", NULL, true},         {'q', "--method", NULL, true},
    {'E', "--reference", NULL, true},  {'m', "--min", NULL, true},          {'k', "--slice", NULL, true},
    {'n', "--limit", NULL, true},      {'G', "--margin", NULL, true},       {'N', "--no-layers", NULL, false},
    {'A', "--anyway", NULL, false},    {'W', "--stream", NULL, false},      {'P', "--period", NULL, true},
    {'U', "--minutes", NULL, true},    {'b', "--beside", NULL, true},       {'a', "--against", NULL, true},
    {'1', "--max-ms", NULL, true},     {'2', "--max-bytes", NULL, true},    {'3', "--max-drop", NULL, true},
    {'4', "--snr", NULL, true},        {'5', "--weights", NULL, true},      {'e', "--energy", NULL, false},
    {'C', "--power-cmd", NULL, true},  {'H', "--on", NULL, true},           {'K', "--dir", NULL, true},
    {'X', "--commands", NULL, false},  {'Z', "--digests", NULL, true},      {'v', "--split", NULL, true},
    {'B', "--metric-cmd", NULL, true}, {'I', "--key", NULL, true},          {'J', "--sign", NULL, true},
    {'V', "--split", NULL, true},
};

static bool is_name(const option *o, const char *word, size_t n)
{
    return (strlen(o->name) == n && memcmp(o->name, word, n) == 0) ||
           (o->other && strlen(o->other) == n && memcmp(o->other, word, n) == 0);
}

static const option *find(const char *word, size_t n, const char *allowed)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (is_name(&options[i], word, n) && (options[i].letter == 'h' || strchr(allowed, options[i].letter)))
            return &options[i];
    return NULL;
}

static bool read_u64(const char *s, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    *out = v;
    return *s >= '0' && *s <= '9' && *end == 0 && errno == 0 && v <= max;
}

/* Seconds: "2", "0.5", "2s", "500ms". */
static bool read_seconds(const char *s, double *out)
{
    char *end;
    *out = strtod(s, &end);
    if (strcmp(end, "ms") == 0)
        *out /= 1000;
    else if (*end && strcmp(end, "s") != 0)
        return false;
    return end != s && *out > 0 && *out < 1e6;
}

/* Milliseconds unless a unit is said. */
static bool read_period(const char *s, double *out)
{
    char *end;
    double v = strtod(s, &end);
    if (end != s && !*end) {
        *out = v / 1000;
        return v >= 0.01 && v < 1e9;
    }
    return read_seconds(s, out);
}

static bool read_minutes(const char *s, double *out)
{
    char *end;
    *out = strtod(s, &end);
    return end != s && !*end && *out > 0 && *out < 1e5;
}

/* A share: "0.01" or "1%". */
static bool read_share(const char *s, double *out)
{
    char *end;
    *out = strtod(s, &end);
    if (strcmp(end, "%") == 0)
        *out /= 100, end++;
    return end != s && !*end && *out >= 0 && *out < 1;
}

static bool read_number(const char *s, double *out)
{
    char *end;
    *out = strtod(s, &end);
    return end != s && !*end && *out > 0 && *out < 1e12;
}

/* A number with one of two units or none, which is times 1. */
static bool read_unit(const char *s, const char *small, double small_is, const char *large, double large_is, double *out)
{
    char *end;
    *out = strtod(s, &end);
    if (strcmp(end, small) == 0)
        *out *= small_is;
    else if (strcmp(end, large) == 0)
        *out *= large_is;
    else if (*end)
        return false;
    return end != s && *out > 0 && *out < 1e15;
}

static bool read_dim(args *a, const char *s)
{
    const char *eq = strrchr(s, '=');
    uint64_t v;
    if (!eq || eq == s || a->n_dim == ARGS_MAX || !read_u64(eq + 1, INT64_MAX, &v))
        return false;
    size_t n = (size_t)(eq - s);
    char *name = malloc(n + 1);
    if (!name)
        return false;
    memcpy(name, s, n);
    name[n] = 0;
    a->dim[a->n_dim++] = (sedge_bound){.name = name, .value = (int64_t)v, .fixed = 1};
    return true;
}

static bool apply(args *a, char letter, const char *value)
{
    uint64_t v;
    switch (letter) {
    case 'D':
    case 'i':
        if (a->n_in == ARGS_MAX)
            return false;
        a->in[a->n_in++] = value;
        return true;
    case 'o': a->out = value; return *value != 0;
    case 'g': a->graph = value; return *value != 0;
    case 'f': a->functions = value; return *value != 0;
    case 'T': a->target = value; return *value != 0;
    case 'd': return read_dim(a, value);
    case 't':
        if (!read_u64(value, 4096, &v))
            return false;
        a->threads = (uint32_t)v;
        return true;
    case 's': return read_u64(value, UINT64_MAX, &a->seed);
    case 'S': return read_seconds(value, &a->seconds);
    case '1': return read_unit(value, "ms", 1, "s", 1000, &a->max_ms);
    case '2': return read_unit(value, "kB", 1e3, "MB", 1e6, &a->max_bytes);
    case '3': return read_number(value, &a->max_drop);
    case '4': return read_number(value, &a->snr);
    case '5': a->weights = value; return *value != 0;
    case 'q': a->method = value; return *value != 0;
    case 'c': a->card = value; return *value != 0;
    case 'r': a->raw = value; return *value != 0;
    case 'y':
    case 'Y': a->data = value; return *value != 0;
    case 'E': a->reference = value; return *value != 0;
    case 'k': a->slice = value; return *value != 0;
    case 'm':
        if (a->n_min == ARGS_MAX)
            return false;
        a->min[a->n_min++] = value;
        return true;
    case 'M':
        if (a->n_max == ARGS_MAX)
            return false;
        a->max[a->n_max++] = value;
        return true;
    case 'n': return read_u64(value, INT64_MAX, &a->limit) && a->limit;
    case 'G': return read_share(value, &a->margin);
    case 'N': return a->no_layers = true;
    case 'v': a->split = value; return strchr(value, ':') != NULL;
    case 'V': a->split = value; return *value != 0;
    case 'B': a->metric_cmd = value; return *value != 0;
    case 'A': return a->anyway = true;
    case 'W': return a->stream = true;
    case 'L': a->labels = value; return *value != 0;
    case 'x': a->tensors = value; return *value != 0;
    case 'l': return a->jsonl = true;
    case 'w': return a->write = true;
    case 'u':
        a->tune = strcmp(value, "full") == 0 ? SEDGE_TUNE_FULL : SEDGE_TUNE_QUICK;
        return a->tune == SEDGE_TUNE_FULL || strcmp(value, "quick") == 0;
    case 'P': return read_period(value, &a->period_s);
    case 'U': return read_minutes(value, &a->minutes);
    case 'b': a->beside = value; return *value != 0;
    case 'a': a->against = value; return *value != 0;
    case 'e': return a->energy = true;
    case 'C': a->power_cmd = value; return *value != 0;
    case 'H':
        if (a->n_on == ARGS_MAX || !*value)
            return false;
        a->on[a->n_on++] = value;
        return true;
    case 'K': a->dir = value; return *value != 0;
    case 'X': return a->commands = true;
    case 'I': a->key = value; return *value != 0;
    case 'J': a->sign = value; return *value != 0;
    case 'Z': return read_u64(value, 10000, &a->digests) && a->digests > 0;
    case 'R': a->report = value; return *value != 0;
    case 'j': return a->json = true;
    case 'p': return a->ops = true;
    case 'F': return a->allow_fallback = true;
    case 'O': return a->no_optimize = true;
    default: return a->help = true;
    }
}

/* The command line as it was given: parsing compacts argv. */
static bool keep_command(args *a, int argc, char **argv)
{
    const char **copy = malloc(((size_t)argc + 2) * sizeof *copy);
    if (!copy)
        return false;
    copy[0] = "sedge";
    for (int i = 0; i < argc; i++)
        copy[i + 1] = argv[i];
    copy[argc + 1] = NULL;
    a->command = copy;
    a->n_command = argc + 1;
    return true;
}

int args_parse(args *a, const verb *v, const char *allowed, int argc, char **argv)
{
    bool only_words = false;
    a->rest = argv;
    if (!keep_command(a, argc, argv))
        return fail("no memory");
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (only_words || word[0] != '-' || !word[1]) {
            a->rest[a->n_rest++] = argv[i];
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        const char *eq = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
        const option *o = find(word, eq ? (size_t)(eq - word) : strlen(word), allowed);
        if (!o)
            return usage(v, "unknown option %s", word);
        if (eq && !o->has_value)
            return usage(v, "%s takes no value", o->name);
        const char *value = eq ? eq + 1 : NULL;
        if (o->has_value && !value && !(value = argv[++i]))
            return usage(v, "%s needs a value", word);
        if (!apply(a, o->letter, value))
            return usage(v, "%s %s: not a value that it takes", o->name, value ? value : "");
    }
    return EXIT_OK;
}

void args_free(args *a)
{
    for (int i = 0; i < a->n_dim; i++)
        free((void *)(uintptr_t)a->dim[i].name);
    a->n_dim = 0;
    free(a->command);
    a->command = NULL;
}
