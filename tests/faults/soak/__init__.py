"""Random operations and random faults for as long as wished; afterwards four sources must tell the same story.

What the tasks did (`traces`), what the records say, what the results say, and what the API says are compared with each
other and with what clients were told (`ledger`).
"""
