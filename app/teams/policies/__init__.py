"""Escalation policies: who is notified first, and who if nobody is on call there."""
