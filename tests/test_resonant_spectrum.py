"""The mass spectrum: the fit closes on toys, and its bump has the significance it says."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from dmlib import counting
from dmlib.resonant import Spectrum

REGION = (3.3, 3.7)


def falling(n, rng):
    """Masses with dN/dm proportional to (m / 3)^-8 between 3 and 4.5."""
    u = rng.random(n)
    return 3 * (1 - u * (1 - 1.5**-7)) ** (-1 / 7)


def test_pulls_of_toys_are_normal():
    rng = np.random.default_rng(1)
    z = [Spectrum().fit(m := falling(rng.poisson(20_000), rng), REGION).bump(m).z for _ in range(60)]
    assert abs(np.mean(z)) < 4 / np.sqrt(60) and 0.7 < np.std(z) < 1.3


def test_expectation_and_error_are_those_of_toys():
    rng = np.random.default_rng(2)
    fits = [Spectrum().fit(falling(20_000, rng), REGION).expected() for _ in range(40)]
    values, errors = np.array(fits).T
    inside = 20_000 * (3.3**-7 - 3.7**-7) / (3**-7 - 4.5**-7)
    assert values.mean() == pytest.approx(inside, abs=4 * values.std() / np.sqrt(40))
    assert errors.mean() == pytest.approx(values.std(), rel=0.4)


def test_bump_is_seen_with_its_size():
    rng = np.random.default_rng(3)
    m = np.concatenate([falling(20_000, rng), rng.normal(3.5, 0.05, 600)])
    bump = Spectrum().fit(m, REGION).bump(m)
    assert bump.observed - bump.expected == pytest.approx(600, abs=4 * np.hypot(bump.error, np.sqrt(bump.observed)))
    assert bump.z > 3
    assert bump.p_value == pytest.approx(counting.p_value(bump.observed, bump.expected, bump.error))


@pytest.mark.parametrize("parameters", [2, 3, 4])
def test_more_parameters_do_not_fit_worse(parameters):
    m = falling(50_000, np.random.default_rng(4))
    spectrum = Spectrum(parameters).fit(m, REGION)
    assert spectrum.chi2_ < 2.5 * spectrum.ndof_ and spectrum.covariance_.shape == (parameters, parameters)
    centre = 0.5 * (spectrum.edges_[:-1] + spectrum.edges_[1:])
    assert np.allclose(
        spectrum.density(centre) * np.diff(spectrum.edges_), spectrum._integrals(spectrum.values_), rtol=0.01
    )


def test_masses_drawn_inside_follow_the_fit():
    m = falling(50_000, np.random.default_rng(5))
    drawn = Spectrum().fit(m, REGION).sample(20_000, np.random.default_rng(6))
    inside = m[(m > 3.3) & (m < 3.7)]
    assert drawn.min() >= 3.3 and drawn.max() <= 3.7 and drawn.mean() == pytest.approx(inside.mean(), abs=0.005)


def test_edges_of_the_region_are_edges_of_bins():
    spectrum = Spectrum(bin_width=0.07).fit(falling(5_000, np.random.default_rng(7)), REGION)
    assert all(np.isclose(spectrum.edges_, edge).any() for edge in REGION)
    assert not spectrum.outside_.all()


def test_bad_fit_is_warned_about():
    rng = np.random.default_rng(8)
    m = np.concatenate([falling(20_000, rng), rng.normal(4.1, 0.02, 3_000)])
    with pytest.warns(UserWarning, match="does not describe the side bands"):
        Spectrum().fit(m, REGION)


@pytest.mark.parametrize(
    ("m", "options", "message"),
    [
        (np.linspace(3, 4, 50), {"parameters": 5}, "2 to 4 parameters"),
        (np.linspace(3, 14, 50), {}, "between 0 and 13"),
        ([3.5, 3.6, 3.2], {}, "filled bins outside"),
        ([3.5, np.nan], {}, "m: the mass of event 1 is nan"),
        ([], {}, "at least one event"),
        (np.linspace(4, 5, 50), {}, r"region=\(3.3, 3.7\): expected it among the masses, which go from 4 to 5"),
        (np.linspace(3, 3.3, 50), {}, "among the masses"),
        (np.linspace(3, 4, 50), {"bin_width": 0}, "bin_width=0"),
        (np.ma.masked_less(np.linspace(3, 4, 50), 3.1), {}, "m holds masked values"),
    ],
)
def test_spectrum_refuses(m, options, message):
    with pytest.raises(ValueError, match=message):
        Spectrum(**options).fit(m, REGION)


@pytest.mark.parametrize("region", [(3.5, np.inf), (-np.inf, 3.5), None, (3.7, 3.3), "TeV"])
def test_region_has_two_finite_edges(region):
    with pytest.raises(ValueError, match="region="):
        Spectrum().fit(falling(5_000, np.random.default_rng(7)), region)


@pytest.mark.parametrize("call", [lambda s: s.bump([3.5]), lambda s: s.expected(), lambda s: s.density([3.5])])
def test_spectrum_wants_to_be_fitted_first(call):
    with pytest.raises(NotFittedError, match="Spectrum"):
        call(Spectrum())


def test_region_at_the_edge_of_the_masses_is_read_by_extrapolation():
    m = falling(20_000, np.random.default_rng(9))
    spectrum = Spectrum().fit(m, (2.95, 3.3))
    inside = 20_000 * (1 - (3 / 3.3) ** 7) / (1 - 1.5**-7)
    value, error = spectrum.expected()
    assert value > 0 and abs(value - inside) < inside and error > 0
