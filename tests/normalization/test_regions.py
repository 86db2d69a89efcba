"""Countries and the regions that merchant accounts are opened for."""

import pytest

from normalization.regions import REGION, Region, countries_of


@pytest.mark.parametrize(
    ("country", "region"),
    [
        ("DE", Region.EEA),
        ("NO", Region.EEA),
        ("GB", Region.UK),
        ("CH", Region.CH),
        ("US", Region.US),
        ("PR", Region.US),
        ("CA", Region.CA),
        ("BR", Region.LATAM),
        ("JP", Region.APAC),
        ("AE", Region.MEA),
        ("TR", Region.MEA),
        ("UA", Region.OTHER),
    ],
)
def test_a_country_is_in_its_region(country: str, region: Region) -> None:
    assert REGION[country] is region


def test_every_assigned_country_is_in_exactly_one_region() -> None:
    listed = [country for region in Region for country in countries_of(region)]

    assert len(listed) == len(set(listed))
    assert len(set(listed) - {"XK"}) == 249  # Of ISO 3166-1; Kosovo's XK is assigned by use.


def test_the_european_economic_area_has_thirty_countries() -> None:
    assert len(countries_of(Region.EEA)) == 30


def test_a_country_that_does_not_exist_has_no_region() -> None:
    assert "ZZ" not in REGION
    assert "de" not in REGION
