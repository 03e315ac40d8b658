"""What may be asked: form files read, filled forms bound. Imports only feel, policies, submission and errors of workflows.

Reading order: spec (what a form is), vocabulary, reading, check (form-js JSON -> spec), templates, state (what shows and
can be changed), fields, posting, lookups, filling (posted text -> values), validation, build (the whole way of a post),
paper (a filled form in words).
"""
