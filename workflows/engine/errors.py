"""What the engine refuses while it runs: incidents, named by what went wrong and at which step."""

from __future__ import annotations

from collections.abc import Iterable

from workflows.errors import N_, Problem, Refusal, TaskNotOpen


class TimerNotOpen(TaskNotOpen):
    """The timer is not waiting: it fired, was cancelled, or never started."""

    message = N_("该时限已不在等待中")


class SubscriptionNotOpen(TaskNotOpen):
    """The step does not wait for a message or signal: it came, was cancelled, or never did."""

    message = N_("该步骤已不在等待消息或信号")


class CallNotOpen(TaskNotOpen):
    """The call activity is not waiting: what it called has returned, or it was cancelled."""

    message = N_("该调用已不在等待")


class Incident(Refusal):
    """The diagram cannot go on from here. Nothing moved; somebody has to look at the diagram or the data."""

    code = "E_INCIDENT"
    message = N_("流程无法继续，请联系管理员")


class NoFlowTaken(Incident):
    """No condition of the step holds and it has no default flow."""

    message = N_("“%(step)s”之后没有可走的流向：没有条件成立，也没有默认流向")


class ExpressionFailed(Incident):
    """An expression gave no usable value; ``params`` hold step, place, expression and reasons."""

    message = N_("“%(step)s”的%(place)s无法计算：%(expression)s（%(reason)s）")


class EndlessLoop(Incident):
    """More automatic steps in a row than any sensible diagram has: it circles without waiting for anybody."""

    message = N_("流程连续自动执行了 %(count)s 步仍未等待任何人，可能在“%(step)s”附近无限循环")


class TooManyTokens(Incident):
    """More tokens are open at once than any sensible instance has: something goes on multiplying."""

    message = N_("流程同时进行的分支超过 %(count)s 个，可能在“%(step)s”附近不断增加")


class ErrorNotCaught(Incident):
    """An error end event whose error nobody catches, in an instance that nobody called."""

    message = N_("“%(step)s”抛出的错误“%(error)s”没有任何事件捕获")


class NothingWaits(Incident):
    """Tokens are left, but no task and no timer can ever move them (a join that waits for a branch not taken)."""

    message = N_("流程停在“%(step)s”：没有任何任务或时限能使它继续")


class ValueNotPlain(Incident):
    """A value that cannot be stored as plain data (a function, a range, not a number)."""

    message = N_("“%(name)s”的值不能保存：%(reason)s")


class ReservedName(Incident):
    """A variable would hide a name that belongs to the house."""

    message = N_("变量名“%(name)s”由系统保留，不能写入")


class RewindAmbiguous(Refusal):
    """An earlier step cannot wait again, because more than the way from there to here would be undone."""

    code = "E_REWIND"
    message = N_("不能退回到“%(step)s”")


class RewindBeside(RewindAmbiguous):
    """Another branch was under way when the step was done."""

    message = N_("不能退回到“%(step)s”：当时“%(other)s”与它并行，恢复那时的状态会使该分支后来的办理落空")


class RewindIntoRepetition(RewindAmbiguous):
    """The step was one of many, or many were under way beside it."""

    message = N_("不能退回到“%(step)s”：当时“%(other)s”的多次办理尚未结束")


class RewindIntoCall(RewindAmbiguous):
    """Another process had been called and had not ended."""

    message = N_("不能退回到“%(step)s”：当时“%(other)s”调用的流程尚未结束")


class RewindOverCompensation(RewindAmbiguous):
    """An activity since then must be undone by its own steps, is being undone, or was."""

    message = N_("不能退回到“%(step)s”：“%(other)s”另有撤销的步骤，退回会使撤销遗漏或重复")


class RewindBesideEvent(RewindAmbiguous):
    """A branch is under way that an event began beside the step."""

    message = N_("不能退回到“%(step)s”：“%(other)s”是由其他事件引出的分支，不在退回的路上")


class RewindUnknown(RewindAmbiguous):
    """The step did not wait in the state given."""

    message = N_("不能退回到“%(step)s”：那时它没有在等待办理")


class MigrationRefused(Refusal):
    """An instance that does not move to another version of its definition; ``problems`` lists every reason."""

    code = "E_MIGRATION"
    message = N_("该办件不能迁移到所选的版本：%(count)s 处原因")

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(count=len(self.problems))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class StateUnreadable(Incident):
    """Stored bytes that are not a state of this diagram: damaged, of another version, or of another process."""

    code = "E_STATE"
    message = N_("流程状态无法读取：%(reason)s")
