"""The archives themselves: what the notebook states of two objects. Needs the network: ``pytest --remote-data``."""

from __future__ import annotations

import pytest
from distributed import Client

import feii_dask as fd
from feii_dask.detectors.notebook import detect_spikes, extension_vs_wavebin

pytestmark = pytest.mark.remote_data


def test_tmc1a_has_the_spike_that_the_notebook_shows(client: Client) -> None:
    settings = fd.load_settings(
        target="TMC1A",
        instrument=["MIRI/IFU"],
        filters=["CH1-SHORT"],
        proposal_id=["1290"],
        lines=["notebook"],
        out="run",
    )
    result = fd.search(settings, client)
    cube = fd.open_cube(result.matched["uri"].dropna().iloc[0])
    blobs = extension_vs_wavebin(cube.planes(0, cube.shape[0]))
    assert detect_spikes(blobs, 548)
    assert not detect_spikes(blobs, 540)
    assert result.outcomes.query("line == 'Fe II 5.340'")["detected"].any()


def test_per_emb_33_has_a_line_in_programme_1236(client: Client) -> None:
    settings = fd.load_settings(
        proposal_id=["1236"], instrument=["MIRI/IFU"], filters=["CH1-SHORT"], lines=["notebook"], out="run"
    )
    result = fd.search(settings, client)
    here = result.outcomes["obs_id"].isin(result.matched.query("target_name == 'PER-EMB-33'")["obs_id"])
    assert result.outcomes[here & (result.outcomes["line"] == "Fe II 5.340")]["detected"].any()
