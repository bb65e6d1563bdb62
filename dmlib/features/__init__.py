r"""Events as tables: the encodings that the methods of the course learn from.

Every encoding is a pandas DataFrame of float32 with one row an event, in GeV and radian. It opens with the missing
transverse energy, ``met`` and ``met_phi``. Objects are ordered in transverse momentum; the leading ones fill numbered
slots, and slots that stay empty hold zeros. The order in which an event stores its objects does not matter, and no row
depends on another. Columns are named after slot and quantity: ``j1_pt`` belongs to the leading jet, ``e-2_pt`` to the
second electron, and ``n_e-`` is the number of electrons.

References:
    | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), sections 4.1, 4.2 and 4.8
    | https://arxiv.org/abs/2105.14027
"""

from .encodings import aggregates, by_kind, dynamic, efficient, leading, slots, static
from .lhco import shifted

__all__ = ["aggregates", "by_kind", "dynamic", "efficient", "leading", "shifted", "slots", "static"]
