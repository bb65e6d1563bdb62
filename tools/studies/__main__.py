"""`python -m tools.studies claims shares`: these studies, one after the other."""

import sys

from tools import studies

for study in [studies.load(name) for name in sys.argv[1:]]:
    study.compute()
