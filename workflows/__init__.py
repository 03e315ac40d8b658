"""Everything below the web: rules, engine, record and the verbs that change an instance.

Reading order, from what is decided to who is told:

1. ``errors``        what can be refused, each refusal with the sentence a person reads
2. ``feel``          the expression language; ``decisions`` the tables; ``policies`` the dated, cited values
3. ``engine``        what a diagram does with one step; the only door to SpiffWorkflow
4. ``models``        the tables; ``db`` the connection; ``clock`` the office's time
5. ``audit``         the record: every act, once, chained
6. ``people``        who holds which role where on which day; ``access`` who may see and do what
7. ``deployment``    diagram + tables + forms under one digest; ``orders`` what automatic steps do
8. ``instances``     every verb that changes an instance; ``assignments`` who holds a task
9. ``inbox``, ``case_file``, ``search``    what people read
10. ``timers``, ``jobs``, ``worker``       what happens by itself

Words: a *definition* is a deployed, versioned process; an *instance* (办件) one run of it; a *task* (待办任务) waits for a
person; a *timer* for a moment; a *ruling* (规则判定) is a decision's answer with its reasons; a *submission* one filled
form; a *pack* (政策规则包) the rules of one place; the *record* (办理留痕) is the audit trail; a *register* (台账) a list
the office keeps.
"""
