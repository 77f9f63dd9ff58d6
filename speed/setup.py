"""Build the extension module; everything else is in pyproject.toml.

Without a C compiler the package is installed all the same, with nothing but `fanlight_speed.py`, which says so.
"""

import sys
import sysconfig

from setuptools import Extension, setup

# One wheel for CPython 3.11 and all later versions (the stable ABI, abi3), which costs no speed here: inside the loops
# nothing of Python is called. Interpreters without a GIL have no stable ABI yet, and need a wheel of their own.
HAS_STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[
        Extension(
            "fanlight_speed",
            ["fanlight_speed.c"],
            optional=True,
            py_limited_api=HAS_STABLE_ABI,
            # -O3, because only then GCC before 12 vectorises, and Debian's Python asks for -O2
            extra_compile_args=[] if sys.platform == "win32" else ["-O3", "-std=c11"],
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if HAS_STABLE_ABI else {},
)
