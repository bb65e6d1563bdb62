"""The signals' jobs; the generator's environment is needed, else skipped."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="the generator's environment (.venv-generate) is not this one")
pytest.importorskip("fastjet", reason="the generator's environment (.venv-generate) is not this one")

import pythia8mc

from data_scripts import pythia
from data_scripts.darkmachines import background, blind, matrix_elements, signals, slha, susy
from data_scripts.darkmachines.job import Job, decays
from data_scripts.darkmachines.matrix_elements import HardJob

# Signal -> channels, in the public score files.
PUBLISHED = {
    "chacha_cha300_neut140": "2b",
    "chacha_cha400_neut60": "2b",
    "chacha_cha600_neut200": "2b",
    "chaneut_cha200_neut50": "2a 2b",
    "chaneut_cha250_neut150": "2a 2b",
    "chaneut_cha300_neut100": "2a",
    "chaneut_cha400_neut200": "2a",
    "glgl1400_neutralino1100": "1 3",
    "glgl1600_neutralino800": "1 3",
    "gluino_1000.0_neutralino_1.0": "2a 2b 3",
    "monoV_Zp2000.0_DM_1.0": "3",
    "monojet_Zp2000.0_DM_50.0": "1 3",
    "monotop_200_A": "1 3",
    "pp23mt_50": "2a 2b",
    "pp24mt_50": "2a 2b",
    "sqsq1_sq1400_neut800": "1 3",
    "sqsq_sq1800_neut800": "1 3",
    "stlp_st1000": "1 2b 3",
    "stop2b1000_neutralino300": "1 3",
}
ALL = [*signals.TEST, *signals.MIXTURE, *blind.SIGNALS]
HARD_PROCESS_ONLY = ("PartonLevel:all=off", "HadronLevel:all=off")


def channels_of(jobs):
    return {(job.process, channel) for job in jobs for channel in job.channels}


def start(tmp_path, job, *lines):
    """Pythia for the hard process of a job, with decays of heavy particles."""
    generator = pythia8mc.Pythia("", False)
    settings = [*pythia.COMMON, "Random:seed=7", f"PhaseSpace:pTHatMin={job.pt_hat[0]}", *job.lines, *lines]
    if job.spectrum:
        path = tmp_path / "spectrum.slha"
        slha.write(path, *job.spectrum)
        settings += [f"SLHA:file={path}", "SLHA:verbose=0"]
    assert all(generator.readString(line) for line in (*settings, *HARD_PROCESS_ONLY))
    own = matrix_elements.attach(generator, job)
    assert generator.init(), job.name
    return generator, own


def cross_section(tmp_path, job, n=300):
    """Cross section in pb, and its error."""
    generator, _own = start(tmp_path, job)
    for _ in range(n):
        generator.next()
    info = generator.infoPython()
    return info.sigmaGen() * 1e9, info.sigmaErr() * 1e9


def test_names_are_unique_and_every_signal_has_one_job_a_channel():
    names = Counter(job.name for job in [*ALL, *background.JOBS])
    assert max(names.values()) == 1
    for jobs in (signals.TEST, signals.MIXTURE, blind.SIGNALS):
        assert sum(len(job.channels) for job in jobs) == len(channels_of(jobs))


def test_published_pairs_are_generated_or_listed_as_missing():
    pairs = {(name, channel) for name, text in PUBLISHED.items() for channel in text.split()}
    assert channels_of(signals.TEST) == set(pairs)


def test_no_mixture_or_blind_signal_is_a_test_signal():
    def points(jobs):
        return {repr((job.lines, job.spectrum)) for job in jobs}

    def masses(jobs):
        return {repr((job.lines[:1], sorted(job.spectrum[0].items()))) for job in jobs if job.spectrum}

    assert not points(signals.TEST) & points([*signals.MIXTURE, *blind.SIGNALS])
    assert not masses(signals.TEST) & masses(signals.MIXTURE)
    processes = [{job.process for job in jobs} for jobs in (signals.TEST, signals.MIXTURE, blind.SIGNALS)]
    assert sum(map(len, processes)) == len(set.union(*processes))


def test_mixture_has_families_with_two_points_and_fills_all_channels():
    families = Counter(signals.family(job.process) for job in signals.MIXTURE)
    assert set(families) == set(signals.FAMILIES) and min(families.values()) >= 2
    assert len(signals.MIXTURE) >= 30
    filled = Counter(channel for _, channel in channels_of(signals.MIXTURE))
    assert filled["1"] >= 12 and filled["2a"] >= 10 and filled["2b"] >= 10 and filled["3"] >= 20


def test_blind_signals_fill_all_channels():
    chosen = {(name, channel) for channel, events in blind.EVENTS.items() for name in events}
    assert chosen == channels_of(blind.SIGNALS) and set(blind.EVENTS) == {"1", "2a", "2b", "3"}
    assert not any(blind.PHRASE in job.name for job in ALL)


@pytest.fixture(scope="module")
def particles():
    generator = pythia8mc.Pythia("", False)
    generator.readString("Print:quiet=on")
    return generator.particleData


def test_decays_by_hand_conserve_charge_and_energy(particles):
    for job in ALL:
        if not job.spectrum:
            continue
        masses, table = job.spectrum
        for mother, (width, channels) in table.items():
            assert width > 0 and sum(ratio for ratio, _ in channels) == pytest.approx(1)
            for _, daughters in channels:
                assert sum(map(particles.chargeType, daughters)) == particles.chargeType(mother)
                if mother in masses:
                    assert masses[mother] > sum(masses.get(abs(d), particles.m0(d)) for d in daughters), job.name


FIRST_OF_EACH_KIND = [*signals.TEST, *{signals.family(j.process): j for j in signals.MIXTURE}.values(), *blind.SIGNALS]


@pytest.mark.parametrize("job", FIRST_OF_EACH_KIND, ids=lambda job: job.name)
def test_every_job_starts(tmp_path, job):
    generator, _own = start(tmp_path, job)
    assert all(generator.next() for _ in range(3))
    assert generator.infoPython().sigmaGen() > 0


def daughters(event, mother):
    return [event.at(i) for i in range(event.size()) if event.at(i).mother1() == mother]


def test_masses_come_back_from_the_decay_products(tmp_path):
    expected = {  # signal -> mother, its mass and width in GeV, number of daughters
        "stlp_st1000": (susy.STOP, 1000, 1, 2),
        "sqsq1_sq1400_neut800": (susy.NEUTRALINO, 800, 1, 3),
        "pp24mt_50": (9000032, 50, 1, 2),
        "monotop_200_A": (6, 172.5, 60, 2),
    }
    jobs = {job.process: job for job in signals.TEST}
    for name, (code, mass, width, count) in expected.items():
        generator, _own = start(tmp_path, jobs[name])
        for _ in range(10):
            generator.next()
            event = generator.process
            for i in (i for i in range(event.size()) if event.at(i).idAbs() == code):
                products = daughters(event, i)
                assert len(products) == count
                e, *p = (sum(getattr(q, k)() for q in products) for k in ("e", "px", "py", "pz"))
                assert np.sqrt(e**2 - np.square(p).sum()) == pytest.approx(mass, abs=width)


def test_branching_of_forced_decays_is_in_the_cross_section_or_in_the_job(tmp_path):
    cases = {
        "charginos": (susy.CHANEUT_LEPTONIC, susy.W_TO_LEPTONS * susy.Z_TO_LEPTONS),
        "gluinos": (susy.GLGL_EVENLY_LEPTONIC, (susy.W_TO_LEPTONS / 2 + susy.Z_TO_LEPTONS / 2) ** 2),
        "higgsinos": (susy.NEUTNEUT_LEPTONIC, susy.Z_TO_LEPTONS**2),
    }
    for model, ratio in cases.values():
        forced, free = (m.job("x", "2a", 1, 600, 100) for m in (model, dataclasses.replace(model, lines=())))
        (with_leptons, error), (total, total_error) = (cross_section(tmp_path, job) for job in (forced, free))
        tolerance = 4 * np.hypot(error / with_leptons, total_error / total)
        assert forced.branching * with_leptons / total == pytest.approx(ratio, rel=max(tolerance, 0.05))


# --- Matrix elements of our own, against traces of Dirac matrices and against Pythia ---

METRIC = np.diag([1.0, -1, -1, -1])
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = np.array(
    [np.kron(np.diag([1, -1]), np.eye(2)), *(np.kron(1j * np.array([[0, -1j], [1j, 0]]), s) for s in PAULI)]
)


def slash(p):
    return np.einsum("m,mn,nab->ab", p, METRIC, GAMMA)


def momenta(s, cos, m3, m4):
    """1 + 2 -> 3 + 4 with massless 1 and 2, in the centre of mass."""
    energy = np.sqrt(s) / 2
    e3 = (s + m3**2 - m4**2) / (4 * energy)
    p = np.sqrt(e3**2 - m3**2) * np.array([np.sqrt(1 - cos**2), 0, cos])
    p1, p2 = np.array([energy, 0, 0, energy]), np.array([energy, 0, 0, -energy])
    p3 = np.array([e3, *p])
    return p1, p2, p3, p1 + p2 - p3


def spin_sum(p, mass):
    """Sum over the polarisations of a vector, indices up; a massless one couples to a conserved current."""
    return -METRIC + (np.outer(p, p) / mass**2 if mass else 0)


def squared(amplitude, left, right, first, second):
    """Sum over spins of left (amplitude^mn) right, with the vectors' polarisation sums (indices up)."""
    low = np.einsum("ma,nb,abij->mnij", METRIC, METRIC, amplitude)
    bar = np.einsum("ij,mnkj,kl->mnil", GAMMA[0], low.conj(), GAMMA[0])
    return np.einsum("ma,nb,ij,mnjk,kl,abli->", first, second, left, low, right, bar).real


