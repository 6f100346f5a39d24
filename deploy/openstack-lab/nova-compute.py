"""Starts nova-compute without one look-up that a fake hypervisor has no use for.

Nova 26 reads every allocation of its host, one HTTP request each, on every
build (a loop over all servers per new server), only to hand them to PCI
tracking and inventory reshapes. With it, 500 servers never finish building.
"""
import sys

from nova.cmd import compute
from nova.scheduler.client import report

report.SchedulerReportClient.get_allocations_for_provider_tree = lambda self, context, nodename: {}
sys.argv[0] = "nova-compute"
sys.exit(compute.main())
