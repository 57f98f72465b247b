"""The network and fleet of the sample airline: made up, over real airports. Data, no logic.

Block minutes are plausible for the distance: those out of the hub, and those back where they differ
(jet stream).
"""

from typing import Final, NamedTuple


class Spoke(NamedTuple):
    """A destination of a hub: block minutes out and back."""

    iata: str
    out: int
    back: int


class Fleet(NamedTuple):
    """Airplanes of one type that fly from one hub to one kind of spokes."""

    hub: str
    aircraft_type: str
    size: int
    minimum_ground_minutes: int
    spokes: tuple[Spoke, ...]


def _both_ways(text: str) -> tuple[Spoke, ...]:
    spokes = []
    for entry in text.split():
        iata, _, minutes = entry.partition(":")
        out, _, back = minutes.partition("/")
        spokes.append(Spoke(iata, int(out), int(back or out)))
    return tuple(spokes)


_VIENNA_NEAR: Final = _both_ways(
    "MUC:60 PRG:50 BUD:50 ZAG:60 KRK:65 BEG:75 WAW:80 SJJ:75 LJU:55 INN:65 GRZ:45 SZG:55"
)
_VIENNA_MEDIUM: Final = _both_ways(
    "FRA:90 ZRH:85 AMS:115 CDG:125 LHR:145 FCO:100 MXP:90 BCN:145 MAD:175 ATH:130 IST:140 "
    "OTP:95 SOF:95 CPH:105 ARN:135 OSL:145 HEL:150 BRU:110 DUS:95 HAM:95 BER:75 GVA:105 NCE:105 "
    "SKG:105 VNO:105 RIX:120"
)
_VIENNA_LONGER: Final = _both_ways(
    "TLV:210 CAI:215 LCA:190 LPA:310 TFS:320 MLA:135 KEF:255 DUB:170"
)
_VIENNA_FAR: Final = _both_ways(
    "JFK:575/515 ORD:615/555 IAD:595/535 BKK:620/680 DEL:435/480 YUL:545/475"
)
_LISBON_MEDIUM: Final = _both_ways(
    "OPO:60 MAD:80 BCN:115 CDG:155 LHR:165 AMS:180 FRA:185 ZRH:170 FCO:180 GVA:155 BRU:165 "
    "TLS:120 LYS:145 MRS:140 DUB:165 MAN:170 FNC:105 PDL:145 CMN:85 FAO:50"
)
_LISBON_FAR: Final = _both_ways("GRU:620/590 EWR:490/405 GIG:605/585 LAD:465 BOS:455/380")

HUBS: Final = ("VIE", "LIS")
FLEETS: Final = (
    Fleet("VIE", "AT7", 8, 25, _VIENNA_NEAR),
    Fleet("VIE", "320", 18, 40, _VIENNA_MEDIUM),
    Fleet("VIE", "321", 6, 45, _VIENNA_LONGER + _VIENNA_MEDIUM[:8]),
    Fleet("LIS", "320", 12, 40, _LISBON_MEDIUM),
    Fleet("LIS", "321", 6, 45, _LISBON_MEDIUM[2:16]),
    Fleet("VIE", "789", 6, 75, _VIENNA_FAR),
    Fleet("LIS", "789", 4, 75, _LISBON_FAR),
)
HUB_GROUND_MINUTES: Final = 35
"""Minimum ground time at the hubs; elsewhere the airplane's own counts."""
