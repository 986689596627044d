/* Where ONNX writes an operator otherwise than its row, as a table: forms.def says what its lines mean. */
#ifndef SG_IMPORT_ONNX_FORMS_H
#define SG_IMPORT_ONNX_FORMS_H

typedef enum sg_onnx_form_kind {
    SG_FORM_NONE, /* the end */
    SG_FORM_WORDS,
    SG_FORM_TYPE,
    SG_FORM_NAME,
    SG_FORM_VALUE,
    SG_FORM_LIST,
    SG_FORM_ONE,
    SG_FORM_LIKE,
    SG_FORM_ZERO,
    SG_FORM_ONLY,
    SG_FORM_GONE
} sg_onnx_form_kind;

typedef struct sg_onnx_form {
    sg_onnx_form_kind what;
    const char *op; /* NULL: any */
    int row;        /* -1: any */
    int before;     /* opsets below; 0: all */
    int k, like;    /* operands */
    const char *attr, *text;
    double value;
} sg_onnx_form;

extern const sg_onnx_form sg_onnx_forms[];

#endif
