"""The service itself never loads OR-Tools: it is for worker processes."""

import subprocess
import sys


def loaded_with(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_service_does_not_load_the_solver() -> None:
    assert not {"ortools", "pandas", "numpy", "app.solver"} & loaded_with("app.main")


def test_the_solver_loads_neither_pandas_nor_numpy() -> None:
    loaded = loaded_with("app.solver.roster")
    assert "ortools.sat.python.cp_model_helper" in loaded
    assert not {"pandas", "numpy"} & loaded
