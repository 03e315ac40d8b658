"""The working-day calendar: official holidays and make-up working days of the announced years (domain.md 3.0.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from workflows.errors import CalendarUnknown


@dataclass(frozen=True)
class CalendarYear:
    """One year of the calendar and the notice it was taken from."""

    year: int
    #: Days off named by the notice (weekends inside a holiday included), each with the holiday's name.
    days_off: Mapping[date, str]
    #: Saturdays and Sundays on which people work (调休).
    make_up_days: Mapping[date, str] = field(default_factory=dict)
    #: Title and number of the official notice; empty for a year of statutory days only.
    document: str = ""
    number: str = ""

    @property
    def announced(self) -> bool:
        """Return whether the official notice of the year is loaded; if not, dates in it are provisional (暂定)."""
        return bool(self.document)


class Calendar:
    """Which days are working days, year by year.

    A year is announced when its official notice is loaded. Of later years only the statutory days
    (全国年节及纪念日放假办法) are known: counting there is allowed and called provisional. Any other year is refused
    with CalendarUnknown.
    """

    def __init__(self, years: Mapping[int, CalendarYear]) -> None:
        self._years = dict(years)

    @property
    def years(self) -> Mapping[int, CalendarYear]:
        """Return the loaded years."""
        return self._years

    def year(self, year: int) -> CalendarYear:
        """Return one year; CalendarUnknown when nothing is loaded for it."""
        try:
            return self._years[year]
        except KeyError:
            raise CalendarUnknown(year=year) from None

    def announced(self, year: int) -> bool:
        """Return whether the official notice of that year is loaded."""
        return year in self._years and self._years[year].announced

    def is_working_day(self, day: date) -> bool:
        """Return whether people work on that day: a weekday that is no day off, or a make-up day (I21)."""
        year = self.year(day.year)
        if day in year.make_up_days:
            return True
        return day.weekday() < 5 and day not in year.days_off

    def why_off(self, day: date) -> str:
        """Return the reason a day is not counted (国庆节, 周末), or an empty string for a working day."""
        if self.is_working_day(day):
            return ""
        return self.year(day.year).days_off.get(day, "周末")
