"""Every process knows what every service registers: what one signs, writes or queues, another may have to read."""

import pkgutil
import subprocess
import sys

import pytest

import app.services

SERVICES = sorted(module.name for module in pkgutil.walk_packages(app.services.__path__, "app.services."))
MISSING = "import sys, {process}; print(*({services} - set(sys.modules)))"


@pytest.mark.parametrize("process", ["app.main", "jobs.worker"])
def test_a_process_imports_all_services(process):
    program = MISSING.format(process=process, services=set(SERVICES))
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []
