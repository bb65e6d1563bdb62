r"""The four selections of the Dark Machines challenge, and the quantities that they cut on.

Selections are made on the objects as stored. The paper's text counts jets within :math:`|\eta| < 2.8` only, but the
published files hold jets up to :math:`|\eta| = 4.9` and were selected on all of them; ``eta_max=2.8`` follows the text.

References:
    | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 2.1
    | https://arxiv.org/abs/2105.14027
"""

import awkward as ak
import numpy as np

from dmlib.events.columns import KINDS, complete, kind_codes

CHANNELS = ("1", "2a", "2b", "3")
JETS = ("j", "b")
LEPTONS = ("e-", "e+", "m-", "m+")


def jets(events: ak.Array, eta_max: float | None = None) -> ak.Array:
    r"""Selects the jets and b-jets of each event.

    Arguments:
        events: n events.
        eta_max: Keep :math:`|\eta| <` eta_max only; None keeps all that are stored.

    Returns:
        Their four-momenta in stored order, ``n * var * Momentum4D``.

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.0], counts=[3],
        ...     kind=["j", "m-", "b"], E=[200.0, 40.0, 50.0], pt=[55.0, 30.0, 40.0], eta=[2.9, 1.0, 0.5], phi=[0, 1, 2])
        >>> jets(events).pt.to_list(), jets(events, eta_max=2.8).pt.to_list()
        ([[55.0, 40.0]], [[40.0]])
    """
    chosen = _of_kinds(events, JETS)
    return chosen if eta_max is None else chosen[abs(chosen["eta"]) < eta_max]


def leptons(events: ak.Array) -> ak.Array:
    """Selects the electrons, positrons, muons and antimuons of each event.

    Arguments:
        events: n events.

    Returns:
        Their four-momenta in stored order, ``n * var * Momentum4D``.

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.0], counts=[2],
        ...     kind=["j", "m-"], E=[200.0, 40.0], pt=[55.0, 30.0], eta=[2.0, 1.0], phi=[0, 1])
        >>> leptons(events).pt.to_list()
        [[30.0]]
    """
    return _of_kinds(events, LEPTONS)


def h_t(events: ak.Array, eta_max: float | None = None) -> np.ndarray:
    r"""Sums the transverse momenta of the jets and b-jets of each event, :math:`H_T = \sum_i |p_{T,j_i}|`.

    Arguments:
        events: n events.
        eta_max: Count jets with :math:`|\eta| <` eta_max only; None counts all that are stored.

    Returns:
        H_T in GeV, float32, shape (n,).

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), equation 1
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.0], counts=[3],
        ...     kind=["j", "m-", "b"], E=[200.0, 40.0, 50.0], pt=[55.0, 30.0, 40.0], eta=[2.9, 1.0, 0.5], phi=[0, 1, 2])
        >>> h_t(events), h_t(events, eta_max=2.8)
        (array([95.], dtype=float32), array([40.], dtype=float32))
    """
    # Summed in float64 and rounded once: 300.1 + 299.9 GeV meets a threshold of 600 GeV in any order of the jets.
    pt = ak.values_astype(jets(events, eta_max)["pt"], np.float64)
    return ak.to_numpy(ak.sum(abs(pt), axis=1)).astype(np.float32)


def passes(events: ak.Array, channel: str, eta_max: float | None = None) -> np.ndarray:
    r"""Says which events a channel of the challenge selects.

    - **1**: :math:`H_T \ge 600`, :math:`E_T^{miss} \ge 200`, :math:`E_T^{miss}/H_T \ge 0.2`, four jets or b-jets with
      :math:`p_T > 50` and one with :math:`p_T > 200`
    - **2a**: :math:`E_T^{miss} \ge 50`, three leptons with :math:`p_T > 15`
    - **2b**: :math:`E_T^{miss} \ge 50`, :math:`H_T \ge 50`, two leptons with :math:`p_T > 15`
    - **3**: :math:`H_T \ge 600`, :math:`E_T^{miss} > 100`

    All in GeV, and at least so many objects; a lepton is an electron or a muon of either charge.

    Arguments:
        events: n events.
        channel: One of :data:`CHANNELS`.
        eta_max: Count jets with :math:`|\eta| <` eta_max only (2.8 in the paper's text); None counts all, as the
            published files do.

    Returns:
        True where the event is selected, shape (n,).

    Raises:
        TypeError: These are no events, or it is a single one.
        ValueError: There is no such channel, or values are missing.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), equations 2-5
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1, 1], process=["jj", "jj"], weight=[1.0, 1.0], met=[120.0, 100.0],
        ...     met_phi=[0.0, 0.0], counts=[1, 1], kind=["j", "j"], E=[700.0, 700.0], pt=[600.0, 600.0],
        ...     eta=[0.5, 0.5], phi=[0.0, 0.0])
        >>> passes(events, "3")
        array([ True, False])
    """
    if channel not in CHANNELS:
        raise ValueError(f"channel {channel!r} is unknown: expected one of {', '.join(map(repr, CHANNELS))}")
    # Everything is float32, as stored, and numpy rounds the thresholds to it: 0.2 in an event is the 0.2 of the cut.
    events = complete(events)
    met = ak.to_numpy(events["met"])
    if channel == "2a":
        return (met >= 50) & (_count(leptons(events), 15) >= 3)
    total = h_t(events, eta_max)
    if channel == "2b":
        return (met >= 50) & (total >= 50) & (_count(leptons(events), 15) >= 2)
    if channel == "3":
        return (met > 100) & (total >= 600)
    ratio = np.divide(met, total, out=np.zeros_like(total), where=total >= 600)
    chosen = jets(events, eta_max)
    return (total >= 600) & (met >= 200) & (ratio >= 0.2) & (_count(chosen, 50) >= 4) & (_count(chosen, 200) >= 1)


def _of_kinds(events: ak.Array, kinds: tuple[str, ...]) -> ak.Array:
    objects = complete(events)["objects"]
    chosen = np.isin(KINDS, kinds)[kind_codes(ak.flatten(objects["kind"]))]
    return objects[ak.unflatten(chosen, ak.num(objects))]


def _count(objects: ak.Array, pt_min: float) -> np.ndarray:
    return ak.to_numpy(ak.sum(objects["pt"] > pt_min, axis=1))
