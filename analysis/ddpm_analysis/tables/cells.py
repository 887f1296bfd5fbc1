"""Cells of text tables: what a text may stand for (a gap, a number in one of the ways people write them, a date), and
columns of texts as numbers."""
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from .. import frames
from ..failures import optional

DISTINCT_MAX = 10000           # distinct values that are counted one by one; with more, a column is not one of classes
GAPS = {"", "na", "n/a", "#n/a", "n.a.", "nan", "-nan", "null", "<null>", "#null!", "<na>", "nat", "\\n", "?", "none",
        "missing", "-", "--", ".", "..", "...", "*", "#div/0!", "#value!", "#ref!", "#num!", "#name?"}
TEXT_GAPS = {"", "na", "n/a", "#n/a", "nan", "null", "<null>", "<na>", "nat", "\\n", "?"}  # beside words
PLAIN_CHARACTERS = set("0123456789+-.eE")
EXPONENT = r"(?:[eEdD][+-]?\d+)?"
SHAPES = [(name, re.compile(pattern, re.ASCII).fullmatch) for name, pattern in (
    ("plain", rf"[+-]?(?:\d+\.?\d*|\.\d+){EXPONENT}"),
    ("comma?", r"[+-]?[1-9]\d{0,2},\d{3}"),                  # 1,234: thousands, or a decimal comma
    ("thousands", r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"),
    ("dots", r"[+-]?\d{1,3}(?:\.\d{3}){2,}"),
    ("comma", rf"[+-]?(?:\d*|\d{{1,3}}(?:\.\d{{3}})+),\d+{EXPONENT}"))]
GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ '\u2019\u00a0\u202f]\d{3})+(?:[.,]\d*)?").fullmatch
DOT_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}").fullmatch      # thousands, where commas are decimal
SPACES = re.compile(r"[ '\u2019\u00a0\u202f]")
INFINITE = {"inf", "+inf", "-inf", "infinity", "-infinity"}
CURRENCY = "$\u20ac\u00a3\u00a5"


NEGATIVE = re.compile(rf"([{CURRENCY}]?) ?\(([^-+()]*)\)").fullmatch       # (1,234), as accountants write -1,234


def bare(text):
    """(digits and separators of a number, its mark: "%", a currency or nothing)."""
    text = text.replace("\u2212", "-")
    negative = NEGATIVE(text)
    if negative:
        text = "-" + negative[1] + negative[2].strip()
    mark = ""
    if text[-1:] == "%" or text[-1:] in CURRENCY:
        text, mark = text[:-1].rstrip(), text[-1:]
    elif text.lstrip("+-")[:1] in CURRENCY:
        mark = text.lstrip("+-")[:1]
        text = text.replace(mark, "", 1).replace(" ", "", 1)
    return (SPACES.sub("", text) if GROUPED(text) else text), mark


def shape_of(text):
    """(how a stripped text is a number: a name of SHAPES, "gap", "infinite" or "text", and its mark)."""
    lower = text.lower()
    if lower in GAPS:
        return "gap", ""
    if lower in INFINITE:
        return "infinite", ""
    if not any(character.isdigit() for character in text):
        return "text", ""
    digits, mark = bare(text)
    return next(((name, mark) for name, match in SHAPES if match(digits)), ("text", ""))


def is_number(text):
    return shape_of(text)[0] not in ("gap", "text")


# ---- what a column of texts is

