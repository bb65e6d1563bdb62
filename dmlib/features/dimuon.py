"""The mass of a muon pair, from the five features in which dimuon events are kept."""

import numpy as np
from numpy.typing import ArrayLike

COLUMNS = ("pt1", "pt2", "eta1", "eta2", "delta_phi")  # GeV and radian
WEIGHTS = ("weight", "linear", "quadratic")  # where a sample is weighted; the last two times c_W and its square


def m_ll(pt1: ArrayLike, pt2: ArrayLike, eta1: ArrayLike, eta2: ArrayLike, delta_phi: ArrayLike) -> np.ndarray:
    r"""Returns the invariant mass of two massless particles,

    .. math:: m_{\ell\ell} = \sqrt{2\, p_{T1}\, p_{T2} \left(\cosh(\eta_1 - \eta_2) - \cos\Delta\phi\right)}.

    A muon's own mass of 0.1 GeV moves a pair of more than 60 GeV by less than 0.01 %. Computed in float64 whatever
    the arguments are, without the cancellation of two nearly equal terms for nearly parallel particles.

    Arguments:
        pt1: Transverse momentum of the first, in the unit that the mass is wanted in.
        pt2: Transverse momentum of the second.
        eta1: Pseudorapidity of the first.
        eta2: Pseudorapidity of the second.
        delta_phi: Difference of their azimuths in radian, whatever its sign or period.

    Returns:
        The masses, in the common shape of the arguments.

    Example:
        >>> import numpy as np
        >>> m_ll(45.6, 45.6, 0.3, 0.3, np.pi).round(1)  # back to back
        np.float64(91.2)
    """
    pt1, pt2, eta1, eta2, delta_phi = (np.asarray(x, dtype=np.float64) for x in (pt1, pt2, eta1, eta2, delta_phi))
    # cosh(a) - cos(b) = 2 sinh(a/2)^2 + 2 sin(b/2)^2
    return 2 * np.sqrt(pt1 * pt2 * (np.sinh((eta1 - eta2) / 2) ** 2 + np.sin(delta_phi / 2) ** 2))
