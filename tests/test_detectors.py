"""The contract of all detectors, and what is particular to each."""

import inspect
import pickletools
import zipfile
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from dmlib import detectors, metrics, training
from dmlib.channels import CHANNELS
from dmlib.training import Recipe

QUICK = Recipe(epochs=8, batch_size=100, learning_rate=5e-3, anneal=True, validation=0.2, keep=2)
LONGER = QUICK.replace(epochs=16, clip=10.0)
WARM = QUICK.replace(epochs=12, validation=None)
SETTINGS = {  # small enough for a test
    "SimpleAE": {"hidden": (24,), "latent": 2, "recipe": QUICK},
    "BetaVAE": {"hidden": (24,), "latent": 2, "recipe": LONGER},
    "ConvVAE": {"width": 16, "latent": 2, "measure": "squares", "recipe": LONGER},
    "ALAD": {"hidden": (24, 24), "width": 24, "latent": 2, "scaling": "standard", "score": "L1", "recipe": LONGER},
    "DAGMM": {"hidden": (24,), "latent": 2, "scaling": "standard", "recipe": LONGER.replace(learning_rate=3e-3)},
    "DeepSVDD": {"hidden": (48, 24), "dimensions": 8, "recipe": LONGER},
    "DeepSVDDEnsemble": {"targets": (1, 10), "hidden": (48, 24), "dimensions": 8, "recipe": LONGER},
    "DeepSetVAE": {"width": 24, "latent": 3, "kinds": False, "recipe": LONGER.replace(epochs=24)},
    "KDE": {"centres": 250},
    "LatentSpace": {"method": "OR"},
    "NormalizedAE": {
        "hidden": (24,),
        "latent": 3,
        "warm_up": WARM,
        "recipe": WARM.replace(epochs=2, learning_rate=5e-4),
    },
    "SplineFlow": {"hidden": (24,), "recipe": QUICK.replace(clip=5.0)},
}
EMPTY = ("o2_pt", "o2_eta", "o2_phi", "o2_E")  # a slot that no event of a training fills
METHODS = [  # what they share has no published settings
    method
    for name in detectors.__all__
    if inspect.isclass(method := getattr(detectors, name)) and hasattr(method, "paper")
]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
every_torch_method = pytest.mark.parametrize(
    "method",  # adversaries have no loss that falls
    [m for m in METHODS if issubclass(m, detectors.TorchDetector) and m is not detectors.ALAD],
    ids=lambda method: method.__name__,
)


def small(method, **options):
    return method(**SETTINGS[method.__name__] | options)


