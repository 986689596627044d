/* Runs a model on zeros: examples/hello MODEL. */
#include <stdio.h>
#include <stdlib.h>

#include "sedge/sedge.h"

int main(int argc, char **argv)
{
    sedge_model *model = NULL;
    sedge_plan *plan = NULL;
    sedge_session *session = NULL;
    sedge_error err = {0};
    sedge_io io;
    sedge_tensor in = {0}, out;
    if (argc != 2)
        return fprintf(stderr, "usage: %s MODEL\n", argv[0]), 2;
    if (sedge_model_open(&model, argv[1], NULL, &err) || sedge_plan_make(&plan, model, NULL, &err) ||
        sedge_session_open(&session, plan, NULL, &err))
        goto done;
    for (int i = 0; sedge_model_input(model, i, &io); i++) {
        in.dtype = io.dtype;
        in.rank = io.rank < 0 ? 0 : io.rank;
        for (int k = 0; k < in.rank; k++)
            in.dim[k] = io.dim[k] < 0 ? 1 : io.dim[k];
        in.data = calloc(1, sedge_tensor_bytes(&in) + 1); /* borrowed by the session: freed with the process */
        if (sedge_session_set_input(session, i, &in, &err))
            goto done;
    }
    if (sedge_session_run(session, NULL, &err) || sedge_session_get_output(session, 0, &out, &err))
        goto done;
    printf("%s: first value of output 0: %g\n", argv[1], sedge_tensor_f64(&out, 0));
done:
    if (err.status)
        fprintf(stderr, "%s\n", err.msg);
    sedge_session_close(&session);
    sedge_plan_close(&plan);
    sedge_model_close(&model);
    return err.status != SEDGE_OK;
}
