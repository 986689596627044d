/* A model in another file format. */
#include "export/export.h"
#include "run/api.h"
#include "sedge/fit.h"

sedge_status sedge_convert(const char *path, const char *out, sedge_error *err)
{
    sedge_model *m;
    SG_TRY(sedge_model_open(&m, path, NULL, err));
    const sg_export_opts opts = {.info = &m->info};
    sedge_status st = m->saved
                          ? sg_fail(err, SEDGE_E_ARG, "a compiled plan cannot be converted: give the model that it was made of")
                          : sg_export(m->graph, &opts, out, err);
    sedge_model_close(&m);
    return st;
}
