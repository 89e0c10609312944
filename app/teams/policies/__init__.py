"""Escalation policies: who is told first, and who if nobody is on call there."""
