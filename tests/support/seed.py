"""The listing to honour, as its page shows it."""

DESCRIPTION = (
    "Generates an on-call rotation assigning people to back-to-back shifts of a given length from "
    "a start instant, returning each shift's person with ISO start/end and next-handoff plus a "
    "fairness tally. Plans around absences, weights, roles and rest in any time zone; says how "
    "fair it is, and whether that is proven optimal. JSON, calendar (ICS), CSV or SVG. Answers "
    "'Who is on call for each shift?', 'When is the next handoff?'."
)
"""The listing's own two sentences, and between them what has been added since."""

TAGS = ["scheduling", "shifts", "on-call", "rotation", "handoff", "oncall", "coverage", "agents"]

EXAMPLE_REQUEST = """
{
  "start": "2026-06-04T00:00:00Z",
  "people": [
    "alice",
    "bob"
  ],
  "shifts": 3,
  "shiftLengthHours": 24
}
"""

EXAMPLE_RESPONSE = """
{
  "rotation": [
    {
      "shift": 1,
      "person": "alice",
      "start": "2026-06-04T00:00:00.000Z",
      "end": "2026-06-05T00:00:00.000Z",
      "nextHandoff": "2026-06-05T00:00:00.000Z"
    },
    {
      "shift": 2,
      "person": "bob",
      "start": "2026-06-05T00:00:00.000Z",
      "end": "2026-06-06T00:00:00.000Z",
      "nextHandoff": "2026-06-06T00:00:00.000Z"
    },
    {
      "shift": 3,
      "person": "alice",
      "start": "2026-06-06T00:00:00.000Z",
      "end": "2026-06-07T00:00:00.000Z",
      "nextHandoff": "2026-06-07T00:00:00.000Z"
    }
  ],
  "shiftCounts": {
    "alice": 2,
    "bob": 1
  },
  "shiftLengthHours": 24,
  "balanced": true,
  "interpretation": "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z."
}
"""

INPUT_SCHEMA = """
{
  "type": "object",
  "required": [
    "start",
    "people",
    "shifts"
  ],
  "properties": {
    "start": {
      "type": "string",
      "examples": [
        "2026-06-04T00:00:00Z"
      ]
    },
    "people": {
      "type": "array",
      "items": {
        "type": "string"
      },
      "examples": [
        [
          "alice",
          "bob"
        ]
      ]
    },
    "shifts": {
      "type": "number",
      "examples": [
        3
      ]
    },
    "shiftLengthHours": {
      "type": "number",
      "examples": [
        24
      ]
    },
    "handoffOffsetHours": {
      "type": "number",
      "examples": [
        0
      ]
    }
  }
}
"""
