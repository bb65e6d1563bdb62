"""Tables 2 and 3 of the paper, from the samples: published numbers beside ours."""

import numpy as np

# Z' mass, window in GeV, fractions of signal and background in it (Table 2).
WINDOWS = (
    (200, 185, 215, 0.62, 9.0e-4),
    (300, 278, 322, 0.72, 2.3e-4),
    (300, 279, 321, 0.71, 2.2e-4),
    (600, 554, 656, 0.77, 2.4e-5),
    (600, 549, 662, 0.83, 2.8e-5),
)
# Expected events a bin of m_ll over all, alpha + beta c_W + gamma c_W^2: values and errors (Table 3).
EDGES = (60, 148, 296, 444, 592, 740, 888, 1241, 1594, 1947, 2300)
ALPHA = (
    (9.93e-1, 4.95e-3, 4.01e-4, 8.5e-5, 2.64e-5, 9.84e-6, 7.59e-6, 1.4e-6, 3.6e-7, 1.10e-7),
    (0.03e-1, 0.03e-3, 0.02e-4, 0.2e-5, 0.02e-5, 0.05e-6, 0.07e-6, 0.2e-6, 0.7e-7, 0.03e-7),
)
BETA = (
    (7.0e-4, 5.06e-4, 1.52e-4, 6.7e-5, 3.37e-5, 1.85e-5, 2.30e-5, 6e-6, 2.2e-6, 1.34e-6),
    (0.5e-4, 0.04e-4, 0.02e-4, 0.3e-5, 0.05e-5, 0.01e-5, 0.01e-5, 1e-6, 0.6e-6, 0.09e-6),
)
GAMMA = (
    (1.21e-5, 2.28e-5, 2.20e-5, 1.96e-5, 1.703e-5, 1.432e-5, 2.90e-5, 1.6e-5, 1.09e-5, 6.769e-6),
    (0.07e-5, 0.07e-5, 0.07e-5, 0.02e-5, 0.005e-5, 0.005e-5, 0.01e-5, 0.2e-5, 0.05e-5, 0.001e-6),
)


def _sum(events, inside, values=1.0):
    """Sum of weight times value and its error."""
    terms = np.asarray(events["weight"] * values, dtype=np.float64)[inside]
    return terms.sum(), np.sqrt((terms**2).sum())


def _share(passed):
    """Fraction that passes and its error."""
    share = np.mean(passed)
    return float(share), float(np.sqrt(share * (1 - share) / len(passed)))


def table_2(samples):
    rows = []
    for mass, low, high, f_sig, f_bkg in WINDOWS:
        tail, signal = samples["drell-yan-tail"], samples[f"zprime-{mass}"]
        share, error = _share(signal["m_ll"].between(low, high))
        background, background_error = _sum(tail, tail["m_ll"].between(low, high))
        rows.append(
            {
                "m_zprime": mass,
                "window_GeV": f"{low} to {high}",
                "f_sig": share,
                "f_sig_error": error,
                "f_sig_published": f_sig,
                "f_bkg": float(background),
                "f_bkg_error": float(background_error),
                "f_bkg_published": f_bkg,
            }
        )
    return rows


def table_3(samples):
    """Rows a bin, for alpha, beta and gamma. The first alpha is from drell-yan, the others from drell-yan-tail."""
    full, tail, contact = (samples[name] for name in ("drell-yan", "drell-yan-tail", "contact"))
    tables = {"alpha": [], "beta": [], "gamma": []}
    for i, (low, high) in enumerate(zip(EDGES[:-1], EDGES[1:], strict=True)):
        inside = contact["m_ll"].between(low, high, inclusive="left")
        in_tail = tail["m_ll"].between(low, high, inclusive="left")
        values = {
            "alpha": _share(full["m_ll"].between(low, high, inclusive="left")) if i == 0 else _sum(tail, in_tail),
            "beta": _sum(contact, inside, contact["linear"]),
            "gamma": _sum(contact, inside, contact["quadratic"]),
        }
        for (name, (value, error)), published in zip(values.items(), (ALPHA, BETA, GAMMA), strict=True):
            tables[name].append(
                {
                    "m_ll_GeV": f"{low} to {high}",
                    "here": float(value),
                    "error": float(error),
                    "published": published[0][i],
                    "published_error": published[1][i],
                    "here_over_published": float(value / published[0][i]),
                }
            )
    return tables


def normalisation(samples):
    """The published c_W over ours in every bin, from beta / alpha and gamma / alpha: free of alpha's differences.

    Errors are those of the published.
    """
    contact, rows = samples["contact"], []
    for i, (low, high) in enumerate(zip(EDGES[:-1], EDGES[1:], strict=True)):
        inside = contact["m_ll"].between(low, high, inclusive="left")
        weight, linear, quadratic = (contact[k][inside].to_numpy(np.float64) for k in ("weight", "linear", "quadratic"))
        alpha, beta, gamma = (published[0][i] for published in (ALPHA, BETA, GAMMA))
        errors = [published[1][i] / published[0][i] for published in (ALPHA, BETA, GAMMA)]
        from_beta = np.average(linear, weights=weight) / (beta / alpha)
        from_gamma = np.sqrt(np.average(quadratic, weights=weight) / (gamma / alpha))
        rows.append(
            {
                "m_ll_GeV": f"{low} to {high}",
                "from_beta": float(from_beta),
                "from_beta_error": float(from_beta * np.hypot(errors[0], errors[1])),
                "from_gamma": float(from_gamma),
                "from_gamma_error": float(from_gamma * np.hypot(errors[0], errors[2]) / 2),
            }
        )
    return rows


def selections(samples):
    """Cuts whose efficiency the paper gives in its section 5."""
    full, signal = samples["drell-yan"], samples["zprime-300"]
    return [
        {"sample": name, "cut": cut, "efficiency": share, "error": error, "published": published}
        for name, cut, (share, error), published in (
            ("drell-yan", "m_ll > 95 GeV", _share(full["m_ll"] > 95), 0.10),
            ("drell-yan", "pT of the first muon > 75 GeV", _share(full["pt1"] > 75), 0.04),
            ("zprime-300", "pT of the first muon > 75 GeV", _share(signal["pt1"] > 75), 0.95),
        )
    ]
