"""Durations as seconds, and as people write them: 26:05:00, 34:59.1 (minutes and seconds), 1 days 02:05:00 (pandas),
1 day, 2:05:00 (Python), P1DT2H5M (ISO 8601). The form of a column is a text, as H:MM:SS.f, [H:]M:SS (hours where there
are some) or PDTHM, by which it is written again."""
import re
from dataclasses import dataclass

import numpy as np

UNITS = "seconds"
MICRO = {"W": 604800 * 10**6, "D": 86400 * 10**6, "H": 3600 * 10**6, "M": 60 * 10**6, "S": 10**6}
REST = r"(?P<M>[0-5]\d):(?P<S>[0-5]\d(?:\.\d{1,6})?)"
CLOCK = re.compile(rf"(?P<sign>-?)(?P<H>\d+):{REST}").fullmatch
MINUTES = re.compile(r"(?P<sign>-?)(?:(?P<H>\d+):(?=[0-5]\d:))?(?P<M>\d+):(?P<S>[0-5]\d(?:\.\d{1,6})?)").fullmatch
PANDAS = re.compile(rf"(?P<D>-?\d+) days?(?: \+?(?P<H>\d\d):{REST})?").fullmatch
PYTHON = re.compile(rf"(?:(?P<D>-?\d+) days?, )?(?P<H>\d\d?):{REST}").fullmatch
ISO = re.compile(r"(?P<sign>-?)P(?=[\dT])(?:(?P<W>\d+)W)?(?:(?P<D>\d+)D)?"
                 r"(?:T(?=\d)(?:(?P<H>\d+)H)?(?:(?P<M>\d+)M)?(?:(?P<S>\d+(?:\.\d{1,6})?)S)?)?").fullmatch
is_form = re.compile(r"(H{1,3}:MM|(\[H:\])?M{1,2}):SS(\.f{1,6})?|D days(,? H{1,2}:MM:SS)?|"
                     r"P(0?W)?(0?D)?(T(0?H)?(0?M)?(0?S)?)?").fullmatch


def micro_of(match):
    """Microseconds of a text that was matched."""
    parts = {name: part for name, part in match.groupdict().items() if part and name != "sign"}
    seconds, _, fraction = parts.pop("S", "0").partition(".")
    micro = int(seconds) * 10**6 + int(fraction.ljust(6, "0")) + \
        sum(int(part) * MICRO[name] for name, part in parts.items())
    return -micro if match.groupdict().get("sign") else micro


def iso_text(micro, form):
    """With the units of the form, the largest of which takes all that it can. Those that are 0 are left out, unless the
    form has zeros."""
    sign, rest, text = "-" * (micro < 0), abs(micro), ""
    units = [unit for unit in form if unit in MICRO]
    for unit in units:
        count, rest = divmod(rest, MICRO[unit])
        if unit == "S":
            count, rest = f"{count}.{rest:06}".rstrip("0").rstrip("."), 0
        if count not in (0, "0") or "0" in form or (unit == units[-1] and not text):
            text += "T" * (unit in "HMS" and "T" not in text) + f"{count}{unit}"
    return f"{sign}P{text}"


def text_of(seconds, form):
    """A duration as a form writes it."""
    micro, days = round(seconds * 10**6), form.startswith("D")
    if form.startswith("P"):
        return iso_text(micro, form)
    sign, micro = ("", micro) if days else ("-" * (micro < 0), abs(micro))
    day, rest = divmod(micro, MICRO["D"]) if days else (0, micro)
    hours, rest = divmod(rest, MICRO["H"])
    minutes, rest = divmod(rest, MICRO["M"])
    whole, fraction = divmod(rest, MICRO["S"])
    decimals = form.count("f") or 6 * (days and fraction > 0)
    clock = f"{minutes:02}:{whole:02}" + f".{fraction:06}"[:1 + decimals] * (decimals > 0)
    if form.startswith(("M", "[")):
        minutes += 0 if form.startswith("[") else 60 * hours
        short = f"{minutes:0{form.count('M')}}{clock[2:]}"
        return f"{sign}{hours}:{clock}" if form.startswith("[") and hours else sign + short
    if not days:
        return f"{sign}{hours:0{form.index(':')}}:{clock}"
    if "," in form:
        return f"{day} day{'s' * (abs(day) != 1)}, " * (day != 0) + f"{hours}:{clock}"
    return f"{day} days" + f" {'+' * (day < 0)}{hours:02}:{clock}" * (":" in form)


def texts_of(seconds, form):
    """Of a series of pandas. Gaps stay."""
    return seconds.astype(object).map(lambda value: text_of(value, form), na_action="ignore")


@dataclass
class Durations:
    """How the texts of a column are durations."""

    match: object
    form: str                  # that writes all of them, or ""
    strays: tuple              # texts that are none

    def numbers(self, cells):
        """Seconds, whole where all are; what is no duration is masked."""
        micro = {text: value for text in set(cells)
                 if (found := self.match(text)) and abs(value := micro_of(found)) < 2**63}
        values = np.array([micro.get(text, 0) for text in cells], np.int64)
        mask = np.array([text not in micro for text in cells], bool)
        return np.ma.array(values // 10**6 if not (values % 10**6).any() else values / 1e6, mask=mask)


def find(texts, strays_of):
    """What durations these texts are, but for a few strays, or None: where they could be something else, as times of
    day. @param strays_of  the texts that are not good, or None where they are too many."""
    for match, forms, is_sure in (
            (CLOCK, ["H:MM:SS", "HH:MM:SS", "HHH:MM:SS"], lambda found: found["sign"] or int(found["H"]) > 23),
            (MINUTES, ["M:SS", "MM:SS", "[H:]M:SS", "[H:]MM:SS"],
             lambda found: not found["H"] and (found["sign"] or int(found["M"]) > 24 or "." in found["S"])),
            (PANDAS, ["D days", "D days HH:MM:SS"], bool), (PYTHON, ["D days, H:MM:SS"], lambda found: found["D"]),
            (ISO, [], lambda found: any(found.groups()[1:]))):
        matches = {text: match(text) for text in texts}
        strays = strays_of(texts, matches.values())
        if strays is None:
            continue
        matches = {text: found for text, found in matches.items() if found}
        if not any(map(is_sure, matches.values())) or max(abs(micro_of(found)) for found in matches.values()) >= 2**63:
            continue
        if match is ISO:
            units = [unit for unit in MICRO if any(found[unit] for found in matches.values())]
            clock = "".join(unit for unit in units if unit in "HMS")
            form = "P" + "".join(unit for unit in units if unit in "WD") + "T" * bool(clock) + clock
            forms = [form, re.sub("([WDHMS])", r"0\1", form)]
        decimals = max(len(text.partition(".")[2]) for text in matches) if match in (CLOCK, MINUTES) else 0
        forms = [form + "." * (decimals > 0) + "f" * decimals for form in forms]
        fitting = [form for form in forms if all(text_of(micro_of(found) / 1e6, form) == text
                                                 for text, found in matches.items())]
        return Durations(match, fitting[0] if fitting else "", strays)
    return None
