/* What the source says of itself, as the reader has it by key (input.0.mean, output.0.labels ...): the metadata block in a FlatBuffer of
 * its own schema, and label files in an archive behind the model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/tflite/write.h"

/* Fields by their number in the schema of metadata. */
enum { MODEL_NAME, MODEL_DESCRIPTION, MODEL_VERSION, MODEL_SUBGRAPHS, MODEL_AUTHOR, MODEL_LICENSE };
enum { GRAPH_INPUTS = 2, GRAPH_OUTPUTS = 3 };
enum { TENSOR_NAME, TENSOR_CONTENT = 3, TENSOR_UNITS, TENSOR_FILES = 6 };
enum { CONTENT_FEATURE = 1, CONTENT_IMAGE, CONTENT_BOXES, CONTENT_AUDIO };
enum { UNIT_NORMALIZE = 1, UNIT_THRESHOLD = 3 };
enum { FILE_AXIS_LABELS = 2, FILE_VALUE_LABELS = 3, FILE_VOCABULARY = 5 };

static const struct {
    const char *what;
    int type;
} files[] = {{"labels", FILE_AXIS_LABELS}, {"value_labels", FILE_VALUE_LABELS}, {"vocabulary", FILE_VOCABULARY}};
#define N_FILES (sizeof files / sizeof files[0])

const char *sg_tw_note(const sg_tw *w, const char *key)
{
    const sg_export_opts *o = w->opts;
    for (int i = 0; i < o->n_meta; i++)
        if (strcmp(o->meta[i].key, key) == 0)
            return o->meta[i].value;
    for (int i = 0; o->info && i < o->info->n_meta; i++)
        if (strcmp(o->info->meta[i].key, key) == 0)
            return o->info->meta[i].value;
    return NULL;
}

static const char *of_tensor(const sg_tw *w, bool in, size_t k, const char *what)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%zu.%s", in ? "input" : "output", k, what);
    return sg_tw_note(w, key);
}

/* ---- the block ---- */

static sg_fbw_field pointer(int number)
{
    return (sg_fbw_field){.number = (uint16_t)number};
}

static sg_fbw_field number(int field, int size, int64_t v)
{
    return (sg_fbw_field){.number = (uint16_t)field, .size = (uint8_t)size, .i = v};
}

static int64_t bits_of(float v)
{
    return sg_load_i64(SG_I32, &v, 0);
}

static void floats(sg_fbw *b, size_t from, const char *text)
{
    int64_t v[8];
    size_t n = 0;
    char *end;
    for (float x = strtof(text, &end); end != text && n < 8; x = strtof(text, &end)) {
        v[n++] = bits_of(x);
        text = end;
    }
    sg_fbw_numbers(b, from, v, n, 4);
}

/* "image rgb", "boxes 1 0", "audio 16000 1", "feature". */
static void content(sg_fbw *b, size_t from, const char *text)
{
    static const int64_t yxyx[] = {1, 0, 3, 2};
    int x = 0, y = 0, type = CONTENT_FEATURE, n = 0;
    sg_fbw_field p[3];
    if (strncmp(text, "image", 5) == 0) {
        type = CONTENT_IMAGE;
        p[n++] = number(0, 1, strstr(text, "gray") ? 2 : 1);
    } else if (sscanf(text, "boxes %d %d", &x, &y) == 2) {
        type = CONTENT_BOXES;
        p[n++] = number(1, 1, x);
        p[n++] = number(2, 1, y);
        p[n++] = pointer(0);
    } else if (sscanf(text, "audio %d %d", &x, &y) == 2) {
        type = CONTENT_AUDIO;
        p[n++] = number(0, 4, x);
        p[n++] = number(1, 4, y);
    }
    sg_fbw_field c[] = {number(0, 1, type), pointer(1)};
    sg_fbw_table(b, from, c, 2);
    sg_fbw_table(b, c[1].slot, p, n);
    if (type == CONTENT_BOXES)
        sg_fbw_numbers(b, p[2].slot, yxyx, 4, 4);
}