@dataclass
class Texts:
    """Counts over the cells of one column."""

    rows: int = 0
    shapes: Counter = field(default_factory=Counter)
    marks: Counter = field(default_factory=Counter)
    distinct: Counter = field(default_factory=Counter)      # of cells that are no gaps, while few enough
    words: Counter = field(default_factory=Counter)         # of cells that are neither numbers nor gaps
    word_gaps: int = 0                                      # gaps in case it is a column of words
    many: bool = False                                      # more than DISTINCT_MAX distinct values
    padded: int = 0                                         # numbers with leading zeros
    bracketed: int = 0                                      # numbers in parentheses
    lengths: set = field(default_factory=set)               # of whole numbers' texts

    def add(self, cells):
        self.rows += len(cells)
        rest = [text for text in cells if text.lower() not in GAPS]
        if self.many and are_plain(rest):  # there is nothing to learn of each by itself
            self.shapes["plain"] += len(rest)
            self.shapes["gap"] += len(cells) - len(rest)
            self.word_gaps += sum(text.lower() in TEXT_GAPS for text in cells) if len(rest) < len(cells) else 0
            self.padded += sum(text[0] == "0" and len(text) > 1 and text.isdigit() for text in rest)
            self.lengths.update(set(map(len, rest)) if len(self.lengths) < 100 else ())
            return
        for text, count in Counter(cells).items():
            shape, mark = shape_of(text)
            self.shapes[shape] += count
            if text.lower() in TEXT_GAPS:
                self.word_gaps += count
            if shape == "gap" and text.lower() in TEXT_GAPS:
                continue
            if not self.many:
                self.distinct[text] += count
                self.many = len(self.distinct) > DISTINCT_MAX
            self.bracketed += count * (shape != "text" and NEGATIVE(text) is not None)
            if shape == "text" and len(self.words) <= DISTINCT_MAX:
                self.words[text] += count
            if shape == "plain":
                if mark:
                    self.marks[mark] += count
                if text.isdigit():
                    self.padded += count * (len(text) > 1 and text[0] == "0")
                    if len(self.lengths) < 100:
                        self.lengths.add(len(text))
            elif mark:
                self.marks[mark] += count

    @property
    def numbers(self):
        return self.rows - self.shapes["gap"] - self.shapes["text"]

    @property
    def has_codes(self):
        """Whole numbers of one length with leading zeros: postal codes and the like, which are names."""
        return self.padded > 0 and len(self.lengths) == 1 and self.shapes["plain"] == self.numbers

    @property
    def looks_numeric(self):
        """Numbers, but for gaps and a few texts among many numbers."""
        words = self.shapes["text"]
        if not self.numbers or self.has_codes or len(self.marks) > 1 or (words and self.bracketed):
            return False
        return not words or (words <= 0.1 * self.numbers and len(self.words) <= 5 and
                             (self.many or len(self.distinct) - len(self.words) > 20))

    def decimal(self, preferred):
        """The decimal sign of this column; `preferred` settles 1,234."""
        shapes = self.shapes
        if shapes["comma"] + shapes["dots"] != shapes["thousands"]:
            return "," if shapes["comma"] + shapes["dots"] > shapes["thousands"] else "."
        return preferred if shapes["comma?"] else "."


def to_numbers(cells, decimal="."):
    """Texts as a masked array: int64 where all are whole numbers of it, else float64; what is no number is masked."""
    if decimal == ".":
        plain = ["0" if text.lower() in GAPS else text for text in cells]
        if are_plain(plain):
            return np.ma.array(plain_numbers(plain), mask=[text.lower() in GAPS for text in cells]
                               if plain != cells else False)
    known = {}
    for text in set(cells):
        shape, _ = shape_of(text)
        if shape == "infinite":
            known[text] = text
        elif shape not in ("gap", "text"):
            digits = bare(text)[0]
            dotted = decimal == "," and (shape != "plain" or DOT_GROUP(digits))
            digits = digits.replace(".", "").replace(",", ".") if dotted else digits.replace(",", "")
            known[text] = digits.replace("d", "e").replace("D", "e")
    mask = np.array([text not in known for text in cells])
    return np.ma.array(plain_numbers([known.get(text, "0") for text in cells]), mask=mask)


def are_plain(cells):
    """Whether all are numbers as Python reads them, found out in bulk."""
    if "" in cells or not set("".join(cells)) <= PLAIN_CHARACTERS:
        return False
    try:
        np.array(cells, np.float64)
        return True
    except ValueError:
        return False


def plain_numbers(texts):
    """Python's own reading of each text, which is exact; ValueError for one that is no number."""
    if max(map(len, texts), default=0) <= 15:
        return np.array(texts, np.float64) if texts else np.zeros(0)
    if all(text.lstrip("+-").isdigit() for text in texts):
        whole = [int(text) for text in texts]
        if max(map(abs, whole)) < 2**63:
            return np.array(whole, np.int64)
    return np.array([float(text) for text in texts])


# ---- dates and times