@pytest.mark.parametrize("cos", (-0.8, 0.1, 0.9))
def test_monotop_is_the_trace(cos):
    mass, top = 2.0, 1.7
    gluon, quark, vector, t = momenta(30.0, cos, mass, top)
    s, t1 = 30.0, (gluon - t) @ METRIC @ (gluon - t) - top**2
    amplitude = np.einsum("nij,jk,mkl->mnil", GAMMA, slash(gluon + quark), GAMMA) / s
    amplitude = amplitude + np.einsum("mij,jk,nkl->mnil", GAMMA, slash(t - gluon) + top * np.eye(4), GAMMA) / t1
    trace = squared(amplitude, slash(t) + top * np.eye(4), slash(quark), spin_sum(gluon, 0), spin_sum(vector, mass))
    assert matrix_elements.monotop(s, t1, top**2, mass**2) == pytest.approx(trace)


@pytest.mark.parametrize("cos", (-0.8, 0.1, 0.9))
def test_two_vectors_are_the_trace(cos):
    m3, m4 = 2.0, 0.8
    quark, antiquark, p3, p4 = momenta(30.0, cos, m3, m4)
    t, u = ((quark - p) @ METRIC @ (quark - p) for p in (p3, p4))
    amplitude = np.einsum("nij,jk,mkl->mnil", GAMMA, slash(quark - p3), GAMMA) / t
    amplitude = amplitude + np.einsum("mij,jk,nkl->mnil", GAMMA, slash(quark - p4), GAMMA) / u
    trace = squared(amplitude, slash(antiquark), slash(quark), spin_sum(p3, m3), spin_sum(p4, m4))
    assert 8 * matrix_elements.two_vectors(t, u, m3**2, m4**2) == pytest.approx(trace)


