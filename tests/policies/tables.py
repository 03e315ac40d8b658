"""Every decision table of domain.md section 3, by id, and the tables of the house beside them."""

SPECIFIED = (
    "DT-ADM-00", "DT-ADM-01", "DT-ADM-02", "DT-ADM-03", "DT-ADM-04", "DT-ADM-05", "DT-ADM-06a", "DT-ADM-06b", "DT-ADM-07",
    "DT-BUD-01", "DT-BUD-02", "DT-BUD-03", "DT-BUD-04", "DT-BUD-05",
    "DT-EVA-01", "DT-EVA-02", "DT-EVA-03", "DT-EVA-04", "DT-EVA-05",
    "DT-EXIT-01", "DT-EXIT-02", "DT-EXIT-03", "DT-EXIT-04",
    "DT-LINK-01",
    "DT-ROT-01", "DT-ROT-02", "DT-ROT-03",
    "DT-STAFF-01",
    "DT-TRN-01", "DT-TRN-02", "DT-TRN-03",
)

#: The admission's rules in one ruling, and the ballot of every collective decision (3.0.2).
HOUSE = ("ADM-B2", "DT-BALLOT")
