/* The format by the name of the file. */
#include "export/export.h"

#include <string.h>

static const struct {
    const char *suffix;
    sedge_status (*write)(const sg_graph *g, const sg_export_opts *opts, const char *path, sg_err *err);
} formats[] = {
#define FORMAT(suffix, function) {suffix, function},
#include "export/formats.def"
#undef FORMAT
};

sedge_status sg_export(const sg_graph *g, const sg_export_opts *opts, const char *path, sg_err *err)
{
    const size_t n = strlen(path);
    char list[64] = "";
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const size_t m = strlen(formats[i].suffix);
        if (n > m && strcmp(path + n - m, formats[i].suffix) == 0)
            return formats[i].write(g, opts, path, err);
        strcat(strcat(list, i ? ", " : ""), formats[i].suffix);
    }
    return sg_fail(err, SEDGE_E_ARG, "a model is written as %s, by the end of its name", list);
}
