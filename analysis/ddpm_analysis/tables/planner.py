"""What becomes of each column: it is modelled (columns of /data), kept as class codes beside it, or left out; with a
line that says so, and what could be asked for instead."""
import re
import shlex

import numpy as np

from .. import durations, frames
from . import cells, dates
from .columns import EXACT, plural
from .plans import Plan, text_of_number

ONE_HOT_MAX = 50               # classes that get a column each; with more, class codes are written
ROW_NAMES = {"", "unnamed: 0", "rownames", "row.names", "row", "rowid", "index", "id", "no", "no.", "nr", "obs", "case",
             "#"}
SURE_ROW_NAMES = {"unnamed: 0", "rownames", "row.names", "rowid", "id"}    # even where some are skipped
NAMES_SOMETHING = re.compile(
    r"(.*[_. ])?(u?id|pid|subject|patient|person|individual|participant|respondent|household|customer)|.*[a-z]I[dD]")


def quoted(option, name):
    return f"{option} {shlex.quote(name)}"


def shown(value):
    return str(value) if isinstance(value, int) else str(int(value)) if value.is_integer() and abs(value) < 1e15 \
        else f"{value:.6g}"


def class_order(texts):
    """Classes in the order of their codes: by value when all are numbers, else by name."""
    plain = all(cells.shape_of(text)[0] == "plain" for text in texts)
    return sorted(texts, key=lambda text: (float(text), text)) if plain else sorted(texts)


