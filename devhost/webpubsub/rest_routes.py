"""Every resource of the REST data plane, by its path below the hub."""

from functools import partial

from devhost.webpubsub import rest_members as members
from devhost.webpubsub import rest_send as send
from devhost.webpubsub.rest import Operations


def route(below: list[str]) -> Operations | None:
    """What can be done with the resource; None where there is none."""
    return _route_sending(below) or _route_members(below)


def _route_sending(below: list[str]) -> Operations | None:  # noqa: PLR0911 - one line for each resource
    match below:
        case [":send"]:
            return {"POST": send.send_to_all}
        case ["groups", group, ":send"]:
            return {"POST": partial(send.send_to_group, group=group)}
        case ["users", user, ":send"]:
            return {"POST": partial(send.send_to_user, user=user)}
        case ["connections", id_, ":send"]:
            return {"POST": partial(send.send_to_connection, id_=id_)}
        case [":closeConnections"]:
            return {"POST": send.close_all}
        case ["groups", group, ":closeConnections"]:
            return {"POST": partial(send.close_group, group=group)}
        case ["users", user, ":closeConnections"]:
            return {"POST": partial(send.close_user, user=user)}
        case [":generateToken"]:
            return {"POST": send.generate_token}
        case _:
            return None


def _route_members(below: list[str]) -> Operations | None:  # noqa: C901, PLR0911 - one line for each resource
    match below:
        case [":addToGroups"]:
            return {"POST": partial(members.change_groups, joins=True)}
        case [":removeFromGroups"]:
            return {"POST": partial(members.change_groups, joins=False)}
        case ["connections", id_]:
            return {
                "HEAD": partial(members.connection_exists, id_=id_),
                "DELETE": partial(send.close_connection, id_=id_),
            }
        case ["connections", id_, "groups"]:
            return {"DELETE": partial(members.leave_all, id_=id_)}
        case ["users", user]:
            return {"HEAD": partial(members.user_exists, user=user)}
        case ["users", user, "groups"]:
            return {"DELETE": partial(members.user_leaves_all, user=user)}
        case ["users", user, "groups", group]:
            return {
                "PUT": partial(members.user_joins, user=user, group=group),
                "DELETE": partial(members.user_leaves, user=user, group=group),
            }
        case ["groups", group]:
            return {"HEAD": partial(members.group_exists, group=group)}
        case ["groups", group, "connections"]:
            return {"GET": partial(members.list_connections, group=group)}
        case ["groups", group, "connections", id_]:
            return {
                "PUT": partial(members.join, group=group, id_=id_),
                "DELETE": partial(members.leave, group=group, id_=id_),
            }
        case ["permissions", permission, "connections", id_]:
            return members.permission_operations(permission, id_)
        case _:
            return None
