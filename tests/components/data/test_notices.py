"""What reading drops or changes is counted once, whatever the passes."""

from phistar.components.data.notices import FIRST, Notices


def test_a_second_pass_counts_the_same():
    notices = Notices()
    for _ in range(3):
        for part in ("train", "test"):
            counts = notices.begin(part)
            for row in range(10):
                counts.add("empty pairs left out", f"{part}:{row}")
    (found,) = notices.found()
    assert found.count == 20 and found.places == [f"train:{i}" for i in range(FIRST)]
    assert str(found).startswith("20 empty pairs left out: train:0, train:1")
    assert str(found).endswith("train:4, ...")


def test_a_notice_without_a_place_is_its_count():
    notices = Notices()
    notices.begin().add("rows without a label left out", count=1234)
    assert list(map(str, notices.found())) == ["1,234 rows without a label left out"]
