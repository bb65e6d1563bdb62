"""Encodings of Dark Machines events, whose objects are of several kinds and whose number varies."""

from collections.abc import Mapping, Sequence

import awkward as ak
import numpy as np
import pandas as pd

from dmlib.channels import JETS, LEPTONS
from dmlib.events.columns import KINDS, kind_codes

_FOUR_MOMENTUM = ("E", "pt", "eta", "phi")


def leading(events: ak.Array, n: int = 8, kind: bool = False) -> pd.DataFrame:
    r"""Encodes the four-momenta of the n objects of largest transverse momentum, whatever their kind.

    .. math:: x = (E_T^{miss}, \phi_{miss}, p_{T,1}, \eta_1, \phi_1, E_1, \dots, p_{T,n}, \eta_n, \phi_n, E_n)

    Arguments:
        events: m events.
        n: Number of slots.
        kind: Precede each four-momentum by a number for the object's kind: 0 for an empty slot, 1 for the first of
            :data:`dmlib.events.KINDS`, and so on.

    Returns:
        Table of shape (m, 2 + 4 n), or (m, 2 + 5 n) with kinds. ``x.to_numpy()[:, 2:].reshape(m, n, -1)`` is the event
        as a set or an image.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.1
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[94], process=["ttbar"], weight=[1.0], met=[112.0], met_phi=[1.75],
        ...     counts=[2], kind=["j", "b"], E=[100.0, 332.0], pt=[86.0, 148.0], eta=[-0.5, -1.5], phi=[-1.25, -1.75])
        >>> leading(events, n=3, kind=True).iloc[0].to_list()[2:]
        [2.0, 148.0, -1.5, -1.75, 332.0, 1.0, 86.0, -0.5, -1.25, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    variables = ("pt", "eta", "phi", "E")
    return _table(_met(events), _objects(events, {"o": (KINDS, n)}, ("kind", *variables) if kind else variables))


def slots(events: ak.Array) -> dict[str, int]:
    """Counts the slots that :func:`static` needs: the largest number of objects of each kind in any event.

    Arguments:
        events: The events to learn from; their slots serve all other events, so that the columns agree.

    Returns:
        Number of slots by kind.

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1, 1], process=["ww"] * 2, weight=[1.0] * 2, met=[60.0] * 2, met_phi=[0.0] * 2,
        ...     counts=[2, 1], kind=["j", "j", "m-"], E=[90.0] * 3, pt=[50.0] * 3, eta=[1.0] * 3, phi=[0.0] * 3)
        >>> slots(events)
        {'j': 2, 'b': 0, 'e-': 0, 'e+': 0, 'm-': 1, 'm+': 0, 'g': 0}
    """
    return dict(zip(KINDS, _counts(events)[1].max(axis=0, initial=0).tolist(), strict=True))


_fit_slots = slots  # the argument of `static` hides the name


def static(events: ak.Array, slots: Mapping[str, int] | None = None) -> pd.DataFrame:
    r"""Encodes an event with the kind of an object given by its place.

    .. math:: x = (E_T^{miss}, \phi_{miss}, x_{j,1}, p_{T,j,1}, \eta_{j,1}, \phi_{j,1}, \dots, x_{b,1}, \dots)

    where :math:`x_{k,i}` (``j1_present``) is 1 if the event has an i-th object of kind k, else 0.

    Arguments:
        events: m events.
        slots: Number of slots by kind, none for a kind not named. An event with more objects keeps the leading ones.
            None fits the slots to ``events``; for events to test on give those of the training: ``slots(training)``.

    Returns:
        Table of shape (m, 2 + 4 sum of slots).

    Raises:
        ValueError: A kind is unknown, or a number of slots is negative.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), equation 8
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.5],
        ...     counts=[2], kind=["m-", "j"], E=[40.0, 90.0], pt=[30.0, 50.0], eta=[0.5, 1.0], phi=[0.0, 2.0])
        >>> static(events, slots={"j": 2}).iloc[0].to_list()
        [60.0, 0.5, 1.0, 50.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0]
    """
    sizes = dict.fromkeys(KINDS, 0) | dict(_fit_slots(events) if slots is None else slots)
    if unknown := set(sizes) - set(KINDS):
        raise ValueError(f"slots: {sorted(unknown)} are no known kinds; expected some of {', '.join(KINDS)}")
    groups = {kind: ((kind,), size) for kind, size in sizes.items()}
    return _table(_met(events), _objects(events, groups, ("present", "pt", "eta", "phi")))


def dynamic(events: ak.Array, n: int = 20) -> pd.DataFrame:
    r"""Encodes the n leading objects with their kinds as classes: one-hot variables, ``none`` for an empty slot.

    .. math:: x = (E_T^{miss}, \phi_{miss}, N, x_{1,j}, \dots, x_{1,g}, x_{1,none}, p_{T,1}, \eta_1, \phi_1, E_1, \dots)

    Arguments:
        events: m events; N is the number of all objects of an event, as in equation 25 of the reference.
        n: Number of slots; the Dark Machines files hold at most 20 objects an event.

    Returns:
        Table of shape (m, 3 + 12 n).

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), sections 4.2 and 4.13
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.5],
        ...     counts=[2], kind=["m-", "j"], E=[40.0, 90.0], pt=[30.0, 50.0], eta=[0.5, 1.0], phi=[0.0, 2.0])
        >>> x = dynamic(events, n=3)
        >>> x["o2_is_m-"].item(), x["o3_is_none"].item()
        (1.0, 1.0)
    """
    classes = [f"is_{kind}" for kind in (*KINDS, "none")]
    total = (["n"], ak.to_numpy(ak.num(events["objects"]))[:, None])
    return _table(_met(events), total, _objects(events, {"o": (KINDS, n)}, (*classes, "pt", "eta", "phi", "E")))


def efficient(events: ak.Array, energy: bool = True) -> pd.DataFrame:
    """Encodes counts, the seven leading jets or b-jets, and the four leading leptons.

    Arguments:
        events: m events.
        energy: Give E before pt, eta and phi ("Efficient"), or leave it out ("Efficient no E").

    Returns:
        Table of shape (m, 53), or (m, 42) without energies: 2 for MET, 7 counts, 4 (3) for each of 11 objects.

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.8
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.5],
        ...     counts=[2], kind=["m-", "b"], E=[40.0, 90.0], pt=[30.0, 50.0], eta=[0.5, 1.0], phi=[0.0, 2.0])
        >>> efficient(events)[["n_b", "n_m-", "jet1_E", "jet2_E", "lepton1_E"]].iloc[0].to_list()
        [1.0, 1.0, 90.0, 0.0, 40.0]
    """
    variables = _FOUR_MOMENTUM if energy else _FOUR_MOMENTUM[1:]
    groups = {"jet": (JETS, 7), "lepton": (LEPTONS, 4)}
    return _table(_met(events), _counts(events), _objects(events, groups, variables))


def aggregates(events: ak.Array) -> pd.DataFrame:
    """Encodes the missing transverse energy and the number of objects of each kind, nothing else.

    Arguments:
        events: m events.

    Returns:
        Table of shape (m, 9).

    References:
        | The Dark Machines Anomaly Score Challenge (Aarrestad et al., 2021), section 4.8
        | https://arxiv.org/abs/2105.14027

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.5],
        ...     counts=[2], kind=["m-", "b"], E=[40.0, 90.0], pt=[30.0, 50.0], eta=[0.5, 1.0], phi=[0.0, 2.0])
        >>> aggregates(events).columns.to_list()
        ['met', 'met_phi', 'n_j', 'n_b', 'n_e-', 'n_e+', 'n_m-', 'n_m+', 'n_g']
    """
    return _table(_met(events), _counts(events))


def theories(events: ak.Array) -> pd.DataFrame:
    """Encodes what the mixture-of-theories classifiers see: counts, 7 jets, 4 b-jets and 2 of each lepton.

    Arguments:
        events: m events.

    Returns:
        Table of shape (m, 85): 2 for MET, 7 counts, E, pt, eta and phi of 19 objects.

    References:
        | Mixture-of-theories Training: Can We Find New Physics and Anomalies Better by Mixing Physical Theories?
          (Caron et al., 2023), section 4.2
        | https://arxiv.org/abs/2207.07631

    Example:
        >>> from dmlib.events import from_columns
        >>> events = from_columns(id=[1], process=["ww"], weight=[1.0], met=[60.0], met_phi=[0.5],
        ...     counts=[2], kind=["m-", "b"], E=[40.0, 90.0], pt=[30.0, 50.0], eta=[0.5, 1.0], phi=[0.0, 2.0])
        >>> theories(events).shape
        (1, 85)
    """
    groups = {"j": (("j",), 7), "b": (("b",), 4)} | {kind: ((kind,), 2) for kind in LEPTONS}
    return _table(_met(events), _counts(events), _objects(events, groups, _FOUR_MOMENTUM))


# A block is (names, values of shape (events, len(names))); a table is a few blocks side by side.
_Block = tuple[Sequence[str], np.ndarray]


def _table(*blocks: _Block) -> pd.DataFrame:
    values = np.concatenate([values for _, values in blocks], axis=1, dtype=np.float32, casting="same_kind")
    return pd.DataFrame(values, columns=[name for names, _ in blocks for name in names])


def _met(events: ak.Array) -> _Block:
    names = ["met", "met_phi"]
    values = np.stack([ak.to_numpy(events[name]) for name in names], axis=1)
    _require_finite(values, names, np.arange(len(events)))
    return names, values


def _counts(events: ak.Array) -> _Block:
    event, code = _event_and_code(events)
    counts = np.bincount(event * len(KINDS) + code, minlength=len(events) * len(KINDS))
    return [f"n_{kind}" for kind in KINDS], counts.reshape(-1, len(KINDS))


def _objects(events: ak.Array, groups: Mapping[str, tuple[Sequence[str], int]], variables: Sequence[str]) -> _Block:
    """Encodes the leading objects: ``groups`` is label -> (kinds, number of slots), with each kind in one group."""
    kind, momenta = _fill(events, groups)
    classes = ("is_none", *(f"is_{name}" for name in KINDS))

    def values(variable: str) -> np.ndarray:
        if variable in _FOUR_MOMENTUM:
            return momenta[..., _FOUR_MOMENTUM.index(variable)]
        if variable == "kind":
            return kind
        if variable == "present":
            return kind > 0
        return kind == classes.index(variable)

    names = [f"{label}{i}_{v}" for label, (_, size) in groups.items() for i in range(1, size + 1) for v in variables]
    block = np.stack([values(v) for v in variables], axis=2, dtype=np.float32, casting="same_kind")
    return names, block.reshape(len(events), len(names))


def _fill(events: ak.Array, groups: Mapping[str, tuple[Sequence[str], int]]) -> tuple[np.ndarray, np.ndarray]:
    """Fills the slots: kind (0 empty, 1 the first of KINDS), shape (events, slots), and (events, slots, 4) momenta."""
    for label, (_, size) in groups.items():
        if not isinstance(size, int | np.integer) or size < 0:
            raise ValueError(f"{size!r} slots for {label!r} objects: expected a whole number, 0 or more")
    event, code = _event_and_code(events)
    momenta = np.stack([ak.to_numpy(ak.flatten(events["objects", name])) for name in _FOUR_MOMENTUM], axis=1)
    _require_finite(momenta, [f"objects.{name}" for name in _FOUR_MOMENTUM], event)

    sizes = np.array([size for _, size in groups.values()], dtype=np.int64)
    group = np.full(len(KINDS), -1)
    for number, (kinds, _) in enumerate(groups.values()):
        group[np.isin(KINDS, kinds)] = number
    # A pile holds the objects of one event that compete for the same slots; -1 is for those that no slot takes.
    pile = np.where(group[code] < 0, -1, event * len(groups) + group[code])
    order = _by_falling_pt(pile, momenta, code)
    order = order[np.searchsorted(pile[order], 0) :]
    rank = np.arange(len(order)) - np.searchsorted(pile[order], pile[order])
    fits = rank < sizes[group[code[order]]]
    order, rank = order[fits], rank[fits]
    place = event[order], (np.cumsum(sizes) - sizes)[group[code[order]]] + rank

    kind = np.zeros((len(events), sizes.sum()), dtype=np.int8)
    kind[place] = code[order] + 1
    filled = np.zeros((*kind.shape, len(_FOUR_MOMENTUM)), dtype=np.float32)
    filled[place] = momenta[order]
    return kind, filled


def _by_falling_pt(pile: np.ndarray, momenta: np.ndarray, code: np.ndarray) -> np.ndarray:
    energy, pt, eta, phi = momenta.T
    order = np.lexsort((-pt, pile))
    same = np.zeros(len(order), dtype=bool)
    same[1:] = (np.diff(pile[order]) == 0) & (np.diff(pt[order]) == 0)
    # Equal pt in one pile is rare: only there the other variables decide, so that the stored order never does.
    tied = same.copy()
    tied[:-1] |= same[1:]
    run = np.cumsum(~same)[tied]
    few = order[tied]
    order[tied] = few[np.lexsort((code[few], phi[few], eta[few], energy[few], run))]
    return order


def _event_and_code(events: ak.Array) -> tuple[np.ndarray, np.ndarray]:
    """Says of every object in which event it is, and which of KINDS."""
    objects = events["objects"]
    return np.repeat(np.arange(len(events)), ak.to_numpy(ak.num(objects))), kind_codes(ak.flatten(objects["kind"]))


def _require_finite(values: np.ndarray, names: Sequence[str], event: np.ndarray) -> None:
    if not (finite := np.isfinite(values)).all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"{names[column]} of event {event[row]} is {values[row, column]}: expected a finite number")
