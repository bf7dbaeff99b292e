"""What a bounded cache keeps, and what it forgets first."""

from app.lru import LRU


def test_what_was_not_used_for_longest_is_forgotten_first():
    cache = LRU(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert cache.items() == [("a", 1), ("c", 3)]


def test_a_size_may_change_while_it_is_used():
    sizes = [3]
    cache = LRU(lambda: sizes[0])
    for key in "abc":
        cache.put(key, key)
    sizes[0] = 1
    cache.put("d", "d")
    assert list(cache) == ["d"]


def test_values_are_bounded_by_their_weight_too():
    cache = LRU(10, weigh=len, weight_max=5)
    for key in ("aa", "bb", "cc"):
        cache.put(key, key)
    assert list(cache) == ["bb", "cc"]
    cache.put("cc", "again")
    assert list(cache) == ["bb", "cc"]
    cache.drop("bb")
    cache.drop("never there")
    cache.put("ddd", "d")
    assert list(cache) == ["cc", "ddd"]
    cache.put("too heavy", "e")
    assert len(cache) == 0


def test_what_cannot_be_a_key_is_made_each_time():
    cache, made = LRU(2), []
    for key in ("a", "a", ["b"], ["b"]):
        cache.get_or_make(key, lambda: made.append(1) or len(made))
    assert (len(made), list(cache)) == (3, ["a"])
