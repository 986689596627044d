/* What the machine is, by /proc and /sys, and what this program was made with. */
#include "fit/machine.h"

#include <dirent.h>
#include <glob.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/map.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "plan/saved.h"
#include "sedge/sedge.h"

#ifndef SG_BUILD_FLAGS
#define SG_BUILD_FLAGS ""
#endif

#if defined(__x86_64__)
#define SG_ARCHITECTURE "x86-64"
#elif defined(__aarch64__)
#define SG_ARCHITECTURE "aarch64"
#elif defined(__arm__)
#define SG_ARCHITECTURE "armv7"
#elif defined(__riscv)
#define SG_ARCHITECTURE "riscv64"
#else
#define SG_ARCHITECTURE "other"
#endif

static sedge_status digest_of(const char *path, char text[65], size_t *bytes, int depth, sg_err *err);

static sedge_status add_file(sg_sha256 *s, const char *path, size_t *bytes, sg_err *err)
{
    sg_map m;
    SG_TRY(sg_map_open(&m, path, err));
    sg_sha256_add(s, m.data, m.size);
    *bytes += m.size;
    sg_map_close(&m);
    return SEDGE_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* Names in their order, each with the digest of what it names. */
static sedge_status add_folder(sg_sha256 *s, const char *path, size_t *bytes, int depth, sg_err *err)
{
    struct dirent **list = NULL;
    int n = depth < 32 ? scandir(path, &list, not_hidden, by_name) : -1;
    sedge_status st = n >= 0 ? SEDGE_OK : sg_fail(err, SEDGE_E_IO, "%s: the folder cannot be read", path);
    for (int i = 0; i < n; i++) {
        char below[4096], text[65];
        size_t size = 0;
        if (st == SEDGE_OK && snprintf(below, sizeof below, "%s/%s", path, list[i]->d_name) >= (int)sizeof below)
            st = sg_fail(err, SEDGE_E_LIMIT, "%s/%s: the path is too long", path, list[i]->d_name);
        if (st == SEDGE_OK)
            st = digest_of(below, text, &size, depth + 1, err);
        if (st == SEDGE_OK) {
            sg_sha256_add(s, list[i]->d_name, strlen(list[i]->d_name) + 1);
            sg_sha256_add(s, text, 64);
            *bytes += size;
        }
        free(list[i]);
    }
    free(list);
    return st;
}

static sedge_status digest_of(const char *path, char text[65], size_t *bytes, int depth, sg_err *err)
{
    sg_sha256 s;
    struct stat st;
    uint8_t digest[SG_SHA256_BYTES];
    *bytes = 0;
    sg_sha256_init(&s);
    SG_TRY(stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? add_folder(&s, path, bytes, depth, err)
                                                       : add_file(&s, path, bytes, err));
    sg_sha256_end(&s, digest);
    sg_sha256_text(digest, text);
    return SEDGE_OK;
}

sedge_status sg_file_digest(const char *path, char text[65], size_t *bytes, sg_err *err)
{
    size_t n;
    return digest_of(path, text, bytes ? bytes : &n, 0, err);
}

static FILE *open_at(const char *root, const char *path)
{
    char full[4096];
    return snprintf(full, sizeof full, "%s%s", root, path) < (int)sizeof full ? fopen(full, "r") : NULL;
}

bool sg_machine_line(const char *root, const char *path, char *text, size_t size)
{
    FILE *f = open_at(root, path);
    bool good = f && fgets(text, (int)size, f);
    if (f)
        fclose(f);
    if (good)
        text[strcspn(text, "\n")] = 0;
    return good && *text;
}

double sg_machine_number(const char *root, const char *path)
{
    char text[64], *end;
    if (!sg_machine_line(root, path, text, sizeof text))
        return NAN;
    double v = strtod(text, &end);
    return end != text ? v : NAN;
}

/* The value of "key : value" in /proc/cpuinfo, of the first processor. */
static bool cpuinfo(const char *root, const char *key, char *text, size_t size)
{
    FILE *f = open_at(root, "/proc/cpuinfo");
    char line[512];
    size_t n = strlen(key);
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, key, n) != 0 || !colon || strspn(line + n, " \t") != (size_t)(colon - line) - n)
            continue;
        snprintf(text, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        text[strcspn(text, "\n")] = 0;
        found = *text != 0;
    }
    if (f)
        fclose(f);
    return found;
}