class Planner:
    """Decides for each column, from what was counted and from what the user said."""

    def __init__(self, source, options):
        self.source, self.options = source, options
        self.decimal = source.preferred_decimal
        self.plans = [Plan(column) for column in source.columns]
        self.rows = 0
        self.marks = {}        # by the rows that have gaps, the first column with those

    def said(self, option, column):
        """Whether the user named this column, or all of its name, in an option."""
        return bool({column.name, column.original} & set(getattr(self.options, option)))

    # ---- first: how a column is read

    def choose_decoders(self, texts):
        """`texts`: what was counted over text columns, None for others."""
        if any(text and text.shapes["comma"] and text.decimal(".") == "," for text in texts):
            self.decimal = ","
        for plan, text in zip(self.plans, texts):
            if plan.column.unreadable:
                plan.kind, plan.done = plan.column.unreadable, "left out: it holds no numbers or texts"
            elif self.said("drop", plan.column):
                plan.kind, plan.done = "not looked at", "left out, as told"
            elif text is not None:
                self.read_text(plan, text)
            else:
                self.read_numbers(plan)

    def beside(self, column):
        if self.options.label and self.options.label in (column.name, column.original):
            return "label"
        if self.said("classes", column):
            name = column.name.strip("/").replace("/", "_") or "classes"
            return name + "_classes" if name in ("data", "label") else name
        return None

    def read_numbers(self, plan):
        plan.beside = self.beside(plan.column)
        plan.decode = self.without_sentinels(plan.column)
        classes = plan.column.classes is not None or plan.beside or self.said("category", plan.column)
        if plan.column.classes:
            plan.decode = self.of_positions(plan.column)
            classes = not self.said("number", plan.column)
        if classes and plan.column.width == 1:
            plan.role, plan.kind = "classes", "categories"
        else:
            plan.role, plan.kind = "number", "numbers"
            plan.unit, plan.format = plan.column.units, plan.column.format
            if plan.unit in frames.UNITS:
                plan.kind = "dates"
            elif plan.unit == frames.CLOCK or frames.is_form_of(plan.unit, plan.format):
                plan.kind = "times" if plan.unit == frames.CLOCK else "durations"

    def read_text(self, plan, text):
        column = plan.column
        plan.beside = self.beside(column)
        wanted = plan.beside or column.own or self.said("category", column)
        words = text.rows - text.word_gaps
        if text.rows == text.shapes["gap"] and not wanted:
            plan.kind, plan.gaps, plan.done = "empty", text.rows, "left out: it has no values"
        elif not wanted and not self.said("number", column) and (self.read_durations(plan, text) or
                                                                 self.read_dates(plan, text)):
            pass
        elif self.said("number", column) or (text.looks_numeric and not wanted):
            self.read_number_texts(plan, text)
        else:
            self.read_words(plan, text, words, wanted)

    def without_sentinels(self, column):
        """A function that masks the values that the user says are gaps."""
        stand_ins = [value for name, value in self.options.gap if name in (None, column.name, column.original)]
        numbers = [float(value) for value in stand_ins if cells.shape_of(value)[0] == "plain"]

        def decode(values):
            if not numbers:
                return values
            values = np.ma.asarray(values)
            return np.ma.array(values.data, mask=np.ma.getmaskarray(values) | np.isin(values.data, numbers))
        return decode

    def of_positions(self, column):
        """A function that masks the positions of classes that the user says are gaps; of one that is said to be of
        numbers, it gives these, and other classes are gaps."""
        gaps = [value for name, value in self.options.gap if name in (None, column.name, column.original)]
        values, lost = np.arange(len(column.classes)), np.isin(column.classes, gaps)
        if self.said("number", column):
            numbers = cells.to_numbers(column.classes, self.options.decimal or ".")
            values, lost = numbers.data, lost | np.ma.getmaskarray(numbers)

        def decode(positions):
            at = np.ma.filled(positions, 0)
            return np.ma.array(values[at], mask=np.ma.getmaskarray(positions) | lost[at])
        return decode

    def read_number_texts(self, plan, text):
        decimal = self.options.decimal or text.decimal(self.decimal)
        without = self.without_sentinels(plan.column)
        plan.role, plan.kind = "number", "numbers"
        plan.decode = lambda values: without(cells.to_numbers(values, decimal))
        mark = next(iter(text.marks), None)
        if mark:
            plan.kind = "percent" if mark == "%" else f"amounts in {mark}"
            if text.marks[mark] < text.numbers:
                plan.advice.append(f"{text.numbers - text.marks[mark]} of {text.numbers} numbers have no {mark}")
        if decimal == "," or text.shapes["comma"]:
            plan.done = "decimal commas; "
        elif text.shapes["comma?"] or text.shapes["thousands"]:
            plan.done = "commas of thousands; "
            if text.shapes["comma?"] == text.numbers - text.shapes["plain"] and self.options.decimal is None:
                plan.advice.append("--decimal , if 1,234 is 1.234")
        if text.bracketed:
            plan.done += f"{plural(text.bracketed, 'number')} in parentheses are negative; "
            plan.advice.append(quoted("--category", plan.column.name) + " keeps them as texts")
        if text.words:
            self.say_strays(plan, text.shapes["text"], list(text.words)[:5])
        plan.read = plan.done.rstrip("; ")
        if text.padded:
            plan.advice.append(quoted("--category", plan.column.name) + f" keeps leading zeros ({text.padded} rows)")

    def say_strays(self, plan, rows, texts):
        plan.done += f"{plural(rows, 'text')} ({', '.join(map(repr, texts))}) taken for gaps; "
        plan.advice.append(quoted("--category", plan.column.name) + " keeps the texts")

    def say_few_strays(self, plan, words, found):
        """Of dates or durations; `words` counts the rows of each text."""
        said = plan.done
        if found.strays:
            self.say_strays(plan, sum(words[stray] for stray in found.strays), found.strays)
            plan.read = plan.done.removeprefix(said).rstrip("; ")

    @staticmethod
    def told_numbers(plan, found, texts):
        """Numbers of dates or durations; the first text is kept that is none, since only some were looked at before."""
        numbers = found.numbers(texts)
        for place in np.flatnonzero(np.ma.getmaskarray(numbers)) if not plan.lost else ():
            if texts[place].lower() not in cells.GAPS and texts[place] not in found.strays:
                plan.lost = texts[place]
                break
        return numbers

    def read_durations(self, plan, text):
        found = durations.find(text.words, cells.strays_of) if text.words and not text.numbers else None
        if found is None:
            return False
        plan.role, plan.kind, plan.unit, plan.format = "number", "durations", durations.UNITS, found.form
        plan.done = f"durations in {found.form or durations.UNITS}; "
        self.say_few_strays(plan, text.words, found)
        if found.match == durations.MINUTES and "." not in found.form:
            plan.advice.append("minutes and seconds; if they are hours and minutes, the numbers are minutes")
        without = self.without_sentinels(plan.column)
        plan.decode = lambda values: without(self.told_numbers(plan, found, values))
        return True

    def read_dates(self, plan, text):
        found, words = None, text.words
        if text.words and not text.numbers:
            found = dates.date_format(words, self.options.day_first)
        elif text.numbers and text.numbers == text.shapes["plain"] and not text.words and not text.marks:
            words = [value for value in text.distinct if value.lower() not in cells.GAPS]
            found = dates.number_date_format(words, plan.column.name)
        if found is None:
            return False
        if text.numbers:
            plan.advice.append(quoted("--number", plan.column.name) + " keeps the numbers")
        without = self.without_sentinels(plan.column)
        plan.role, plan.kind = "number", "times" if found.unit == frames.CLOCK else "dates"
        plan.unit = found.unit
        plan.format = dates.written_format(words, found)
        plan.done = found.unit + "; "
        self.say_few_strays(plan, words, found)
        plan.decode = lambda values: without(self.told_numbers(plan, found, values))
        if "%y" in found.text:
            plan.advice.append("years 69 to 99 are taken for 1969 to 1999, 00 to 68 for 2000 to 2068")
        if found.unsure:
            plan.advice.append("the month stands first; --day-first if the day does")
        return True

    def read_words(self, plan, text, words, wanted):
        column, distinct = plan.column, len(text.distinct)
        plan.gaps = text.word_gaps
        plan.distinct = f">{cells.DISTINCT_MAX}" if text.many else str(distinct)
        numeric = text.numbers and not text.shapes["text"]
        plan.kind = "codes with leading zeros" if text.has_codes else "categories"
        keep = quoted("--category", column.name)
        if text.many:
            plan.kind, plan.done = "texts", f"left out: more than {cells.DISTINCT_MAX} distinct"
        elif not wanted and distinct > words / 2 and distinct > 2:
            every = "every one another" if distinct == words else "most of them unlike"
            plan.kind = "texts" if not numeric else plan.kind
            plan.done = f"left out: {every}, as names are"
            plan.advice.append(keep + " keeps it")
        elif not wanted and distinct == 1 and not text.word_gaps:
            plan.done = f"left out: it is {next(iter(text.distinct))!r} in each row"
            plan.advice.append(keep + " keeps it")
        else:
            plan.role, plan.classes = "classes", class_order(text.distinct)
        if text.shapes["text"] and text.numbers and not text.has_codes:
            plan.kind = f"{plan.kind}, numbers in {text.numbers} of {text.rows} rows"
            if text.numbers > text.shapes["text"]:
                plan.advice.append(f"{quoted('--number', column.name)} makes gaps of "
                                   f"{plural(text.shapes['text'], 'text')}")

    # ---- then: what is written

    def finish(self, numbers):
        """`numbers`: what was counted over the columns that are read as numbers, None for others."""
        for index, (plan, count) in enumerate(zip(self.plans, numbers)):
            plan.numbers = count
            if plan.role == "classes":
                self.finish_classes(plan)
            elif plan.role == "number":
                self.finish_numbers(plan, first=index == 0)
        self.keep_long_numbers()

    def finish_classes(self, plan):
        column, count = plan.column, plan.numbers
        if plan.classes is None and column.classes is not None:
            plan.classes, plan.gaps = list(column.classes), int(count.gaps.sum())
        elif plan.classes is None:
            plan.gaps = int(count.gaps.sum())
            if count.many:
                plan.role, plan.done = "out", f"left out: more than {cells.DISTINCT_MAX} distinct"
                return
            plan.classes = class_order({text_of_number(value) for value in count.distinct})
        plan.distinct = plan.distinct or str(len(plan.classes))
        gap_class = "; gaps are a class of their own" if plan.gaps and self.options.gaps == "mark" else ""
        many = len(plan.classes) > ONE_HOT_MAX and not self.said("category", column)
        if plan.beside or many:
            plan.role = "codes"
            plan.beside = plan.beside or column.name.strip("/").replace("/", "_")
            if plan.beside in ("data", "label") and self.options.label not in (column.name, column.original):
                plan.beside += "_classes"
            plan.done += f"class codes in /{plan.beside}, for data.condition{gap_class}"
            if many and plan.beside != "label" and not self.said("classes", column):
                plan.advice.append(quoted("--category", column.name) + " models it, in a column for each class")
            return
        width = len(plan.names(self.options.gaps == "mark"))
        plan.done += (f"{width} columns {column.name}=..., one for each class{gap_class}" if width > 1 else
                      f"1 where it is {plan.classes[-1]!r}, 0 where it is {plan.classes[0]!r}" if width else
                      "left out: it has no classes")

    def finish_numbers(self, plan, first):
        column, count = plan.column, plan.numbers
        mark = self.options.gaps == "mark"
        gaps = np.zeros(column.width, np.int64) if count.gaps is None else count.gaps
        plan.gaps = int(gaps.sum())
        plan.kept = np.flatnonzero(gaps < max(count.rows, 1))
        if not plan.kept.size:
            plan.role, plan.kind = "out", "empty"
            plan.done = f"left out: it has no {'finite ' * bool(count.infinite)}values"
            return
        plan.distinct = "" if column.width > 1 else f">{cells.DISTINCT_MAX}" if count.many else str(len(count.distinct))
        self.describe(plan, count)
        if self.is_row_number(plan, count, first):
            plan.role = "out"
            return
        plan.marked = gaps[plan.kept] > 0
        plan.fill = count.means[plan.kept]
        plan.whole = count.whole and not (plan.gaps and self.options.gaps == "keep")
        plan.fits32 = count.fits32
        if plan.lost:
            plan.read = "; ".join(filter(None, [plan.read, f"{plan.lost!r} and texts like it are gaps"]))
        lost = column.width - plan.kept.size
        plan.done += "kept" + (f", but for {lost} empty ones" if lost else "")
        if plan.gaps:
            filled = shown(float(plan.fill[0])) if column.width == 1 else "the means"
            same = self.marks.setdefault(count.gap_rows.digest(), column.name) if column.width == 1 and mark else ""
            if same not in ("", column.name):
                plan.marked_by, plan.marked = same, np.zeros(1, bool)
            plan.done += {"mark": f"; gaps filled with {filled}, and marked in "
                          f"{plan.marked_by or (column.name if column.width == 1 else '...')}=gap" +
                          ", whose gaps are in the same rows" * bool(plan.marked_by),
                          "rows": "; rows with gaps left out", "keep": "; gaps are NaN"}[self.options.gaps]
        if count.infinite:
            plan.done += f"; {count.infinite} infinite values are gaps"

    def describe(self, plan, count):
        column = plan.column
        if plan.kind == "numbers":
            plan.kind = "whole numbers" if count.whole else "numbers"
        if not plan.is_date:
            plan.kind += f" {shown(count.low)} " + (f"to {shown(count.high)}" if count.low < count.high else "only")
        for value, rows in count.stand_ins() if column.width == 1 else ():
            advice = f"--gap {shlex.quote(f'{column.name}={value:g}')}"
            plan.advice.append(f"{advice} if {value:g} ({plural(rows, 'row')}) stands for a gap")
        if count.whole and 2 < len(count.distinct) <= 10 and count.rows > 50 and plan.kind.startswith("whole"):
            plan.advice.append(quoted("--category", column.name) + " if they are codes")

    def is_row_number(self, plan, count, first):
        column = plan.column
        if column.width > 1 or plan.gaps or column.own or self.said("number", column) or len(self.plans) == 1:
            return False
        unlike = count.many or len(count.distinct) == count.rows
        name = column.original.lower()
        if (count.counts_rows and count.rows > 2 and name in ROW_NAMES) or (
                count.whole and unlike and (name in SURE_ROW_NAMES or (first and name == ""))):
            plan.done = "left out: it numbers the rows"
            plan.advice = [quoted("--number", column.name) + " keeps it"]
            return True
        if count.counts_rows and count.rows > 2:
            plan.advice.append(quoted("--drop", column.name) + " if it only numbers the rows")
        elif count.whole and (count.many or len(count.distinct) > 10) and any(
                map(NAMES_SOMETHING.fullmatch, (name, column.original))):
            plan.advice.append(quoted("--drop", column.name) + " if it only names what a row is about")
        return False

    def keep_long_numbers(self):
        """Whole numbers beyond 2^53 need int64, which all columns of the data would have to be; beside others they are
        written as differences from the least."""
        modelled = [plan for plan in self.plans if plan.role == "number"]
        long = [plan for plan in modelled if plan.whole and max(abs(plan.numbers.low), abs(plan.numbers.high)) > EXACT]
        if len(long) == 0 or all(plan.whole for plan in modelled):
            return
        for plan in long:
            if isinstance(plan.numbers.low, int) and plan.numbers.high - plan.numbers.low < EXACT:
                plan.offset = plan.numbers.low
                plan.done += f"; the difference from {plan.offset}, to keep every digit"
                plan.fill = plan.fill - plan.offset
                plan.fits32 = plan.numbers.high - plan.numbers.low < 2**24
            elif isinstance(plan.numbers.low, int):
                plan.advice.append("its digits beyond the 15th are lost beside columns of other numbers")

    def data_type(self):
        modelled = [plan for plan in self.plans if plan.role == "number"]
        if self.options.float64:
            return np.float64
        if modelled and all(plan.whole for plan in modelled) and self.options.gaps != "keep" and any(
                max(abs(plan.numbers.low), abs(plan.numbers.high)) > EXACT and isinstance(plan.numbers.low, int)
                for plan in modelled):
            signed = any(plan.numbers.low < 0 for plan in modelled)
            kind = np.int64 if signed or all(plan.numbers.high < 2**63 for plan in modelled) else np.uint64
            return kind if all(plan.numbers.high <= np.iinfo(kind).max for plan in modelled) else np.float64
        return np.float32 if all(plan.fits32 for plan in modelled) else np.float64
