"""What can go wrong, what the console does, how it ends, and the test that shows it."""

from tests.lab.faults_rows_around import AROUND
from tests.lab.faults_rows_console import CONSOLE
from tests.lab.faults_rows_databases import DATABASES
from tests.lab.faults_rows_lines import LINES

GROUPS = {"databases": DATABASES, "web nodes, balancer, hosts": AROUND, "lines": LINES, "the console itself": CONSOLE}
