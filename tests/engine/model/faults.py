"""What breaks in the model, and how all of it is mended."""

from tests.engine.model.world import World


def strike(world: World, fault: str, where: str, console: str) -> None:
    """Let a fault of the world happen; those of consoles are played by `playing`."""
    if where in world.databases and fault in ("crash", "hang", "wake", "sleepy", "pause", "lose-signal"):
        _of_database(world, fault, where)
    elif where in world.hosts and fault in ("power-off", "reboot", "cut-console", "full", "drop-before", "drop-after", "late"):
        _of_host(world, fault, where, console)
    elif fault in ("broken", "kill-service"):
        _of_service(world, fault, where)
    else:
        _of_links(world, fault)
    world.check()


def _of_database(world: World, fault: str, where: str) -> None:
    database = world.databases[where]
    world.touched.add(where)
    match fault:
        case "crash" if database.process != "gone":
            database.crash()
        case "hang" if database.process == "up":
            database.process = "frozen"
        case "wake" if database.process == "frozen":
            database.process = "up"
        case "lose-signal":
            database.loses_signal = True
        case "sleepy":
            database.is_sleepy = True
        case "pause" if database.in_recovery and not database.is_paused:
            database.is_paused, database.paused_end = True, database.end


def _of_host(world: World, fault: str, where: str, console: str) -> None:
    host = world.hosts[where]
    match fault:
        case "power-off" | "reboot":
            world.touched.update(host.services)
            world.power_off(where)
            if fault == "reboot":
                world.power_on(where)
        case "cut-console":
            world.links.cut(console, where)
        case "full":
            host.is_full = True
        case _:
            host.drops.append(fault.removeprefix("drop-"))


def _of_service(world: World, fault: str, where: str) -> None:
    world.touched.add(where)
    service = world.service_of(where)
    if fault == "broken":
        service.is_broken = True
    elif where in world.databases:
        world.databases[where].crash()
    elif service.state == "running":
        service.state = "failed"


def _of_links(world: World, fault: str) -> None:
    databases = [each.host for each in world.databases.values()]
    match fault:
        case "cut-replication":
            world.links.cut(databases[0], databases[1])
        case "cut-users":
            for name, web_node in world.inventory.web_nodes.items():
                world.links.cut(web_node.host, world.databases[world.points_at[name]].host)
        case "cut-site":
            cut_site(world, "a")
        case "hold-back":
            for each in world.databases.values():
                each.held_back = True
        case "reload-dead":
            for balancer in world.balancers.values():
                balancer.is_reload_dead = True
        case "mend":
            mend(world)
        case _:
            raise AssertionError(f"no fault is called {fault!r}")


def cut_site(world: World, site: str) -> None:
    """Cut a site off from everybody outside of it, consoles as well; inside of it all goes on."""
    inside = [name for name, host in world.inventory.hosts.items() if host.site == site]
    outside = [name for name, host in world.inventory.hosts.items() if host.site != site]
    for one in inside:
        for other in (*outside, "anna", "ben", "cora"):
            world.links.cut(one, other)


def mend(world: World) -> None:
    """Repair everything that was broken; what was switched off for good stays off, and nothing is started by hand."""
    world.links.mend()
    for host in world.hosts.values():
        host.is_full = False
        host.drops.clear()
        for service in host.services.values():
            service.is_broken = False
        world.power_on(host.name)
    for database in world.databases.values():
        database.held_back = database.is_paused = database.is_sleepy = database.loses_signal = False
        if database.process == "frozen":
            database.process = "up"
            world.touched.add(database.name)
    for balancer in world.balancers.values():
        balancer.is_reload_dead = False
    world.check()


def returns(world: World, name: str) -> bool:
    """Let somebody start an old primary again as it was; return whether it came up as one that nobody uses."""
    database = world.databases[name]
    used = any(at == name and world.runs(web_node) for web_node, at in world.points_at.items())
    if database.is_writable and not used:
        return True  # it did so by itself
    if used or database.has_signal or database.process != "gone":
        return False  # who lets users onto it as well is not asked what became of their writes
    world.hosts[database.host].is_kept_off = False
    world.power_on(database.host)
    if database.process == "gone":
        world.start(name)
    world.touched.add(name)
    return database.is_writable


def open_with(world: World, opening: str) -> None:
    """Break what is broken when the plan is made."""
    primary = next(each for each in world.databases.values() if not each.in_recovery)
    match opening:
        case "fine":
            return
        case "job":
            world.has_job = True
        case "killed" | "killed-behind":
            primary.crash()
        case "machine-off" | "disk-lost-behind":
            world.power_off(primary.host)
        case "hung":
            primary.process = "frozen"
        case "site-cut":
            cut_site(world, "a")
        case "console-cut":
            world.links.cut("anna", primary.host)
        case "host-cut":  # it lives, and users write to it: only those who would fail it over do not see it
            others = ["anna", "ben", "cora", *(name for name, host in world.inventory.hosts.items() if host.via == ())]
            others += [each.host for each in world.databases.values() if each is not primary]
            for other in others:
                world.links.cut(primary.host, other)
        case "web-failed":
            world.service_of("pps1").state = "failed"
        case "front-stopped":
            world.service_of("lb1").state = "stopped"
        case "standby-killed":
            next(each for each in world.databases.values() if each.in_recovery).crash()
        case _:
            raise AssertionError(f"no opening is called {opening!r}")
    world.check()
