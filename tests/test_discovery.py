"""Every process knows what every service registers: what one signs, writes or queues, another may have to read."""

import pkgutil
import subprocess
import sys

import pytest

import app.services

SERVICES = sorted(module.name for module in pkgutil.walk_packages(app.services.__path__, "app.services."))
# What it loads would stay for good, whether it is ever used or not.
UNNEEDED = {"app.main": {"zxcvbn", "app.gateways.fakes"}, "jobs.worker": set()}
WRONG = "import sys, {process}; print(*({services} - set(sys.modules)), *({unneeded} & set(sys.modules)))"


@pytest.mark.parametrize("process", ["app.main", "jobs.worker"])
def test_a_process_imports_all_services_and_not_what_others_need(process):
    program = WRONG.format(process=process, services=set(SERVICES), unneeded=UNNEEDED[process])
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []
