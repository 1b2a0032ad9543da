"""Packed updates: near what they were, nothing lost for good, nothing bent let in."""

import numpy as np
import pytest

from leadone.edge.errors import InputError
from leadone.federated.arrays import Arrays, flat, size_bytes
from leadone.federated.compression import INT8, KINDS, NONE, TOP_K, Feedback, pack, unpack


def _update(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {
        "w": rng.normal(0, 1, (30, 40)).astype(np.float32),
        "b": rng.normal(0, 0.01, 30).astype(np.float32),
        "steps": np.array(3.0, np.float32),  # batch norm counts in an array without axes
    }


@pytest.mark.parametrize("kind", KINDS)
def test_unpacked_is_near_what_was_packed(kind: str) -> None:
    update = _update()
    back = unpack(pack(update, kind, 0.1), kind, update)
    assert {n: v.shape for n, v in back.items()} == {n: v.shape for n, v in update.items()}
    if kind == NONE:
        assert all(np.array_equal(back[n], update[n]) for n in update)
    elif kind == INT8:
        for name, value in update.items():
            assert np.abs(back[name] - value).max() <= np.abs(value).max() / 127 / 2 * 1.001
    else:
        kept = flat(back) != 0
        assert kept.sum() == pytest.approx(0.1 * len(kept), abs=1)
        cut = np.sort(np.abs(flat(update)))[-kept.sum()]
        assert (np.abs(flat(update))[kept] >= cut).all()


def test_bytes_on_the_wire() -> None:
    update = _update()
    assert size_bytes(pack(update, NONE)) == 4 * 1231
    assert size_bytes(pack(update, INT8)) == 1231 + 3 * 4
    assert size_bytes(pack(update, TOP_K, 0.1)) == 124 * 3 + 4


@pytest.mark.parametrize("kind", [INT8, TOP_K])
def test_what_is_left_out_comes_later(kind: str) -> None:
    feedback, same, total = Feedback(kind, 0.05), _update(), np.zeros(1231)
    for _ in range(60):
        total += flat(unpack(feedback.pack(same), kind, same))
    assert np.linalg.norm(total / 60 - flat(same)) < 0.25 * np.linalg.norm(flat(same))


@pytest.mark.parametrize(
    ("kind", "bend"),
    [
        (INT8, lambda p: p.pop("b|scale")),
        (INT8, lambda p: p.update({"w|int8": p["w|int8"][:-1]})),
        (INT8, lambda p: p.update({"w|int8": p["w|int8"].astype(np.int16)})),
        (INT8, lambda p: p.update({"w|scale": np.zeros(0, np.float32)})),
        (TOP_K, lambda p: p.update({"|index": p["|index"].astype(np.int64)})),
        (TOP_K, lambda p: p.update({"|index": p["|index"] + np.uint16(60_000)})),
        (TOP_K, lambda p: p.update({"more": p["|index"]})),
    ],
)
def test_bent_packets_are_refused(kind: str, bend) -> None:  # type: ignore[no-untyped-def]
    packed = pack(_update(), kind)
    bend(packed)
    with pytest.raises(InputError):
        unpack(packed, kind, _update())