static void units(sg_fbw *b, size_t from, const char *mean, const char *std, const char *least)
{
    size_t slot = sg_fbw_offsets(b, from, (size_t)(mean && std) + (least != NULL));
    if (mean && std) {
        sg_fbw_field u[] = {number(0, 1, UNIT_NORMALIZE), pointer(1)}, p[] = {pointer(0), pointer(1)};
        sg_fbw_table(b, slot, u, 2);
        sg_fbw_table(b, u[1].slot, p, 2);
        floats(b, p[0].slot, mean);
        floats(b, p[1].slot, std);
        slot += 4;
    }
    if (least) {
        sg_fbw_field u[] = {number(0, 1, UNIT_THRESHOLD), pointer(1)}, p[] = {number(0, 4, bits_of(strtof(least, NULL)))};
        sg_fbw_table(b, slot, u, 2);
        sg_fbw_table(b, u[1].slot, p, 1);
    }
}

static void file_name(char text[64], bool in, size_t k, size_t file)
{
    snprintf(text, 64, "%s%zu_%s.txt", in ? "input" : "output", k, files[file].what);
}

static void file_list(const sg_tw *w, sg_fbw *b, size_t from, bool in, size_t k, size_t n)
{
    size_t slot = sg_fbw_offsets(b, from, n);
    for (size_t i = 0; i < N_FILES; i++) {
        char name[64];
        if (!of_tensor(w, in, k, files[i].what))
            continue;
        sg_fbw_field f[] = {pointer(0), number(2, 1, files[i].type)};
        file_name(name, in, k, i);
        sg_fbw_table(b, slot, f, 2);
        sg_fbw_str(b, f[0].slot, name);
        slot += 4;
    }
}

static void tensor(const sg_tw *w, sg_fbw *b, size_t from, bool in, size_t k)
{
    const char *name = of_tensor(w, in, k, "name"), *seen = of_tensor(w, in, k, "content"),
               *least = of_tensor(w, in, k, "threshold");
    const char *mean = of_tensor(w, in, k, "mean"), *std = of_tensor(w, in, k, "std");
    size_t n_file = 0;
    int n = 0, at[4] = {-1, -1, -1, -1};
    sg_fbw_field f[4];
    for (size_t i = 0; i < N_FILES; i++)
        n_file += of_tensor(w, in, k, files[i].what) != NULL;
    if (name)
        f[at[0] = n++] = pointer(TENSOR_NAME);
    if (seen)
        f[at[1] = n++] = pointer(TENSOR_CONTENT);
    if ((mean && std) || least)
        f[at[2] = n++] = pointer(TENSOR_UNITS);
    if (n_file)
        f[at[3] = n++] = pointer(TENSOR_FILES);
    sg_fbw_table(b, from, f, n);
    if (name)
        sg_fbw_str(b, f[at[0]].slot, name);
    if (seen)
        content(b, f[at[1]].slot, seen);
    if (at[2] >= 0)
        units(b, f[at[2]].slot, mean, std, least);
    if (n_file)
        file_list(w, b, f[at[3]].slot, in, k, n_file);
}

/* Whether the source has anything that the block says. */
static bool has_block(const sg_tw *w)
{
    const sg_import_info *info = w->opts->info;
    for (int i = 0; info && i < info->n_meta; i++)
        if (strncmp(info->meta[i].key, "input.", 6) == 0 || strncmp(info->meta[i].key, "output.", 7) == 0)
            return true;
    return false;
}

sedge_status sg_tw_metadata(sg_tw *w, sg_fbw *b)
{
    static const struct {
        const char *key;
        int field;
    } texts[] = {{"name", MODEL_NAME},
                 {"description", MODEL_DESCRIPTION},
                 {"version", MODEL_VERSION},
                 {"author", MODEL_AUTHOR},
                 {"license", MODEL_LICENSE}};
    sg_fbw_field f[6] = {pointer(MODEL_SUBGRAPHS)}, g[] = {pointer(GRAPH_INPUTS), pointer(GRAPH_OUTPUTS)};
    const char *text[6] = {NULL};
    int n = 1;
    if (!has_block(w))
        return SEDGE_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if ((text[n] = sg_tw_note(w, texts[i].key)))
            f[n++] = pointer(texts[i].field);
    sg_fbw_table(b, sg_fbw_open(b, "M001"), f, n);
    for (int i = 1; i < n; i++)
        sg_fbw_str(b, f[i].slot, text[i]);
    sg_fbw_table(b, sg_fbw_offsets(b, f[0].slot, 1), g, 2);
    for (int side = 0; side < 2; side++) {
        size_t count = side ? w->sub[0]->n_out : w->sub[0]->n_in, slot = sg_fbw_offsets(b, g[side].slot, count);
        for (size_t k = 0; k < count; k++)
            tensor(w, b, slot + 4 * k, !side, k);
    }
    return b->lost ? sg_tw_nomem(w) : SEDGE_OK;
}

