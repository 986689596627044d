/* NumPy's .npz: a zip archive of .npy files. */
#include <string.h>

#include "import/data/data.h"
#include "import/data/zip.h"

sedge_status sg_npz_read(sg_arena *a, const uint8_t *data, size_t size,
                         sedge_status (*each)(void *ctx, const sg_data *d, sg_err *err), void *ctx, sg_err *err)
{
    sg_zip z;
    if (!sg_zip_open(&z, data, size))
        return sg_fail(err, SEDGE_E_FORMAT, "not a .npz archive");
    while (z.left) {
        sg_zip_entry e;
        sg_data d;
        const uint8_t *p = NULL;
        SG_TRY(sg_zip_next(&z, &e, err));
        size_t len = e.n_name;
        if (len < 4 || memcmp(e.name + len - 4, ".npy", 4) != 0)
            continue;
        SG_TRY(sg_zip_unpack(a, &e, &p, err));
        SG_TRY(sg_npy_read(a, p, e.size, &d, err));
        d.name = sg_arena_str(a, (const char *)e.name, len - 4);
        if (!d.name)
            return sg_fail(err, SEDGE_E_NOMEM, "out of memory");
        SG_TRY(each(ctx, &d, err));
    }
    return SEDGE_OK;
}
