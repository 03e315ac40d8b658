"""Built-in functions over numbers and booleans (10.3.4.2, 10.3.4.5)."""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
)

from workflows.feel import arithmetic
from workflows.feel.functions import built_in
from workflows.feel.scope import Run
from workflows.feel.values import NUMBERS, Value

#: Scales of rounding that the standard allows (10.3.4.5).
_SCALES = range(-6111, 6177)
# Room for any scale: rounding must not itself round.
_WIDE = Context(prec=12_500, Emin=-20_000, Emax=20_000, traps=[])


def _rounded(run: Run, number: Decimal, scale: Decimal, rounding: str) -> Decimal | None:
    if not _SCALES.start <= scale < _SCALES.stop:
        return run.fail(f"the scale {scale} is outside {_SCALES.start}..{_SCALES.stop - 1}")
    digits = int(scale)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -digits:
        return number
    if number.adjusted() < -digits - 1:  # far below half a unit: settled without writing out the zeros
        number = Decimal((int(number.is_signed()), (1,), -digits - 2)) if number else number
    return NUMBERS.plus(number.quantize(Decimal((0, (1,), -digits)), rounding=rounding, context=_WIDE))


def _rounding(name: str, rounding: str, declaration: str) -> None:
    def run_rounding(run: Run, number: Decimal, scale: Decimal | None = None) -> Decimal | None:
        return _rounded(run, number, Decimal(0) if scale is None else scale, rounding)

    built_in(name, declaration)(run_rounding)


_rounding("decimal", ROUND_HALF_EVEN, "n: number, scale: number")
_rounding("floor", ROUND_FLOOR, "n: number, scale?: number")
_rounding("ceiling", ROUND_CEILING, "n: number, scale?: number")
_rounding("round up", ROUND_UP, "n: number, scale: number")
_rounding("round down", ROUND_DOWN, "n: number, scale: number")
_rounding("round half up", ROUND_HALF_UP, "n: number, scale: number")
_rounding("round half down", ROUND_HALF_DOWN, "n: number, scale: number")


@built_in("abs", "n: number|days|months")
def absolute(run: Run, value: Value) -> Value:
    if isinstance(value, Decimal):
        return abs(value) if value.is_signed() else value
    negative = arithmetic.negate(value, run)
    return max(value, negative)


@built_in("modulo", "dividend: number, divisor: number")
def modulo(run: Run, dividend: Decimal, divisor: Decimal) -> Decimal | None:
    """``dividend - divisor * floor(dividend / divisor)``: the sign is the divisor's."""
    if not divisor:
        return run.fail("modulo: division by zero")
    rest = NUMBERS.remainder(dividend, divisor)
    if rest.is_finite():
        return NUMBERS.add(rest, divisor) if rest and rest.is_signed() != divisor.is_signed() else rest
    quotient = NUMBERS.divide(dividend, divisor).to_integral_value(rounding=ROUND_FLOOR)
    return arithmetic.checked(NUMBERS.subtract(dividend, NUMBERS.multiply(divisor, quotient)), run)


@built_in("sqrt", "number: number")
def sqrt(run: Run, number: Decimal) -> Decimal | None:
    return run.fail("sqrt: the number is negative") if number < 0 else NUMBERS.sqrt(number)


@built_in("log", "number: number")
def log(run: Run, number: Decimal) -> Decimal | None:
    run.spend(60)
    return run.fail("log: the number is not positive") if number <= 0 else NUMBERS.ln(number)


@built_in("exp", "number: number")
def exp(run: Run, number: Decimal) -> Decimal | None:
    run.spend(30)
    return arithmetic.checked(NUMBERS.exp(number), run)


@built_in("odd", "number: number")
def odd(run: Run, number: Decimal) -> bool:
    return NUMBERS.remainder(number, Decimal(2)).copy_abs() == 1


@built_in("even", "number: number")
def even(run: Run, number: Decimal) -> bool:
    return number.adjusted() > 34 or NUMBERS.remainder(number, Decimal(2)).is_zero()


@built_in("not", "negand: any")
def negation(run: Run, value: Value) -> bool | None:
    return not value if isinstance(value, bool) else run.fail("not: the value is no boolean")
