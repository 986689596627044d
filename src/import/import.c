/* From any file to a graph: which importer reads it, and what they share. */
#include "import/import.h"

#include <string.h>

#include "import/onnx/import.h"
#include "import/tflite/import.h"

sedge_status sg_import(sg_arena *arena, const uint8_t *data, size_t size, const char *path, const sg_import_extra *extra,
                       sg_import_info *info, sg_graph **out, sg_err *err)
{
    if (sg_tflite_is(data, size))
        return sg_tflite_import(arena, data, size, info, out, err);
    return sg_onnx_import_with(arena, data, size, path, extra, info, out, err);
}

void sg_import_close(sg_import_info *info)
{
    for (; info->file; info->file = info->file->next)
        sg_map_close(&info->file->map);
}

static bool is_output(const sg_graph *g, sg_vid v)
{
    for (size_t i = 0; i < g->n_output; i++)
        if (g->output[i] == v)
            return true;
    return false;
}

sedge_status sg_import_output(sg_graph *g, sg_vid v, const char *name, sg_err *err)
{
    const char *old = g->value[v].name;
    if (!old || strcmp(old, name) != 0) {
        if (g->value[v].role != SG_COMPUTED || is_output(g, v)) {
            sg_nid id = sg_node_new(g, SG_ROW(IDENTITY), &v, 1, 1, 0);
            if (!id)
                return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
            g->node[id].name = name;
            SG_TRY(sg_infer_node(g, id, err));
            v = sg_node_out(g, id, 0);
        }
        g->value[v].name = name;
    }
    return sg_output_add(g, v) == SEDGE_OK ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "out of memory");
}
