"""The fault tests use the servers, receivers and names of the contract tests."""

import pathlib
import sys

CONTRACT = pathlib.Path(__file__).resolve().parents[1] / "contract"
sys.path.insert(0, str(CONTRACT))

import importlib.util  # noqa: E402

_spec = importlib.util.spec_from_file_location("contract_conftest", CONTRACT / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("__")})
