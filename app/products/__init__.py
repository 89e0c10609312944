"""The paid products: rotations, layered schedules, and the person on call at an instant.

``registry`` lists their endpoints. ``endpoint`` is the type of a row: the request, the computation,
the formats of the answer, the price and the words that describe it.
"""
