"""Sedge from Python: Model(path).run({"input": array}) -> {"output": array}.

One file over ctypes. Inputs are borrowed, not copied (C-contiguous arrays of the model's type); outputs are views of the
session's memory, valid until its next run: copy what must live longer. The library is found as libsedge.so by the dynamic
linker, or where SEDGE_LIBRARY says.
"""
import ctypes as c
import os

import numpy as np

RANK_MAX = 8
TENSOR = 0


class Error(RuntimeError):
    """A failure of the library: one line that names file, node or field; .status is its number."""

    def __init__(self, err):
        super().__init__(err.msg.decode("utf-8", "replace"))
        self.status = err.status


class _Err(c.Structure):
    _fields_ = [("status", c.c_int), ("msg", c.c_char * 512)]


class _Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("kind", c.c_uint8), ("dtype", c.c_uint8), ("rank", c.c_int8), ("dim", c.c_int64 * RANK_MAX)]


class _Str(c.Structure):
    _fields_ = [("p", c.POINTER(c.c_char)), ("n", c.c_uint64)]


class _Io(c.Structure):
    _fields_ = [("name", c.c_char_p), ("kind", c.c_uint8), ("dtype", c.c_uint8), ("rank", c.c_int8), ("dim", c.c_int64 * RANK_MAX),
                ("dim_name", c.c_char_p * RANK_MAX), ("scale", c.c_float), ("zero", c.c_int32)]


class _Bound(c.Structure):
    _fields_ = [("name", c.c_char_p), ("value", c.c_int64), ("fixed", c.c_int)]


class _Link(c.Structure):
    _fields_ = [("out", c.c_char_p), ("in_", c.c_char_p)]


class _PlanOpts(c.Structure):
    _fields_ = [("target", c.c_char_p), ("bound", c.POINTER(_Bound)), ("n_bound", c.c_int), ("link", c.POINTER(_Link)),
                ("n_link", c.c_int), ("optimize", c.c_int), ("allow_fallback", c.c_int), ("trace", c.c_void_p),
                ("trace_ctx", c.c_void_p), ("reserved", c.c_uint8 * 32)]


class _SessionOpts(c.Structure):
    _fields_ = [("threads", c.c_uint32), ("alloc", c.c_void_p), ("alloc_ctx", c.c_void_p), ("memory_limit", c.c_size_t),
                ("seed", c.c_uint64), ("on_step", c.c_void_p), ("on_step_ctx", c.c_void_p), ("reserved", c.c_uint8 * 32)]


_lib = c.CDLL(os.environ.get("SEDGE_LIBRARY", "libsedge.so"))
_lib.sedge_dtype_name.restype = c.c_char_p
_lib.sedge_version.restype = c.c_char_p
_lib.sedge_tensor_bytes.restype = c.c_size_t
for _f in ("sedge_model_inputs", "sedge_model_outputs"):
    getattr(_lib, _f).argtypes = [c.c_void_p]

_NUMPY = {"f32": np.float32, "f64": np.float64, "f16": np.float16, "u8": np.uint8, "i8": np.int8, "u16": np.uint16, "i16": np.int16,
          "u32": np.uint32, "i32": np.int32, "u64": np.uint64, "i64": np.int64, "bool": np.bool_, "c64": np.complex64,
          "c128": np.complex128}
_NAMES = {}
_code = 0
while (_name := _lib.sedge_dtype_name(_code).decode()) != "unknown":
    _NAMES[_code] = _name
    _code += 1
_CODES = {np.dtype(_NUMPY[n]): k for k, n in _NAMES.items() if n in _NUMPY}
_STR = next(k for k, n in _NAMES.items() if n == "string")


def _check(status, err):
    if status:
        raise Error(err)


