/* The meters of a machine: what /sys has, best first. */
#include <errno.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fit/energy.h"
#include "fit/machine.h"

static bool add(sg_meter *m, const char *path, const char *other, double scale, double range)
{
    if (m->n == SG_METER_SENSORS || strlen(path) >= sizeof m->sensor[0].path || strlen(other) >= sizeof m->sensor[0].other)
        return false;
    strcpy(m->sensor[m->n].path, path);
    strcpy(m->sensor[m->n].other, other);
    m->sensor[m->n].scale = scale;
    m->sensor[m->n++].range = range;
    return true;
}

static void named(sg_meter *m, const char *what, const char *name)
{
    size_t n = strlen(m->name);
    snprintf(m->name + n, sizeof m->name - n, "%s%.40s", n ? ", " : what, name);
}

/* The file of a pattern's match with another last part: "/a/b/energy_uj", "name". */
static bool beside(const char *path, const char *name, char *text, size_t size)
{
    char full[512];
    const char *slash = strrchr(path, '/');
    return slash && snprintf(full, sizeof full, "%.*s/%s", (int)(slash - path), path, name) < (int)sizeof full &&
           sg_machine_line("", full, text, size);
}

static bool search(const char *root, const char *pattern, glob_t *g)
{
    char full[512];
    return snprintf(full, sizeof full, "%s%s", root, pattern) < (int)sizeof full && glob(full, 0, NULL, g) == 0;
}

/* ---- kinds ---------------------------------------------------------------------------------- */

/* Zones of the top only: those below are parts of them. Where there are packages, the platform's zone, which has them in it, is left out. */
static void powercap(sg_meter *m, const char *root)
{
    glob_t g;
    if (!search(root, "/sys/class/powercap/*/energy_uj", &g))
        return;
    for (size_t i = 0; i < g.gl_pathc; i++) {
        char name[64] = "", range[64] = "";
        const char *zone = strrchr(g.gl_pathv[i], '/');
        int colons = 0;
        for (const char *p = zone; p > g.gl_pathv[i] && p[-1] != '/'; p--)
            if (p[-1] == ':')
                colons++;
        if (colons != 1 || strstr(g.gl_pathv[i], "mmio") ||
            /* the same packages by another way */ !beside(g.gl_pathv[i], "name", name, sizeof name) ||
            strncmp(name, "package", 7) != 0)
            continue;
        if (!isfinite(sg_machine_number("", g.gl_pathv[i]))) {
            snprintf(m->why, sizeof m->why, "%s cannot be read%s", g.gl_pathv[i],
                     access(g.gl_pathv[i], R_OK) != 0 ? ": only root may" : "");
            continue;
        }
        beside(g.gl_pathv[i], "max_energy_range_uj", range, sizeof range);
        if (add(m, g.gl_pathv[i], "", 1, strtod(range, NULL))) {
            named(m, "powercap ", name);
            m->kind = SG_METER_COUNTER;
        }
    }
    globfree(&g);
}

/* Sensors of one chip of hwmon that a pattern finds: energy in uJ, power in uW. */
static void hwmon(sg_meter *m, const char *root, const char *pattern, sg_meter_kind kind)
{
    glob_t g;
    char chip[64] = "";
    if (!search(root, pattern, &g))
        return;
    for (size_t i = 0; i < g.gl_pathc; i++) {
        char name[64] = "";
        beside(g.gl_pathv[i], "name", name, sizeof name);
        if (*chip && strcmp(chip, name) != 0) /* two chips may see the same current */
            continue;
        if (!isfinite(sg_machine_number("", g.gl_pathv[i])) || !add(m, g.gl_pathv[i], "", 1, 0))
            continue;
        if (!*chip)
            named(m, "hwmon ", name);
        strcpy(chip, name);
        m->kind = kind;
    }
    globfree(&g);
}

