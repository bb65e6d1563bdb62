"""Quantiles of the public events, to compare with.

From 60,000 events of the R&D data set's signal region, 3.3-3.7 TeV (Zenodo 4536377 and 6466204, CC-BY-4.0): 59,605 of
background and 395 of signal, split off by the authors of CATHODE.
"""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BACKGROUND = {
    "m_jj": (3.315, 3.381, 3.472, 3.576, 3.673),
    "m_j1": (0.040, 0.070, 0.108, 0.172, 0.328),
    "delta_m": (0.010, 0.052, 0.127, 0.251, 0.487),
    "tau21_1": (0.256, 0.462, 0.600, 0.710, 0.835),
    "tau21_2": (0.159, 0.333, 0.492, 0.628, 0.779),
}
SIGNAL = {
    "m_jj": (3.351, 3.440, 3.506, 3.575, 3.649),
    "m_j1": (0.090, 0.101, 0.112, 0.127, 0.245),
    "delta_m": (0.094, 0.339, 0.381, 0.411, 0.474),
    "tau21_1": (0.171, 0.279, 0.379, 0.503, 0.661),
    "tau21_2": (0.068, 0.133, 0.194, 0.316, 0.554),
}