class Model:
    """A model, its plan and one session.

    dims: {name: value} fixes symbolic dimensions; links: {output: input} keeps state between runs.
    """

    def __init__(self, path, dims=None, links=None, threads=0, seed=0, target=None, memory_limit=0):
        self._model, self._plan, self._session = c.c_void_p(), c.c_void_p(), c.c_void_p()
        err = _Err()
        _check(_lib.sedge_model_open(c.byref(self._model), os.fsencode(path), None, c.byref(err)), err)
        opts = _PlanOpts()
        _lib.sedge_plan_opts_init(c.byref(opts))
        opts.target = target.encode() if target else None
        dims, links = list((dims or {}).items()), list((links or {}).items())
        bounds = (_Bound * max(1, len(dims)))(*[_Bound(k.encode(), v, 1) for k, v in dims])
        pairs = (_Link * max(1, len(links)))(*[_Link(o.encode(), i.encode()) for o, i in links])
        opts.bound, opts.n_bound, opts.link, opts.n_link = bounds, len(dims), pairs, len(links)
        _check(_lib.sedge_plan_make(c.byref(self._plan), self._model, c.byref(opts), c.byref(err)), err)
        so = _SessionOpts(threads=threads, seed=seed, memory_limit=memory_limit)
        _check(_lib.sedge_session_open(c.byref(self._session), self._plan, c.byref(so), c.byref(err)), err)
        self.inputs = self._names(_lib.sedge_model_inputs, _lib.sedge_model_input)
        self.outputs = self._names(_lib.sedge_model_outputs, _lib.sedge_model_output)
        self._held = {}

    def _names(self, count, get):
        names, io = [], _Io()
        for i in range(count(self._model)):
            get(self._model, i, c.byref(io))
            names.append(io.name.decode())
        return names

    def close(self):
        """Frees session, plan and model; views of outputs die with them."""
        if getattr(self, "_session", None) is not None:
            _lib.sedge_session_close(c.byref(self._session))
            _lib.sedge_plan_close(c.byref(self._plan))
            _lib.sedge_model_close(c.byref(self._model))

    __del__ = close

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def bind(self, name, value):
        """Binds an input: an array of the model's type (strings: an array or list of str or bytes)."""
        if name not in self.inputs:
            raise KeyError("no input %r: the model has %s" % (name, ", ".join(self.inputs)))
        a = np.asarray(value)
        t = _Tensor(kind=TENSOR, rank=a.ndim, dim=(c.c_int64 * RANK_MAX)(*a.shape))
        if a.dtype.kind in "USO":
            raw = [x if isinstance(x, bytes) else str(x).encode() for x in a.ravel()]
            bufs = [c.create_string_buffer(x, max(1, len(x))) for x in raw]
            strs = (_Str * max(1, len(raw)))(*[_Str(c.cast(b, c.POINTER(c.c_char)), len(x)) for b, x in zip(bufs, raw)])
            t.dtype, t.data, held = _STR, c.cast(strs, c.c_void_p), (strs, bufs)
        elif a.dtype in _CODES:
            held = np.ascontiguousarray(a).reshape(a.shape)
            t.dtype, t.data = _CODES[a.dtype], held.ctypes.data
        else:
            raise TypeError("input %s: no type of Sedge is %s" % (name, a.dtype))
        err = _Err()
        _check(_lib.sedge_session_set_input(self._session, self.inputs.index(name), c.byref(t), c.byref(err)), err)
        self._held[name] = held

    def run(self, inputs=()):
        """Binds inputs (a dict), runs once, and gives every tensor output by name."""
        for name, value in dict(inputs).items():
            self.bind(name, value)
        err = _Err()
        _check(_lib.sedge_session_run(self._session, None, c.byref(err)), err)
        return {name: self._output(i) for i, name in enumerate(self.outputs)}

    def _output(self, i):
        t, err = _Tensor(), _Err()
        _check(_lib.sedge_session_get_output(self._session, i, c.byref(t), c.byref(err)), err)
        return self._value(t)

    def _value(self, t):
        if t.kind != TENSOR:
            items = c.cast(t.data, c.POINTER(_Tensor))
            return [self._value(items[k]) for k in range(t.dim[0])]
        shape = tuple(t.dim[: t.rank])
        count = int(np.prod(shape, dtype=np.int64))
        name = _NAMES[t.dtype]
        if t.dtype == _STR:
            strs = c.cast(t.data, c.POINTER(_Str))
            flat = [c.string_at(strs[k].p, strs[k].n).decode("utf-8", "replace") for k in range(count)]
            return np.array(flat, dtype=object).reshape(shape)
        if name not in _NUMPY:
            raise TypeError("NumPy has no type for %s" % name)
        if count == 0:
            return np.empty(shape, _NUMPY[name])
        raw = (c.c_uint8 * _lib.sedge_tensor_bytes(c.byref(t))).from_address(t.data)
        return np.frombuffer(raw, dtype=_NUMPY[name]).reshape(shape)