/* A rail of an INA chip: voltage in mV, current in mA; their product is microwatts. One that feeds the board ("VDD_IN") has the others in it. */
static void ina(sg_meter *m, const char *root)
{
    glob_t g;
    bool whole = false;
    if (!search(root, "/sys/class/hwmon/hwmon*/curr[1-9]_input", &g))
        return;
    for (int want_whole = 1; want_whole >= 0 && !whole; want_whole--)
        for (size_t i = 0; i < g.gl_pathc; i++) {
            char chip[64] = "", label[64] = "", number, file[32], voltage[512];
            const char *slash = strrchr(g.gl_pathv[i], '/');
            number = slash[5];
            snprintf(file, sizeof file, "in%c_label", number);
            beside(g.gl_pathv[i], "name", chip, sizeof chip);
            beside(g.gl_pathv[i], file, label, sizeof label);
            bool feeds = strstr(label, "_IN") != NULL;
            if (strncmp(chip, "ina", 3) != 0 || (want_whole && !feeds) ||
                snprintf(voltage, sizeof voltage, "%.*s/in%c_input", (int)(slash - g.gl_pathv[i]), g.gl_pathv[i], number) >=
                    (int)sizeof voltage ||
                !isfinite(sg_machine_number("", voltage)) || !add(m, voltage, g.gl_pathv[i], 1, 0))
                continue;
            whole = whole || feeds;
            named(m, "INA rail ", *label ? label : chip);
            m->kind = SG_METER_POWER;
        }
    globfree(&g);
}

static void battery(sg_meter *m, const char *root)
{
    glob_t g;
    if (!search(root, "/sys/class/power_supply/*/status", &g))
        return;
    for (size_t i = 0; i < g.gl_pathc && !m->kind; i++) {
        char text[64] = "", power[512], voltage[512], current[512];
        const char *slash = strrchr(g.gl_pathv[i], '/');
        int n = (int)(slash - g.gl_pathv[i]);
        if (!beside(g.gl_pathv[i], "type", text, sizeof text) || strcmp(text, "Battery") != 0)
            continue;
        if (!sg_machine_line("", g.gl_pathv[i], text, sizeof text) || strcmp(text, "Discharging") != 0) {
            snprintf(m->why, sizeof m->why, "the battery is not being discharged, so its gauge does not see the load");
            continue;
        }
        snprintf(power, sizeof power, "%.*s/power_now", n, g.gl_pathv[i]);
        snprintf(voltage, sizeof voltage, "%.*s/voltage_now", n, g.gl_pathv[i]);
        snprintf(current, sizeof current, "%.*s/current_now", n, g.gl_pathv[i]);
        bool good = isfinite(sg_machine_number("", power)) && add(m, power, "", 1, 0);
        good = good || (isfinite(sg_machine_number("", voltage)) && isfinite(sg_machine_number("", current)) &&
                        add(m, voltage, current, 1e-6, 0)); /* uV * uA */
        if (good) {
            named(m, "", "battery gauge");
            m->kind = SG_METER_POWER;
        }
    }
    globfree(&g);
}

void sg_meter_find(sg_meter *m, const char *root)
{
    memset(m, 0, sizeof *m);
    powercap(m, root);
    if (!m->kind)
        hwmon(m, root, "/sys/class/hwmon/hwmon*/energy[1-9]*_input", SG_METER_COUNTER);
    if (!m->kind)
        ina(m, root);
    if (!m->kind)
        hwmon(m, root, "/sys/class/hwmon/hwmon*/power[1-9]*_average", SG_METER_POWER);
    if (!m->kind)
        hwmon(m, root, "/sys/class/hwmon/hwmon*/power[1-9]*_input", SG_METER_POWER);
    if (!m->kind)
        battery(m, root);
    if (!m->kind && !*m->why)
        snprintf(m->why, sizeof m->why,
                 "this system shows no energy counter (powercap, hwmon), no power sensor (hwmon, INA) and no battery gauge; "
                 "--power-cmd CMD reads a meter beside it");
}
