"""Countries and the regions that merchant accounts are opened for; as of November 2026."""

from enum import StrEnum
from typing import Final


class Region(StrEnum):
    """Where a payer lives, in the divisions that acquirers contract and price by."""

    EEA = "EEA"
    UK = "UK"
    CH = "CH"
    US = "US"
    CA = "CA"
    LATAM = "LATAM"
    APAC = "APAC"
    MEA = "MEA"
    OTHER = "other"


_COUNTRIES: Final[dict[Region, str]] = {
    # European Union of 27 and the EFTA states of the European Economic Area.
    # Source: https://www.efta.int/about-efta/european-economic-area
    Region.EEA: "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK",
    Region.UK: "GB GG IM JE GI",
    Region.CH: "CH",
    Region.US: "US PR VI GU AS MP",
    Region.CA: "CA",
    Region.LATAM: (
        "AG AI AR AW BB BL BM BO BQ BR BS BZ CL CO CR CU CW DM DO EC FK GD GF GP GT GY HN HT JM KN KY LC MF MQ MS MX "
        "NI PA PE PY SR SV SX TC TT UY VC VE VG"
    ),
    Region.APAC: (
        "AU BD BN BT CC CK CN CX FJ FM HK ID IN IO JP KH KI KP KR LA LK MH MM MN MO MV MY NC NF NP NR NU NZ PF PG PH "
        "PK PN PW SB SG TH TK TL TO TV TW VN VU WF WS AF KZ KG TJ TM UZ"
    ),
    Region.MEA: (
        "AE AO BF BH BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW IL IQ IR JO KE KM KW LB LR LS LY "
        "MA MG ML MR MU MW MZ NA NE NG OM PS QA RE RW SA SC SD SH SL SN SO SS ST SY SZ TD TG TN TR TZ UG YE YT ZA ZM ZW"
    ),
    Region.OTHER: "AD AL AM AQ AX AZ BA BV BY FO GE GL GS HM MC MD ME MK PM RS RU SJ SM TF UA UM VA XK",
}

REGION: Final[dict[str, Region]] = {
    country: region for region, countries in _COUNTRIES.items() for country in countries.split()
}
"""ISO 3166-1 alpha-2 code to region; every assigned country has one row."""


def countries_of(region: Region) -> frozenset[str]:
    """List the countries of *region*."""
    return frozenset(_COUNTRIES[region].split())
