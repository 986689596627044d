/* The enumerations that the `extra` columns of the operator tables name. */
#ifndef SG_IMPORT_KINDS_H
#define SG_IMPORT_KINDS_H

#include "op/elementwise.h"
#include "op/index.h"
#include "op/ml.h"
#include "op/pool.h"
#include "op/quant.h"
#include "op/recurrent.h"
#include "op/reduce.h"
#include "op/resize.h"
#include "op/signal.h"
#include "op/softmax.h"

#endif
