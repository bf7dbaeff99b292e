"""Times and cameras in the names of files."""

import pytest

from app.services.wildlife.media.name_patterns import checked_pattern, read_name


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        (
            "{any}-{MM}{DD}{YYYY}{hh}{mm}{ss}-{camera}",
            "SITE 1-01062026143715-SYFW00012.JPG",
            ("2026-01-06T14:37:15", "SYFW00012"),
        ),
        ("{YYYY}{MM}{DD}{hh}{mm}{ss}-{camera}", "20210531082538-RCNX0031.JPG", ("2021-05-31T08:25:38", "RCNX0031")),
        ("IMG_{YY}{MM}{DD}_{hh}{mm}", "IMG_260401_0930.jpg", ("2026-04-01T09:30:00", None)),
        ("{YYYY}{MM}{DD}{hh}{mm}{ss}-{camera}", "IMG_0001.JPG", None),
        ("{YYYY}{MM}{DD}{hh}{mm}{ss}-{camera}", "20210231082538-RCNX0031.JPG", None),
        ("({YYYY}) {MM}.{DD} {hh}h{mm}", "(2026) 04.01 09h30.a.JPG", None),
    ],
)
def test_a_name_is_read_by_its_pattern(pattern, name, found):
    assert read_name(checked_pattern("p", pattern), name) == found


def test_a_long_name_is_read_at_once():
    assert read_name("{any}-{any}-{YYYY}{MM}{DD}{hh}{mm}", "-" * 255) is None