double sg_machine_clock(const char *root)
{
    char text[64];
    double khz = sg_machine_number(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq");
    if (isfinite(khz))
        return khz / 1000;
    return cpuinfo(root, "cpu MHz", text, sizeof text) ? strtod(text, NULL) : NAN;
}

/* The files that a pattern finds below root; free with globfree. False: none. */
static bool find(const char *root, const char *pattern, glob_t *g)
{
    char full[4096];
    return snprintf(full, sizeof full, "%s%s", root, pattern) < (int)sizeof full && glob(full, 0, NULL, g) == 0;
}

double sg_machine_temperature(const char *root)
{
    static const char *const pattern[] = {"/sys/class/thermal/thermal_zone*/temp", "/sys/class/hwmon/hwmon*/temp*_input"};
    double hottest = NAN;
    glob_t g;
    for (int k = 0; k < 2; k++) {
        if (!find(root, pattern[k], &g))
            continue;
        for (size_t i = 0; i < g.gl_pathc; i++) {
            double c = sg_machine_number("", g.gl_pathv[i]) / 1000;
            if (c > -60 && c < 250 && !(hottest >= c))
                hottest = c;
        }
        globfree(&g);
    }
    return hottest;
}

/* An emulator of programs (qemu-user) shows the program its own name as /proc/self/exe, and the machine below as that of this thread; older ones
 * show that machine's processor too, which calls itself by another maker's words. */
bool sg_machine_emulated(void)
{
    char text[512];
    ssize_t n = readlink("/proc/thread-self/exe", text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    const char *slash = strrchr(text, '/');
    if (slash && strncmp(slash + 1, "qemu-", 5) == 0)
        return true;
#if !defined(__x86_64__) && !defined(__i386__)
    return cpuinfo("", "vendor_id", text, sizeof text);
#else
    return false;
#endif
}

static json_t *text_or_null(bool have, const char *text)
{
    json_t *s = have ? json_string(text) : NULL;
    return s ? s : json_null();
}

static json_t *number_or_null(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

json_t *sg_machine_json(const char *root)
{
    static const struct {
        const char *key, *cpu_key, *path;
    } lines[] = {{"cpu", "model name", "/proc/device-tree/cpus/cpu@0/compatible"},
                 {"board", NULL, "/proc/device-tree/model"},
                 {"microcode", "microcode", "/sys/devices/system/cpu/cpu0/microcode/version"},
                 {"kernel", NULL, "/proc/sys/kernel/osrelease"},
                 {"governor", NULL, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"}};
    json_t *o = json_object();
    char text[256];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        bool have = lines[i].cpu_key && cpuinfo(root, lines[i].cpu_key, text, sizeof text);
        have = have || sg_machine_line(root, lines[i].path, text, sizeof text);
        json_object_set_new(o, lines[i].key, text_or_null(have, text));
    }
    json_object_set_new(o, "architecture", json_string(SG_ARCHITECTURE));
    json_object_set_new(o, "emulated", json_boolean(sg_machine_emulated()));
    json_object_set_new(o, "level", json_string(sg_cpu_best(sg_cpu())));
    json_object_set_new(o, "processors", json_integer(sg_cpu_count()));
    json_object_set_new(o, "memory_bytes", json_integer((json_int_t)sg_ram_bytes()));
    json_object_set_new(o, "clock_mhz", number_or_null(sg_machine_clock(root)));
    json_object_set_new(o, "clock_max_mhz",
                        number_or_null(sg_machine_number(root, "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq") / 1000));
    json_object_set_new(o, "temperature_c", number_or_null(sg_machine_temperature(root)));
    return o;
}

json_t *sg_build_json(void)
{
    char digest[2 * SG_SHA256_BYTES + 1];
    sg_sha256_text(sg_build_id, digest);
    return json_pack("{s:s, s:s, s:s, s:s}", "version", sedge_version(), "sources_sha256", digest, "compiler",
#ifdef __clang__
                     __VERSION__,
#else
                     "gcc " __VERSION__,
#endif
                     "flags", SG_BUILD_FLAGS);
}