def test_boson_and_jet_have_pythias_cross_section(tmp_path):
    stand_ins = {
        "W + jet": ("9000024:all=V+ V- 3 3 0 80.38 2.09 60. 100. 0.", "9000024:oneChannel=1 1.0 100 -11 12"),
        "Z + jet": ("9000023:all=V void 3 0 0 91.19 2.5 70. 112. 0.", "9000023:oneChannel=1 1.0 100 11 -11"),
    }
    pythias = {
        "W + jet": ("qqbar2Wg", "qg2Wq", 0.1086, ("24:mMin=60", "24:mMax=100", *decays(24, "11"))),
        "Z + jet": (
            "qqbar2gmZg",
            "qg2gmZq",
            0.0336,
            ("WeakZ0:gmZmode=2", "23:mMin=70", "23:mMax=112", *decays(23, "11")),
        ),
    }
    for name, lines in stand_ins.items():
        first, second, ratio, settings = pythias[name]
        theirs = Job("theirs", (f"WeakBosonAndParton:{first}=on", f"WeakBosonAndParton:{second}=on", *settings), (), 1)
        theirs = dataclasses.replace(theirs, pt_hat=(50, np.inf))
        ours = HardJob("ours", lines, (), 1, (50, np.inf), matrix_element=name)
        (a, error_a), (b, error_b) = (cross_section(tmp_path, job, 1000) for job in (ours, theirs))
        assert a * ratio == pytest.approx(b, rel=0.03 + 3 * np.hypot(error_a / a, error_b / b))


def test_conditions_on_the_hard_process_lower_its_cross_section_alone(tmp_path):
    free = susy.GLGL_EVENLY.job("x", "2b", 1, 1000, 1)
    conditioned = matrix_elements.only(free, leptons=2)
    total, _ = cross_section(tmp_path, free)
    generator, _own = start(tmp_path, conditioned)
    for _ in range(50):
        generator.next()
        final = [p for p in (generator.process.at(i) for i in range(generator.process.size())) if p.isFinal()]
        assert sum(p.idAbs() in (11, 13, 15) for p in final) >= 2
    assert generator.infoPython().sigmaGen() * 1e9 == pytest.approx(0.125 * total, rel=0.5)
