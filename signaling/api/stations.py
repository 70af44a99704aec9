"""/meetings/{id}/stations: add, change, move, start, finish, skip."""

from rooms import commands as cmd
from signaling.api import models, shapes
from signaling.api.meetings import actor, lead
from signaling.api.route import Call, Reply


async def add(call: Call) -> Reply:
    new = shapes.station(call.services, call.sent(models.NewStation), "")
    command = cmd.AddStation(
        actor=actor(call),
        agency=new.agency,
        purpose=new.purpose,
        minutes=new.minutes,
        break_after=new.break_after,
    )
    reply = await lead(call, command)
    return Reply(reply.model, 201)


async def change(call: Call) -> Reply:
    """The move comes first: nothing else of a valid call can be refused after it."""
    wanted = call.sent(models.StationChange)
    number = _number(call)
    commands: list[cmd.Command] = []
    if wanted.position is not None:
        commands.append(cmd.MoveStation(actor=actor(call), station=number, position=wanted.position))
    if (wanted.purpose, wanted.minutes, wanted.break_after) != (None, None, None):
        commands.append(
            cmd.ChangeStation(
                actor=actor(call),
                station=number,
                purpose=wanted.purpose,
                minutes=wanted.minutes,
                break_after=wanted.break_after,
            )
        )
    return await lead(call, *commands)


async def start(call: Call) -> Reply:
    return await lead(call, cmd.StartStation(actor=actor(call), station=_number(call)))


async def finish(call: Call) -> Reply:
    return await lead(call, cmd.FinishStation(actor=actor(call), station=_number(call)))


async def skip(call: Call) -> Reply:
    return await lead(call, cmd.SkipStation(actor=actor(call), station=_number(call)))


def _number(call: Call) -> int:
    return int(call.path["station"])
