"""`python -m tools.studies claims shares`: these studies, one after the other."""

import importlib
import sys

for name in sys.argv[1:]:
    importlib.import_module(f"tools.studies.{name}").main()
