"""Random streams: a seed and a path of names and numbers give a generator that no other path gives."""

import hashlib

import numpy as np

from dmlib import _check

Seed = int | np.integer | np.random.Generator | np.random.RandomState | None


def stream(seed: Seed, *path: str | int) -> np.random.Generator:
    r"""Returns the random stream of a seed and a path, the only way in which the course makes generators.

    numpy pads seeds with zeros: ``default_rng(s)`` and ``default_rng([s, 0])`` are the same stream, and a study that
    uses both draws its first toy from the numbers of its reference. Here the path is hashed into the ``spawn_key`` of a
    :class:`numpy.random.SeedSequence`, which numpy keeps apart from the seed, so that paths that differ in a name, a
    number or their length have streams of their own.

    Arguments:
        seed: A whole number, 0 or more. None takes fresh entropy, another stream in every call. A generator is returned
            as it is, whatever the path: what it gives is never given twice.
        path: What the stream is for: names and whole numbers, as in ``stream(seed, "toys", 17)``.

    Returns:
        A generator at the start of its stream. Without a path: that of ``default_rng(seed)``.

    Raises:
        ValueError: The seed or a part of the path is none of these.

    References:
        | Parallel random number generation (NumPy documentation)
        | https://numpy.org/doc/stable/reference/random/parallel.html

    Example:
        >>> stream(1, "toys", 0).integers(100, size=3).tolist() == stream(1, "toys", 0).integers(100, size=3).tolist()
        True
        >>> stream(1, "toys", 0).integers(1000) == stream(1, "toys", 1).integers(1000)
        np.False_
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, np.random.RandomState):
        seed = seed.randint(2**32, dtype=np.uint32)
    words = []
    for part in path:
        # A name and a number that look alike are not the same path: the kind is hashed with them, and lengths too.
        kind = "str" if isinstance(part, str) else "int"
        text = str(part if kind == "str" else _check.count(part, "a number of the path", least=None))
        words.append(f"{kind}:{len(text)}:{text}")
    digest = hashlib.sha256("/".join(words).encode()).digest() if words else b""
    key = np.frombuffer(digest, "<u4").tolist()
    entropy = None if seed is None else _check.count(seed, "seed", least=0)
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))


def seed(seed: Seed, *path: str | int) -> int:
    """Returns a seed of its own for a library that takes whole numbers (scikit-learn, torch), from a path.

    Arguments:
        seed, path: As for `stream`.

    Returns:
        A whole number from 0 to 2**32 - 1.

    Example:
        >>> seed(1, "trees", 0) == seed(1, "trees", 0), seed(1, "trees", 0) == seed(1, "trees", 1)
        (True, False)
    """
    return int(stream(seed, *path).integers(2**32))
