/* sedge quantize: a float model as 8-bit integers. */
#include "cli.h"

#include <math.h>
#include <string.h>

static int quantize_main(int argc, char **argv);

const verb verb_quantize = {"quantize", "weights and activations as 8-bit integers, from samples",
                            "quantize MODEL --data X.npy|NAME=X.npy|X.npz|FOLDER|LIST.csv [-o OUT.onnx]\n"
                            "                     [--card C.json] [--method minmax|percentile|entropy|mse] [--snr DB]\n"
                            "                     [--weights f16|int8|int4] [--json]",
                            quantize_main};

static void print_json(const args *a, const sedge_quantize_result *r)
{
    json j = {.f = stdout};
    json_open(&j, NULL, '{');
    json_str(&j, "schema", "sedge.quantize/1");
    json_str(&j, "model", a->rest[0]);
    if (a->out)
        json_str(&j, "file", a->out);
    json_str(&j, "method", r->method);
    json_int(&j, "calibrated", (int64_t)r->calibrated);
    json_int(&j, "compared", (int64_t)r->compared);
    json_int(&j, "layers", r->layers);
    json_int(&j, "kept", r->kept);
    json_num(&j, "kept_weights", r->kept_weights);
    json_num(&j, "snr_db", r->snr_db);
    json_num(&j, "top1_agreement", r->top1);
    json_num(&j, "ms_before", r->ms_before);
    json_num(&j, "ms_after", r->ms_after);
    json_int(&j, "bytes_before", r->bytes_before);
    if (a->out)
        json_int(&j, "bytes_after", r->bytes_after);
    json_int(&j, "unstable", r->unstable);
    json_close(&j, '}');
}

static void print_text(const args *a, const sedge_quantize_result *r)
{
    char before[32], after[32];
    if (a->weights)
        printf("the weights of %d layers as %s\n", r->layers, a->weights);
    else
        printf("%d layers on integers, %d in float; ranges by %s from %zu samples\n", r->layers, r->kept, r->method,
               r->calibrated);
    if (r->kept)
        printf("%.1f %% of the weights stay float; what costs most is %s\n", 100 * r->kept_weights, r->kept_name);
    printf("on %zu others: top-1 agrees on %.1f %%, SNR %.1f dB; %.3f ms before, %.3f ms after\n", r->compared, 100 * r->top1,
           r->snr_db, r->ms_before, r->ms_after);
    if (r->unstable)
        printf("the range of %d tensors depends on the samples, most of all that of %s: more samples would tell\n", r->unstable,
               r->unstable_name);
    if (a->out)
        printf("%s: %s, before %s\n", a->out, bytes_text((double)r->bytes_after, after),
               bytes_text((double)r->bytes_before, before));
}

/* Arrays are rows of tensors, everything else a data set. */
static bool is_array(const char *s)
{
    const size_t n = strlen(s);
    return n > 4 && (strcmp(s + n - 4, ".npy") == 0 || strcmp(s + n - 4, ".npz") == 0);
}

static int quantize_model(const args *a)
{
    sedge_quantize_opts o;
    sedge_quantize_result r;
    sedge_error err = {0};
    progress p = {0};
    sedge_quantize_opts_init(&o);
    o.card = a->card;
    o.method = a->method;
    o.weights = a->weights;
    o.snr_db = a->snr;
    o.progress = progress_tell;
    o.progress_ctx = &p;
    if (is_array(a->in[0])) {
        o.rows = a->in;
        o.n_rows = a->n_in;
    } else if (a->n_in == 1) {
        o.data = a->in[0];
    } else {
        return usage(&verb_quantize, "one data set at a time");
    }
    const sedge_status st = sedge_quantize(a->rest[0], a->out, &o, &r, &err);
    progress_clear(&p);
    if (st != SEDGE_OK)
        return fail_error(a->rest[0], &err);
    (a->json ? print_json : print_text)(a, &r);
    return EXIT_OK;
}

static int quantize_main(int argc, char **argv)
{
    args a = {0};
    int status = args_parse(&a, &verb_quantize, "oDcq54j", argc, argv);
    if (status == EXIT_OK && a.help)
        printf("usage: sedge %s\n", verb_quantize.usage);
    else if (status == EXIT_OK && a.n_rest != 1)
        status = usage(&verb_quantize, a.n_rest ? "one model at a time" : "which model?");
    else if (status == EXIT_OK && a.n_in == 0)
        status = usage(&verb_quantize, "--data is needed: samples like those of the field");
    else if (status == EXIT_OK)
        status = quantize_model(&a);
    args_free(&a);
    return status;
}
