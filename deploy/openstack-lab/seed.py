"""Fills a fresh lab: services, endpoints, users, roles, image, flavors, network.

Everything is looked up before it is made, so a second run changes nothing.
Run by openstack-lab.sh with Debian's python3, which has openstacksdk.
"""
import argparse
import json
import os

import openstack

TENANTS = ("tenant-a", "tenant-b")
# Flavors with disk 0 are refused to ordinary users when booting from an image.
FLAVORS = (("1", "lab.tiny", 1, 64), ("2", "lab.small", 1, 512), ("3", "lab.large", 4, 4096))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("identity", "resources"))
    parser.add_argument("--auth-url", required=True)
    parser.add_argument("--port-base", type=int, required=True)
    parser.add_argument("--regions", type=str.split, required=True)
    parser.add_argument("--facts", required=True, help="file to write the ids to")
    parser.add_argument("--octavia", action="store_true")
    parser.add_argument("--fault-host", action="store_true")
    return parser.parse_args()


def connect(args, region):
    return openstack.connect(
        auth_url=args.auth_url, username="admin", password=os.environ["LAB_SECRET"], project_name="admin",
        user_domain_name="Default", project_domain_name="Default", region_name=region,
        app_name="openstack-lab", load_yaml_config=False, load_envvars=False)


def one(found, make):
    """The first of what was found, or else a new one."""
    return next(iter(found), None) or make()


def seed_identity(args):
    identity = connect(args, args.regions[0]).identity
    for region in args.regions:
        one((r for r in identity.regions() if r.id == region), lambda: identity.create_region(id=region))
    roles = {role.name: role for role in identity.roles()}
    for name in ["service"] + ["load-balancer_member"] * args.octavia:
        if name not in roles:
            roles[name] = identity.create_role(name=name)
    seed_services(args, identity, roles)
    seed_tenants(identity, roles)


def user(identity, name):
    return one(identity.users(name=name), lambda: identity.create_user(
        name=name, password=os.environ["LAB_SECRET"], domain_id="default"))


def project(identity, name):
    return one(identity.projects(name=name), lambda: identity.create_project(name=name, domain_id="default"))


def seed_services(args, identity, roles):
    # Name, type, offset of the port in its region (None: shared by all), path.
    catalog = [("placement", "placement", 0, ""), ("neutron", "network", 1, ""), ("nova", "compute", 2, "/v2.1"),
               ("glance", "image", None, "")] + [("octavia", "load-balancer", 3, "")] * args.octavia
    for name, kind, offset, path in catalog:
        for role in ("admin", "service"):
            identity.assign_project_role_to_user(project(identity, "service"), user(identity, name), roles[role])
        service = one(identity.services(type=kind), lambda: identity.create_service(name=name, type=kind))
        for index, region in enumerate(args.regions):
            port = args.port_base + (1 if offset is None else 20 + 20 * index + offset)
            for interface in ("public", "internal", "admin"):
                endpoint(identity, service, region, interface, f"http://127.0.0.1:{port}{path}")
    keystone = next(identity.services(type="identity"))
    for region in args.regions:
        endpoint(identity, keystone, region, "public", args.auth_url)


def endpoint(identity, service, region, interface, url):
    one(identity.endpoints(service_id=service.id, region_id=region, interface=interface),
        lambda: identity.create_endpoint(service_id=service.id, region_id=region, interface=interface, url=url))


def seed_tenants(identity, roles):
    """Two tenants with a user each, and the autoscaler's account: a plain member of both, no admin."""
    for tenant in TENANTS:
        for member in (tenant + "-user", "autoscaler"):
            for role in ("member", "load-balancer_member"):
                if role in roles:
                    identity.assign_project_role_to_user(
                        project(identity, tenant), user(identity, member), roles[role])


def seed_resources(args):
    cloud = connect(args, args.regions[0])
    image = one(cloud.image.images(name="lab-image"), lambda: cloud.image.create_image(
        container_format="bare", disk_format="raw", visibility="public", data=b"\0", name="lab-image"))
    facts = {"IMAGE_ID": image.id, "FLAVOR_ID": FLAVORS[0][0]}
    for region in args.regions:
        facts.update(seed_region(connect(args, region), region, args.fault_host))
    for tenant in TENANTS:
        facts["PROJECT_" + constant(tenant)] = project(cloud.identity, tenant).id
    facts["USER_AUTOSCALER"] = user(cloud.identity, "autoscaler").id
    with open(args.facts, "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)


def constant(name):
    return name.upper().replace("-", "_")


def seed_region(cloud, region, fault_host):
    network = one(cloud.network.networks(name="lab-net"),
                  lambda: cloud.network.create_network(name="lab-net", is_shared=True))
    subnet = one(cloud.network.subnets(name="lab-subnet"), lambda: cloud.network.create_subnet(
        name="lab-subnet", network_id=network.id, ip_version=4, cidr="10.64.0.0/18", is_dhcp_enabled=False))
    known = {flavor.id for flavor in cloud.compute.flavors(get_extra_specs=False)}
    for id_, name, vcpus, ram in FLAVORS:
        if id_ not in known:
            cloud.compute.create_flavor(id=id_, name=name, vcpus=vcpus, ram=ram, disk=1, is_public=True)
    # Unless told otherwise Nova builds in zone-1; builds in "broken" always fail.
    for zone, host in [("zone-1", f"compute-{region}")] + [("broken", f"broken-{region}")] * fault_host:
        aggregate = one((a for a in cloud.compute.aggregates() if a.name == zone),
                        lambda: cloud.compute.create_aggregate(name=zone, availability_zone=zone))
        if not aggregate.hosts:
            cloud.compute.add_host_to_aggregate(aggregate, host)
    return {f"NETWORK_ID_{constant(region)}": network.id, f"SUBNET_ID_{constant(region)}": subnet.id}


if __name__ == "__main__":
    options = arguments()
    (seed_identity if options.stage == "identity" else seed_resources)(options)