DAY = 86400
QUARTERS = "%YQ%m"            # of the month in which the quarter begins
MIDNIGHT = re.compile(r".*[T ](0?0:00(:00(\.0+)?)?Z?|12:00(:00)? ?[Aa][Mm])").fullmatch
NUMBER_DATES_MIN = 20         # distinct whole numbers that are all dates, and no chance
NUMBER_YEARS = 1800, 2100     # of dates that are whole numbers
# pattern of the text, pandas' format, unit; for a date of three numbers both orders are tried
ZONE = r"(?:Z|[+-]\d\d:?\d\d)?"
CLOCK = r"\d{1,2}:\d\d"
HALF_DAY = r" ?[AaPp][Mm]"
DATES = [(re.compile(pattern).fullmatch, formats) for pattern, formats in (
    (r"\d{4}-\d{1,2}-\d{1,2}", ["%Y-%m-%d"]),
    (r"\d{4}/\d{1,2}/\d{1,2}", ["%Y/%m/%d"]),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ["%Y.%m.%d"]),
    (r"\d{1,2}/\d{1,2}/\d{4}", ["%m/%d/%Y", "%d/%m/%Y"]),
    (r"\d{1,2}-\d{1,2}-\d{4}", ["%m-%d-%Y", "%d-%m-%Y"]),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ["%d.%m.%Y"]),
    (r"\d{1,2}/\d{1,2}/\d{2}", ["%m/%d/%y", "%d/%m/%y"]),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ["%d.%m.%y"]),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}", ["%d-%b-%Y"]),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{2}", ["%d-%b-%y"]),
    (r"[A-Za-z]{3} \d{1,2},? \d{4}", ["%b %d %Y"]),
    (r"[A-Za-z]{3,9} \d{1,2},? \d{4}", ["%B %d %Y"]),
    (r"\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{4}", ["%d-%B-%Y"]),
    (r"[A-Za-z]{3}-\d{1,2}-\d{4}", ["%b %d %Y"]),
    (r"[A-Za-z]{3}[- ]\d{4}", ["%b %Y"]),
    (r"[A-Za-z]{3,9} \d{4}", ["%B %Y"]),
    (r"\d{4}-\d\d", ["%Y-%m"]),
    (r"\d{1,2}/\d{4}", ["%m/%Y"]),
    (r"\d{1,2}-\d{4}", ["%m-%Y"]),
    (r"\d{4}[- ]?[Qq][1-4]", [QUARTERS]),
    (r"\d{4}[- ]?[Mm]\d{1,2}", ["%YM%m"]),
    (rf"\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?{ZONE}", ["ISO"]),
    (rf"\d{{4}}/\d{{1,2}}/\d{{1,2}} {CLOCK}", ["%Y/%m/%d %H:%M"]),
    (rf"\d{{4}}/\d{{1,2}}/\d{{1,2}} {CLOCK}:\d\d", ["%Y/%m/%d %H:%M:%S"]),
    (rf"\d{{1,2}}/\d{{1,2}}/\d{{4}} {CLOCK}", ["%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"]),
    (rf"\d{{1,2}}/\d{{1,2}}/\d{{4}} {CLOCK}:\d\d", ["%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"]),
    (rf"\d{{1,2}}/\d{{1,2}}/\d{{2}} {CLOCK}", ["%m/%d/%y %H:%M", "%d/%m/%y %H:%M"]),
    (rf"\d{{1,2}}\.\d{{1,2}}\.\d{{4}} {CLOCK}", ["%d.%m.%Y %H:%M"]),
    (rf"\d{{1,2}}\.\d{{1,2}}\.\d{{4}} {CLOCK}:\d\d", ["%d.%m.%Y %H:%M:%S"]),
    *((rf"\d{{1,2}}/\d{{1,2}}/\d{{{digits}}} {CLOCK}{seconds}{HALF_DAY}",
       [f"{day}/%{year} %I:%M{clock} %p" for day in ("%m/%d", "%d/%m")])
      for digits, year in ((4, "Y"), (2, "y")) for seconds, clock in (("", ""), (r":\d\d", ":%S"))),
    (CLOCK + HALF_DAY, ["%I:%M %p"]),
    (rf"{CLOCK}:\d\d{HALF_DAY}", ["%I:%M:%S %p"]),
    (CLOCK, ["%H:%M"]),
    (rf"{CLOCK}:\d\d", ["%H:%M:%S"]),
    (rf"{CLOCK}:\d\d\.\d+", ["%H:%M:%S.%f"]))]


