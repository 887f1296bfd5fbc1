"""Cells of text tables: what a text may stand for (a gap, a number in one of the ways people write them), and columns
of texts as numbers."""
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

STRAYS_MAX = 5                 # distinct texts among numbers, dates or durations, that are taken for gaps,
STRAYS_SHARE = 0.1             # in so many rows,
STRAYS_AMONG = 20              # where there are more distinct ones of those
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


def strays_of(texts, are_good):
    """The texts that are none of those, or None where they are too many; `texts` counts the rows of each."""
    strays = tuple(text for text, good in zip(texts, are_good) if not good)
    few = len(strays) <= STRAYS_MAX and len(texts) - len(strays) > STRAYS_AMONG and \
        sum(texts[text] for text in strays) <= STRAYS_SHARE * sum(texts.values())
    return strays if few or not strays else None


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
        return not words or (words <= STRAYS_SHARE * self.numbers and len(self.words) <= STRAYS_MAX and
                             (self.many or len(self.distinct) - len(self.words) > STRAYS_AMONG))

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
