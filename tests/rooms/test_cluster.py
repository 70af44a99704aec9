"""Who acts for which meeting when there are several nodes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rooms.cluster import Node, Standing, Watch, heir, place, spread, standing

NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)


def node(name: str, load: int = 0, *sites: str, draining: bool = False) -> Node:
    return Node(name, f"http://{name}", sites, load, draining)


def test_a_meeting_is_opened_where_least_goes_on() -> None:
    assert place("gavle", [node("a", 3), node("b", 1), node("c", 2)]) == node("b", 1)


def test_a_node_of_the_site_goes_before_a_quiet_one() -> None:
    own, other = node("a", 90, "gavle"), node("b", 0, "vaxjo")
    assert place("gavle", [own, other, node("c")]) == own
    assert place("vaxjo", [own, other]) == other
    assert place("lulea", [own, other, node("c", 50)]) == node("c", 50)
    assert place("lulea", [own, other]) == other


def test_a_node_that_drains_takes_nothing() -> None:
    assert place("gavle", [node("a", 0, draining=True), node("b", 9)]) == node("b", 9)
    assert place("gavle", [node("a", draining=True)]) is None
    assert heir("m_1", "gavle", [node("a", draining=True)]) is None


@given(names=NAMES, meeting=st.text(max_size=10), order=st.randoms())
def test_all_nodes_agree_on_the_heir_whatever_they_know_of_load(names, meeting, order) -> None:  # type: ignore[no-untyped-def]
    shuffled = [node(name, order.randrange(100)) for name in order.sample(names, len(names))]
    first, second = heir(meeting, "gavle", [node(n) for n in names]), heir(meeting, "gavle", shuffled)
    assert first is not None
    assert second is not None
    assert first.name == second.name


@given(names=NAMES.filter(lambda names: len(names) > 1), meeting=st.text(max_size=10))
def test_a_meeting_stays_with_its_heir_when_another_node_goes(names: list[str], meeting: str) -> None:
    nodes = [node(name) for name in names]
    chosen = heir(meeting, "gavle", nodes)
    other = next(each for each in nodes if each != chosen)
    assert heir(meeting, "gavle", [each for each in nodes if each != other]) == chosen


def test_the_meetings_of_a_dead_node_are_spread() -> None:
    nodes = [node("a"), node("b"), node("c")]
    chosen = [heir(f"m_{number}", "gavle", nodes) for number in range(300)]
    assert min(Counter(each.name for each in chosen if each is not None).values()) > 60


def test_whoever_was_at_a_dead_node_comes_back_over_a_time_that_the_others_need() -> None:
    assert spread(300, 1) == 2.0
    assert spread(900, 3) == 2.0
    assert spread(4, 1) == 0.5
    assert spread(9000, 0) == 15.0


def test_a_node_without_its_store_goes_on_for_a_while() -> None:
    assert standing(4.0, 5.0, 120.0) is Standing.KEEPING
    assert standing(6.0, 5.0, 120.0) is Standing.ALONE
    assert standing(120.0, 5.0, 120.0) is Standing.ALONE
    assert standing(120.1, 5.0, 120.0) is Standing.ORPHANED


def looked(watch: Watch, signs: dict[str, int], now: float, took: float = 0.1) -> None:
    watch.looked(signs, now - took, now)


def test_a_node_whose_sign_stands_still_is_gone() -> None:
    watch = Watch(5.0)
    assert not watch.lives("b")
    for now in range(5):
        looked(watch, {"a": now, "b": 7}, float(now))
    assert watch.lives("a")
    assert watch.lives("b")
    looked(watch, {"a": 5, "b": 7}, 5.0)
    assert watch.lives("a")
    assert not watch.lives("b")
    looked(watch, {"a": 6, "b": 8}, 6.0)
    assert watch.lives("b")


def test_whoever_could_not_look_declares_nobody_dead() -> None:
    watch = Watch(5.0)
    for now in range(5):
        looked(watch, {"b": 1}, float(now))
    looked(watch, {"b": 1}, 60.0)
    for now in (61.0, 62.0, 63.0, 64.0):
        looked(watch, {"b": 1}, now)
        assert watch.lives("b")
    looked(watch, {"b": 1}, 65.0)
    assert not watch.lives("b")


def test_whose_look_took_long_declares_nobody_dead() -> None:
    """As one that was under way when the store stood still."""
    watch = Watch(5.0)
    for now in range(30):
        looked(watch, {"b": min(now, 26)}, float(now))
    looked(watch, {"b": 26}, 33.5, took=4.4)
    for now in (34.5, 35.5, 36.5, 37.5):
        looked(watch, {"b": 26}, now)
        assert watch.lives("b")
    looked(watch, {"b": 26}, 38.5)
    assert not watch.lives("b")


@given(st.lists(st.floats(0.9, 5.0), min_size=40, max_size=40))
def test_where_looks_are_slow_all_the_time_a_dead_node_is_found_all_the_same(waits: list[float]) -> None:
    watch, now = Watch(5.0), 0.0
    looked(watch, {"b": 1}, now)
    for wait in waits:
        now += wait
        looked(watch, {"b": 1}, now, took=wait)
        if not watch.lives("b"):
            break
    assert 5.0 <= now <= 60.0
    assert not watch.lives("b")


@given(st.lists(st.floats(0.9, 9.0), max_size=60))
def test_whoever_gives_a_sign_between_any_two_looks_lives(waits: list[float]) -> None:
    watch, now = Watch(5.0), 0.0
    for sign, wait in enumerate(waits):
        now += wait
        looked(watch, {"b": sign}, now, took=wait)
        assert watch.lives("b")
