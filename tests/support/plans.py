"""Plans as they are sold: by the engine, and by CP-SAT where it proves more."""

from functools import partial

from app.engine.planning import planner
from app.products.rotation.planning import solve_constrained

plan_of = partial(planner.plan_of, solve=solve_constrained)
