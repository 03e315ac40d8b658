"""What automatic steps do: service-task type -> function, run in the transaction of the act that reaches it."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.orders import applications, appointments, rounds
from workflows.orders.context import OrderContext, OrderFunction, Outgoing

__all__ = ["ORDERS", "OrderContext", "OrderFunction", "Outgoing"]

ORDERS: Mapping[str, OrderFunction] = {
    "admission.issue_number": applications.issue_admission_number,
    "application.settle": applications.settle,
    "application.place": rounds.place,
    "publicity.publish": appointments.publish,
    "appointment.register": appointments.register,
    "round.publish": rounds.publish,
    "round.close": rounds.close,
    "round.extend": rounds.extend,
    "round.reduce": rounds.reduce,
    "round.finish": rounds.finish,
    "round.unblind": rounds.unblind,
    "round.remind": rounds.remind,
}