def ordinary(n, seed):
    """Six columns that two numbers describe, named as those of `features.leading`; momenta are positive."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    x = np.column_stack([z[:, 0], z[:, 1], z @ [1, 1], z @ [1, -1], z[:, 0], 2 * z[:, 1]])
    x = x + 0.1 * rng.normal(size=(n, 6)) + [20, 0, 20, 0, 0, 40]
    return pd.DataFrame(x, columns=["met", "met_phi", "o1_pt", "o1_eta", "o1_phi", "o1_E"])


def strange(n, seed):
    """The same columns, each as before, but no longer related."""
    x, rng = ordinary(n, seed), np.random.default_rng([seed, 1])
    return x.apply(rng.permutation)


@pytest.fixture(scope="module")
def fitted():
    return {method: small(method).fit(ordinary(1_500, 1)) for method in METHODS}


@every_method
def test_finds_what_is_strange(fitted, method):
    area = metrics.auc(*(fitted[method].anomaly_score(make(1_000, 2)) for make in (ordinary, strange)))
    least = {"DAGMM": 0.75}.get(method.__name__, 0.9)  # six seeds: DAGMM 0.82 to 0.89, the others 0.96 to 1
    assert area > least


@every_method
def test_parameters_are_scikit_learns(method):
    detector = small(method)
    assert detector.get_params() == clone(detector).get_params()
    assert {"random_state"} <= set(detector.get_params())
    assert detector.fit(ordinary(200, 1)) is detector


@every_method
def test_scores_are_the_same_twice_from_threads_from_processes_and_of_a_table_or_an_array(fitted, method):
    detector, x = fitted[method], ordinary(500, 3)
    score = detector.anomaly_score(x)
    assert score.shape == (500,) and np.isfinite(score).all()
    with ThreadPoolExecutor(4) as threads:
        others = list(threads.map(detector.anomaly_score, [x, x.to_numpy(), x, x.iloc[:1]]))
    assert all(np.array_equal(score, other) for other in others[:3])
    assert others[3] == pytest.approx(score[:1], rel=1e-5)
    there = joblib.Parallel(2)(joblib.delayed(detector.anomaly_score)(x) for _ in range(2))
    assert all(np.allclose(score, other, rtol=1e-6) for other in there)


@every_method
def test_the_seed_decides(method):
    x = ordinary(300, 4)
    one, two, other = (small(method, random_state=s).fit(x).anomaly_score(x) for s in (3, np.int64(3), 4))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    with ThreadPoolExecutor(2) as threads:
        apart = list(threads.map(lambda _: small(method, random_state=3).fit(x).anomaly_score(x), range(2)))
    assert all(np.array_equal(one, score) for score in apart)
    fresh = [small(method, random_state=None).fit(x).anomaly_score(x) for _ in range(2)]
    assert not np.array_equal(*fresh)


@every_method
def test_weights_count(method):
    """Three times the weight is three copies: the strange becomes ordinary where it weighs much."""
    x = pd.concat([ordinary(900, 5), strange(300, 5)], ignore_index=True)
    kind = np.repeat([0, 1], [900, 300])
    few, many = (small(method).fit(x, np.where(kind == 1, w, 1.0)) for w in (1e-3, 30.0))
    areas = [metrics.auc(*(d.anomaly_score(x)[kind == k] for k in (0, 1))) for d in (few, many)]
    assert areas[0] > areas[1] + 0.1  # eight seeds: 0.15 to 0.45
    for bad in ([1.0], np.full(len(x), np.nan), np.full(len(x), -1.0), np.zeros(len(x))):
        with pytest.raises(ValueError, match="sample_weight"):
            small(method).fit(x, bad)


@every_method
def test_saved_and_loaded_it_scores_the_same_and_holds_no_pickles(fitted, method, tmp_path):
    detector, x = fitted[method], ordinary(400, 6)
    detector.save(tmp_path / "one.zip")
    again = detectors.load(tmp_path / "one.zip")
    assert np.array_equal(again.anomaly_score(x), detector.anomaly_score(x))
    assert again.get_params() == detector.get_params()
    assert list(again.feature_names_in_) == list(x.columns)
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert name.endswith(".npy") and b"O'" not in content[:128]
            with pytest.raises(Exception, match=r".*"):
                list(pickletools.genops(content))
    small(method).fit(x.to_numpy()).save(tmp_path / "array.zip")
    assert not hasattr(detectors.load(tmp_path / "array.zip"), "feature_names_in_")


@every_method
def test_what_cannot_be_is_refused_by_name(fitted, method):
    x = ordinary(200, 7)
    with pytest.raises(NotFittedError):
        small(method).anomaly_score(x)
    if isinstance(fitted[method], detectors.TorchDetector):
        assert len(fitted[method].standardise(x)) == len(x)
        with pytest.raises(NotFittedError):
            small(method).standardise(x)
    for bad in (np.nan, np.inf):
        broken = x.copy()
        broken.loc[3, "o1_eta"] = bad
        with pytest.raises(ValueError, match="X: 'o1_eta' of event 3"):
            small(method).fit(broken)
        with pytest.raises(ValueError, match="X: 'o1_eta' of event 3"):
            fitted[method].anomaly_score(broken)
        with pytest.raises(ValueError, match="X: feature 3 of event 3"):
            small(method).fit(broken.to_numpy())
    with pytest.raises(ValueError, match="at least one event"):
        small(method).fit(x[:0])
    with pytest.raises(ValueError, match="masked"):
        small(method).fit(np.ma.masked_greater(x.to_numpy(), 1.0))
    with pytest.raises(ValueError, match=r"in another order"):
        fitted[method].anomaly_score(x[x.columns[::-1]])
    with pytest.raises(ValueError, match=r"without \['met'\]"):
        fitted[method].anomaly_score(x.drop(columns="met"))
    with pytest.raises(ValueError, match="has 5 features: expected 6"):
        fitted[method].anomaly_score(x.to_numpy()[:, :5])
    with pytest.raises(ValueError, match="same value in all events"):
        small(method).fit(np.ones((100, 6)))


@every_method
def test_a_constant_column_changes_nothing_but_its_name(fitted, method):
    x = ordinary(1_500, 1).assign(**dict.fromkeys(EMPTY, 0.0))
    score = small(method).fit(x).anomaly_score(x.assign(**dict.fromkeys(EMPTY, 7.0)))
    assert np.isfinite(score).all()


@every_method
@pytest.mark.parametrize("channel", CHANNELS)
def test_published_settings_are_there_for_each_channel(method, channel):
    assert isinstance(method.paper(channel, random_state=5), method)
    assert method.paper(channel, random_state=5).random_state == 5


@every_method
def test_there_is_no_fifth_channel(method):
    with pytest.raises(ValueError, match="channel='4'"):
        method.paper("4")


@every_torch_method
def test_every_weight_is_trained_and_the_loss_falls(method):
    detector = small(method).fit(ordinary(800, 8))
    assert detector.history_.train[-1] < 0.6 * detector.history_.train[0]  # eight seeds: 0.03 to 0.39
    torch.manual_seed(1)
    (z,) = training.tensors(detector._standardised(ordinary(50, 9).to_numpy()))
    module = detector.build(z.shape[1])
    detector.loss(module, z).sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in module.parameters())


@every_method
def test_scores_of_other_units_are_the_same_but_for_a_constant(method):
    """The constant is a density's, which has a unit itself."""
    x = ordinary(400, 9)
    one, other = (small(method).fit(scale * x).anomaly_score(scale * x) for scale in (1.0, 1024.0))
    constant = np.median(other - one)
    assert np.allclose(other - constant, one, rtol=1e-3, atol=1e-3)
    assert constant == pytest.approx(0, abs=1e-3) or constant == pytest.approx(6 * np.log(1024), rel=1e-3)


