"""A bundle with its model in C, written from its own network, without torch."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from ...edge.bundle import Bundle
from ...edge.core_build import MODEL_C
from ...edge.errors import InputError


def with_model_c(bundle: Bundle) -> Bundle:
    """The same bundle and model.c among its files; InputError where this machine can't write it."""
    if MODEL_C in bundle.files:
        return bundle
    missing = [name for name in ("onnx", "ziglang") if find_spec(name) is None]
    if missing:
        what = " and ".join(missing)
        raise InputError(
            f"the model in C needs {what}: pip install 'leadone[export]'; backend onnx does without"
        )
    from .c_model import model_source
    from .onnx_reader import read_quantized

    quantized = read_quantized(bundle.files[bundle.manifest["network"]])
    files = {**bundle.files, MODEL_C: model_source(bundle, quantized).encode()}
    return replace(bundle, files=files)
