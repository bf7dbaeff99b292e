"""Imports the modules of a layer, so that what each domain registers is known without a list of domains."""

import pkgutil
from importlib import import_module
from types import ModuleType


def import_modules(package: str) -> list[ModuleType]:
    """Imports every module directly in a package, in alphabetical order. A subpackage imports its own modules."""
    modules = pkgutil.iter_modules(import_module(package).__path__, f"{package}.")
    return [import_module(module.name) for module in sorted(modules, key=lambda module: module.name)]


def import_tree(package: str) -> None:
    """Imports every module of a package and of its subpackages.

    A process calls it for `app.services`: what another process writes, such as a link that a job signs, is opened by
    what its module registered, and nothing else in this process may have needed that module.
    """
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)
