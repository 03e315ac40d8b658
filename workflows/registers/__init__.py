"""The lists the office keeps (台账), and what is stored beside them: rounds, public notices, evidence, imports."""
