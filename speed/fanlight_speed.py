"""What is installed beside the extension module, and imported only where that could not be compiled.

Of an extension module and a module in Python in the same folder, the former is imported.
"""

raise ImportError(
    "it was installed without a C compiler or Python's header files (apt install gcc python3-dev);"
    " with them, install it again: pip install --force-reinstall --no-cache-dir ..."
)
