/* The kinds of window. */
#ifndef SG_OP_SIGNAL_H
#define SG_OP_SIGNAL_H

typedef enum sg_window_kind { SG_WINDOW_HANN, SG_WINDOW_HAMMING, SG_WINDOW_BLACKMAN } sg_window_kind;

#endif
