/* --max NAME=VALUE: limits that a verb holds what it measures to. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Units in terms of ms, bytes, mJ. */
static const struct {
    const char *name, *of;
    double factor;
} units[] = {{"us", "ms", 1e-3},   {"ms", "ms", 1},      {"s", "ms", 1e3},   {"B", "bytes", 1}, {"kB", "bytes", 1e3},
             {"MB", "bytes", 1e6}, {"GB", "bytes", 1e9}, {"uJ", "mJ", 1e-3}, {"mJ", "mJ", 1},   {"J", "mJ", 1e3}};

double limit_of(const args *a, const char *name, const char *unit)
{
    size_t n = strlen(name);
    char *end;
    for (int i = 0; i < a->n_max; i++) {
        const char *s = a->max[i];
        if (strncmp(s, name, n) != 0 || s[n] != '=')
            continue;
        double v = strtod(s + n + 1, &end);
        for (size_t k = 0; end != s + n + 1 && k < sizeof units / sizeof *units; k++)
            if (strcmp(units[k].name, end) == 0 && strcmp(units[k].of, unit) == 0)
                return v * units[k].factor;
        return end != s + n + 1 && !*end && !*unit ? v : -1;
    }
    return NAN;
}

int limits_check(const args *a, const verb *v, const char *const *name, const char *const *unit)
{
    for (int i = 0; i < a->n_max; i++) {
        size_t n = strcspn(a->max[i], "=");
        int k = 0;
        while (name[k] && (strlen(name[k]) != n || strncmp(name[k], a->max[i], n) != 0))
            k++;
        if (!name[k])
            return usage(v, "--max %s: it measures no such thing", a->max[i]);
        if (!(limit_of(a, name[k], unit[k]) > 0))
            return usage(v, "--max %s: give a number in a unit of %s", a->max[i], *unit[k] ? unit[k] : "none");
    }
    return EXIT_OK;
}
