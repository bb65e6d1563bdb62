"""One torch training loop for the whole course: a recipe, batches, validation, the best epochs kept."""

from .data import evaluate, split, tensors
from .loop import History, Kept, fit
from .random import generator, seeded
from .recipe import Recipe

__all__ = ["History", "Kept", "Recipe", "evaluate", "fit", "generator", "seeded", "split", "tensors"]
