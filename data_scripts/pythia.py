"""Starts Pythia 8 as every sample of the course uses it."""

import hashlib

import pythia8mc

COMMON = ("Print:quiet=on", "Beams:eCM=13000.", "PartonLevel:MPI=off", "Random:setSeed=on")


def seed(name):
    """A seed from the name of a piece of work alone: adding a piece changes no other.

    Pythia takes it, and `dmlib.compute.stream` for what numpy draws; tests hold that no two pieces share one.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "big") % 900_000_000 + 1


def start(lines, seed, hook=None, prepare=None):
    """Returns a running Pythia for 13 TeV proton collisions without multiple interactions.

    Arguments:
        lines: Settings, each as Pythia reads them.
        seed: From `seed`.
        hook: UserHooks, if any; the caller keeps it alive.
        prepare: Called with Pythia before it starts.

    Raises:
        ValueError: Pythia does not know a setting.
        RuntimeError: Pythia does not start with them.
    """
    pythia = pythia8mc.Pythia("", False)
    for line in (*COMMON, f"Random:seed={seed}", *lines):
        if not pythia.readString(line):
            raise ValueError(f"Pythia does not know the setting {line!r}")
    if hook is not None:
        pythia.setUserHooksPtr(hook)
    if prepare is not None:
        prepare(pythia)
    if not pythia.init():
        raise RuntimeError(f"Pythia does not start with {lines}")
    return pythia
