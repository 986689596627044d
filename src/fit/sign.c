/* Ed25519 by OpenSSL. */
#include "fit/sign.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

enum { KEY_BYTES = 32, SIGNATURE_BYTES = 64 };

/* The text that is signed; free with free. NULL: no memory. */
static char *spelled(const json_t *root)
{
    json_t *copy = json_copy((json_t *)(uintptr_t)root);
    json_object_del(copy, "signature");
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
    json_decref(copy);
    return text;
}

static void to_hex(const uint8_t *p, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", p[i]);
}

static bool from_hex(const char *text, uint8_t *p, size_t n)
{
    if (!text || strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], 0};
        p[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

/* A key file that asks for a password is refused, not asked about. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static sedge_status read_key(EVP_PKEY **out, const char *path, bool private, sg_err *err)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return sg_fail(err, SEDGE_E_IO, "%s: %s", path, strerror(errno));
    *out = private ? PEM_read_PrivateKey(f, NULL, no_password, NULL) : PEM_read_PUBKEY(f, NULL, no_password, NULL);
    fclose(f);
    if (*out && EVP_PKEY_id(*out) == EVP_PKEY_ED25519)
        return SEDGE_OK;
    EVP_PKEY_free(*out);
    *out = NULL;
    return sg_fail(err, SEDGE_E_FORMAT, "%s: no %s key of Ed25519 in PEM", path, private ? "private" : "public");
}

static bool make_signature(EVP_PKEY *key, const char *text, uint8_t *signature)
{
    size_t n = SIGNATURE_BYTES;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text, strlen(text)) == 1 && n == SIGNATURE_BYTES;
    EVP_MD_CTX_free(ctx);
    return good;
}

sedge_status sg_sign(json_t *root, const char *key_path, sg_err *err)
{
    EVP_PKEY *key;
    uint8_t public[KEY_BYTES], signature[SIGNATURE_BYTES];
    char public_text[2 * KEY_BYTES + 1], text[2 * SIGNATURE_BYTES + 1];
    size_t n = sizeof public;
    SG_TRY(read_key(&key, key_path, true, err));
    char *what = spelled(root);
    bool good = what && EVP_PKEY_get_raw_public_key(key, public, &n) == 1 && n == KEY_BYTES &&
                make_signature(key, what, signature);
    free(what);
    EVP_PKEY_free(key);
    if (!good)
        return sg_fail(err, SEDGE_E_NOMEM, "%s: the report cannot be signed", key_path);
    to_hex(public, sizeof public, public_text);
    to_hex(signature, sizeof signature, text);
    json_t *o = json_pack("{s:s, s:s, s:s}", "algorithm", "ed25519", "public_key", public_text, "value", text);
    return json_object_set_new(root, "signature", o) == 0 ? SEDGE_OK : sg_fail(err, SEDGE_E_NOMEM, "no memory for the signature");
}

static bool holds(EVP_PKEY *key, const char *text, const uint8_t *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, (const unsigned char *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

sedge_status sg_sign_check(const json_t *root, const char *key_path, sg_err *err)
{
    const json_t *o = json_object_get(root, "signature");
    const char *algorithm = json_string_value(json_object_get(o, "algorithm"));
    uint8_t public[KEY_BYTES], signature[SIGNATURE_BYTES];
    EVP_PKEY *key = NULL;
    if (!o)
        return sg_fail(err, SEDGE_E_NOT_FOUND, "it is not signed");
    if (!algorithm || strcmp(algorithm, "ed25519") != 0 ||
        !from_hex(json_string_value(json_object_get(o, "public_key")), public, sizeof public) ||
        !from_hex(json_string_value(json_object_get(o, "value")), signature, sizeof signature))
        return sg_fail(err, SEDGE_E_VALUE, "its signature is none of Ed25519");
    if (key_path)
        SG_TRY(read_key(&key, key_path, false, err));
    else
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, sizeof public);
    char *what = spelled(root);
    bool good = key && what && holds(key, what, signature);
    free(what);
    EVP_PKEY_free(key);
    return good ? SEDGE_OK
                : sg_fail(err, SEDGE_E_VALUE,
                          key_path ? "its signature is not by %s, or it was changed since"
                                   : "it was changed since it was signed%.0s",
                          key_path ? key_path : "");
}
