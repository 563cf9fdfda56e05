"""The policy: what is waited for, what is asked again, and what is given up."""

import pytest

from feii_dask.archives.session import Policy
from feii_dask.errors import ArchiveError
from tests.replica import IRSA, MAST, SIMBAD

HOSTS = {"simbad": SIMBAD, "mast": MAST, "irsa": IRSA}
ROWS = {"simbad": 8, "mast": 27, "irsa": 3}


@pytest.fixture(params=["simbad", "mast", "irsa"])
def service(request, open_live, replica):
    """One service, as its host, what to ask it, and the rows of the answer."""
    archive = open_live("sofia" if request.param == "irsa" else "jwst")
    ask = archive.ysos if request.param == "simbad" else archive.observations
    return HOSTS[request.param], ask, ROWS[request.param]


@pytest.mark.parametrize(
    ("kind", "after"), [("stall", 0), ("stall", 1), ("hang", 1), ("reset", 1), ("cut", 1), ("refuse", 0)]
)
def test_one_failure_in_passing_is_absorbed(service, replica, kind, after):
    host, ask, rows = service
    replica.inject(kind, host, times=1, after=after)
    assert len(ask()) == rows


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("stall", "did not answer in time|cannot be reached"),
        ("reset", "cannot be reached"),
        ("refuse", "cannot be reached"),
    ],
)
def test_failure_for_good_ends_in_time(service, replica, kind, words):
    host, ask, _ = service
    replica.inject(kind, host)
    with pytest.raises(ArchiveError, match=words) as failure:
        ask()
    assert "--archive DIR" in str(failure.value)
    assert failure.value.exit_code == 3


def test_answer_that_always_breaks_off(open_live, replica):
    replica.inject("cut", MAST, "invoke")
    policy = Policy(silent_retries=3, pause_s=0.1)
    with pytest.raises(ArchiveError, match="MAST"):
        open_live(policy=policy).observations()
    assert len(replica.requests(MAST, "invoke")) == 1 + policy.silent_retries


def test_retry_after_is_respected(open_live, replica):
    replica.inject("status", SIMBAD, "/sync", times=1, status=429, retry_after="1")
    assert len(open_live().ysos()) == 8
    refused, answered = [request.time for request in replica.requests(SIMBAD, "/sync")]
    assert answered - refused >= 1.0


def test_retry_after_an_hour_is_said_at_once(open_live, replica):
    replica.inject("status", SIMBAD, "/sync", status=429, retry_after="3600")
    with pytest.raises(ArchiveError, match="asks to be left alone for 3600 s"):
        open_live().ysos()
    assert len(replica.requests(SIMBAD, "/sync")) == 1


def test_query_that_is_never_executed_is_given_up(open_live, replica):
    replica.inject("executing", MAST, "Mast.Caom.Filtered")
    with pytest.raises(ArchiveError, match="MAST did not answer in time"):
        open_live().observations()
    assert 4 <= len(replica.requests(MAST, "Mast.Caom.Filtered")) <= 6  # pauses of 0.1, 0.2, 0.4, 0.8 and 1.6 s


def test_irsa_down_concerns_sofia_only(open_live, replica):
    replica.inject("refuse", IRSA)
    jwst = open_live("jwst")
    assert len(jwst.observations()) == 27
    assert len(jwst.ysos()) == 8
    with pytest.raises(ArchiveError, match="IRSA"):
        open_live("sofia").observations()


def test_pauses_grow_to_a_limit():
    pauses = list(Policy(pause_s=1.0, longest_pause_s=8.0, executing_s=40.0).pauses())
    assert pauses[:5] == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert max(pauses) == 8.0
    assert 40.0 <= sum(pauses) < 48.0


def test_astroquery_of_the_user_is_left_alone(open_live, replica):
    from astroquery.mast import Observations
    from astroquery.simbad import Simbad

    open_live().observations()
    for client in (Observations, Simbad):
        assert "feii_dask" not in client._session.headers["User-Agent"]
