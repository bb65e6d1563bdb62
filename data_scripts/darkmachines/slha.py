"""SUSY spectra for Pythia: everything decoupled at 8 TeV except what is asked for, decays written by hand.

Violation of R parity needs no switch: its couplings act in the decays alone.
"""

from pathlib import Path

SQUARKS = tuple(side + flavour for side in (1000000, 2000000) for flavour in (1, 2, 3, 4))
HEAVY = 8000.0
SPARTICLES = (
    *SQUARKS, 1000005, 2000005, 1000006, 2000006, 1000011, 2000011, 1000013, 2000013, 1000015, 2000015,
    1000012, 1000014, 1000016, 1000021, 1000023, 1000024, 1000025, 1000035, 1000037, 35, 36, 37,
)  # fmt: skip
UNIT_MIXING = ("1 1 1.0", "1 2 0.0", "2 1 0.0", "2 2 1.0")
# The lightest neutralino is the bino, the second (and the first chargino) the wino, the others are higgsinos.
NEUTRALINO_MIXING = (
    "1 1 1.0", "2 2 1.0", "3 3 0.70710678", "3 4 0.70710678", "4 3 0.70710678", "4 4 -0.70710678",
)  # fmt: skip


def write(path, masses, decays):
    """Writes an SLHA2 file.

    Arguments:
        path: File to write.
        masses: PDG code -> mass in GeV; 1000022 is 100 GeV unless given.
        decays: PDG code -> (total width in GeV, [(branching ratio, (daughter, ...)), ...]).
    """
    spectrum = dict.fromkeys(SPARTICLES, HEAVY) | {25: 125.0, 1000022: 100.0} | masses
    blocks = {
        "MODSEL": ["1 0"],
        "SMINPUTS": ["1 127.9", "2 1.16637e-5", "3 0.118", "4 91.1876", "5 4.2", "6 172.5", "7 1.777"],
        "MINPAR": ["3 10."],
        "MASS": [f"{pdg} {mass:.6e}" for pdg, mass in spectrum.items()],
        "NMIX": NEUTRALINO_MIXING,
        **dict.fromkeys(("UMIX", "VMIX", "STOPMIX", "SBOTMIX", "STAUMIX"), UNIT_MIXING),
        "ALPHA": ["-0.1"],
        "HMIX Q= 1.0e3": ["1 7000.", "2 10.", "3 246.", f"4 {HEAVY**2:.4e}"],
        "GAUGE Q= 1.0e3": ["1 0.36", "2 0.65", "3 1.05"],
        "MSOFT Q= 1.0e3": ["1 100.", "2 200.", "3 2000."],
        **dict.fromkeys((f"A{f} Q= 1.0e3" for f in "UDE"), ["3 3 0.0"]),
        **dict.fromkeys((f"Y{f} Q= 1.0e3" for f in "UDE"), ["3 3 0.1"]),
    }
    lines = []
    for name, rows in blocks.items():
        lines += [f"BLOCK {name}", *(f" {row}" for row in rows)]
    stable = {} if 1000022 in decays else {1000022: (0.0, [])}
    for pdg, (width, channels) in (decays | stable).items():
        lines.append(f"DECAY {pdg} {width:.4e}")
        lines += [f"  {ratio:.6f} {len(to)} {' '.join(map(str, to))}" for ratio, to in channels]
    Path(path).write_text("\n".join(lines) + "\n")
