"""The tables, one file a family. Rows only: what may happen to them stands in the verbs."""

from workflows.models.columns import Row, table
from workflows.models.definitions import Definition, DefinitionFile, PackFile, PackSet
from workflows.models.desk import Copy, FollowUp, Remark, SavedFilter, Urge
from workflows.models.instances import (
    Attachment,
    Candidate,
    Draft,
    Instance,
    RulingRow,
    Submission,
    Task,
    Term,
    Timer,
    Unstaffed,
)
from workflows.models.moving import Delivery, Incident, Part, Subscription
from workflows.models.office import Application, Job, Notice, Office, PublicNotice, Round, Series
from workflows.models.people import (
    Account,
    ConfirmationLink,
    Membership,
    Organisation,
    Person,
    Proxy,
    SignatureImage,
    SignIn,
    SourceLock,
    StaffingCell,
)
from workflows.models.record import Erasure, Event, EventPayload, Stream
from workflows.models.researchers import PersonnelEvent, Researcher
from workflows.models.second_factors import OldPassword, Passkey, RecoveryCode, SecondFactor, SpentChallenge

__all__ = [
    "Account", "Application", "Attachment", "Candidate", "ConfirmationLink", "Copy", "Definition", "DefinitionFile", "Delivery",
    "Draft", "Erasure", "Event", "EventPayload", "FollowUp", "Incident", "Instance", "Job", "Membership", "Notice", "Office",
    "OldPassword", "Organisation", "PackFile", "PackSet", "Part", "Passkey", "Person", "PersonnelEvent", "Proxy", "PublicNotice",
    "RecoveryCode", "Remark", "Researcher", "Round", "Row", "RulingRow", "SavedFilter", "SecondFactor", "Series",
    "SignIn", "SignatureImage", "SourceLock", "SpentChallenge", "StaffingCell", "Stream", "Submission", "Subscription", "Task", "Term",
    "Timer", "Unstaffed", "Urge", "table",
]
