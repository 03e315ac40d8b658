"""School years and semesters (domain.md I8): 学年 = 1 Sep to 31 Aug, 第一学期 to 31 Jan, 第二学期 from 1 Feb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

_SEMESTERS = ("第一学期", "第二学期")


@dataclass(frozen=True)
class Terms:
    """First and last (month, day) of both semesters: I8's, or those of a local school calendar (校历)."""

    first: tuple[tuple[int, int], tuple[int, int]] = ((9, 1), (1, 31))
    second: tuple[tuple[int, int], tuple[int, int]] = ((2, 1), (8, 31))

    @classmethod
    def of(cls, semesters: Mapping[str, Sequence[str]]) -> Terms:
        """Read ``{第一学期: ["09-01", "01-31"], 第二学期: [...]}`` of a pack; ValueError for what is no day."""
        first, second = ([_month_and_day(text) for text in semesters[name]] for name in _SEMESTERS)
        return cls((first[0], first[1]), (second[0], second[1]))


def _month_and_day(text: str) -> tuple[int, int]:
    month, _, day = text.partition("-")
    found = date(2000, int(month), int(day))
    return found.month, found.day


#: The semesters of I8.
TERMS = Terms()


@dataclass(frozen=True, order=True)
class Semester:
    """One semester of a school year; ``year`` is the calendar year in which the school year begins."""

    year: int
    #: 1 or 2.
    term: int

    @property
    def first_day(self) -> date:
        """Return 1 Sep of the first, 1 Feb of the second semester."""
        return self.days()[0]

    @property
    def last_day(self) -> date:
        """Return 31 Jan of the first, 31 Aug of the second semester."""
        return self.days()[1]

    @property
    def name(self) -> str:
        """Return the name people use: 2026—2027学年第一学期."""
        return f"{self.year}—{self.year + 1}学年第{'一' if self.term == 1 else '二'}学期"

    def days(self, terms: Terms = TERMS) -> tuple[date, date]:
        """Return first and last day under the given terms; what begins after August lies in the first year."""
        first, last = terms.first if self.term == 1 else terms.second
        return self._on(first), self._on(last)

    def _on(self, at: tuple[int, int]) -> date:
        return date(self.year if at[0] >= 8 and self.term == 1 else self.year + 1, *at)

    def following(self) -> Semester:
        """Return the next semester."""
        return Semester(self.year, 2) if self.term == 1 else Semester(self.year + 1, 1)


def semester_of(day: date) -> Semester:
    """Return the semester in which a day lies (I8)."""
    if day.month >= 9:
        return Semester(day.year, 1)
    return Semester(day.year - 1, 1 if day.month == 1 else 2)


def school_year_of(day: date) -> tuple[date, date]:
    """Return first and last day of the school year in which a day lies (I8)."""
    year = semester_of(day).year
    return date(year, 9, 1), date(year + 1, 8, 31)


def semesters_fully_served(start: date, end: date, terms: Terms = TERMS) -> tuple[Semester, ...]:
    """Return the semesters that lie wholly within ``start`` to ``end``, both days included."""
    semester = semester_of(start)
    while semester.days(terms)[0] < start:
        semester = semester.following()
    served: list[Semester] = []
    while semester.days(terms)[1] <= end:
        served.append(semester)
        semester = semester.following()
    return tuple(served)
