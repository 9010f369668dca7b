"""Samples for PyTorch; left out where it is not installed."""

import pickle

import numpy as np
import pytest
from bars_to_try import bars

from atomloom.errors import BadInput
from atomloom.samples import Computed, SampleSpec, dataset, open_dataset, write

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.fixture
def made():
    return dataset(bars(200), 3000, SampleSpec(16, seed=4))


def test_a_shuffled_epoch_comes_once_and_goes_on(made):
    loader = made.to_torch().loader(128, threads=2)
    seen = []
    for k, batch in enumerate(loader):
        assert isinstance(batch["x"], torch.Tensor)
        seen.append(batch["idx"].numpy().copy())
        if k == 4:
            break
    other = made.to_torch().loader(128)
    other.load_state_dict(loader.state_dict())
    rest = [batch["idx"].numpy().copy() for batch in other]
    whole = np.concatenate([batch["idx"] for batch in made.iter(128, shuffle=True)])
    np.testing.assert_array_equal(np.concatenate(seen + rest), whole)
    assert len(loader) == 24 - 5


def test_a_data_loader_fetches_whole_batches(made):
    source = made.to_torch()
    loader = torch.utils.data.DataLoader(source, batch_size=500, shuffle=True, collate_fn=source.collate)
    found = torch.cat([batch["idx"] for batch in loader]).numpy()
    np.testing.assert_array_equal(np.sort(found), np.sort(made.batch(range(3000))["idx"]))
    shard = made.shard(1, 3).to_torch()
    assert len(shard) == 1000
    np.testing.assert_array_equal(shard[5]["x"].numpy(), made[16]["x"])
    with pytest.raises(IndexError):
        shard[1000]


def test_windows_cut_by_torch_have_the_same_bytes(made):
    for settings in ({}, {"volume": "log1p"}, {"scale": "none"}, {"dtype": "float64"}):
        own = dataset(bars(200, quiet=0.9), 3000, made.spec.with_(**settings))
        for batch, wanted in zip(own.to_torch("cpu").loader(512, threads=1), own.iter(512, shuffle=True), strict=True):
            assert batch.keys() == wanted.keys()
            for name, array in wanted.items():
                np.testing.assert_array_equal(batch[name].numpy(), array)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_a_device_that_is_missing_is_said(made):
    with pytest.warns(UserWarning, match="no CUDA device.*same bytes"):
        batch = next(iter(made.to_torch("cuda").loader(8, shuffle=False)))
    np.testing.assert_array_equal(batch["x"].numpy(), made.batch(range(8))["x"])


def test_a_function_keeps_windows_on_the_processor(made):
    own = dataset(bars(200), 100, made.spec.with_(state={"f": Computed(lambda u, b: b["x"][:, 0, 0] * u[:, 0])}))
    with pytest.warns(UserWarning, match="needs the windows"):
        batch = next(iter(own.to_torch("cpu").loader(10)))
    assert batch["f"].shape == (10,)


def test_a_plain_data_loader_gives_whole_batches(made, tmp_path):
    wanted = made.batch(range(3000))
    stored = open_dataset(write(made, tmp_path / "out", format="npy").path)
    for source in (made.to_torch(), stored.to_torch(), pickle.loads(pickle.dumps(made.to_torch()))):
        found = list(torch.utils.data.DataLoader(source, batch_size=700))
        assert [type(batch) for batch in found] == [dict] * 5
        for name, array in wanted.items():
            np.testing.assert_array_equal(torch.cat([batch[name] for batch in found]).numpy(), array)
    epoch = torch.utils.data.DataLoader(made.shard(1, 2).to_torch(), batch_size=500, shuffle=True, drop_last=True)
    shuffled = torch.cat([batch["equity"] for batch in epoch]).numpy()
    np.testing.assert_array_equal(np.sort(shuffled), np.sort(wanted["equity"][1::2]))


def test_data_loaders_of_parts_single_samples_and_own_functions(made):
    source, wanted = made.to_torch(), made.batch(range(3000))
    part = torch.utils.data.DataLoader(torch.utils.data.Subset(source, range(10, 20)), batch_size=10)
    np.testing.assert_array_equal(next(iter(part))["x"].numpy(), wanted["x"][10:20])
    joined = torch.utils.data.DataLoader(torch.utils.data.ConcatDataset([source, source]), batch_size=7)
    np.testing.assert_array_equal(next(iter(joined))["x"].numpy(), wanted["x"][:7])  # it asks for one after the other
    alone = torch.utils.data.DataLoader(source, batch_size=None)
    np.testing.assert_array_equal(next(iter(alone))["x"].numpy(), wanted["x"][0])
    seen = []

    def own(samples):
        seen.append(len(samples))
        return torch.stack([sample["x"][3] for sample in samples]), samples[-1]["idx"], samples[1:3]

    closes, last, some = next(iter(torch.utils.data.DataLoader(source, batch_size=9, collate_fn=own)))
    np.testing.assert_array_equal(closes.numpy(), wanted["x"][:9, 3])
    assert (seen, int(last), len(some)) == ([9], int(wanted["idx"][8]), 2)


def test_devices_that_are_none_are_refused(made, tmp_path):
    for device in ("foo", 10**30, []):
        with pytest.raises(BadInput, match=r"device is .*Hint: None, 'cpu' or 'cuda'"):
            made.to_torch(device)
    stored = open_dataset(write(made, tmp_path / "out", format="npy").path)
    with pytest.raises(BadInput, match=r"stored are read, not cut there.*recipe\(\)"):
        stored.to_torch("cpu")
    assert len(stored.shard(0, 3).to_torch()) == 1000


def test_two_passes_of_a_loader_have_places_of_their_own(made):
    loader = made.to_torch().loader(500)
    for one, other in zip(loader, loader, strict=True):
        np.testing.assert_array_equal(one["idx"].numpy(), other["idx"].numpy())
