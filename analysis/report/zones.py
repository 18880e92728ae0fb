"""The local time of a vantage, from its country and, where that decides, its region.

Offsets are those of the date and the place (IANA): Almaty was at UTC+6 until 1 March 2024, Aktau at UTC+5
before and after. A country with several clocks, of which the region does not decide, gets no local time:
UTC stands on every page in any case.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_KAZAKHSTAN = (
    (("mangystau", "mangistau", "mangghystau", "aktau", "aqtau", "zhanaozen", "zhetybai"), "Asia/Aqtau"),
    (("маңғыстау", "мангистау", "ақтау", "актау", "жаңаөзен", "жанаозен"), "Asia/Aqtau"),
    (("atyrau", "атырау"), "Asia/Atyrau"),
    (("aktobe", "aqtobe", "ақтөбе", "актобе"), "Asia/Aqtobe"),
    (("west kazakhstan", "uralsk", "батыс қазақстан", "орал", "уральск"), "Asia/Oral"),
    (("kyzylorda", "qyzylorda", "қызылорда", "кызылорда"), "Asia/Qyzylorda"),
    (("kostanay", "qostanay", "қостанай", "костанай"), "Asia/Qostanay"),
)
"""Words of a region's name, and the zone they decide; all the rest of the country keeps Almaty's clock."""

_ONE_CLOCK = {
    "AE": "Asia/Dubai",
    "AM": "Asia/Yerevan",
    "AT": "Europe/Vienna",
    "AZ": "Asia/Baku",
    "BD": "Asia/Dhaka",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "BY": "Europe/Minsk",
    "CH": "Europe/Zurich",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "EG": "Africa/Cairo",
    "ET": "Africa/Addis_Ababa",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "GE": "Asia/Tbilisi",
    "GR": "Europe/Athens",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IN": "Asia/Kolkata",
    "IQ": "Asia/Baghdad",
    "IR": "Asia/Tehran",
    "IT": "Europe/Rome",
    "JP": "Asia/Tokyo",
    "KG": "Asia/Bishkek",
    "KR": "Asia/Seoul",
    "LT": "Europe/Vilnius",
    "LV": "Europe/Riga",
    "MM": "Asia/Yangon",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "PK": "Asia/Karachi",
    "PL": "Europe/Warsaw",
    "RO": "Europe/Bucharest",
    "SD": "Africa/Khartoum",
    "SE": "Europe/Stockholm",
    "SG": "Asia/Singapore",
    "SK": "Europe/Bratislava",
    "SY": "Asia/Damascus",
    "TJ": "Asia/Dushanbe",
    "TM": "Asia/Ashgabat",
    "TR": "Europe/Istanbul",
    "UG": "Africa/Kampala",
    "UZ": "Asia/Tashkent",
    "VE": "America/Caracas",
    "VN": "Asia/Ho_Chi_Minh",
}


def local_zone(country: str, region: str | None) -> ZoneInfo | None:
    """Give the zone of a vantage; ``None`` where its country has several and its region does not decide."""
    name = _ONE_CLOCK.get(country.upper())
    if country.upper() == "KZ":
        written = (region or "").casefold()
        matches = (zone for words, zone in _KAZAKHSTAN if any(word in written for word in words))
        name = next(matches, "Asia/Almaty")
    try:
        return ZoneInfo(name) if name else None
    except ZoneInfoNotFoundError:  # a system without the zone database: UTC alone is still true
        return None