@dataclass
class DateFormat:
    text: str                  # strftime's, or "ISO"
    unsure: bool = False       # day and month could be exchanged
    midnight: bool = False     # each text has a clock that says midnight: a day

    @property
    def unit(self):
        if self.text.startswith(("%H", "%I")):
            return frames.CLOCK
        has_clock = "%M" in self.text or self.text == "ISO"
        return frames.SECONDS if has_clock and not self.midnight else frames.DAYS

    def times(self, texts):
        """Nanoseconds since 1970, and which texts are no dates."""
        pandas = optional("pandas")
        if "%b" in self.text or "%B" in self.text:
            texts = [re.sub("[-, ]+", "-" if self.text.startswith("%d") else " ", text).title() for text in texts]
        elif self.text == QUARTERS:
            texts = [f"{text[:4]}Q{3 * int(text[-1]) - 2}" if text[-1:] in list("1234") else "" for text in texts]
        elif self.text == "%YM%m":
            texts = [re.sub("[- ]?[Mm]", "M", text) for text in texts]
        elif "%p" in self.text:
            texts = [re.sub(f"{HALF_DAY}$", lambda half: " " + half[0].strip().upper(), text) for text in texts]
        wanted = {} if self.text == "ISO" else {"format": self.text}
        times = pandas.to_datetime(pandas.Series(texts, dtype=object), errors="coerce", utc=True, **wanted)
        return times.to_numpy("datetime64[ns]").astype(np.int64), times.isna().to_numpy()

    def numbers(self, cells):
        """Days or seconds, whole where they are."""
        nanoseconds, gaps = self.times(cells)
        if self.unit == frames.CLOCK:
            nanoseconds %= DAY * 10**9
        if self.unit == frames.DAYS:
            values = nanoseconds // (DAY * 10**9)
        else:
            values = nanoseconds // 10**9 if not (nanoseconds % 10**9)[~gaps].any() else nanoseconds / 1e9
        return np.ma.array(np.where(gaps, 0, values), mask=gaps)


TRIED = 100                   # texts by which most forms of writing are told from the right one
ISO_FORMS = [f"%Y-%m-%d{between}%H:%M{seconds}{zone}"
             for between in "T " for seconds in (":%S", "", ":%S.%f") for zone in ("", "Z", "+00:00")]
# what `times` makes one of several forms of writing
WRITTEN = {"ISO": ISO_FORMS, QUARTERS: ["%YQ%q", "%Y-Q%q", "%Y Q%q"], "%YM%m": ["%YM%m", "%Y-M%m", "%Y M%m"],
           "%b %d %Y": ["%b %d, %Y", "%b %d %Y", "%b-%d-%Y"], "%B %d %Y": ["%B %d, %Y", "%B %d %Y"],
           "%b %Y": ["%b %Y", "%b-%Y"]}


def forms_of(text):
    """Forms of writing that a format reads: separators, capitals, zeros before days and hours."""
    forms = WRITTEN.get(text, [text])
    if text.startswith("%d") and ("%b" in text or "%B" in text):
        forms = [text, text.replace("-", " ")]
    if "%b" in text:
        forms = [form.replace("%b", month) for form in forms for month in ("%b", "%^b")]
    if "%p" in text:
        forms = [form.replace(" %p", half) for form in forms for half in (" %p", "%p", " %P", "%P")]
    return list(dict.fromkeys(re.sub(f"%(?=[-{days}{clocks}])", "%-", form) for form in forms
                              for days in ("", "dm") for clocks in ("", "HI")))


def written_format(texts, found):
    """The format by which strftime writes exactly these dates (frames.date_texts), or None."""
    pandas = optional("pandas")
    texts = list(texts)
    times = pandas.Series(found.times(texts)[0].astype("datetime64[ns]"))
    for form in forms_of(found.text):
        if all(list(frames.date_texts(times[:count], form)) == texts[:count] for count in (TRIED, len(texts))):
            return form
    return None


def date_format(texts, day_first=None):
    """The format in which all of these texts are dates, or None."""
    texts = list(texts)
    for match, formats in DATES if texts else ():
        if not match(texts[0]) or not all(map(match, texts)):
            continue
        good = [text for text in formats if not DateFormat(text).times(texts)[1].any()]
        midnight = len(texts) <= DISTINCT_MAX and all(map(MIDNIGHT, texts))
        if good:
            return DateFormat(good[-1] if day_first else good[0], len(good) == 2 and day_first is None, midnight)
    return None


def number_date_format(texts, name):
    """The format in which whole numbers are dates, as 19991231 or 199912, or None. A few may look so by chance, unless
    the column's name says that they are dates."""
    lengths, named = set(map(len, texts)), "date" in name.lower()
    if len(lengths) != 1 or not all(map(str.isdigit, texts)) or (len(texts) < NUMBER_DATES_MIN and not named):
        return None
    for form in {8: ["%Y%m%d"], 6: ["%Y%m"] + ["%y%m%d"] * named}.get(lengths.pop(), ()):
        years = [int(text[:4]) for text in texts] if "%Y" in form else [2000]
        if NUMBER_YEARS[0] <= min(years) <= max(years) <= NUMBER_YEARS[1] and \
                not DateFormat(form).times(texts)[1].any():
            return DateFormat(form)
    return None
