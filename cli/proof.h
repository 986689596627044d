/* Reports of what eval and compare found, made of the trees that they print with --json, wherever they ran. */
#ifndef SG_CLI_PROOF_H
#define SG_CLI_PROOF_H

#include <jansson.h>

#include "cli.h"
#include "fit/report.h"

/* Writes --report from a tree of "sedge.eval/1" or "sedge.compare/1": EXIT_OK, or the exit status. */
int proof_report(const json_t *tree, const args *a);
/* Adds the card of a model to the evidence: --card, or the file beside the model; others are in the model or its folder. */
sedge_status proof_card(sg_report *r, const args *a, const char *model, sedge_error *err);
/* Runs the verb of `a` on a->on[0], prints what came of it, writes the report: the exit status. */
int proof_there(const args *a);
/* What a verb wrote as JSON, as a tree; NULL: none. Closes f; text and size are those of open_memstream. */
json_t *proof_tree(FILE *f, char **text, size_t *size);

#endif
