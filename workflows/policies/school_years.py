"""School years and semesters (domain.md I8): 学年 = 1 Sep to 31 Aug, 第一学期 to 31 Jan, 第二学期 from 1 Feb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, order=True)
class Semester:
    """One semester of a school year; ``year`` is the calendar year in which the school year begins."""

    year: int
    #: 1 or 2.
    term: int

    @property
    def first_day(self) -> date:
        """Return 1 Sep of the first, 1 Feb of the second semester."""
        return date(self.year, 9, 1) if self.term == 1 else date(self.year + 1, 2, 1)

    @property
    def last_day(self) -> date:
        """Return 31 Jan of the first, 31 Aug of the second semester."""
        return date(self.year + 1, 1, 31) if self.term == 1 else date(self.year + 1, 8, 31)

    @property
    def name(self) -> str:
        """Return the name people use: 2026—2027学年第一学期."""
        return f"{self.year}—{self.year + 1}学年第{'一' if self.term == 1 else '二'}学期"

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


def semesters_fully_served(start: date, end: date) -> tuple[Semester, ...]:
    """Return the semesters that lie wholly within ``start`` to ``end``, both days included."""
    semester = semester_of(start)
    if semester.first_day < start:
        semester = semester.following()
    served: list[Semester] = []
    while semester.last_day <= end:
        served.append(semester)
        semester = semester.following()
    return tuple(served)
