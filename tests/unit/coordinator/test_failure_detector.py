"""Who is suspected, and when."""

import pytest

from coordinator.failure_detector import FailureDetector


@pytest.fixture
def detector() -> FailureDetector:
    """Sessions 1, 2 and 3, each the first of its process, all heard at second 0."""
    detector = FailureDetector(silence_s=1.5, connect_grace_s=2.0, isolation_patience_s=3.0)
    for session in (1, 2, 3):
        detector.watch(session, session, 0.0)
        detector.heard(session, 0.0)
    return detector


def _hear(detector: FailureDetector, now_s: float, *sessions: int) -> None:
    for session in sessions:
        detector.heard(session, now_s)


def test_a_broken_connection_is_a_suspicion_at_once(detector: FailureDetector) -> None:
    detector.broken(1, 0.4)
    assert detector.suspects(0.4) == {1}
    assert not detector.alive(1, 0.4)
    assert detector.why(1) == "its connection broke"


def test_silence_is_a_suspicion_after_its_time(detector: FailureDetector) -> None:
    _hear(detector, 1.0, 2, 3)
    assert detector.suspects(1.4) == set()
    assert detector.alive(1, 1.4)
    assert detector.suspects(1.6) == {1}
    assert not detector.alive(1, 1.6)
    assert detector.why(1) == "it is silent"


def test_a_session_never_heard_has_the_grace_even_if_it_cannot_be_reached(
    detector: FailureDetector,
) -> None:
    detector.watch(4, 4, 1.0)
    detector.broken(4, 1.1)
    for second in range(1, 4):
        _hear(detector, second, 1, 2, 3)
    assert detector.suspects(2.9) == set()
    assert not detector.alive(4, 2.9)
    assert detector.suspects(3.1) == {4}
    assert detector.why(4) == "it has never given a sign of life"


def test_a_process_suspected_before_is_given_more_time_each_time(
    detector: FailureDetector,
) -> None:
    patience = []
    now_s = 0.0
    for session in range(10, 15):
        detector.forget(1)
        detector.watch(session, 1, now_s)
        _hear(detector, now_s, session, 2, 3)
        detector.broken(session, now_s)
        waited = 0.0
        while session not in detector.suspects(now_s + waited):
            waited += 0.25
            _hear(detector, now_s + waited, 2, 3)
        patience.append(waited)
        detector.suspected(session, now_s + waited)
        now_s += waited + 1
    assert patience == [0.0, 0.25, 0.5, 1.0, 1.0]


def test_a_connection_that_breaks_after_long_silence_does_not_begin_the_wait_anew(
    detector: FailureDetector,
) -> None:
    detector.suspected(1, 0.0)
    detector.watch(9, 1, 0.0)  # the same process: it has 0.25 s more
    _hear(detector, 0.0, 9)
    _hear(detector, 1.6, 2, 3)
    detector.broken(9, 1.7)
    assert detector.suspects(1.74) == set()
    assert detector.suspects(1.76) == {9}


def test_a_process_that_was_started_anew_is_suspected_at_once(detector: FailureDetector) -> None:
    for session in range(10, 14):
        detector.watch(session, session, float(session))
        _hear(detector, float(session), session, 2, 3)
        detector.broken(session, session + 0.5)
        assert detector.suspects(session + 0.5) >= {session}
        detector.suspected(session, session + 0.5)


def test_old_suspicions_are_forgotten(detector: FailureDetector) -> None:
    detector.broken(1, 1.0)
    detector.suspected(1, 1.0)
    detector.watch(9, 1, 70.0)
    _hear(detector, 70.0, 9, 2, 3)
    detector.broken(9, 70.0)
    assert detector.suspects(70.0) == {9}


def test_a_node_heard_again_in_time_is_not_suspected(detector: FailureDetector) -> None:
    detector.broken(1, 1.0)
    detector.suspected(1, 1.0)
    detector.watch(9, 1, 1.0)
    _hear(detector, 1.0, 9, 2, 3)
    detector.broken(9, 1.1)
    assert detector.suspects(1.2) == set()
    detector.heard(9, 1.3)
    assert detector.suspects(2.0) == set()
    assert detector.alive(9, 2.0)


def test_a_leader_that_misses_most_nodes_suspects_itself_first(
    detector: FailureDetector,
) -> None:
    detector.broken(1, 1.0)
    detector.broken(2, 1.0)
    _hear(detector, 3.9, 3)
    assert detector.suspects(3.9) == set()
    _hear(detector, 4.1, 3)
    assert detector.suspects(4.1) == {1, 2}


def test_a_pause_of_this_process_is_nobodys_silence(detector: FailureDetector) -> None:
    detector.look(0.1, 0.1)
    detector.look(20.0, 0.1)
    assert detector.suspects(20.0) == set()
    detector.look(20.1, 0.1)
    _hear(detector, 20.2, 2, 3)
    for tenth in range(202, 216):
        detector.look(tenth / 10, 0.1)
    assert detector.suspects(21.5) == {1}


def test_many_small_pauses_of_this_process_are_nobodys_silence_either(
    detector: FailureDetector,
) -> None:
    for half in range(1, 8):
        detector.look(half / 2, 0.1)
        assert detector.suspects(half / 2) == set(), "busy for 0.4 s of each 0.5 s"
    assert detector.alive(1, 3.5)


def test_a_forgotten_session_is_nobody(detector: FailureDetector) -> None:
    detector.broken(1, 1.0)
    detector.forget(1)
    detector.forget(1)
    detector.heard(1, 1.1)
    assert detector.suspects(1.2) == set()