/* ---- the archive: files as they are (APPNOTE.TXT) ---- */

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

typedef struct archive {
    uint8_t *p;
    size_t n, base; /* base: bytes of the file in front of it, which its offsets count */
} archive;

static void put(archive *z, uint64_t v, int size)
{
    for (int i = 0; i < size; i++)
        z->p[z->n++] = (uint8_t)(v >> (8 * i));
}

/* What the headers in front of a file and in the directory have in common. */
static void entry(archive *z, const char *name, const char *text)
{
    size_t n = strlen(text);
    put(z, 20, 2);
    put(z, 0, 4); /* stored */
    put(z, 0x00210000, 4); /* 1 January 1980 */
    put(z, crc32_of((const uint8_t *)text, n), 4);
    put(z, n, 4);
    put(z, n, 4);
    put(z, strlen(name), 2);
}

static void name_put(archive *z, const char *name)
{
    memcpy(z->p + z->n, name, strlen(name));
    z->n += strlen(name);
}

static void local(archive *z, const char *name, const char *text)
{
    put(z, 0x04034b50, 4);
    entry(z, name, text);
    put(z, 0, 2);
    name_put(z, name);
    memcpy(z->p + z->n, text, strlen(text));
    z->n += strlen(text);
}

static void central(archive *z, const char *name, const char *text, size_t at)
{
    put(z, 0x02014b50, 4);
    put(z, 20, 2);
    entry(z, name, text);
    put(z, 0, 6); /* no extra field, no comment, disk 0 */
    put(z, 0, 6); /* no attributes */
    put(z, at, 4);
    name_put(z, name);
}

/* Files of all inputs and outputs, in order: their names and texts; returns how many. */
static size_t files_of(const sg_tw *w, char (*name)[64], const char **text, size_t most)
{
    size_t n = 0;
    for (int side = 0; side < 2; side++)
        for (size_t k = 0; k < (side ? w->sub[0]->n_out : w->sub[0]->n_in); k++)
            for (size_t i = 0; i < N_FILES && n < most; i++)
                if ((text[n] = of_tensor(w, !side, k, files[i].what)))
                    file_name(name[n++], !side, k, i);
    return n;
}

sedge_status sg_tw_archive(sg_tw *w, uint64_t base, sg_file_part *out)
{
    char name[32][64];
    const char *text[33];
    size_t n = has_block(w) ? files_of(w, name, text, 32) : 0, size = 22, at[32];
    *out = (sg_file_part){"", 0};
    for (size_t i = 0; i < n; i++)
        size += 76 + 2 * strlen(name[i]) + strlen(text[i]);
    if (!n || base + size > UINT32_MAX)
        return SEDGE_OK;
    archive z = {.p = sg_arena_alloc(w->arena, size), .base = (size_t)base};
    if (!z.p)
        return sg_tw_nomem(w);
    for (size_t i = 0; i < n; i++) {
        at[i] = z.base + z.n;
        local(&z, name[i], text[i]);
    }
    size_t from = z.n;
    for (size_t i = 0; i < n; i++)
        central(&z, name[i], text[i], at[i]);
    size_t directory = z.n - from;
    put(&z, 0x06054b50, 4);
    put(&z, 0, 4);
    put(&z, n, 2);
    put(&z, n, 2);
    put(&z, directory, 4);
    put(&z, z.base + from, 4);
    put(&z, 0, 2);
    *out = (sg_file_part){z.p, z.n};
    return SEDGE_OK;
}