def test_files_that_are_no_detectors_are_named(tmp_path, fitted):
    path = tmp_path / "a.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"a\.zip is no detector"):
        detectors.load(path)
    fitted[detectors.SimpleAE].save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"a\.zip is no detector"):
        detectors.load(path)
    with open(path, "wb") as file:
        np.savez(file, about='{"format": 1, "detector": "load", "parameters": {}, "columns": 3}')
    with pytest.raises(ValueError, match="'load' that this version of dmlib does not know"):
        detectors.load(path)


def test_parameters_that_cannot_be_written_are_named(tmp_path):
    detector = small(detectors.SimpleAE, random_state=np.random.default_rng(1)).fit(ordinary(200, 1))
    with pytest.raises(TypeError, match="random_state"):
        detector.save(tmp_path / "a.zip")
    assert not list(tmp_path.iterdir())


def test_simple_ae_is_the_papers():
    benchmark, tuned = (detectors.SimpleAE.paper(channel).build(d) for channel, d in (("1", 34), ("2a", 18)))
    sizes = [[layer.out_features for layer in m if isinstance(layer, torch.nn.Linear)] for m in (benchmark, tuned)]
    assert sizes == [[200, 200, 20, 10, 20, 200, 200, 34], [15, 18]]
    assert {type(layer) for layer in benchmark} >= {torch.nn.Tanh} and isinstance(benchmark[-1], torch.nn.Linear)
    assert [layer.p for layer in tuned if isinstance(layer, torch.nn.Dropout)] == [0.05]


def test_dropout_draws_from_a_stream_of_its_own():
    x = ordinary(300, 2)
    scores = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        state = torch.get_rng_state()
        scores.append(small(detectors.SimpleAE, dropout=0.3).fit(x).anomaly_score(x))
        assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(*scores)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (0,)}, "hidden"),
        ({"latent": 0}, "latent"),
        ({"dropout": 1.0}, "dropout"),
        ({"activation": "sin"}, "activation='sin': expected one of elu"),
        ({"initial": "zero"}, "initial='zero'"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        small(detectors.SimpleAE, **options).fit(ordinary(50, 1))
