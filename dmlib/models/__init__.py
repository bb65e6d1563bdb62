"""What several methods share: densities, classifiers, and the scaling before them."""

from .classifiers import NetworkClassifier, TreeClassifier
from .dequantiser import Dequantiser
from .flows import ConditionalFlow, Flow
from .scaling import LogitScaler

__all__ = ["ConditionalFlow", "Dequantiser", "Flow", "LogitScaler", "NetworkClassifier", "TreeClassifier"]
