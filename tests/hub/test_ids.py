from multiprocessing import get_context

from hub.ids import new_id, new_ids


def test_an_id_tells_what_it_is_and_is_short_ascii() -> None:
    made = new_id("pay_")

    assert made.startswith("pay_")
    assert len(made) == 30
    assert made.isascii()
    assert made == made.lower()


def test_ids_made_one_after_the_other_ascend_and_differ() -> None:
    made = [new_id("att_") for _ in range(10_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_two_forked_processes_make_no_id_alike() -> None:
    new_id("att_")  # So that there is randomness in store to be inherited.
    with get_context("fork").Pool(2) as forked:
        made = forked.map(new_id, ["att_"] * 2, chunksize=1)

    assert made[0][-16:] != made[1][-16:]


def test_many_at_once_are_ids_like_any_others_and_ascend() -> None:
    before = new_id("trf_")
    many = new_ids("trf_", 40_000)
    after = new_id("trf_")

    assert [before, *many, after] == sorted({before, *many, after})
    assert {len(one) for one in many} == {len(before)}
