/* Signatures of reports: Ed25519 (RFC 8032), over the tree without its signature in one spelling: keys sorted, no spaces, 12 digits. */
#ifndef SG_FIT_SIGN_H
#define SG_FIT_SIGN_H

#include <jansson.h>

#include "base/err.h"

/* Adds "signature" by a private key in a PEM file (openssl genpkey -algorithm ed25519). */
sedge_status sg_sign(json_t *root, const char *key, sg_err *err);
/* SEDGE_E_NOT_FOUND: it is not signed; SEDGE_E_VALUE: the signature is not one of this tree, or not by the key. `key`: a public key in a PEM file, or NULL: by
 * the key that the report itself names, which shows that it was not changed since, not who made it. */
sedge_status sg_sign_check(const json_t *root, const char *key, sg_err *err);

#endif
