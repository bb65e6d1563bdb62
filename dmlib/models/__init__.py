"""What several methods share: densities, classifiers, and the scaling before them."""

from .classifiers import NetworkClassifier, TreeClassifier
from .flows import ConditionalFlow, Flow
from .scaling import LogitScaler

__all__ = ["ConditionalFlow", "Flow", "LogitScaler", "NetworkClassifier", "TreeClassifier"]
