"""Policy packs: dated, cited values of each place, and the arithmetic that reads them. Pure: no clock, no database.

Read in this order: citation (a value and its source), pack (the values of a place on a day), reading (TOML files),
calendar and working_days (periods), teaching and school_years (months, semesters), functions (what expressions see).
"""

from workflows.policies.calendar import Calendar, CalendarYear
from workflows.policies.citation import Citation, Document, PolicyValue
from workflows.policies.functions import FUNCTION_NAMES, KEYS_READ, functions
from workflows.policies.pack import Branch, DatedValue, Names, Pack, Packs, PlacePacks
from workflows.policies.reading import load
from workflows.policies.school_years import Semester, school_year_of, semester_of, semesters_fully_served
from workflows.policies.teaching import RowEvidence, Span, TeachingMonths, teaching_months, whole_months
from workflows.policies.working_days import (
    SHANGHAI,
    DueMoment,
    add_working_days,
    end_of,
    office_day,
    reminders,
    working_days_between,
)

__all__ = [
    "FUNCTION_NAMES", "KEYS_READ", "SHANGHAI", "Branch", "Calendar", "CalendarYear", "Citation", "DatedValue", "Document",
    "DueMoment", "Names", "Pack", "Packs", "PlacePacks", "PolicyValue", "RowEvidence", "Semester", "Span", "TeachingMonths",
    "add_working_days", "end_of", "functions", "load", "office_day", "reminders", "school_year_of", "semester_of",
    "semesters_fully_served", "teaching_months", "whole_months", "working_days_between",
]
