"""The service itself: its catalogue, its documents, and whether it is well."""

from functools import cache
from typing import Any

from signaling import asyncapi
from signaling.api import models
from signaling.api.route import Call, Reply
from signaling.errors import ServiceUnavailable


async def catalogue(call: Call) -> Reply:
    data = call.services.catalogue
    return Reply(
        models.CatalogueData(
            agencies=list(data.agencies.values()),
            sites=list(data.sites.values()),
            routes=list(data.routes.values()),
            languages=list(data.languages.values()),
        )
    )


async def openapi(call: Call) -> Reply:
    return Reply(models.Document.model_validate(_openapi()))


async def asyncapi_document(call: Call) -> Reply:
    return Reply(models.Document.model_validate(_asyncapi()))


async def healthy(call: Call) -> Reply:
    """The process answers."""
    return Reply(models.Health())


async def ready(call: Call) -> Reply:
    """Meetings can be held: the store answers, media runs, and no other process has this node's name."""
    await call.services.store.records.get("probe", "probe")
    if call.services.hub.displaced:
        raise ServiceUnavailable("node_displaced", "another process has the name of this node")
    if not call.services.hub.workers.running:
        raise ServiceUnavailable("media_unavailable", "media is being started; try again in a moment")
    return Reply(models.Health())


@cache
def _openapi() -> dict[str, Any]:
    from signaling.openapi import document

    return document()


@cache
def _asyncapi() -> dict[str, Any]:
    return asyncapi.document()
