"""The demo: both provinces with invented people, and weeks of their office life, lived through the real verbs."""
