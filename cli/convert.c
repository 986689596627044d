/* sedge convert: a model in another file format. */
#include "cli.h"

#include <sys/stat.h>

static int convert_main(int argc, char **argv);

const verb verb_convert = {"convert", "a model as ONNX or TensorFlow Lite, for other engines",
                           "convert MODEL -o FILE.onnx|FILE.tflite [--card C.json] [--functions F.onnx] [--json]", convert_main};

static int convert_model(const args *a)
{
    sedge_error err = {0};
    struct stat from = {0}, to = {0};
    char before[32], after[32];
    sedge_convert_opts o;
    sedge_convert_opts_init(&o);
    o.functions = a->functions;
    o.card = a->card;
    if (sedge_convert(a->rest[0], a->out, &o, &err) != SEDGE_OK)
        return fail_error(err.status == SEDGE_E_IO ? a->out : a->rest[0], &err);
    stat(a->rest[0], &from);
    stat(a->out, &to);
    if (a->json) {
        json j = {.f = stdout};
        json_open(&j, NULL, '{');
        json_str(&j, "schema", "sedge.convert/1");
        json_str(&j, "model", a->rest[0]);
        json_str(&j, "file", a->out);
        json_int(&j, "bytes_before", (int64_t)from.st_size);
        json_int(&j, "bytes_after", (int64_t)to.st_size);
        json_close(&j, '}');
    } else {
        printf("%s: %s, before %s\n", a->out, bytes_text((double)to.st_size, after), bytes_text((double)from.st_size, before));
    }
    return EXIT_OK;
}

static int convert_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_convert, "ocfj", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_convert.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_convert, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK && !a.out)
        status = usage(&verb_convert, "-o FILE.onnx or -o FILE.tflite is needed");
    else if (status == EXIT_OK)
        status = convert_model(&a);
    args_free(&a);
    return status;
}
