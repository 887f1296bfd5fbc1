"""Texts that are dates or times of day: the format in which a column is read, and the one in which it was written."""
import datetime
import functools
import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from .. import frames
from ..failures import optional
from .cells import DISTINCT_MAX, STRAYS_MAX, strays_of

DAY = 86400
QUARTERS = "%YQ%m"            # of the month in which the quarter begins
WEEKS = "%GW%V"               # of ISO 8601, which begin on Monday
ISO = "ISO"                   # what pandas reads by itself, whatever its precision
NUMBER_DATES_MIN = 20         # distinct whole numbers that are all dates, and no chance
NUMBER_YEARS = 1800, 2100     # of dates that are whole numbers

# ---- one way of writing: 5-Jan-2019 9:05 PM, whatever stands between the parts

ENGLISH = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")
# German, French, Spanish, Italian, Portuguese, Dutch
OTHERS = " ".join([
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december"]).split()
SHORT = {"mrz": 2, "mrt": 2}   # that do not begin a name
WEEKDAY = re.compile(r"\b(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?\b[., ]*", re.IGNORECASE)
ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
MONTH = re.compile(r"[-/ ,.]*(?<![^\W\d_])([^\W\d_]{3,10})(?![^\W\d_])\.?[-/ ,.']*")
OF = re.compile(r"(?<=[ .])de[l]? (?=\w)", re.IGNORECASE)       # 5 de enero de 2020
HALF_DAY = re.compile(r"(?<=\d) ?([AaPp])\.?[Mm]\b\.?")
UTC = re.compile(r" ?(?:UTC|GMT|Z)$")
YEAR_LAST = re.compile(r"^(.*?)[ -]+(\d\d?:\d\d(?::\d\d)?)( [+-]\d{4}| UTC| GMT)? (\d{4})$").sub   # as `date` writes
BEFORE_CLOCK = re.compile(r"(?<=\d)(?:T|, ?|:(?=\d\d:\d\d:)| +)(?=\d{1,2}:\d\d)")
ZONE = re.compile(r"(?<=\d) ?([+-])(\d\d):?(\d\d)$")


def unaccented(text):
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


@functools.lru_cache(1 << 16)
def month_number(name):
    """0 to 11 of a name or the first three letters of it or more, in one of the languages; None of others, and where it
    is short for two."""
    name = unaccented(name.lower())
    found = {place % 12 for place, month in enumerate((*ENGLISH, *OTHERS)) if unaccented(month).startswith(name)}
    return found.pop() if len(found) == 1 else SHORT.get(name)


def month_of(match):
    number = month_number(match[1])
    return match[0] if number is None else f"-{ENGLISH[number][:3].title()}-"


def plain(text):
    """A date as the patterns below expect it; other texts in any way."""
    if not text.isascii():
        text = re.sub("[\u5e74\u6708]", "-", text).replace("\u65e5", "")
    if re.search("[A-Za-z]", text):
        text = YEAR_LAST(r"\1 \4 \2\3", ORDINAL.sub("", WEEKDAY.sub("", OF.sub("", text))))
        text = UTC.sub("Z", HALF_DAY.sub(lambda half: f" {half[1].upper()}M", text))
        text = re.sub(r"(?<=-[A-Z][a-z]{2}-)(\d{1,2})[, ]+(?=\d{4})", r"\1-", MONTH.sub(month_of, text, count=1))
        text = text.strip("-")
    return BEFORE_CLOCK.sub(" ", text)


DASHED = ["%y-%m-%d", "%m-%d-%y", "%d-%m-%y"]      # of which one alone must fit, unless the user says which

# pattern, pandas' formats: of a date of three numbers both orders are tried
DAYS = [(r"\d{4}-\d{1,2}-\d{1,2}", ["%Y-%m-%d"]),
        (r"\d{4}/\d{1,2}/\d{1,2}", ["%Y/%m/%d"]),
        (r"\d{4}\.\d{1,2}\.\d{1,2}", ["%Y.%m.%d"]),
        (r"\d{1,2}/\d{1,2}/\d{4}", ["%m/%d/%Y", "%d/%m/%Y"]),
        (r"\d{1,2}-\d{1,2}-\d{4}", ["%m-%d-%Y", "%d-%m-%Y"]),
        (r"\d{1,2}\.\d{1,2}\.\d{4}", ["%d.%m.%Y"]),
        (r"\d{1,2}/\d{1,2}/\d{2}", ["%m/%d/%y", "%d/%m/%y"]),
        (r"\d{1,2}\.\d{1,2}\.\d{2}", ["%d.%m.%y"]),
        (r"\d{1,2}-\d{1,2}-\d{2}", DASHED),
        (r"\d{1,2}-[A-Z][a-z]{2}-\d{4}", ["%d-%b-%Y"]),
        (r"\d{1,2}-[A-Z][a-z]{2}-\d{2}", ["%d-%b-%y"]),
        (r"[A-Z][a-z]{2}-\d{1,2}-\d{4}", ["%b-%d-%Y"]),
        (r"\d{4}-[A-Z][a-z]{2}-\d{1,2}", ["%Y-%b-%d"])]
CLOCKS = [(pattern + half_day, clock.replace("%H", "%I") + " %p" if half_day else clock) for half_day in ("", " [AP]M")
          for pattern, clock in ((r"\d{1,2}:\d\d", "%H:%M"), (r"\d{1,2}:\d\d:\d\d", "%H:%M:%S"),
                                 (r"\d{1,2}:\d\d:\d\d\.\d{1,6}", "%H:%M:%S.%f"))]
DATES = [(re.compile(pattern).fullmatch, formats) for pattern, formats in (
    *DAYS,
    (r"[A-Z][a-z]{2}-\d{4}", ["%b-%Y"]),
    (r"[A-Z][a-z]{2}-\d{2}", ["%b-%y"]),
    (r"\d{4}-[A-Z][a-z]{2}", ["%Y-%b"]),
    (r"\d{4}-\d\d", ["%Y-%m"]),
    (r"\d{1,2}/\d{4}", ["%m/%Y"]),
    (r"\d{1,2}-\d{4}", ["%m-%Y"]),
    (r"\d{4}[- ]?[Qq][1-4]|[Qq][1-4][-/ ]?\d{4}", [QUARTERS]),
    (r"\d{4}[- ]?[Mm]\d{1,2}", ["%YM%m"]),
    (r"\d{4}-?W\d\d", [WEEKS]),
    (r"\d{8}T\d{6}Z?", ["%Y%m%dT%H%M%S"]),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)? ?(?:Z|[+-]\d\d:?\d\d)?", [ISO]),
    *((f"{day} {clock}{zone}", [f"{form} {time}{'%z' * bool(zone)}" for form in formats])
      for day, formats in DAYS for clock, time in CLOCKS for zone in ("", r" ?(?:Z|[+-]\d\d:?\d\d)")),
    *((clock, [time]) for clock, time in CLOCKS))]
MIDNIGHT = re.compile(r".* (?:0?0:00(?::00(?:\.0+)?)?|12:00(?::00)? AM)Z?").fullmatch


@dataclass
class DateFormat:
    text: str                  # strftime's, of plain(text), or ISO
    unsure: bool = False       # day and month could be exchanged
    midnight: bool = False     # each text has a clock that says midnight: a day
    strays: tuple = ()         # texts that are no dates
    early: bool = False        # some are before those that pandas holds

    @property
    def unit(self):
        if self.text.startswith(("%H", "%I")):
            return frames.CLOCK
        has_clock = "%M" in self.text or self.text == ISO
        return frames.SECONDS if has_clock and not self.midnight else frames.DAYS

    def times(self, texts):
        """Microseconds since 1970, and which texts are no dates."""
        pandas = optional("pandas")
        texts = list(map(plain, texts))
        if self.text == QUARTERS:
            found = [(re.search(r"\d{4}", text), re.search(r"[Qq]([1-4])", text)) for text in texts]
            texts = [f"{year[0]}Q{3 * int(quarter[1]) - 2}" if year and quarter else "" for year, quarter in found]
        elif self.text == WEEKS:
            texts = [text.replace("-", "") + "1" for text in texts]
        elif self.text == "%YM%m":
            texts = [re.sub("[- ]?[Mm]", "M", text) for text in texts]
        elif self.text.endswith("%z"):
            texts = [re.sub(r" (?=[-+Z])", "", text) for text in texts]
        elif not self.text == ISO:
            texts = [text.removesuffix("Z") for text in texts]
        guesses = {} if pandas.__version__.startswith("1.") else {"format": "ISO8601"}
        wanted = guesses if self.text == ISO else {"format": self.text + "%u" * (self.text == WEEKS)}
        times = pandas.to_datetime(pandas.Series(texts, dtype=object), errors="coerce", utc=True, **wanted)
        gaps = times.isna()
        if self.text == WEEKS:    # pandas takes the 53rd week of any year
            gaps |= times.dt.strftime(WEEKS + "%u") != pandas.Series(texts, dtype=object)
        gaps = gaps.to_numpy(copy=True)
        micro = times.to_numpy("datetime64[ns]").astype(np.int64) // 1000
        for place in np.flatnonzero(gaps) if self.early else ():
            early = early_time(texts[place], ISO if self.text == ISO else wanted["format"])
            if early is not None:
                micro[place], gaps[place] = early, False
        return micro, gaps

    def numbers(self, cells):
        """Days or seconds, whole where they are."""
        micro, gaps = self.times(cells)
        if self.unit == frames.CLOCK:
            micro %= DAY * 10**6
        if self.unit == frames.DAYS:
            values = micro // (DAY * 10**6)
        else:
            values, rest = np.divmod(micro, 10**6)
            if rest[~gaps].any():
                values = values + rest / 1e6   # of which a double holds more digits than of all microseconds
        return np.ma.array(np.where(gaps, 0, values), mask=gaps)


def early_time(text, form):
    """Microseconds since 1970 of a date before those that pandas holds; None of anything else."""
    try:
        time = datetime.datetime.fromisoformat(text) if form == ISO else datetime.datetime.strptime(text, form)
    except ValueError:
        return None
    utc = time.replace(tzinfo=None) - (time.utcoffset() or datetime.timedelta())
    micro = (utc - frames.EPOCH) // frames.MICROSECOND
    return micro if micro < frames.PANDAS[0] else None


def is_doubtful(form, texts, strays):
    """Whether texts that look like dates are rather something else: durations, of which some are longer than a day,
    times of a weekday, which is part of what they say, or days of a month, as in Mar 15."""
    if form.startswith(("%H", "%I")):
        return any(re.match(r"\d+:" if text in strays else "[A-Za-z]", text) for text in texts)
    if form != "%b-%y":
        return False
    texts = [text for text in texts if text not in strays]
    names = {MONTH.search(text)[1].lower() for text in texts}
    is_word = len(names) == 1 and not any(month.startswith(*names) for month in ENGLISH)     # Out-01, Out-02
    return is_word or all(" " in text and 1 <= int(text[-2:]) <= 31 for text in texts)


def date_format(texts, day_first=None):
    """The format in which these texts are dates, but for a few strays, or None. Those before 1677 are strays where they
    are few, as 0001-01-01 is. @param texts  counts the rows of each, or lists them."""
    texts = texts if isinstance(texts, dict) else dict.fromkeys(texts, 1)
    return find_format(texts, day_first, False) or find_format(texts, day_first, True)


def find_format(texts, day_first, early):
    plains = list(map(plain, texts))
    for match, formats in DATES if texts else ():
        if not any(map(match, plains[:STRAYS_MAX + 1])) or strays_of(texts, map(match, plains)) is None:
            continue
        tried = [(strays_of(texts, ~DateFormat(text, early=early).times(texts)[1]), text) for text in formats]
        good = [(strays, text) for strays, text in tried if strays is not None and not is_doubtful(text, texts, strays)]
        if day_first:
            good = good[-1:]
        fewest = min((len(strays) for strays, _ in good), default=0)
        good = [(strays, text) for strays, text in good if len(strays) == fewest]
        if formats[0].startswith("%y-") and (len(good) > 1 or len(texts) < NUMBER_DATES_MIN):
            continue
        if good:
            strays, text = good[0]
            midnight = len(texts) <= DISTINCT_MAX and all(
                MIDNIGHT(said) for raw, said in zip(texts, plains) if raw not in strays)
            return DateFormat(text, len(good) == 2 and day_first is None, midnight, strays, early)
    return None


NUMBER_FORMATS = {14: ["%Y%m%d%H%M%S"], 12: ["%Y%m%d%H%M"], 8: ["%Y%m%d"], 6: ["%Y%m"]}


def number_date_format(texts, name):
    """The format in which whole numbers are dates, as 19991231 or 199912, or None. A few may look so by chance, unless
    the column's name says that they are dates."""
    lengths, named = set(map(len, texts)), "date" in name.lower()
    if len(lengths) != 1 or not all(map(str.isdigit, texts)) or (len(texts) < NUMBER_DATES_MIN and not named):
        return None
    length = lengths.pop()
    for form in NUMBER_FORMATS.get(length, []) + ["%y%m%d"] * (named and length == 6):
        years = [int(text[:4]) for text in texts] if "%Y" in form else [2000]
        if NUMBER_YEARS[0] <= min(years) <= max(years) <= NUMBER_YEARS[1] and \
                not DateFormat(form).times(texts)[1].any():
            return DateFormat(form)
    return None


# ---- how they were written

TRIED = 300                   # texts that tell forms of writing from each other
PARTS = re.compile(r"(?<= ) \d|\d+|[^\W\d_]+|[\W_]").findall
DIRECTIVES = ["%Y", "%m", "%-m", "%d", "%-d", "%e", "%b", "%^b", "%B", "%^B", "%a", "%^a", "%A", "%^A", "%H", "%-H",
              "%I", "%-I", "%M", "%S", "%f", "%L", "%p", "%P", "%y", "%q", "%G", "%V", "%Y%m%d", "%Y%m", "%y%m%d",
              "%H%M%S", "%Y%m%d%H%M%S", "%Y%m%d%H%M"]


def months_of(times, names):
    """[The directive of all twelve months' names], where each month has one."""
    by_month = dict(zip([time.month for time in times], names))
    if len(by_month) < 12 or len(set(names)) == 1 or not all(
            by_month[time.month] == name and name.isalpha() for time, name in zip(times, names)):
        return []
    return ["%{" + ",".join(by_month[month] for month in sorted(by_month)) + "}"]


def written_format(texts, found):
    """The format by which frames.date_texts writes exactly these texts, or None. Each run of digits or letters is what
    directives make of it in all of them, or a text that all have."""
    pandas = optional("pandas")
    texts = [text for text in texts if text not in found.strays]
    zoned = found.text == ISO or "%z" in found.text
    zones = {zone[0] if zone else "" for zone in map(ZONE.search, texts if zoned else [""])}
    if len(zones) > 1:
        return None if (found.times(texts)[0] % 10**6).any() else frames.UTC_FORM
    zone, = zones
    times = frames.times_of(pandas, *found.times(texts))
    some = sorted({0, len(texts) - 1, *(pick(range(len(texts)), key=lambda i: len(texts[i])) for pick in (min, max)),
                   *range(0, len(texts), 1 + len(texts) // TRIED)})
    parts = [PARTS(texts[i].removesuffix(zone)) for i in some]
    if len(set(map(len, parts))) > 1:
        return None
    local = list(frames.local_times(times.iloc[some], zone))
    order = re.findall("[A-Za-z]", {ISO: "%Y-%m-%d %H:%M:%S", QUARTERS: "%Y%q"}.get(found.text, found.text))
    form, used = "", set()
    for column in zip(*parts):
        fitting = [directive for directive in DIRECTIVES if not used & set(re.findall("[A-Za-z]", directive)) and
                   all(frames.date_text(time, directive) == part for time, part in zip(local, column))]
        fitting = fitting or months_of(local, column)
        fitting.sort(key=lambda directive: order.index(directive[-1]) if directive[-1] in order else len(order))
        if not fitting and len(set(column)) > 1:
            return None
        form += fitting[0] if fitting else column[0].replace("%", "%%")
        used.update(re.findall("[A-Za-z]", fitting[0].partition("{")[0]) if fitting else ())
    form += zone
    return form if list(frames.date_texts(times, form)) == texts else None
