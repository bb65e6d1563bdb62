"""Encodings of Dark Machines events, whose objects are of several kinds and whose number varies."""

from collections.abc import Mapping, Sequence

import awkward as ak
import numpy as np
import pandas as pd

from dmlib.channels import JETS, LEPTONS
from dmlib.events.columns import KINDS, complete, kind_codes

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
    events = complete(events)
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
    return dict(zip(KINDS, _counts(complete(events))[1].max(axis=0, initial=0).tolist(), strict=True))


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
    events = complete(events)
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
    events = complete(events)
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
    events = complete(events)
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
    events = complete(events)
    return _table(_met(events), _counts(events))


def by_kind(events: ak.Array) -> pd.DataFrame:
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
        >>> by_kind(events).shape
        (1, 85)
    """
    events = complete(events)
    groups = {"j": (("j",), 7), "b": (("b",), 4)} | {kind: ((kind,), 2) for kind in LEPTONS}
    return _table(_met(events), _counts(events), _objects(events, groups, _FOUR_MOMENTUM))


# A block is (names, values of shape (events, len(names))); a table is a few blocks side by side.
_Block = tuple[Sequence[str], np.ndarray]


def _table(*blocks: _Block) -> pd.DataFrame:
    values = np.concatenate([values for _, values in blocks], axis=1, dtype=np.float32, casting="same_kind")
    return pd.DataFrame(values, columns=[name for names, _ in blocks for name in names])


def _met(events: ak.Array) -> _Block:
    columns = {name: ak.to_numpy(events[name]) for name in ("met", "met_phi")}
    for name, values in columns.items():
        _require_finite(values, name, np.arange(len(events)))
    return list(columns), np.stack(list(columns.values()), axis=1)


def _counts(events: ak.Array) -> _Block:
    n, k = len(events), len(KINDS)
    counts = np.bincount(_events_of_objects(events) * k + _codes(events), minlength=n * k)
    return [f"n_{kind}" for kind in KINDS], counts.reshape(n, k)


def _objects(events: ak.Array, groups: Mapping[str, tuple[Sequence[str], int]], variables: Sequence[str]) -> _Block:
    """Encodes the leading objects: ``groups`` is label -> (kinds, number of slots)."""
    for label, (_, size) in groups.items():
        if not isinstance(size, int | np.integer) or size < 0:
            raise ValueError(f"{size!r} slots for {label!r} objects: expected a whole number, 0 or more")
    event = _events_of_objects(events)
    flat = {name: ak.to_numpy(ak.flatten(events["objects", name])) for name in _FOUR_MOMENTUM}
    for name, values in flat.items():
        _require_finite(values, f"objects.{name}", event)
    flat["kind"] = _codes(events) + np.float32(1)
    # By falling pt within an event, those of equal pt by the other variables: the stored order never decides.
    order = np.lexsort([flat["kind"], flat["phi"], flat["eta"], flat["E"], -flat["pt"], event])
    in_slots = np.full((len(events), sum(size for _, size in groups.values())), -1)
    first = 0
    for kinds, size in groups.values():
        chosen = order[np.isin(["none", *KINDS], kinds)[flat["kind"][order].astype(int)]]
        place = np.arange(len(chosen)) - np.searchsorted(event[chosen], event[chosen])  # among those of its event
        kept = place < size
        in_slots[event[chosen[kept]], first + place[kept]] = chosen[kept]
        first += size
    # An empty slot, -1, takes the zero at the end.
    filled = {name: np.append(values, np.float32(0))[in_slots] for name, values in flat.items()}
    names = [f"{label}{i}_{v}" for label, (_, size) in groups.items() for i in range(1, size + 1) for v in variables]
    block = np.stack([_variable(filled, name) for name in variables], axis=2)
    return names, block.reshape(len(events), len(names))


def _variable(filled: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """One variable of all slots, float32."""
    if name in filled:
        return filled[name]
    if name == "present":
        return (filled["kind"] > 0).astype(np.float32)
    number = ("is_none", *(f"is_{kind}" for kind in KINDS)).index(name)
    return (filled["kind"] == number).astype(np.float32)


def _codes(events: ak.Array) -> np.ndarray:
    """The kind of every object, the objects of all events end to end, as its place in KINDS."""
    return kind_codes(ak.flatten(events["objects", "kind"]))


def _events_of_objects(events: ak.Array) -> np.ndarray:
    """The event of every object, the objects of all events end to end."""
    return np.repeat(np.arange(len(events)), ak.to_numpy(ak.num(events["objects"])))


def _require_finite(values: np.ndarray, name: str, event: np.ndarray) -> None:
    if not (finite := np.isfinite(values)).all():
        place = np.argmin(finite)
        raise ValueError(f"{name} of event {event[place]} is {values[place]}: expected a finite number")
